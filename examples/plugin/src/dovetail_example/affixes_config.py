"""The section of the encoder."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import ClassVar, Literal

from dovetail.config import EncoderConfig
from dovetail.config.section import Contradiction
from dovetail.config.values import PositiveCount, Width


class AffixesEncoderConfig(EncoderConfig):
    """The first and last letters of a word, embedded by hashing, so that no word is unknown."""

    implementation: ClassVar[str] = "dovetail_example.affixes:AffixesEncoder"

    kind: Literal["affixes"] = "affixes"
    """Hashed prefixes and suffixes."""

    lengths: tuple[PositiveCount, ...] = (2, 3)
    """How many letters a prefix and a suffix have, ascending."""

    rows: Width = 512
    """Rows of each table; affixes share one where their hashes meet."""

    embedding_dim: Width = 8
    """Width of the embedding of each affix."""

    def contradictions(self) -> Iterator[Contradiction]:
        if not self.lengths or any(b <= a for a, b in pairwise(self.lengths)):
            yield Contradiction(
                "lengths", f"expected ascending lengths, found {list(self.lengths)}; sort them"
            )
