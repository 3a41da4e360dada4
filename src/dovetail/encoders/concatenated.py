"""Several encoders side by side: the vector of a token is theirs, one after another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Self

import torch
from jaxtyping import Float
from torch import Tensor, nn

from dovetail.config import EncoderConfig
from dovetail.config.structure import kind_of
from dovetail.encoders.encoder import Encoder, Features, Words
from dovetail.encoders.transformer_layers import PretrainedLayer
from dovetail.errors import ConfigError, ModelError
from dovetail.layers.piece_states import PieceStates
from dovetail.tensors.state import copy_exactly


def encoder_of(section: type[EncoderConfig]) -> type[Encoder]:
    """The class of the encoder that a section describes.

    Raises:
        ConfigError: if it cannot be imported.
    """
    encoder = section.implemented()
    if not (isinstance(encoder, type) and issubclass(encoder, Encoder)):
        raise TypeError(f"expected the class of an Encoder, found {encoder!r}")
    return encoder


def encoder_of_kind(kind: object) -> type[Encoder]:
    """The class of the encoders whose `assets` name this kind.

    Raises:
        ModelError: if there is none, or the package that brings it is broken.
    """
    try:
        section = EncoderConfig.of_kind(kind)
        if section is not None:
            return encoder_of(section)
    except ConfigError as error:
        raise ModelError(str(error)) from error
    known = sorted(kind_of(own) or "" for own in EncoderConfig.choices())
    raise ModelError(f"unknown encoder {kind!r}; known: {', '.join(known)}")


class ConcatenatedEncoder(nn.Module):
    """Runs a list of encoders on the same sentences.

    Features, states and assets are lists in the order of the encoders.

    Raises:
        ValueError: if the list is empty.
    """

    def __init__(self, encoders: Iterable[Encoder]) -> None:
        super().__init__()
        self._encoders = tuple(encoders)  # typed, which a ModuleList is not
        if not self._encoders:
            raise ValueError("expected at least one encoder, found none")
        self.encoders = nn.ModuleList(self._encoders)

    def __iter__(self) -> Iterator[Encoder]:
        return iter(self._encoders)

    @property
    def output_dim(self) -> int:
        """Width of the vector of a token."""
        return sum(encoder.output_dim for encoder in self)

    def featurise(self, sentences: Words) -> list[Features]:
        """The features of each encoder."""
        return [encoder.featurise(sentences) for encoder in self]

    def forward(self, features: Sequence[Features]) -> Float[Tensor, "batch tokens output_dim"]:
        pairs = zip(self, features, strict=True)
        return torch.cat([encoder(own) for encoder, own in pairs], dim=-1)

    def states(self, features: Sequence[Features]) -> list[Tensor | None]:
        """What each encoder's frozen part computes, if that is worth a cache."""
        return [encoder.states(own) for encoder, own in zip(self, features, strict=True)]

    def with_states(self, features: Sequence[Features]) -> list[Features]:
        """The features with what each encoder's frozen part computes, if that is worth a cache."""
        return [encoder.with_states(own) for encoder, own in zip(self, features, strict=True)]

    def piece_states(self, features: Sequence[Features]) -> PieceStates | None:
        """Of features with states, what the layers read that an encoder handed on."""
        found = (encoder.piece_states(own) for encoder, own in zip(self, features, strict=True))
        return next((states for states in found if states is not None), None)

    def hand_on(self, count: int) -> list[PretrainedLayer]:
        """Part with the top layers of the pretrained encoder.

        Raises:
            ModelError: if it has not so many, or they do not run apart from it.
            ValueError: unless there is exactly one pretrained encoder.
        """
        (encoder,) = (encoder for encoder in self if encoder.hands_on)
        return encoder.hand_on(count)

    def assets(self) -> list[dict[str, Any]]:
        """What has to be saved beside `stored_state`."""
        return [encoder.assets() for encoder in self]

    @classmethod
    def from_assets(cls, assets: Iterable[Mapping[str, Any]]) -> Self:
        """Build the encoders again; their stored state is still to be loaded.

        Raises:
            ModelError: if the assets are not those of known encoders.
        """
        encoders = []
        for own in assets:
            kind = own.get("kind")
            try:
                encoders.append(encoder_of_kind(kind).from_assets(own))
            except KeyError as error:
                raise ModelError(f"the saved encoder {kind!r} lacks {error}") from error
        return cls(encoders)

    def stored_state(self) -> dict[str, Tensor]:
        """What belongs into a saved model, each name with the position of its encoder in front."""
        return {
            f"{position}.{name}": tensor
            for position, encoder in enumerate(self)
            for name, tensor in encoder.stored_state().items()
        }

    def load_stored_state(self, state: Mapping[str, Tensor]) -> None:
        """Copy what `stored_state` gave into the encoders.

        Raises:
            ModelError: if a tensor is missing, unexpected or of another shape.
        """
        copy_exactly(self.stored_state(), state, owner=type(self).__name__)
