"""The one way from a batch to annotated sentences, for a single model and for an ensemble.

    Batch -> streams -> emissions -> entities -> candidates -> relation logits -> relations

What each arrow computes is a subclass's business; the heads decode.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from dovetail.encoders import Encoder, Features
from dovetail.errors import ModelError
from dovetail.heads import EntityHead, RelationHead
from dovetail.model.schema_heads import SchemaDecoders
from dovetail.model.side_by_side import threads_for
from dovetail.strategies.block import SharingBlock
from dovetail.strategies.streams import Streams
from dovetail.tensors.features import Batch, Candidates
from dovetail.text.confidence import Confidence
from dovetail.text.document import Relation, Sentence
from dovetail.text.fragments import Fragments
from dovetail.text.named_schemas import ONLY, is_only
from dovetail.text.schema import Schema

CELLS_AT_ONCE = 2**20
"""Cells, a head and a tail of a sentence each, that relations are scored in at once: a few numbers
are held for each cell and type, of the batch's sentences as many as the largest has."""


class Predictor(nn.Module, ABC):
    """Annotates sentences: a model, or several that decide together.

    It has heads for one schema, which it has no name for, or for several.  `entity_head` and
    `relation_head` are those of a single schema.
    """

    entity_head: EntityHead
    relation_head: RelationHead

    @property
    @abstractmethod
    def heads(self) -> Mapping[str, SchemaDecoders]:
        """The decoders of each schema, by its name."""

    @property
    @abstractmethod
    def encoders(self) -> tuple[Encoder, ...]:
        """The encoders, of several models those that they share once."""

    def _hold(self, heads: Mapping[str, SchemaDecoders]) -> None:
        """Make the networks of the heads modules of this one."""
        if is_only(heads):  # the names that parameters had before there were several
            for name, part in heads[ONLY].parts.items():
                setattr(self, name, part)
        else:
            self.several = nn.ModuleList(nn.ModuleDict(own.parts) for own in heads.values())

    @property
    def schemas(self) -> dict[str, Schema]:
        """The types that can be predicted, by the names of the schemas."""
        return {name: own.schema for name, own in self.heads.items()}

    @property
    def schema(self) -> Schema:
        """The types of a model of one schema; the networks call them as `Schema.coded` does.

        Raises:
            ModelError: if there are several.
        """
        return self.of_schema(ONLY).schema

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        return next(self.parameters()).device

    @property
    def at_once(self) -> int:
        """How many batches may be predicted at a time: one where layers borrow weights."""
        blocks = (part for part in self.modules() if isinstance(part, SharingBlock))
        borrows = any(block.borrows_weights for block in blocks)
        return 1 if borrows else threads_for(self.device)

    def of_schema(self, name: str) -> SchemaDecoders:
        """Return the decoders of a schema.

        Raises:
            ModelError: if there is none of this name.
        """
        heads = self.heads
        if name not in heads:
            raise ModelError(no_such_schema(name, [*heads]))
        return heads[name]

    @abstractmethod
    def set_confidence(self, schema: str, confidence: Confidence) -> None:
        """Let confidences of a schema be made so from now on; thresholds are for what is made.

        Raises:
            ModelError: if there is no such schema.
        """

    @abstractmethod
    def featurise(self, sentences: Sequence[Sequence[str]]) -> list[Features]:
        """The features of a batch, from the tokens of its sentences."""

    @abstractmethod
    def use_fast_precision(self) -> None:
        """Compute in the type that is fastest on this processor, for inference."""

    @abstractmethod
    def streams(self, batch: Batch, schemas: Sequence[str] | None = None) -> tuple[Streams, ...]:
        """The streams of each model that has a say, for all schemas unless some are named."""

    @abstractmethod
    def emissions(self, streams: Sequence[Streams], schema: str = ONLY) -> Tensor:
        """The emissions that the entity head of the schema decodes."""

    @abstractmethod
    def relation_logits(
        self,
        streams: Sequence[Streams],
        emissions: Tensor,
        candidates: Candidates,
        schema: str = ONLY,
    ) -> Float[Tensor, "batch entities entities types"]:
        """The scores of relations between candidates that the schema's relation head decodes."""

    def predict(self, batch: Batch) -> list[Sentence]:
        """The sentences of the batch with predicted entities and relations of its schema on them.

        Entities that are given are not predicted.

        Raises:
            ModelError: if the batch names no schema of the model.
        """
        return self.predict_schemas(batch, [batch.schema])[batch.schema]

    @torch.no_grad()
    def predict_schemas(self, batch: Batch, names: Sequence[str]) -> dict[str, list[Sentence]]:
        """The same for several schemas by their names: the streams are computed once for all.

        Raises:
            ModelError: if a schema is none of the model.
        """
        heads = {name: self.of_schema(name) for name in names}
        streams = self.streams(batch, names)
        with torch.autocast(batch.mask.device.type, enabled=False):
            return {name: self._decoded(own, streams, batch) for name, own in heads.items()}

    def _decoded(
        self, heads: SchemaDecoders, streams: Sequence[Streams], batch: Batch
    ) -> list[Sentence]:
        emissions = self.emissions(streams, heads.name)
        given = batch.given_entities
        entities = (
            [heads.given(sentence) for sentence in batch.sentences]
            if given
            else heads.entities(emissions, batch.mask)
        )
        relations: list[list[Relation]] = []
        for rows in groups_of_rows(list(map(len, entities))):
            some = entities[rows]
            if heads.relation_head is None:
                relations += [[] for _ in some]
                continue
            candidates = heads.candidates(some, batch.mask.device, certain=given)
            own = [stream.of_rows(rows) for stream in streams]
            logits = self.relation_logits(own, emissions[rows], candidates, heads.name)
            scaled = heads.scaled(logits)
            relations += heads.relation_head.decode(scaled, candidates, some, floor=batch.floor)
        fragments = Fragments(heads.schema)
        return [
            fragments.joined(sentence.with_annotations(found, linked))
            for sentence, found, linked in zip(batch.sentences, entities, relations, strict=True)
        ]


def no_such_schema(name: str, known: Sequence[str]) -> str:
    """Return the message for a model that has no schema of a name."""
    if is_only(known):
        return f"the model has one schema, which has no name, and not {name!r}: leave the name out"
    listed = ", ".join(known)
    if name == ONLY:
        return f"the model has the schemas {listed}: name one of them"
    return f"the model has no schema {name!r}; it has {listed}"


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
