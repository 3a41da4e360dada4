"""A pretrained transformer that runs over windows of pieces, frozen or trained from the top.

It knows pieces only; words, pooling and the mix of layers are the business of `pretrained.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
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
from dovetail.encoders.windows import groups_of_similar_length
from dovetail.errors import ModelError

TrainedLayers = int | Literal["all"]
"""How many layers are trained, counted from the top; ``all`` trains the embeddings too."""

MAX_WINDOW_PIECES = 512
"""Longer windows cost more than they bring, also where an encoder reads thousands of pieces."""

# Measured with MiniLM on sentences of about 36 pieces: a batch of 32 cut into groups with so
# little padding runs 1.4 times as fast as the whole batch; still smaller groups bring nothing.
_MAX_PADDING_CPU = 64
_MAX_PADDING_GPU = 8_192  # there, few launches matter more than padding
_MAX_GROUP_PIECES = 16_384


class Transformer(nn.Module):
    """The layers of a pretrained encoder and its tokenizer.

    A frozen one stays in evaluation mode, whatever `train` says.  While layers are trained, all
    weights are fp32, and mixed precision is left to the training loop.

    Args:
        files: where the encoder is.
        trained_layers: see `TrainedLayers`.
        precision: the type of frozen weights.

    Raises:
        ModelError: if the files make no encoder, or have fewer layers than are to be trained.
    """

    def __init__(
        self,
        files: PretrainedFiles,
        *,
        trained_layers: TrainedLayers = 0,
        precision: Precision = "auto",
    ) -> None:
        super().__init__()
        self.files, self.trained_layers, self.precision = files, trained_layers, precision
        dtype = dtype_of_precision(precision) if self.is_frozen else torch.float32
        self.model: nn.Module = load_pretrained_model(files, dtype=dtype)
        config = self.model.config
        self.hidden_dim: int = config.hidden_size
        self.num_states: int = config.num_hidden_layers + 1
        """How many states each piece has: the embedding layer's and one for every layer."""
        tokenizer = load_pretrained_tokenizer(files)
        self.tokenizer = PieceTokenizer(
            tokenizer, window_pieces=min(_readable_pieces(self.model), tokenizer.model_max_length)
        )
        self._trained_parts = self._parts_to_train()
        self._require_gradients()

    @classmethod
    def load(
        cls,
        name: str,
        *,
        sha256: str | None = None,
        trained_layers: TrainedLayers = 0,
        precision: Precision = "auto",
    ) -> Self:
        """Find an encoder by name, as `find_pretrained` does, and load it."""
        files = find_pretrained(name, sha256=sha256)
        return cls(files, trained_layers=trained_layers, precision=precision)

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

        The layers are the embedding layer and all others in order, or the last alone.
        """
        on_cpu = pieces.device.type == "cpu"
        groups = groups_of_similar_length(
            lengths.tolist(),
            max_padding=_MAX_PADDING_CPU if on_cpu else _MAX_PADDING_GPU,
            max_size=_MAX_GROUP_PIECES,
        )
        return torch.cat(
            [self._states(pieces[rows], lengths[rows], every_layer=every_layer) for rows in groups]
        )

    def _states(self, pieces: Tensor, lengths: Tensor, *, every_layer: bool) -> Tensor:
        pieces = pieces[:, : int(lengths[-1])]  # the last row of a group is its longest
        mask = torch.arange(pieces.shape[1], device=pieces.device) < lengths.unsqueeze(1)
        output = self.model(
            input_ids=pieces,
            # Without a mask, attention takes a faster path.
            attention_mask=None if int(lengths[0]) == pieces.shape[1] else mask.long(),
            output_hidden_states=every_layer,
        )
        layers = output.hidden_states if every_layer else (output.last_hidden_state,)
        kept = mask.flatten().nonzero().squeeze(1)
        return torch.stack([layer.flatten(0, 1)[kept] for layer in layers], dim=1)

    def train(self, mode: bool = True) -> Self:
        """Switch dropout on in the trained layers only."""
        super().train(mode)
        self.model.eval()
        for part in self._trained_parts:
            part.train(mode)
        return self

    def frozen_names(self) -> Iterator[str]:
        """The names in `state_dict` of what training does not change."""
        return (name for name in self.state_dict() if name not in self._trained_names)

    def _parts_to_train(self) -> list[nn.Module]:
        if self.trained_layers == "all":
            return [self.model]
        count = self.num_states - 1
        if not 0 <= self.trained_layers <= count:
            raise ModelError(
                f"the encoder {self.files.name!r} has {count} layers; "
                f"cannot train {self.trained_layers} of them"
            )
        if self.is_frozen:
            return []
        for part in self.model.modules():
            if isinstance(part, nn.ModuleList) and len(part) == count:
                return list(part[count - self.trained_layers :])
        raise ModelError(
            f"cannot tell the layers of {type(self.model).__name__} apart; "
            f'train 0 or "all" of them instead of {self.trained_layers}'
        )

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


def _readable_pieces(model: nn.Module) -> int:
    """How many pieces, special ones included, a window may have."""
    limit = getattr(model.config, "max_position_embeddings", None) or MAX_WINDOW_PIECES
    for name, part in model.named_modules():
        # RoBERTa and its kin count positions from behind the padding index.
        if name.endswith("position_embeddings") and isinstance(part, nn.Embedding):
            limit = part.num_embeddings - (0 if part.padding_idx is None else part.padding_idx + 1)
    return int(min(limit, MAX_WINDOW_PIECES))
