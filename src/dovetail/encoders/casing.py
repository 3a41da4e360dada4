"""The shape of a word as one of seven classes: what an uncased encoder does not see."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Self

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from dovetail.config import CasingEncoderConfig
from dovetail.encoders.encoder import Encoder, Features, Words, padded_indices


def _numeric_characters(word: str) -> int:
    return sum(character.isnumeric() for character in word)


_TESTS: tuple[tuple[str, Callable[[str], bool]], ...] = (
    ("numeric", str.isnumeric),
    ("lower", lambda word: word.isalpha() and word.islower()),
    ("upper", lambda word: word.isalpha() and word.isupper()),
    ("title", lambda word: word.isalpha() and word.istitle()),
    ("mainly numeric", lambda word: 2 * _numeric_characters(word) > len(word)),
    ("contains a numeral", lambda word: _numeric_characters(word) > 0),
    ("other", lambda word: True),
)

CASINGS: tuple[str, ...] = tuple(name for name, _ in _TESTS)
"""The classes of Crone (2020) in the order in which they are tried; the first that fits is taken.

A single capital letter is therefore ``upper`` and not ``title``.
"""


def casing(word: str) -> str:
    """The class of a word.

    >>> [casing(word) for word in ["1984", "of", "IBM", "A", "Paris", "1980s", "B-52", "don't"]]
    ['numeric', 'lower', 'upper', 'upper', 'title', 'mainly numeric', 'contains a numeral', 'other']
    """
    return CASINGS[_casing_index(word)]


@lru_cache(maxsize=1 << 16)  # most words of a text come again
def _casing_index(word: str) -> int:
    return next(index for index, (_, fits) in enumerate(_TESTS) if fits(word))


class CasingEncoder(Encoder):
    """One-hot vectors of `CASINGS`; nothing in it is learned."""

    output_dim = len(CASINGS)

    @classmethod
    def build(cls, section: CasingEncoderConfig, words: Words) -> Self:
        return cls()

    def featurise(self, sentences: Words) -> Features:
        """``casings`` (batch, tokens): the index of each word's class."""
        rows = [[_casing_index(word) for word in sentence] for sentence in sentences]
        return {"casings": padded_indices(rows)}

    def forward(self, features: Features) -> Float[Tensor, "batch tokens output_dim"]:
        return functional.one_hot(features["casings"], num_classes=self.output_dim).float()

    def assets(self) -> dict[str, Any]:
        return {"kind": "casing"}

    @classmethod
    def from_assets(cls, assets: Mapping[str, Any]) -> Self:
        return cls()
