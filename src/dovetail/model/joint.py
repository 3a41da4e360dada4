"""The joint model: encoder -> sharing -> heads.

    Batch -> encoder -> token vectors -> sharing -> Streams -> heads -> sentences with annotations

It knows nothing of configs, files or training.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from dovetail.encoders import ConcatenatedEncoder, Features
from dovetail.encoders.precision import dtype_of_precision
from dovetail.heads import EntityHead, EntityLink, RelationHead
from dovetail.model.prediction import Predictor
from dovetail.strategies.block import SharingBlock
from dovetail.strategies.objective import Outputs
from dovetail.strategies.streams import Streams
from dovetail.tensors.features import Batch, Candidates
from dovetail.tensors.state import copy_exactly
from dovetail.text.document import ENTITY_TASK, RELATION_TASK


class JointModel(Predictor):
    """Encodes tokens once, gives every task its stream, tags entities and links them."""

    def __init__(
        self,
        *,
        encoder: ConcatenatedEncoder,
        sharing: SharingBlock,
        entity_head: EntityHead,
        relation_head: RelationHead,
        link: EntityLink,
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.sharing = sharing
        self.entity_head = entity_head
        self.relation_head = relation_head
        self.link = link
        self._frozen = {name for name, p in self.named_parameters() if not p.requires_grad}

    def featurise(self, sentences: Sequence[Sequence[str]]) -> list[Features]:
        return self.encoder.featurise(sentences)

    def trainable_parameters(self) -> Iterator[tuple[str, nn.Parameter]]:
        """The parameters that training may change, by name: all but those of frozen encoders."""
        for name, parameter in self.named_parameters():
            if name not in self._frozen:
                yield name, parameter

    @property
    def num_added(self) -> int:
        """Numbers that a saved model holds beside what was frozen in training."""
        stored = sum(tensor.numel() for tensor in self.stored_state().values())
        encoder = sum(tensor.numel() for tensor in self.encoder.stored_state().values())
        kept = [name for name in self._frozen if not name.startswith("encoder.")]
        return stored - encoder - sum(self.get_parameter(name).numel() for name in kept)

    @property
    def layers_above(self) -> Mapping[str, int]:
        """How many layers of a pretrained encoder stand above each parameter of its own.

        Those are the weights of its trained layers and of their copies, and what a task that was
        added has in place of such weights.
        """
        sharing = self.sharing.layers_above()
        return {
            f"sharing.{name}": count for name, count in sharing.items()
        } | self._encoders_above()

    def _encoders_above(self) -> dict[str, int]:
        return {
            f"encoder.encoders.{place}.{name}": count
            for place, encoder in enumerate(self.encoder)
            for name, count in encoder.layers_above().items()
        }

    def stored_state(self) -> dict[str, Tensor]:
        """What a saved model holds: all that training changed, nothing that can be had again."""
        state = {f"encoder.{name}": value for name, value in self.encoder.stored_state().items()}
        for part in ("sharing", "entity_head", "link", "relation_head"):
            for name, value in self.get_submodule(part).state_dict().items():
                state[f"{part}.{name}"] = value.detach()
        return state

    @property
    def pretrained_names(self) -> frozenset[str]:
        """What of `stored_state` comes from a pretrained encoder and was trained."""
        own = (name.replace("encoder.encoders.", "encoder.", 1) for name in self._encoders_above())
        copied = (f"sharing.{name}" for name in self.sharing.copied_layers_above())
        return frozenset([*own, *copied])

    def load_stored_state(self, state: Mapping[str, Tensor]) -> None:
        """Copy what `stored_state` gave into this model.

        Raises:
            ModelError: if a tensor is missing, unexpected or of another shape.
        """
        copy_exactly(self.stored_state(), state, owner="this model")

    def finalize(self) -> JointModel:
        """The same model with the final form of its sharing block: what is saved."""
        return JointModel(
            encoder=self.encoder,
            sharing=self.sharing.finalize(),
            entity_head=self.entity_head,
            relation_head=self.relation_head,
            link=self.link,
        )

    def forward(self, batch: Batch) -> Streams:
        """The stream of each task."""
        features = self.encoder.with_states(batch.features)
        tokens = self.encoder(features)
        # Inference may hold the sharing layers in bfloat16; heads always work in float32.
        tokens = tokens.to(next(self.sharing.parameters(), tokens).dtype)
        pieces = self.encoder.piece_states(features)
        streams: Streams = self.sharing(
            Streams.tied(tokens, batch.mask, self.sharing.tasks, pieces=pieces)
        )
        return Streams(
            {task: stream.float() for task, stream in streams.by_task.items()}, batch.mask
        )

    def use_fast_precision(self) -> None:
        """Hold sharing, link and encoder layers in the type that is fastest here, for inference."""
        for encoder in self.encoder:
            encoder.use_fast_precision()
        for part in (self.sharing, self.link):
            part.to(dtype_of_precision("auto"))

    def outputs(self, batch: Batch) -> Outputs:
        """Run all heads, with the entities that the link gives the relations, and their losses.

        Raises:
            ValueError: if the batch has no targets.
        """
        if batch.targets is None:
            raise ValueError("the gold entities are missing: use Batch.with_targets")
        head, mask = self.entity_head, batch.mask
        streams = self.streams(batch)
        with torch.autocast(mask.device.type, enabled=False):
            emissions = self.emissions(streams)
            linked = self.link.targets(head, emissions, mask, batch.targets)
            labels = self.link.read(head, emissions, mask, linked.candidates, training=True)
        # Its layers, if there are any, are as costly as those of the sharing, and as precise.
        stream = self.relation_stream(streams[0], linked.candidates)
        with torch.autocast(mask.device.type, enabled=False):
            logits = self.relation_head(stream, labels, linked.candidates)
            losses = {
                ENTITY_TASK: head.loss(emissions, batch.targets, mask),
                RELATION_TASK: self.relation_head.loss(logits, linked),
            }
            taught = self._taught_losses(emissions, logits, linked.candidates, batch)
        return Outputs(streams[0], emissions, logits, losses, taught, self.sharing.penalties())

    def _taught_losses(
        self, emissions: Tensor, logits: Tensor, candidates: Candidates, batch: Batch
    ) -> dict[str, Tensor]:
        """Each head's loss against the teacher, if the batch has one."""
        taught = batch.taught
        if taught is None:
            return {}
        return {
            ENTITY_TASK: self.entity_head.distillation_loss(
                emissions, taught.entities, batch.mask, temperature=taught.temperature
            ),
            RELATION_TASK: self.relation_head.distillation_loss(
                logits, taught.relations, candidates, temperature=taught.temperature
            ),
        }

    def streams(self, batch: Batch) -> tuple[Streams, ...]:
        return (self(batch),)

    def emissions(self, streams: Sequence[Streams]) -> Tensor:
        (own,) = streams
        emissions: Tensor = self.entity_head(own[ENTITY_TASK])
        return emissions

    def relation_logits(
        self, streams: Sequence[Streams], emissions: Tensor, candidates: Candidates
    ) -> Float[Tensor, "batch entities entities types"]:
        (own,) = streams
        labels = self.link.read(self.entity_head, emissions, own.mask, candidates, training=False)
        logits: Tensor = self.relation_head(
            self.relation_stream(own, candidates), labels, candidates
        )
        return logits

    def relation_stream(self, streams: Streams, candidates: Candidates) -> Tensor:
        """What the relation head reads of the tokens, given the entities."""
        return self.link.mark(self.entity_head, streams[RELATION_TASK], streams.mask, candidates)
