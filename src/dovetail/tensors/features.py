"""Sentences become one batch of tensors.

    Sentence -> encoder.featurise -> Batch(features, mask, targets)

It knows the shapes of a batch; what an encoder's features hold is the encoder's business.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from dovetail.text.document import ENTITY_TASK, TASKS, Entity, Sentence
from dovetail.text.fragments import Fragments
from dovetail.text.named_schemas import ONLY
from dovetail.text.schema import Schema

Featurise = Callable[[Sequence[Sequence[str]]], list[dict[str, Tensor]]]
"""Turns the tokens of sentences into the features of each encoder."""

Expressible = Callable[[Iterable[Entity]], list[Entity]]
"""Picks those of a sentence's entities that an entity head can express, in reading order."""


@dataclass(frozen=True)
class Candidates:
    """The entities between which relations are scored, padded to the largest number of them.

    They are `certain` where somebody else says that they are entities, whom nobody doubts.
    """

    spans: Int[Tensor, "batch entities 2"]
    types: Int[Tensor, "batch entities"]
    mask: Bool[Tensor, "batch entities"]
    certain: bool = False

    @classmethod
    def from_entities(
        cls, entities: Sequence[Sequence[Entity]], entity_types: Sequence[str]
    ) -> Candidates:
        """Pad lists of entities, one list for each sentence, in the order given."""
        index_by_type = {type_: index for index, type_ in enumerate(entity_types)}
        width = max(1, *(len(row) for row in entities)) if entities else 1
        padding = [0, 1, 0, 0]
        rows = [
            [[entity.start, entity.end, index_by_type[entity.type], 1] for entity in row]
            + [padding] * (width - len(row))
            for row in entities
        ]
        table = torch.tensor(rows, dtype=torch.long).reshape(len(entities), width, 4)
        return cls(table[..., :2], table[..., 2], table[..., 3].bool())

    def entities(self, entity_types: Sequence[str]) -> list[set[Entity]]:
        """The entities of each sentence."""
        table = torch.cat([self.spans, self.types.unsqueeze(2), self.mask.unsqueeze(2)], dim=2)
        return [
            {Entity(start, end, entity_types[type_]) for start, end, type_, real in row if real}
            for row in table.tolist()
        ]

    @property
    def last_tokens(self) -> Int[Tensor, "batch entities"]:
        """The position of each entity's last token; zero where there is no entity."""
        return self.spans[..., 1] - 1

    @property
    def pairs(self) -> Bool[Tensor, "batch entities entities"]:
        """The ordered pairs of two different entities."""
        pairs = self.mask.unsqueeze(2) & self.mask.unsqueeze(1)
        same = torch.eye(pairs.shape[1], dtype=torch.bool, device=pairs.device)
        return pairs & ~same

    def followed_by(self, others: Candidates) -> Candidates:
        """These candidates and then others of the same sentences, padding in between."""
        return Candidates(
            torch.cat([self.spans, others.spans], dim=1),
            torch.cat([self.types, others.types], dim=1),
            torch.cat([self.mask, others.mask], dim=1),
        )

    def to(self, device: torch.device) -> Candidates:
        """The same candidates with all tensors on a device."""
        moved: Candidates = _moved(self, device)
        return moved


@dataclass(frozen=True)
class Targets:
    """The gold annotations of a batch, and for which tasks each sentence carries them.

    The candidates are the gold entities and, `with_spurious`, others behind them.  In `unrelated`
    sentences nothing is related, whatever their entities are.
    """

    candidates: Candidates
    relations: Float[Tensor, "batch entities entities types"]
    annotated: Mapping[str, Bool[Tensor, " batch"]]
    unrelated: Bool[Tensor, " batch"] | None = None

    @classmethod
    def from_sentences(
        cls, sentences: Sequence[Sentence], expressible: Expressible, schema: Schema
    ) -> Targets:
        """Gold entities and the relations between them, symmetric ones both ways.

        Discontinuous entities are what `Fragments` makes of them.  Entities that the entity head
        cannot express are left out, and their relations with them.
        """
        fragments, schema = Fragments(schema), schema.coded
        sentences = [fragments.apart(sentence) for sentence in sentences]
        entities = [expressible(sentence.entities) for sentence in sentences]
        candidates = Candidates.from_entities(entities, schema.entity_types)
        index_by_type = {type_: index for index, type_ in enumerate(schema.relation_types)}
        relations = torch.zeros(*candidates.pairs.shape, len(schema.relation_types))
        for row, sentence in enumerate(sentences):
            position_by_entity = {entity: place for place, entity in enumerate(entities[row])}
            for relation in sentence.relations:
                head = position_by_entity.get(relation.head)
                tail = position_by_entity.get(relation.tail)
                if head is not None and tail is not None:
                    relations[row, head, tail, index_by_type[relation.type]] = 1.0
                    if relation.type in schema.symmetric:
                        relations[row, tail, head, index_by_type[relation.type]] = 1.0
        return cls(
            candidates,
            relations,
            {
                task: torch.tensor([task in sentence.annotated for sentence in sentences])
                for task in TASKS
            },
        )

    def with_spurious(
        self, predicted: Sequence[Sequence[Entity]], entity_types: Sequence[str], *, most: int
    ) -> Targets:
        """The same targets with predicted entities that are not gold, between which nothing holds.

        They follow the gold candidates, at most `most` in a sentence, the most confident ones.
        Sentences that are annotated with entities get them, and `unrelated` ones: of others nobody
        knows what is not an entity, nor what is not related.
        """
        known = self.annotated[ENTITY_TASK]
        known = known if self.unrelated is None else known | self.unrelated
        rows = [
            _most_confident(set(entities) - gold, most) if is_known else []
            for entities, gold, is_known in zip(
                predicted, self.candidates.entities(entity_types), known.tolist(), strict=True
            )
        ]
        if not any(rows):
            return self
        spurious = Candidates.from_entities(rows, entity_types).to(self.relations.device)
        more = spurious.mask.shape[1]
        return replace(
            self,
            candidates=self.candidates.followed_by(spurious),
            relations=torch.nn.functional.pad(self.relations, (0, 0, 0, more, 0, more)),
        )


