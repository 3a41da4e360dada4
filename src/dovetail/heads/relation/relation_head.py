"""The relation head: label embeddings, spans, pair scorer, a threshold for each relation.

Its defaults are those of Crone (2020).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import Self

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from dovetail.heads.relation.candidate_pairs import Pairs
from dovetail.heads.relation.label_embedding import LabelEmbedding
from dovetail.heads.relation.pair_features import PairFeatures
from dovetail.heads.relation.training_regime import TrainingRegime
from dovetail.heads.span_vectors import SpanVectors
from dovetail.layers.dropout import Dropout
from dovetail.tensors.features import Candidates, Targets
from dovetail.text.document import RELATION_TASK, Entity, Relation
from dovetail.text.schema import Schema

PAIRS_AT_ONCE = 16_384
"""Pairs that are described and scored at once.  What is held for a pair is some thousand numbers
then and one for each type afterwards, so that memory does not grow with the square of the entities
of long texts.  Batches of sentences hardly ever have as many."""
LINKED = 0.5
"""The threshold of links between fragments, which is not tuned; of others, until they are set."""

UNREACHABLE = 2.0
"""The threshold of relations that were not learned: no probability reaches it."""


class RelationHead(nn.Module):
    """Scores the relations between all ordered pairs of a sentence's entities.

    An entity is represented by the relation stream over its span (in the paper by its last token),
    and an embedding of its label, which the entity head gives.  The label passes a value, no
    gradient.

    Args:
        labels: embeds the labels of entities.
        spans: makes a vector of an entity's span.
        pairs: describes pairs of entities; None for nothing but the two entities.
        scorer: scores pairs of vectors as wide as a span's and a label's together, as a
            `PairScorer` does.
        schema: relation types, and the argument types that they admit; the head itself works with
            `Schema.coded`, which has the links between fragments too.
        regime: what holds in training only.
    """

    thresholds: Tensor
    admitted: Tensor
    symmetric: Tensor

    def __init__(
        self,
        *,
        labels: LabelEmbedding,
        spans: SpanVectors,
        pairs: PairFeatures | None = None,
        scorer: nn.Module,
        schema: Schema,
        regime: TrainingRegime,
    ) -> None:
        super().__init__()
        self.schema = schema
        coded = schema.coded
        self._types = coded.relation_types
        self.label_embedding = labels
        self.spans = spans
        self.pairs = pairs
        self.regime = regime
        self.dropout = Dropout(regime.dropout)
        self.scorer = scorer
        self.register_buffer("thresholds", torch.full((len(self._types),), LINKED))
        self.register_buffer("admitted", _admitted(coded), persistent=False)
        symmetric = [relation in coded.symmetric for relation in self._types]
        self.register_buffer(
            "symmetric", torch.tensor(symmetric, dtype=torch.bool), persistent=False
        )

    @classmethod
    def of_mean(cls, heads: Sequence[Self]) -> Self:
        """A head that decodes the mean of these heads' logits, by the mean of their thresholds."""
        head = deepcopy(heads[0])
        head.thresholds.copy_(torch.stack([other.thresholds for other in heads]).mean(0))
        return head.requires_grad_(requires_grad=False)

    @property
    def known_thresholds(self) -> list[float]:
        """The threshold of each relation type, in the schema's order."""
        values: list[float] = self.thresholds.tolist()
        return values[: len(self.schema.relation_types)]

    def set_thresholds(self, thresholds: Sequence[float]) -> None:
        """Set the probability from which each relation type counts, in the schema's order.

        That of the links between fragments stays.
        """
        links = [LINKED] * len(self.schema.link_types)
        self.thresholds.copy_(torch.tensor([*thresholds, *links]))

    def forward(
        self,
        stream: Float[Tensor, "batch tokens input_dim"],
        labels: Int[Tensor, "batch entities"] | Float[Tensor, "batch entities labels"],
        candidates: Candidates,
    ) -> Float[Tensor, "batch entities entities types"]:
        """Logits of every relation from every head (axis 1) to every tail (axis 2).

        Where no relation is possible, they are zero.  The labels are indices or, as probabilities,
        weights of the embeddings.
        """
        stream = stream.float()
        parts = [self.spans(stream, candidates.spans), self.label_embedding(labels)]
        entities = self.dropout(torch.cat(parts, dim=2))
        pairs = Pairs.where(self.possible(candidates).any(3))

        def scores_of(some: Pairs, rows: slice) -> Tensor:
            spans, mask = candidates.spans[rows], candidates.mask[rows]
            return self._scores(stream[rows], entities[rows], spans, mask, some)

        scores = in_chunks(scores_of, pairs, PAIRS_AT_ONCE)
        return pairs.spread(scores, batch=len(entities), entities=entities.shape[1])

    def _scores(
        self, stream: Tensor, entities: Tensor, spans: Tensor, mask: Tensor, pairs: Pairs
    ) -> Float[Tensor, "pairs types"]:
        features = None
        if self.pairs is not None:
            described = self.pairs(stream, entities, spans, mask, pairs)
            features = self.dropout(described)
        scores: Tensor = self.scorer(entities, pairs, features)
        return scores

    def of_types(
        self, scores: Float[Tensor, "batch entities entities scores"]
    ) -> Float[Tensor, "batch entities entities types"]:
        """The scores that `decode` reads, of all that `forward` gives and `loss` learns from."""
        return scores[..., : len(self._types)]

    def possible(self, candidates: Candidates) -> Bool[Tensor, "batch entities entities types"]:
        """The cells that can be predicted: two different entities, of types that are admitted."""
        admitted = self.admitted[candidates.types.unsqueeze(2), candidates.types.unsqueeze(1)]
        return admitted & candidates.pairs.unsqueeze(3)

    def loss(
        self, logits: Float[Tensor, "batch entities entities types"], targets: Targets
    ) -> Float[Tensor, ""]:
        """Binary cross-entropy, in nats, of the possible cells of annotated sentences."""
        possible = self.possible(targets.candidates)
        annotated = targets.annotated[RELATION_TASK]
        return self.regime.loss(logits, targets.relations, possible, annotated)

    def soft_loss(
        self,
        logits: Float[Tensor, "batch entities entities types"],
        relations: Float[Tensor, "batch entities entities types"],
        candidates: Candidates,
        counted: Bool[Tensor, " batch"],
    ) -> Float[Tensor, ""]:
        """The same, of the counted sentences, against probabilities in the place of annotations."""
        return self.regime.loss(logits, relations, self.possible(candidates), counted)

    def distillation_loss(
        self,
        logits: Float[Tensor, "batch entities entities types"],
        taught: Float[Tensor, "batch taught taught types"],
        candidates: Candidates,
        *,
        temperature: float = 1.0,
        confidence: float = 0.5,
    ) -> Float[Tensor, ""]:
        """Divergence of the relations' probabilities from the teacher's, in nats.

        `taught` are the teacher's logits of the first candidates: those that only the student
        takes for entities come after them, and of these it says nothing.  Those possible cells
        count in which the probability of the relation or of its absence is at least `confidence`;
        what is divided by is as in `loss`, and the temperature acts as in that of entities.
        """
        number = taught.shape[1]
        sure = torch.sigmoid(taught.abs()) >= confidence
        possible = self.possible(candidates)[:, :number, :number] & sure
        everywhere = torch.ones_like(possible[:, 0, 0, 0])
        own, others = logits[:, :number, :number] / temperature, taught / temperature
        probabilities = torch.sigmoid(others)
        cross_entropy = self.regime.loss(own, probabilities, possible, everywhere)
        entropy = self.regime.loss(others, probabilities, possible, everywhere)
        return temperature**2 * (cross_entropy - entropy)

    def decode(
        self,
        logits: Float[Tensor, "batch entities entities types"],
        candidates: Candidates,
        entities: Sequence[Sequence[Entity]],
        *,
        floor: float | None = None,
    ) -> list[list[Relation]]:
        """The relations whose probability reaches the threshold of their type, or the floor.

        A symmetric relation is scored by both directions together and found once, from the entity
        that comes first.
        """
        if not self._types:  # trained for entities alone
            return [[] for _ in entities]
        both_ways = (logits + logits.transpose(1, 2)) / 2
        # In doubles: singles tell nothing apart from about 17 of log-odds on, as scales have to.
        probabilities = torch.sigmoid(torch.where(self.symmetric, both_ways, logits).double())
        chosen = (probabilities >= self._lowered(floor)) & self.possible(candidates)
        # Entities stand in reading order, so what is above the diagonal runs forwards.
        chosen &= ~self.symmetric | torch.ones_like(chosen[..., 0]).triu().unsqueeze(3)
        relations: list[list[Relation]] = [[] for _ in entities]
        cells = chosen.nonzero()
        confidences = probabilities[chosen].tolist()
        for (row, head, tail, type_), confidence in zip(cells.tolist(), confidences, strict=True):
            relations[row].append(
                Relation(
                    entities[row][head],
                    entities[row][tail],
                    self._types[type_],
                    confidence,
                )
            )
        return relations

    def _lowered(self, floor: float | None) -> Float[Tensor, " types"]:
        """The thresholds, none above the floor but those of links and of what was not learned."""
        if floor is None:
            return self.thresholds
        lowered = self.thresholds.clamp(max=floor)
        fixed = self.thresholds > 1
        fixed[len(self.schema.relation_types) :] = True
        return torch.where(fixed, self.thresholds, lowered)


