"""The interface of encoders: words in, one vector for each token out.

An encoder owns its featuriser, so whoever changes what the network reads sees both sides.
Encoders know nothing of tags, entities or tasks; of a config each knows its own section.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any, Self

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from dovetail.encoders.transformer_layers import PretrainedLayer
from dovetail.layers.piece_states import PieceStates
from dovetail.tensors.state import copy_exactly

Features = dict[str, Tensor]
"""The inputs of one encoder for one batch.

Axis 0 is the batch and axis 1 the tokens, unless the encoder's `featurise` says otherwise.
"""

Words = Sequence[Sequence[str]]
"""The tokens of a batch of sentences."""


class Encoder(nn.Module, ABC):
    """Turns the tokens of a batch into vectors.

    What stands at padded positions is finite and means nothing, and it never influences the
    vector of a token.  In evaluation several threads may run it at once, each a batch.
    """

    output_dim: int
    """Width of the vector of a token."""

    hands_on: bool = False
    """Whether it has layers that `hand_on` parts with."""

    @classmethod
    def build(cls, section: Any, words: Words) -> Self:
        """The encoder that its section describes, for a corpus with these words.

        Raises:
            ModelError: if what it stands on cannot be found.
            ConfigError: if a file that the section names cannot be read.
        """
        raise NotImplementedError(f"{cls.__name__} is built from no section")

    @abstractmethod
    def featurise(self, sentences: Words) -> Features:
        """Look the words up: padded index tensors on the CPU; reads no parameter."""

    @abstractmethod
    def forward(self, features: Features) -> Float[Tensor, "batch tokens output_dim"]:
        """Encode a batch.

        Where `features` holds ``"states"``, what `with_states` added for this batch in any floating
        point type, the frozen part is not computed again.
        """

    @torch.no_grad()
    def states(self, features: Features) -> Float[Tensor, "batch tokens ..."] | None:
        """The states of the frozen part, the same in every epoch; None if nothing needs a cache."""
        return None

    def with_states(self, features: Features) -> Features:
        """The features with what the frozen part computes, if that needs a cache, as ``"states"``.

        Once they are there, `forward` reads nothing else, unless the encoder says otherwise.
        """
        if "states" in features:
            return features
        states = self.states(features)
        return features if states is None else {"states": states}

    def split(self, features: Features, lengths: Sequence[int]) -> list[Features]:
        """The states that `with_states` added, by sentence, unpadded; `lengths` in tokens."""
        states = features["states"]
        return [{"states": own[:length]} for own, length in zip(states, lengths, strict=True)]

    def merge(self, sentences: Words, parts: Sequence[Features]) -> Features:
        """The features of a batch from what `split` gave for its sentences."""
        return {"states": pad_sequence([own["states"] for own in parts], batch_first=True)}

    def piece_states(self, features: Features) -> PieceStates | None:
        """Of features with states, what the layers read that were handed on, if any were."""
        return None

    def hand_on(self, count: int) -> list[PretrainedLayer]:
        """Part with the top layers, and give the pieces below them from now on.

        Raises:
            ModelError: if it has not so many, or they do not run apart from it.
        """
        raise NotImplementedError(f"{type(self).__name__} has no layers to hand on")

    def layers_above(self) -> Mapping[str, int]:
        """How many pretrained layers stand above each pretrained parameter that is trained."""
        return {}

    def use_fast_precision(self) -> None:
        """Hold what is pretrained in the type that is fastest here, for inference."""

    @abstractmethod
    def assets(self) -> dict[str, Any]:
        """The values to save beside `stored_state` to build the encoder again, as JSON values."""

    @classmethod
    @abstractmethod
    def from_assets(cls, assets: Mapping[str, Any]) -> Self:
        """Build an encoder from its `assets`; its stored state is still to be loaded.

        Raises:
            ModelError: if what it stands on is missing or is not the same any more.
        """

    def unstored_names(self) -> frozenset[str]:
        """The names in `state_dict` that are not saved, because `from_assets` brings them back."""
        return frozenset()

    def stored_state(self) -> dict[str, Tensor]:
        """The part of `state_dict` that belongs into a saved model."""
        unstored = self.unstored_names()
        return {
            name: tensor.detach()
            for name, tensor in self.state_dict().items()
            if name not in unstored
        }

    def load_stored_state(self, state: Mapping[str, Tensor]) -> None:
        """Copy what `stored_state` gave into this encoder.

        Raises:
            ModelError: if a tensor is missing, unexpected or of another shape.
        """
        copy_exactly(self.stored_state(), state, owner=type(self).__name__)


def padded_indices(rows: Sequence[Sequence[int]], *, padding: int = 0) -> Tensor:
    """Rows of indices as one tensor (rows, longest), filled up at the end."""
    lengths = np.fromiter(map(len, rows), dtype=np.int64, count=len(rows))
    longest = int(lengths.max(initial=0))
    filled = np.full((len(rows), longest), padding, dtype=np.int64)
    inside = np.arange(longest) < lengths[:, None]
    filled[inside] = np.fromiter(chain.from_iterable(rows), dtype=np.int64, count=lengths.sum())
    return torch.from_numpy(filled)


def listed_texts(assets: Mapping[str, Any], name: str) -> list[str]:
    """A list of texts among the assets of an encoder.

    Raises:
        ValueError: if it is anything else.
    """
    texts = assets[name]
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise ValueError(f"the encoder's {name!r} is described by no list of texts")
    return texts
