"""The joint model: encoder -> sharing -> heads.

    Batch -> encoder -> token vectors -> sharing -> Streams -> heads -> sentences with annotations

It knows nothing of configs, files or training.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from dovetail.document import ENTITY_TASK, RELATION_TASK, Entity, Sentence
from dovetail.encoders import ConcatenatedEncoder, PretrainedEncoder
from dovetail.encoders.precision import dtype_of_precision
from dovetail.features import Batch, Candidates
from dovetail.heads import EntityHead, RelationHead
from dovetail.layers.state import copy_exactly
from dovetail.objectives import Outputs
from dovetail.schema import Schema
from dovetail.sharing import SharingBlock, Streams
from dovetail.tagging import TagSet


class JointModel(nn.Module):
    """Encodes tokens once, gives every task its stream, tags entities and links them."""

    def __init__(
        self,
        *,
        encoder: ConcatenatedEncoder,
        sharing: SharingBlock,
        entity_head: EntityHead,
        relation_head: RelationHead,
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.sharing = sharing
        self.entity_head = entity_head
        self.relation_head = relation_head
        self._frozen = {name for name, p in self.named_parameters() if not p.requires_grad}

    @property
    def schema(self) -> Schema:
        """What the model can say."""
        return self.relation_head.schema

    @property
    def tag_set(self) -> TagSet:
        """The tags of the entity head."""
        return self.entity_head.tag_set

    def trainable_parameters(self) -> Iterator[tuple[str, nn.Parameter]]:
        """The parameters that training may change, by name: all but those of frozen encoders."""
        for name, parameter in self.named_parameters():
            if name not in self._frozen:
                yield name, parameter

    @property
    def pretrained_names(self) -> frozenset[str]:
        """Names of the trainable parameters that come from a pretrained encoder."""
        pretrained = {
            id(parameter)
            for encoder in self.encoder
            if isinstance(encoder, PretrainedEncoder)
            for parameter in encoder.transformer.parameters()
        }
        return frozenset(
            name for name, parameter in self.trainable_parameters() if id(parameter) in pretrained
        )

    def stored_state(self) -> dict[str, Tensor]:
        """What a saved model holds: all that training changed, nothing that can be had again."""
        state = {f"encoder.{name}": value for name, value in self.encoder.stored_state().items()}
        for part in ("sharing", "entity_head", "relation_head"):
            for name, value in self.get_submodule(part).state_dict().items():
                state[f"{part}.{name}"] = value.detach()
        return state

    def load_stored_state(self, state: Mapping[str, Tensor]) -> None:
        """Copy what `stored_state` gave into this model.

        Raises:
            ModelError: if a tensor is missing, unexpected or of another shape.
        """
        copy_exactly(self.stored_state(), state, owner="this model")

    def forward(self, batch: Batch) -> Streams:
        """The stream of each task."""
        tokens = self.encoder(batch.features)
        # Inference may hold the sharing layers in bfloat16; heads always work in float32.
        tokens = tokens.to(next(self.sharing.parameters(), tokens).dtype)
        streams: Streams = self.sharing(Streams.tied(tokens, batch.mask, self.sharing.tasks))
        return Streams(
            {task: stream.float() for task, stream in streams.by_task.items()}, batch.mask
        )

    def use_fast_precision(self) -> None:
        """Hold the sharing layers in the type that is fastest on this processor, for inference."""
        self.sharing.to(dtype_of_precision("auto"))

    def outputs(self, batch: Batch) -> Outputs:
        """Run all heads, with gold tags and gold entities for the relations, and their losses.

        Raises:
            ValueError: if the batch has no targets.
        """
        if batch.targets is None:
            raise ValueError("the gold entities are missing: use Batch.with_targets")
        targets = batch.targets
        streams = self(batch)
        with torch.autocast(batch.mask.device.type, enabled=False):
            emissions = self.entity_head(streams[ENTITY_TASK])
            labels = self._labels(emissions, batch.mask, targets.candidates)
            logits = self.relation_head(streams[RELATION_TASK], labels, targets.candidates)
            losses = {
                ENTITY_TASK: self.entity_head.loss(emissions, targets, batch.mask),
                RELATION_TASK: self.relation_head.loss(logits, targets),
            }
        return Outputs(streams, emissions, logits, losses)

    @torch.no_grad()
    def predict(self, batch: Batch) -> list[Sentence]:
        """The sentences of the batch with predicted entities and relations on them."""
        streams = self(batch)
        with torch.autocast(batch.mask.device.type, enabled=False):
            emissions = self.entity_head(streams[ENTITY_TASK])
            entities = self.entity_head.decode(emissions, batch.mask)
            candidates = self.candidates(entities)
            labels = self._labels(emissions, batch.mask, candidates)
            logits = self.relation_head(streams[RELATION_TASK], labels, candidates)
            relations = self.relation_head.decode(logits, candidates, entities)
        return [
            replace(sentence, entities=frozenset(found), relations=frozenset(linked))
            for sentence, found, linked in zip(batch.sentences, entities, relations, strict=True)
        ]

    def _labels(self, emissions: Tensor, mask: Tensor, candidates: Candidates) -> Tensor:
        """What the relation head reads of the entity task: labels, or their probabilities."""
        if self.relation_head.label_embedding.reads_probabilities:
            return self.entity_head.label_probabilities(emissions, mask, candidates)
        return self.entity_head.labels(candidates)

    def candidates(self, entities: Sequence[Sequence[Entity]]) -> Candidates:
        """The entities of each sentence as the relation head reads them."""
        types = self.relation_head.schema.entity_types
        return Candidates.from_entities(entities, types).to(self.relation_head.thresholds.device)
