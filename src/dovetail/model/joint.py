"""The joint model: encoder -> sharing -> heads.

    Batch -> encoder -> token vectors -> sharing -> Streams -> heads -> sentences with annotations

It knows nothing of configs, files or training.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from jaxtyping import Float
from torch import Tensor, nn

from dovetail.encoders import ConcatenatedEncoder, Encoder, Features
from dovetail.encoders.precision import dtype_of_precision
from dovetail.heads import EntityLink
from dovetail.model.prediction import Predictor
from dovetail.model.schema_heads import SchemaHeads
from dovetail.strategies.block import SharingBlock
from dovetail.strategies.objective import Outputs
from dovetail.strategies.streams import Streams
from dovetail.tensors.features import Batch, Candidates
from dovetail.tensors.state import copy_exactly
from dovetail.text.confidence import Confidence
from dovetail.text.named_schemas import ONLY

STORED_PARTS = ("entity_head", "link", "relation_head", "auxiliary")
"""The parts of the heads in the order in which they are stored; the last one in training alone."""


class JointModel(Predictor):
    """Encodes tokens once, gives every task its stream, tags entities and links them.

    The batch says for which of its schemas.
    """

    def __init__(
        self,
        *,
        encoder: ConcatenatedEncoder,
        sharing: SharingBlock,
        heads: Sequence[SchemaHeads],
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.sharing = sharing
        self._heads = {own.name: own for own in heads}
        self._hold(self._heads)
        self._frozen = {name for name, p in self.named_parameters() if not p.requires_grad}

    @property
    def heads(self) -> Mapping[str, SchemaHeads]:
        return self._heads

    @property
    def encoders(self) -> tuple[Encoder, ...]:
        return tuple(self.encoder)

    @property
    def links(self) -> tuple[EntityLink, ...]:
        """The links from entities to relations, of each schema that has any."""
        return tuple(own.link for own in self.heads.values() if own.link is not None)

    def of_schema(self, name: str) -> SchemaHeads:
        super().of_schema(name)  # says what is wrong with the name
        return self._heads[name]

    def set_confidence(self, schema: str, confidence: Confidence) -> None:
        self._heads[schema] = replace(self.of_schema(schema), confidence=confidence)

    def featurise(self, sentences: Sequence[Sequence[str]]) -> list[Features]:
        return self.encoder.featurise(sentences)

    def trainable_parameters(self) -> Iterator[tuple[str, nn.Parameter]]:
        """The parameters that training may change, by name: all but those of frozen encoders."""
        for name, parameter in self.named_parameters():
            if name not in self._frozen:
                yield name, parameter

    @property
    def num_added(self) -> int:
        """Number of parameters that a saved model holds, without those frozen in training."""
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
        """The tensors of a saved model: all that training changed, no frozen encoder.

        Before `finalize` those of auxiliary tasks are among them, with which a run goes on.
        """
        state = {f"encoder.{name}": value for name, value in self.encoder.stored_state().items()}
        for name, value in self.sharing.state_dict().items():
            state[f"sharing.{name}"] = value.detach()
        for own in self.heads.values():
            parts = own.parts
            for part in (name for name in STORED_PARTS if name in parts):
                for name, value in parts[part].state_dict().items():
                    state[f"{stored_prefix(own.name)}{part}.{name}"] = value.detach()
        return state

    @property
    def pretrained_names(self) -> frozenset[str]:
        """The part of `stored_state` that comes from a pretrained encoder and was trained."""
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
        """The same model without auxiliary tasks, and with the final form of its sharing block.

        That is what is saved, with heads in their final form.
        """
        left_out = [task for own in self.heads.values() for task in own.auxiliary_tasks]
        sharing = self.sharing.without(left_out) if left_out else self.sharing
        return JointModel(
            encoder=self.encoder,
            sharing=sharing.finalize(),
            heads=[own.finalize() for own in self.heads.values()],
        )

    def forward(
        self, batch: Batch, schemas: Sequence[str] | None = None, *, with_auxiliary: bool = False
    ) -> Streams:
        """The stream of each task, of all schemas or, where they can be had alone, of some.

        Of some schemas those of auxiliary tasks are left out unless they are asked for.
        """
        tasks = self.sharing.tasks
        if schemas is not None and self.sharing.takes_some:
            needs = self.sharing.needs
            chosen = [self.of_schema(name) for name in schemas]
            asked = [task for own in chosen for task in own.tasks]
            if with_auxiliary:
                asked += [task for own in chosen for task in own.auxiliary_tasks]
            needed = frozenset[str]().union(*(needs[task] for task in asked))
            tasks = tuple(task for task in tasks if task in needed)
        features = self.encoder.with_states(batch.features)
        tokens = self.encoder(features)
        # Inference may hold the sharing layers in bfloat16; heads always work in float32.
        tokens = tokens.to(next(self.sharing.parameters(), tokens).dtype)
        pieces = self.encoder.piece_states(features)
        streams: Streams = self.sharing(Streams.tied(tokens, batch.mask, tasks, pieces=pieces))
        by_task = {task: stream.float() for task, stream in streams.by_task.items()}
        return Streams(by_task, batch.mask, notes=streams.notes)

    def use_fast_precision(self) -> None:
        """Hold sharing, link and encoder layers in the type that is fastest here, for inference."""
        for encoder in self.encoder:
            encoder.use_fast_precision()
        for part in (self.sharing, *self.links):
            part.to(dtype_of_precision("auto"))

    def outputs(self, batch: Batch) -> Outputs:
        """Run the heads of the batch's schema, and their losses.

        Raises:
            ModelError: if the batch names no schema of the model.
            ValueError: if it has no targets.
        """
        own = self.of_schema(batch.schema)
        streams = self(batch, [batch.schema], with_auxiliary=True)
        found = own.outputs(streams, batch)
        return Outputs(
            streams,
            found.emissions,
            found.relation_logits,
            found.losses,
            found.taught,
            {**self.sharing.penalties(), **own.penalties()},
            own.main_parts,
            found.linked,
        )

    def streams(self, batch: Batch, schemas: Sequence[str] | None = None) -> tuple[Streams, ...]:
        return (self(batch, schemas),)

    def emissions(self, streams: Sequence[Streams], schema: str = ONLY) -> Tensor:
        (own,) = streams
        return self.of_schema(schema).emissions(own)

    def relation_logits(
        self,
        streams: Sequence[Streams],
        emissions: Tensor,
        candidates: Candidates,
        schema: str = ONLY,
    ) -> Float[Tensor, "batch entities entities types"]:
        (own,) = streams
        return self.of_schema(schema).relation_logits(own, emissions, candidates)


def stored_prefix(schema: str) -> str:
    """The start of the names of the weights of a schema's heads in a saved model."""
    return f"heads.{schema}." if schema else ""
