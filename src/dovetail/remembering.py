"""An extractor for batches that come again: for other thresholds, or with given entities."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import torch

from dovetail.encoders import Features
from dovetail.extractor import Extractor

MOST_BYTES = 1 << 30
"""What is kept at most, of what was made last."""


class Remembering(Extractor):
    """An `Extractor` that keeps what frozen encoders make of each batch, for one thread at a time.

    It predicts the same, and its copies for one schema or down to a floor remember together.
    """

    @classmethod
    def of(cls, extractor: Extractor) -> Self:
        """The same extractor, which remembers from now on."""
        remembering = object.__new__(cls)
        remembering.__dict__.update(extractor.__dict__)
        remembering._known = {}
        return remembering

    _at_once = 1  # what it keeps is for one thread at a time

    _known: dict[tuple[tuple[str, ...], ...], list[Features]]

    @torch.inference_mode()
    def featurise(self, sentences: Sequence[Sequence[str]]) -> list[Features]:
        """The features of a batch, with the states of frozen encoders in them."""
        key = tuple(map(tuple, sentences))
        if key not in self._known:
            self._known[key] = [
                encoder.with_states({name: own.to(self.model.device) for name, own in raw.items()})
                for encoder, raw in zip(
                    self.model.encoders, super().featurise(sentences), strict=True
                )
            ]
            while sum(map(num_bytes, self._known.values())) > MOST_BYTES and len(self._known) > 1:
                del self._known[next(iter(self._known))]
        return self._known[key]


def num_bytes(features: Sequence[Features]) -> int:
    """The memory that the features of a batch take."""
    return sum(tensor.nbytes for own in features for tensor in own.values())
