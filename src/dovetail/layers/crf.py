"""A linear-chain conditional random field, vectorised over the batch.

The score of a tag path y over emissions x is

    start[y_0] + sum_t x[t, y_t] + sum_t transition[y_{t-1}, y_t] + end[y_last],

and its probability the exponential of the score over the sum for all paths (Lafferty et al. 2001).
All loops are over time; none is over sentences.  Sentences are padded on the right.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from dovetail.layers.path_sums import (
    IMPOSSIBLE,
    ChainScores,
    Lattice,
    PathExpectations,
    lattice_of,
    log_partition,
    path_expectations,
    tag_probabilities,
)


class ConditionalRandomField(nn.Module):
    """Scores tag sequences; impossible transitions have probability zero.

    Args:
        may_follow: cell (i, j) says whether tag j may follow tag i.
        may_start: whether a sentence may start with the tag.
        may_end: whether a sentence may end with the tag.
        continues: cell (i, j) says whether tag j goes on with the entity of tag i.
    """

    impossible: Tensor
    impossible_start: Tensor
    impossible_end: Tensor
    continues: Tensor

    def __init__(
        self,
        *,
        may_follow: Sequence[Sequence[bool]],
        may_start: Sequence[bool],
        may_end: Sequence[bool],
        continues: Sequence[Sequence[bool]],
    ) -> None:
        super().__init__()
        num_tags = len(may_start)
        self.transition = nn.Parameter(torch.empty(num_tags, num_tags))
        self.start = nn.Parameter(torch.empty(num_tags))
        self.end = nn.Parameter(torch.empty(num_tags))
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -0.1, 0.1)
        for name, allowed in (
            ("impossible", may_follow),
            ("impossible_start", may_start),
            ("impossible_end", may_end),
        ):
            self.register_buffer(name, ~torch.tensor(allowed), persistent=False)
        self.register_buffer("continues", torch.tensor(continues), persistent=False)

    def _scores(self, temperature: float = 1.0) -> ChainScores:
        """Start, transition and end scores with the impossible ones out of reach.

        They are divided by the temperature, so that the paths become more alike above 1.
        """
        return ChainScores(
            (self.start / temperature).masked_fill(self.impossible_start, IMPOSSIBLE),
            (self.transition / temperature).masked_fill(self.impossible, IMPOSSIBLE),
            (self.end / temperature).masked_fill(self.impossible_end, IMPOSSIBLE),
        )

    def log_likelihood(
        self,
        emissions: Float[Tensor, "batch tokens tags"],
        tags: Int[Tensor, "batch tokens"],
        mask: Bool[Tensor, "batch tokens"],
    ) -> Float[Tensor, " batch"]:
        """Log probability of each sentence's tags; what stands in padded positions is ignored."""
        scores = self._scores()
        start, transition, end = scores
        tags = tags.masked_fill(~mask, 0)
        last = mask.sum(1, keepdim=True) - 1
        emitted = emissions.gather(2, tags.unsqueeze(2)).squeeze(2)  # (batch, tokens)
        moved = transition[tags[:, :-1], tags[:, 1:]]
        path = (
            start[tags[:, 0]]
            + (emitted * mask).sum(1)
            + (moved * mask[:, 1:]).sum(1)
            + end[tags.gather(1, last)].squeeze(1)
        )
        return path - log_partition(emissions, mask, scores)

    def lattice(
        self,
        emissions: Float[Tensor, "batch tokens tags"],
        mask: Bool[Tensor, "batch tokens"],
        temperature: float = 1.0,
    ) -> Lattice:
        """Run forward-backward, on scores that are divided by the temperature."""
        return lattice_of(emissions / temperature, mask, self._scores(temperature))

    def marginals(
        self,
        emissions: Float[Tensor, "batch tokens tags"],
        mask: Bool[Tensor, "batch tokens"],
    ) -> Float[Tensor, "batch tokens tags"]:
        """Probability of each tag at each token, over all paths; zero in padded positions."""
        return tag_probabilities(emissions, mask, self._scores())

    def expectations(
        self,
        emissions: Float[Tensor, "batch tokens tags"],
        mask: Bool[Tensor, "batch tokens"],
        temperature: float = 1.0,
    ) -> PathExpectations:
        """The expectations over all paths, their scores divided by the temperature."""
        return path_expectations(emissions / temperature, mask, self._scores(temperature))

    def cross_entropy(
        self,
        emissions: Float[Tensor, "batch tokens tags"],
        expected: PathExpectations,
        mask: Bool[Tensor, "batch tokens"],
        temperature: float = 1.0,
    ) -> Float[Tensor, " batch"]:
        """Cross-entropy of the tag paths against those of another field, in nats.

        -sum_y q(y) log p(y) = log Z - E_q[score(y)], exact over all paths, where `expected` is
        what the paths of q hold on average (Wang et al. 2021, Structural Knowledge Distillation).
        """
        scores = self._scores(temperature)
        start, transition, end = scores
        emissions = emissions / temperature
        rows, last = torch.arange(len(mask), device=mask.device), mask.sum(1) - 1
        score = (
            (expected.tags[:, 0] * start).sum(1)
            + (expected.tags * emissions * mask.unsqueeze(2)).sum((1, 2))
            + (expected.moves * transition).sum((1, 2))
            + (expected.tags[rows, last] * end).sum(1)
        )
        return log_partition(emissions, mask, scores) - score

    def decode(
        self,
        emissions: Float[Tensor, "batch tokens tags"],
        mask: Bool[Tensor, "batch tokens"],
    ) -> Int[Tensor, "batch tokens"]:
        """The most probable tags of each sentence (Viterbi); zero in padded positions."""
        start, transition, end = self._scores()
        origins = transition.t().contiguous()  # row j: the scores of all tags that j may follow
        score = start + emissions[:, 0]
        scores = []
        for position in range(1, emissions.shape[1]):
            scores.append(score)
            best = (score.unsqueeze(1) + origins).amax(dim=2) + emissions[:, position]
            score = torch.where(mask[:, position, None], best, score)
        tag = (score + end).argmax(dim=1)
        tags = [tag]
        # The best way to a tag is looked for on the way back, of one tag instead of all.
        for inside, score in zip(mask.t()[1:].flip(0), reversed(scores), strict=True):
            tag = torch.where(inside, (score + origins[tag]).argmax(dim=1), tag)
            tags.append(tag)
        return torch.stack(tags[::-1], dim=1).masked_fill(~mask, 0)

    def segment_log_probabilities(
        self,
        lattice: Lattice,
        emissions: Float[Tensor, "batch tokens tags"],
        mask: Bool[Tensor, "batch tokens"],
        segments: Int[Tensor, "batch entities 2"],
        tags: Int[Tensor, "batch entities kinds 3"],
    ) -> Float[Tensor, "batch entities kinds"]:
        """Log probabilities that an entity stands exactly there, over all paths, for some tags.

        `segments` are half-open borders, and `tags` what the first token, those inside and the last
        token of such an entity have; of a single token the first and the last tag are one.  The
        probability is that of the tags within the borders, followed by a tag that does not continue
        the entity.  Segments may overlap.
        """
        _, transition, end = self._scores()
        first, last = segments[..., 0], segments[..., 1] - 1
        rows = torch.arange(len(segments), device=tags.device).unsqueeze(1)
        of_first, of_inside, of_last = tags.unbind(3)
        ahead = torch.cat([emissions[:, 1:] + lattice.backward[:, 1:], emissions[:, :1]], 1)
        closing = transition.masked_fill(self.continues, IMPOSSIBLE)[of_last]
        closed = torch.logsumexp(closing + ahead[rows, last].unsqueeze(2), dim=3)
        at_end = (last == mask.sum(1, keepdim=True) - 1).unsqueeze(2)
        follow = torch.where(at_end, end[of_last], closed)
        # Sums up to each token, so that a difference is the sum inside: in double, as they grow.
        sums = emissions.cumsum(1, dtype=torch.float64)
        before_last = torch.maximum(last - 1, first)
        emitted = (sums[rows, before_last] - sums[rows, first]).gather(2, of_inside)
        emitted = emitted + emissions[rows, last].gather(2, of_last)
        length = (last - first).unsqueeze(2)
        longer = transition[of_first, of_inside] + transition[of_inside, of_last]
        longer = longer + (length - 2) * transition[of_inside, of_inside]
        moved = torch.where(length == 1, transition[of_first, of_last], longer)
        score = lattice.forward[rows, first].gather(2, of_first) + follow
        score = score + torch.where(length == 0, 0.0, (emitted + moved).to(score))
        return score - lattice.partition[:, None, None]