def in_chunks(
    scores_of: Callable[[Pairs, slice], Tensor], pairs: Pairs, size: int
) -> Float[Tensor, "pairs types"]:
    """The scores of all pairs, by a function of some of them and of the sentences they are in.

    If there are more than `size`, training keeps nothing but the scores, and computes them again
    for the gradients, with the same dropout: no pair is left out, whatever their number.
    """
    if len(pairs) <= size:
        return scores_of(pairs, slice(None))
    chunks = []
    for chunk in pairs.chunks(size):
        rows = chunk.sentences
        own = chunk.of_sentences(rows)
        if torch.is_grad_enabled():
            chunks.append(checkpoint(scores_of, own, rows, use_reentrant=False))
        else:
            chunks.append(scores_of(own, rows))
    return torch.cat(chunks)


def _admitted(schema: Schema) -> Bool[Tensor, "entity_types entity_types relation_types"]:
    """Which relations (axis 2) may link a head (axis 0) and a tail (axis 1)."""
    index = {type_: place for place, type_ in enumerate(schema.entity_types)}
    admitted = torch.zeros(len(index), len(index), len(schema.relation_types), dtype=torch.bool)
    for place, type_ in enumerate(schema.relation_types):
        pairs = schema.signatures.get(type_)
        if pairs is None:
            admitted[:, :, place] = True
        for head, tail in pairs or ():
            admitted[index[head], index[tail], place] = True
            if type_ in schema.symmetric:
                admitted[index[tail], index[head], place] = True
    return admitted
