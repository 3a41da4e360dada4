"""The one way from a batch to annotated sentences, for a single model and for an ensemble.

    Batch -> streams -> emissions -> entities -> candidates -> relation logits -> relations

What each arrow computes is a subclass's business; the heads decode.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from dovetail.encoders import Features
from dovetail.heads import EntityHead, RelationHead
from dovetail.strategies.streams import Streams
from dovetail.tensors.features import Batch, Candidates
from dovetail.text.document import Entity, Sentence
from dovetail.text.fragments import Fragments
from dovetail.text.schema import Schema

CELLS_AT_ONCE = 2**20
"""Cells, a head and a tail of a sentence each, that relations are scored in at once: a few numbers
are held for each cell and type, of the batch's sentences as many as the largest has."""


class Predictor(nn.Module, ABC):
    """What annotates sentences: a model, or several that decide together."""

    entity_head: EntityHead
    relation_head: RelationHead

    @property
    def device(self) -> torch.device:
        """Where it computes; batches have to be there."""
        return self.relation_head.thresholds.device

    @property
    def schema(self) -> Schema:
        """What can be said; what the networks call it is `Schema.coded`."""
        return self.relation_head.schema

    @abstractmethod
    def featurise(self, sentences: Sequence[Sequence[str]]) -> list[Features]:
        """The features of a batch, from the tokens of its sentences."""

    @abstractmethod
    def use_fast_precision(self) -> None:
        """Compute in the type that is fastest on this processor, for inference."""

    @abstractmethod
    def streams(self, batch: Batch) -> tuple[Streams, ...]:
        """The streams of each model that has a say."""

    @abstractmethod
    def emissions(self, streams: Sequence[Streams]) -> Tensor:
        """What `entity_head` decodes."""

    @abstractmethod
    def relation_logits(
        self, streams: Sequence[Streams], emissions: Tensor, candidates: Candidates
    ) -> Float[Tensor, "batch entities entities types"]:
        """What `relation_head` decodes: scores of the relations between the candidates."""

    @torch.no_grad()
    def predict(self, batch: Batch) -> list[Sentence]:
        """The sentences of the batch with predicted entities and relations on them."""
        streams = self.streams(batch)
        with torch.autocast(batch.mask.device.type, enabled=False):
            emissions = self.emissions(streams)
            entities = self.entity_head.decode(emissions, batch.mask)
            relations = []
            for rows in groups_of_rows(list(map(len, entities))):
                some = entities[rows]
                candidates = self.candidates(some)
                own = [stream.of_rows(rows) for stream in streams]
                logits = self.relation_logits(own, emissions[rows], candidates)
                relations += self.relation_head.decode(logits, candidates, some)
        fragments = Fragments(self.schema)
        return [
            fragments.joined(sentence.with_annotations(found, linked))
            for sentence, found, linked in zip(batch.sentences, entities, relations, strict=True)
        ]

    def candidates(self, entities: Sequence[Sequence[Entity]]) -> Candidates:
        """The entities of each sentence as the relation head reads them."""
        types = self.schema.coded.entity_types
        return Candidates.from_entities(entities, types).to(self.device)


def groups_of_rows(entities: Sequence[int]) -> list[slice]:
    """Neighbouring sentences, by their numbers of entities, so that a group is of `CELLS_AT_ONCE`.

    A single sentence may have more cells.
    """
    groups = []
    start = most = 0
    for row, number in enumerate(entities):
        most = max(most, number)
        if row > start and (row + 1 - start) * most**2 > CELLS_AT_ONCE:
            groups.append(slice(start, row))
            start, most = row, number
    return [*groups, slice(start, len(entities))]