def _most_confident(entities: Iterable[Entity], most: int) -> list[Entity]:
    """In reading order."""
    ranked = sorted(entities, key=lambda entity: (-(entity.confidence or 0.0), entity))
    return sorted(ranked[:most])


@dataclass(frozen=True)
class Expectations:
    """The expectations of a teacher's entity head for some sentences, as another head learns them.

    What stands in the two tensors is the head's business: for each token, such as the
    probabilities of its tags, and for each sentence as a whole.  `entropy` is that of the
    teacher's distribution over all annotations of a sentence, in nats.
    """

    of_tokens: Float[Tensor, "batch tokens *scores"]
    of_sentences: Float[Tensor, " batch *counts"]
    entropy: Float[Tensor, " batch"]


@dataclass(frozen=True)
class Taught:
    """A teacher's predictions for the sentences of a batch: the targets of distillation.

    `relations` are its logits of the relations between the candidates of the batch's targets.  All
    scores, the teacher's and the student's, are compared at the temperature.  Relations count of
    which the teacher is as sure as `relation_confidence`, of their presence or absence.
    """

    entities: Expectations
    relations: Float[Tensor, "batch entities entities types"]
    temperature: float = 1.0
    relation_confidence: float = 0.5


@dataclass(frozen=True)
class Batch:
    """Some sentences as tensors, padded on the right.

    `targets` is there in training only, `taught` where there is a teacher.  `schema` names what the
    sentences are annotated in, or are to be, of a model of several schemas.  With `given_entities`
    those on the sentences are known, and nothing but relations between them is to be predicted.
    With a `floor` relations are predicted from this probability on, if it is below their threshold.
    `domains` says from which of the pools that are learned from each sentence comes, and
    `unrelated`, where there are such, in which sentences nothing is related; both are there in
    training only.
    """

    sentences: tuple[Sentence, ...]
    features: list[dict[str, Tensor]]
    mask: Bool[Tensor, "batch tokens"]
    targets: Targets | None = None
    taught: Taught | None = None
    schema: str = ONLY
    given_entities: bool = False
    floor: float | None = None
    domains: Int[Tensor, " batch"] | None = None
    unrelated: Bool[Tensor, " batch"] | None = None

    @classmethod
    def from_sentences(cls, sentences: Sequence[Sentence], featurise: Featurise) -> Batch:
        """Featurise sentences that have at least one token each."""
        lengths = torch.tensor([len(sentence.tokens) for sentence in sentences])
        mask = torch.arange(int(lengths.max())) < lengths.unsqueeze(1)
        features = featurise([sentence.tokens for sentence in sentences])
        return cls(tuple(sentences), features, mask)

    def with_targets(self, expressible: Expressible, schema: Schema) -> Batch:
        """The same batch with the gold annotations of its sentences."""
        targets = Targets.from_sentences(self.sentences, expressible, schema)
        return replace(self, targets=replace(targets, unrelated=self.unrelated))

    def to(self, device: torch.device) -> Batch:
        """The same batch with all tensors on a device."""
        moved: Batch = _moved(self, device)
        return moved


def _moved(value: Any, device: torch.device) -> Any:
    """Move the tensors in nested dataclasses, lists and mappings."""
    if isinstance(value, Tensor):
        return value.to(device)
    if isinstance(value, list):
        return [_moved(item, device) for item in value]
    if isinstance(value, Mapping):
        return {key: _moved(item, device) for key, item in value.items()}
    if isinstance(value, Batch | Targets | Candidates | Taught | Expectations):
        return replace(
            value,
            **{field.name: _moved(getattr(value, field.name), device) for field in fields(value)},
        )
    return value
