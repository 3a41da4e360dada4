"""What stands between two entities, as a mean that attention weighs."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from dovetail.heads.relation.candidate_pairs import Pairs

KEY_DIM = 64
"""Width of what the two entities ask a token for."""


class AttentionBetween(nn.Module):
    """A weighted mean of the tokens between every two entities; the entities decide the weights.

    With k_t the projected token and a_i, b_j projections of head and tail, token t weighs

        softmax_t (a_i + b_j) . k_t / sqrt(d)

    among the tokens between i and j.  The score is a sum of one for the head and one for the tail,
    so that no more than a number for each pair and token is stored.  As a is not b, head and tail
    may look for different words.

    Args:
        token_dim: width of a token vector.
        entity_dim: width of an entity's vector.
    """

    def __init__(self, *, token_dim: int, entity_dim: int) -> None:
        super().__init__()
        self.key = nn.Linear(token_dim, KEY_DIM, bias=False)
        self.of_head = nn.Linear(entity_dim, KEY_DIM)
        self.of_tail = nn.Linear(entity_dim, KEY_DIM, bias=False)

    def forward(
        self,
        tokens: Float[Tensor, "batch tokens token_dim"],
        entities: Float[Tensor, "batch entities entity_dim"],
        pairs: Pairs,
        gaps: Int[Tensor, "pairs 2"],
    ) -> Float[Tensor, "pairs token_dim"]:
        """The mean over each pair's gap, a half-open range of tokens; of no use where it is empty.

        The pairs of a sentence stand together, as the sentences do in the batch.
        """
        keys = self.key(tokens).transpose(1, 2) / KEY_DIM**0.5
        scores = pairs.of_heads(self.of_head(entities) @ keys)
        scores = scores + pairs.of_tails(self.of_tail(entities) @ keys)
        position = torch.arange(tokens.shape[1], device=tokens.device)
        inside = (position >= gaps[:, :1]) & (position < gaps[:, 1:])
        # Not -inf: no token at all would give NaN, and NaN gradients even if it is not used.
        scores = scores.masked_fill(~inside, torch.finfo(tokens.dtype).min)
        by_sentence = torch.split(torch.softmax(scores, dim=1), pairs.counts(len(tokens)))
        # Sentence by sentence: most have far fewer pairs than the one that has the most.
        return torch.cat([own @ vectors for own, vectors in zip(by_sentence, tokens, strict=True)])
