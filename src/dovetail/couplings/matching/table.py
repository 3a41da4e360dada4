"""What is known of the types of two entities and the relation between them, as probabilities."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import pad

from dovetail.text.document import RELATION_TASK, Sentence
from dovetail.text.fragments import Fragments
from dovetail.text.schema import Schema


@dataclass(frozen=True)
class Table:
    """Probabilities of the types of a head (axis 1) and a tail (axis 2) given their relation.

    Args:
        types: for each relation; the last one is none.
        relations: how probable each relation is between two entities, none last.
    """

    types: Float[Tensor, "relations entity_types entity_types"]
    relations: Float[Tensor, " relations"]

    @classmethod
    def counted(cls, sentences: Iterable[Sentence], schema: Schema) -> Table:
        """Shares among the ordered pairs of entities in sentences annotated for relations."""
        counts = _counts(sentences, schema)
        totals = counts.sum((1, 2))
        return cls(_normalised(counts), totals / totals.sum().clamp(min=1))

    def with_signatures(self, schema: Schema) -> Table:
        """The same, where all pairs of types that a relation admits are equally probable.

        A relation of which the schema says nothing admits those that were counted.  What is not
        related stays as it was counted.
        """
        schema = schema.coded
        rows = []
        for place, relation in enumerate(schema.relation_types):
            if relation in schema.signatures:
                admitted = [
                    [schema.admits(relation, head, tail) for tail in schema.entity_types]
                    for head in schema.entity_types
                ]
                rows.append(torch.tensor(admitted, dtype=torch.float32))
            else:
                rows.append((self.types[place] > 0).float())
        return replace(self, types=_normalised(torch.stack([*rows, self.types[-1]])))

    def shuffled(self, seed: int) -> Table:
        """The same, in which every entity type has the place of another."""
        chance = torch.Generator().manual_seed(seed)
        number = self.types.shape[1]
        order = torch.randperm(number, generator=chance)
        # A cycle through all types leaves none in its place.
        others = torch.empty_like(order)
        others[order] = order.roll(1)
        return replace(self, types=self.types[:, others][:, :, others])

    def of_heads(self, smoothing: float) -> Float[Tensor, "relations labels"]:
        """Probability of each type of a relation's head; the last one is that it is no entity."""
        return _smoothed(self.types[:-1].sum(2), smoothing)

    def of_tails(self, smoothing: float) -> Float[Tensor, "relations labels"]:
        """Probability of each type of a relation's tail; the last one is that it is no entity."""
        return _smoothed(self.types[:-1].sum(1), smoothing)

    @property
    def of_pairs(self) -> Float[Tensor, "entity_types entity_types relations"]:
        """Probability of each relation, none last, between two entities of these types.

        It is P(relation) P(types | relation), normalised; types that no pair has are not related.
        """
        joint = (self.types * self.relations[:, None, None]).permute(1, 2, 0)
        total = joint.sum(2, keepdim=True)
        none = torch.zeros_like(joint)
        none[..., -1] = 1.0
        return torch.where(total > 0, joint / total.clamp(min=torch.finfo(joint.dtype).tiny), none)


def _smoothed(types: Tensor, smoothing: float) -> Tensor:
    labels = pad(types, (0, 1))
    return (1 - smoothing) * labels + smoothing / labels.shape[1]


def _normalised(counts: Tensor) -> Tensor:
    return counts / counts.sum((1, 2), keepdim=True).clamp(min=1)


def _counts(sentences: Iterable[Sentence], schema: Schema) -> Tensor:
    """How many ordered pairs of entities have each relation, none last, by their types."""
    fragments, schema = Fragments(schema), schema.coded
    entity_types = {type_: place for place, type_ in enumerate(schema.entity_types)}
    places = {type_: place for place, type_ in enumerate(schema.relation_types)}
    counts = torch.zeros(len(places) + 1, len(entity_types), len(entity_types))
    for sentence in map(fragments.apart, sentences):
        if RELATION_TASK not in sentence.annotated:
            continue
        related = set()
        for link in sentence.relations:
            ways = [(link.head, link.tail)]
            if link.type in schema.symmetric:
                ways.append((link.tail, link.head))
            for head, tail in ways:
                counts[places[link.type], entity_types[head.type], entity_types[tail.type]] += 1
                related.add((head, tail))
        number = Counter(entity.type for entity in sentence.entities)
        for one, heads in number.items():
            for other, tails in number.items():
                pairs = heads * (tails - 1 if one == other else tails)
                counts[-1, entity_types[one], entity_types[other]] += pairs
        for head, tail in related:
            counts[-1, entity_types[head.type], entity_types[tail.type]] -= 1
    return counts
