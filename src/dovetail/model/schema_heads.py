"""The heads of one schema: what turns the streams of its tasks into annotations of its types."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from dovetail.heads import EntityHead, EntityLink, RelationHead
from dovetail.heads.parts import HeadParts
from dovetail.heads.trained_part import TrainedPart, finalised, trained_parts
from dovetail.model.auxiliary_heads import AuxiliaryHead, LinkedEntities, Taken
from dovetail.strategies.streams import Streams
from dovetail.tensors.features import Batch, Candidates, Targets
from dovetail.text.confidence import AS_IS, PLAIN, SUREST, Confidence
from dovetail.text.document import ENTITY_TASK, RELATION_TASK, Entity, Sentence
from dovetail.text.fragments import Fragments
from dovetail.text.named_schemas import named, tasks_of
from dovetail.text.schema import Schema


@dataclass(frozen=True, eq=False)
class SchemaDecoders:
    """The decoders of one schema's scores: heads of a model, or of the mean of several.

    A schema without relation types, of a model of several, has no relation head.
    """

    name: str
    schema: Schema
    entity_head: EntityHead
    relation_head: RelationHead | None
    confidence: Confidence = field(default=PLAIN, kw_only=True)

    @property
    def parts(self) -> dict[str, nn.Module]:
        """The networks by their names."""
        parts = {"entity_head": self.entity_head, "relation_head": self.relation_head}
        return {name: part for name, part in parts.items() if part is not None}

    @cached_property
    def tasks(self) -> tuple[str, ...]:
        """Its tasks among all of the model."""
        return tasks_of(self.name, self.schema)

    @property
    def entity_task(self) -> str:
        """Its entity task."""
        return named(self.name, ENTITY_TASK)

    @property
    def relation_task(self) -> str:
        """Its relation task, if it has one."""
        return named(self.name, RELATION_TASK)

    def candidates(
        self, entities: Sequence[Sequence[Entity]], device: torch.device, *, certain: bool = False
    ) -> Candidates:
        """The entities of each sentence as the relation head reads them."""
        found = Candidates.from_entities(entities, self.schema.coded.entity_types).to(device)
        return replace(found, certain=certain)

    def given(self, sentence: Sentence) -> list[Entity]:
        """The entities on a sentence as the networks know them, without those that they cannot."""
        known = {*self.schema.coded.entity_types}
        entities = Fragments(self.schema).apart(sentence).entities
        return self.entity_head.expressible(own for own in entities if own.type in known)

    def entities(
        self, emissions: Float[Tensor, "batch tokens *scores"], mask: Bool[Tensor, "batch tokens"]
    ) -> list[list[Entity]]:
        """The entities of each sentence, with confidences on the scales of their types."""
        found = self.entity_head.decode(emissions, mask)
        return [self.confidence.applied(row) for row in found] if self.confidence else found

    def scaled(
        self, logits: Float[Tensor, "batch entities entities types"]
    ) -> Float[Tensor, "batch entities entities types"]:
        """Logits of relations on the scales of their types, which thresholds are for."""
        if not self.confidence.relations:
            return logits
        types = self.schema.coded.relation_types
        scales = [self.confidence.relations.get(type_, AS_IS) for type_ in types]
        temperatures = logits.new_tensor([scale.temperature for scale in scales])
        return logits.clamp(-SUREST, SUREST) / temperatures + logits.new_tensor(
            [scale.offset for scale in scales]
        )

    def with_targets(self, batch: Batch) -> Batch:
        """A batch of the schema with the gold annotations of its sentences."""
        return batch.with_targets(self.entity_head.expressible, self.schema)


class HeadOutputs(NamedTuple):
    """Scores and losses by task that the heads compute from a batch in training.

    There are no relation logits without a relation head, and no targets between whose candidates
    they stand (`linked`).
    """

    emissions: Float[Tensor, "batch tokens *scores"]
    relation_logits: Float[Tensor, "batch entities entities types"] | None
    losses: Mapping[str, Tensor]
    taught: Mapping[str, Tensor]
    linked: Targets | None = None


@dataclass(frozen=True, eq=False)
class SchemaHeads(SchemaDecoders):
    """The heads of one model for a schema, the link between them, and those of training alone.

    `learned` are JSON values of what training chose in them, once they have their final form.
    """

    link: EntityLink | None
    auxiliary: tuple[AuxiliaryHead, ...] = ()
    learned: Mapping[str, Any] = field(default_factory=dict)

    @property
    def parts(self) -> dict[str, nn.Module]:
        """The networks by the names that they are stored under."""
        parts = super().parts | ({} if self.link is None else {"link": self.link})
        if self.auxiliary:
            parts["auxiliary"] = nn.ModuleDict({own.task.name: own for own in self.auxiliary})
        return parts

    @property
    def main_parts(self) -> HeadParts:
        """The heads of its own tasks and the link, without those of training alone."""
        return HeadParts(self.entity_head, self.relation_head, self.link)

    @property
    def trained_parts(self) -> list[TrainedPart]:
        """The parts that training needs in another form than inference."""
        return [part for own in self.parts.values() for part in trained_parts(own)]

    def penalties(self) -> dict[str, Tensor]:
        """Terms that the heads add to the loss of a batch of the schema, by name."""
        own = [part.penalties() for part in self.trained_parts]
        return {name: term for terms in own for name, term in terms.items()}

    def finalize(self) -> SchemaHeads:
        """The same heads as they are saved: without those of training alone."""
        learned = [part.learned() for part in self.trained_parts]
        return replace(
            self,
            auxiliary=(),
            entity_head=finalised(self.entity_head),
            relation_head=None if self.relation_head is None else finalised(self.relation_head),
            link=None if self.link is None else finalised(self.link),
            learned={name: value for own in learned for name, value in own.items()},
        )

    @property
    def auxiliary_tasks(self) -> tuple[str, ...]:
        """The tasks that are there in training alone."""
        return tuple(own.task.name for own in self.auxiliary)

    @property
    def reads(self) -> Mapping[str, frozenset[str]]:
        """For each of its tasks those whose streams and heads its loss may reach."""
        own = {task: frozenset({task}) for task in self.tasks}
        if self.link is not None and self.link.passes_gradients:
            own[self.relation_task] |= {self.entity_task}
        return own

    def emissions(self, streams: Streams) -> Float[Tensor, "batch tokens *scores"]:
        """The emissions that `entity_head` decodes."""
        emissions: Tensor = self.entity_head(streams[self.entity_task])
        return emissions

    def relation_logits(
        self,
        streams: Streams,
        emissions: Tensor,
        candidates: Candidates,
        *,
        entity_head: EntityHead | None = None,
        labels: Tensor | None = None,
    ) -> Float[Tensor, "batch entities entities types"]:
        """Return the scores that `relation_head` decodes; `entity_head` (own by default) labels.

        The labels are what `labels` gives, and may be known already.
        """
        head, link = self._relations()
        entity_head = entity_head or self.entity_head
        if labels is None:
            labels = self.labels(entity_head, emissions, streams.mask, candidates)
        scores = head(self.relation_stream(streams, candidates), labels, candidates)
        if not candidates.certain:
            scores = link.decided(entity_head, emissions, streams.mask, candidates, scores)
        return head.of_types(scores)

    def labels(
        self,
        entity_head: EntityHead,
        emissions: Tensor,
        mask: Bool[Tensor, "batch tokens"],
        candidates: Candidates,
    ) -> Tensor:
        """The labels by which an entity head tells the relation head of the candidates."""
        _, link = self._relations()
        return link.read(entity_head, emissions, mask, candidates, training=False)

    @property
    def kind_of_labels(self) -> str:
        """Which labels those are: of the same kind they are the same, whatever the model."""
        _, link = self._relations()
        return link.labels

    def relation_stream(self, streams: Streams, candidates: Candidates) -> Tensor:
        """The token vectors that the relation head reads, given the entities."""
        _, link = self._relations()
        return link.mark(self.entity_head, streams[self.relation_task], streams.mask, candidates)

    def _relations(self) -> tuple[RelationHead, EntityLink]:
        if self.relation_head is None or self.link is None:
            raise ValueError(f"the schema {self.name!r} has no relation types")
        return self.relation_head, self.link

    def outputs(self, streams: Streams, batch: Batch) -> HeadOutputs:
        """Run the heads, with the entities that the link gives the relations, and their losses.

        Raises:
            ValueError: if the batch has no targets.
        """
        if batch.targets is None:
            raise ValueError("the gold entities are missing: use Batch.with_targets")
        mask, targets = batch.mask, batch.targets
        with torch.autocast(mask.device.type, enabled=False):
            emissions = self.emissions(streams)
        if self.relation_head is None or self.link is None:
            losses = {self.entity_task: self.entity_head.loss(emissions, targets, mask)}
            losses |= self._auxiliary(streams, Taken(self.entity_head, mask, targets, None))
            return HeadOutputs(emissions, None, losses, self._taught(emissions, None, None, batch))
        with torch.autocast(mask.device.type, enabled=False):
            linked = self.link.targets(self.entity_head, emissions, mask, targets)
            labels = self.link.read(
                self.entity_head, emissions, mask, linked.candidates, training=True
            )
        # Its layers, if there are any, are as costly as those of the sharing, and as precise.
        stream = self.relation_stream(streams, linked.candidates)
        with torch.autocast(mask.device.type, enabled=False):
            scores = self.link.decided(
                self.entity_head,
                emissions,
                mask,
                linked.candidates,
                self.relation_head(stream, labels, linked.candidates),
            )
            losses = {
                self.entity_task: self.entity_head.loss(emissions, targets, mask),
                self.relation_task: self.relation_head.loss(scores, linked),
            }
            logits = self.relation_head.of_types(scores)
            taught = self._taught(emissions, logits, linked.candidates, batch)
        given = LinkedEntities(linked, labels)
        losses |= self._auxiliary(streams, Taken(self.entity_head, mask, targets, given))
        return HeadOutputs(emissions, logits, losses, taught, linked)

    def _auxiliary(self, streams: Streams, taken: Taken) -> dict[str, Tensor]:
        """The losses of the tasks that are there in training alone."""
        return {own.task.name: own(streams[own.task.name], taken) for own in self.auxiliary}

    def _taught(
        self,
        emissions: Tensor,
        logits: Tensor | None,
        candidates: Candidates | None,
        batch: Batch,
    ) -> dict[str, Tensor]:
        """Each head's loss against the teacher, if the batch has one."""
        taught = batch.taught
        if taught is None:
            return {}
        losses = {
            self.entity_task: self.entity_head.distillation_loss(
                emissions, taught.entities, batch.mask, temperature=taught.temperature
            )
        }
        if self.relation_head is not None and logits is not None and candidates is not None:
            losses[self.relation_task] = self.relation_head.distillation_loss(
                logits,
                taught.relations,
                candidates,
                temperature=taught.temperature,
                confidence=taught.relation_confidence,
            )
        return losses
