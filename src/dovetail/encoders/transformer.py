"""A pretrained transformer that runs over windows of pieces, frozen or trained from the top.

It knows pieces only; words, pooling and the mix of layers are the business of `pretrained.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, Self

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from dovetail.encoders.pieces import PieceTokenizer
from dovetail.encoders.precision import Precision, dtype_of_precision
from dovetail.encoders.pretrained_files import (
    PretrainedFiles,
    find_pretrained,
    load_pretrained_model,
    load_pretrained_tokenizer,
)
from dovetail.encoders.transformer_layers import (
    PretrainedLayer,
    PretrainedModel,
    embedded,
    layers_of,
    module_of_layers,
    read_by_the_lowest,
    run_apart,
)
from dovetail.errors import ModelError
from dovetail.layers.piece_states import PieceStates, groups_of_windows

TrainedLayers = int | Literal["all"]
"""How many layers are trained, counted from the top; ``all`` trains the embeddings too."""

MAX_WINDOW_PIECES = 512
"""Longer windows cost more than they bring, also where an encoder reads thousands of pieces."""


class Transformer(nn.Module):
    """The layers of a pretrained encoder and its tokenizer.

    The frozen layers stay in evaluation mode, whatever `train` says, and run in their own
    precision.  Trained layers are fp32, and mixed precision is left to the training loop.

    Where the top layers are trained, `forward` gives the states of the frozen ones below, and
    `top` goes on from there.  Few kinds of models have layers that cannot run by themselves
    (`divides` is false then): with trained layers, all of such a model runs in `forward`.

    Args:
        files: where the encoder is.
        trained_layers: see `TrainedLayers`; the top ones of those read.
        layers_read: how many layers there are, counted from the bottom; None for all.
        precision: the type of frozen weights.

    Raises:
        ModelError: if the files make no encoder, or have fewer layers than are to be read, or
            these are fewer than are to be trained.
    """

    def __init__(
        self,
        files: PretrainedFiles,
        *,
        trained_layers: TrainedLayers = 0,
        layers_read: int | None = None,
        precision: Precision = "auto",
    ) -> None:
        super().__init__()
        self.files, self.trained_layers, self.precision = files, trained_layers, precision
        self.layers_read = layers_read
        frozen_dtype = dtype_of_precision(precision)
        model = self._loaded(frozen_dtype if self.is_frozen else torch.float32)
        self.model = model
        self.hidden_dim: int = model.config.hidden_size
        self.num_states: int = model.config.num_hidden_layers + 1
        """How many states each piece has: the embedding layer's and one for every layer."""
        self.tokenizer = PieceTokenizer(
            load_pretrained_tokenizer(files), window_pieces=_readable_pieces(model)
        )
        self._layers = tuple(layers_of(model))  # in a tuple, they are no parts under a second name
        self._trained_parts = self._parts_to_train()
        self.divides = trained_layers not in (0, "all") and run_apart(model, self._layers)
        """Whether frozen layers run apart from those above, which are trained or handed on."""
        self.handed_layers = 0
        self._require_gradients()
        if self.divides:
            for weight in self.parameters():
                if not weight.requires_grad:
                    weight.data = weight.data.to(frozen_dtype)

    @classmethod
    def load(
        cls,
        name: str,
        *,
        sha256: str | None = None,
        trained_layers: TrainedLayers = 0,
        layers_read: int | None = None,
        precision: Precision = "auto",
    ) -> Self:
        """Find an encoder by name, as `find_pretrained` does, and load it."""
        return cls(
            find_pretrained(name, sha256=sha256),
            trained_layers=trained_layers,
            layers_read=layers_read,
            precision=precision,
        )

    def _loaded(self, dtype: torch.dtype) -> PretrainedModel:
        return load_pretrained_model(self.files, dtype=dtype, layers_read=self.layers_read)

    @property
    def is_frozen(self) -> bool:
        """Whether no layer is trained."""
        return self.trained_layers == 0

    def forward(
        self,
        pieces: Int[Tensor, "windows window_pieces"],
        lengths: Int[Tensor, " windows"],
        *,
        every_layer: bool,
    ) -> Float[Tensor, "pieces layers hidden_dim"]:
        """Encode windows, sorted by ascending length, and put their pieces one after another.

        The layers are the embedding layer and all others in order, or the last alone; where the
        model divides, only the frozen ones.
        """
        groups = groups_of_windows(lengths.tolist(), on_cpu=pieces.device.type == "cpu")
        return torch.cat(
            [self._states(pieces[rows], lengths[rows], every_layer=every_layer) for rows in groups]
        )

    def _states(self, pieces: Tensor, lengths: Tensor, *, every_layer: bool) -> Tensor:
        pieces = pieces[:, : int(lengths[-1])]  # the last row of a group is its longest
        mask = torch.arange(pieces.shape[1], device=pieces.device) < lengths.unsqueeze(1)
        states = self._divided(pieces, mask) if self.divides else self._whole(pieces, mask)
        kept = mask.flatten().nonzero().squeeze(1)
        return torch.stack(
            [layer.flatten(0, 1)[kept] for layer in (states if every_layer else states[-1:])], dim=1
        )

    def _whole(self, pieces: Tensor, mask: Tensor) -> Sequence[Tensor]:
        """The states of all layers, as the model itself runs them."""
        output = self.model(
            input_ids=pieces,
            # Without a mask, attention takes a faster path.
            attention_mask=None if bool(mask.all()) else mask.long(),
            output_hidden_states=True,
        )
        return (*output.hidden_states[:-1], output.last_hidden_state)

    def _divided(self, pieces: Tensor, mask: Tensor) -> Sequence[Tensor]:
        """The states of the frozen layers alone."""
        states = [embedded(self.model, pieces)]
        for layer in self._layers[: self.num_frozen]:
            states.append(layer(states[-1], mask))
        return states

    @property
    def num_frozen(self) -> int:
        """How many layers are frozen, the embedding layer not counted."""
        if self.trained_layers == "all":
            return 0
        return self.num_states - 1 - self.trained_layers

    def top(self, states: PieceStates) -> Iterator[PieceStates]:
        """Of a model that divides: what each trained layer makes of the last frozen states."""
        dtype = next(self._layers[self.num_frozen].parameters()).dtype
        states = states.to(dtype)
        for layer in self._layers[self.num_frozen :]:
            states = states.through(layer)
            yield states

    def hand_on(self, count: int) -> list[PretrainedLayer]:
        """Part with the top layers, which are returned in single precision, lowest first.

        Raises:
            ModelError: if there are not so many, some are trained, or they do not run apart.
        """
        kept = self.num_states - 1 - count
        if kept < 0:
            raise ModelError(
                f"{self._described_layers}, and the plan of sharing copies the top {count} of "
                f"them: take fewer layers"
            )
        # The own weights may be rounded, and those that training starts from are not to be.
        model = self._loaded(torch.float32)
        layers = layers_of(model)
        if not self.is_frozen or not run_apart(model, layers):
            raise ModelError(
                f"the layers of the encoder {self.files.name!r} ({type(model).__name__}) "
                f"{'do not run by themselves' if self.is_frozen else 'are trained'}, so tasks "
                f"cannot have copies of them: take another cell for the sharing layers"
            )
        if (own := module_of_layers(self.model)) is not None:
            del own[kept:]
        self._layers = self._layers[:kept]
        self.num_states, self.handed_layers, self.divides = kept + 1, count, True
        return [layer.apart() for layer in layers[kept:]]

    def use_fast_precision(self) -> None:
        """Hold the trained layers in the precision of the frozen ones, for inference."""
        if self.divides:
            for part in self._trained_parts:
                part.to(dtype_of_precision(self.precision))

    def train(self, mode: bool = True) -> Self:
        """Switch dropout on in the trained layers only."""
        super().train(mode)
        self.model.train(False)
        for part in self._trained_parts:
            part.train(mode)
        return self

    def frozen_names(self) -> Iterator[str]:
        """The names in `state_dict` of what training does not change."""
        return (name for name in self.state_dict() if name not in self._trained_names)

    def layers_above(self) -> Mapping[str, int]:
        """For each trained parameter, by name, how many layers stand above it."""
        count = self.num_states - 1
        above = {
            id(parameter): layer.layers_above
            for layer in self._layers
            for parameter in layer.layer.parameters()
        }
        return {
            name: above.get(id(parameter), count if name in self._read_by_all else 0)
            for name, parameter in self.named_parameters()
            if name in self._trained_names
        }

    def _parts_to_train(self) -> list[nn.Module]:
        if self.trained_layers == "all":
            return [self.model]
        count = self.num_states - 1
        if not 0 <= self.trained_layers <= count:
            raise ModelError(
                f"{self._described_layers}; cannot train {self.trained_layers} of them"
            )
        if self.is_frozen:
            return []
        if not self._layers:
            raise ModelError(
                f"cannot tell the layers of {type(self.model).__name__} apart; "
                f'train 0 or "all" of them instead of {self.trained_layers}'
            )
        return [layer.layer for layer in self._layers[count - self.trained_layers :]]

    def _require_gradients(self) -> None:
        self.requires_grad_(False)
        for part in self._trained_parts:
            part.requires_grad_(True)
        # The pooler makes one vector of a sentence, which is not read.
        pooler = getattr(self.model, "pooler", None)
        if isinstance(pooler, nn.Module):
            pooler.requires_grad_(False)
        # Once for all: a phase of training may hold these still, and they stay changed for good.
        self._trained_names = frozenset(
            name for name, weight in self.named_parameters() if weight.requires_grad
        )
        below = read_by_the_lowest(self.model, self._layers)
        self._read_by_all = frozenset(f"model.{name}" for name in below)

    @property
    def _described_layers(self) -> str:
        read = "" if self.layers_read is None else ", as many as layers_read says"
        return f"the encoder {self.files.name!r} has {self.num_states - 1} layers{read}"


def _readable_pieces(model: nn.Module) -> int:
    """How many pieces, special ones included, a window may have."""
    limit = getattr(model.config, "max_position_embeddings", None) or MAX_WINDOW_PIECES
    for name, part in model.named_modules():
        # RoBERTa and its kin count positions from behind the padding index.
        if name.endswith("position_embeddings") and isinstance(part, nn.Embedding):
            limit = part.num_embeddings - (0 if part.padding_idx is None else part.padding_idx + 1)
    return int(min(limit, MAX_WINDOW_PIECES))
