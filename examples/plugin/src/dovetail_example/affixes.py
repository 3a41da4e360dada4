"""The first and last letters of a word: what it is made of says much about unknown names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self
from zlib import crc32

import torch
from torch import Tensor, nn

from dovetail.encoders import Encoder, Features, Words
from dovetail_example.affixes_config import AffixesEncoderConfig


class AffixesEncoder(Encoder):
    """Embeds prefixes and suffixes of some lengths; a table each, whose rows hashes choose.

    The hash is CRC-32, the same in every process and on every machine.
    """

    def __init__(self, *, lengths: Sequence[int], rows: int, embedding_dim: int) -> None:
        super().__init__()
        self.lengths, self.rows, self.embedding_dim = tuple(lengths), rows, embedding_dim
        self.tables = nn.ModuleList(
            nn.Embedding(rows, embedding_dim) for _ in range(2 * len(self.lengths))
        )
        self.output_dim = embedding_dim * len(self.tables)

    @classmethod
    def build(cls, section: AffixesEncoderConfig, words: Words) -> Self:
        return cls(lengths=section.lengths, rows=section.rows, embedding_dim=section.embedding_dim)

    def featurise(self, sentences: Words) -> Features:
        """``affixes`` (batch, tokens, tables): the row in each table."""
        longest = max(map(len, sentences), default=0)
        affixes = torch.zeros(len(sentences), longest, len(self.tables), dtype=torch.long)
        for row, words in zip(affixes, sentences, strict=True):
            for place, word in enumerate(words):
                row[place] = torch.tensor(self._rows_of(word))
        return {"affixes": affixes}

    def _rows_of(self, word: str) -> list[int]:
        ends = [end for length in self.lengths for end in (word[:length], word[-length:])]
        return [crc32(end.lower().encode()) % self.rows for end in ends]

    def forward(self, features: Features) -> Tensor:
        """The embeddings of all affixes side by side."""
        affixes = features["affixes"]
        own = [table(affixes[..., place]) for place, table in enumerate(self.tables)]
        return torch.cat(own, dim=-1)

    def assets(self) -> dict[str, Any]:
        return {
            "kind": "affixes",
            "lengths": list(self.lengths),
            "rows": self.rows,
            "embedding_dim": self.embedding_dim,
        }

    @classmethod
    def from_assets(cls, assets: Mapping[str, Any]) -> Self:
        names = ("lengths", "rows", "embedding_dim")
        return cls(**{name: assets[name] for name in names})
