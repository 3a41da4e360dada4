"""Brown clusters: words that stand in the same contexts share the start of a bit path.

Brown et al. 1992; prefixes as features after Miller et al. 2004 and Turian et al. 2010.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import torch
from jaxtyping import Float
from torch import Tensor, nn

from dovetail.config import BrownEncoderConfig
from dovetail.encoders.encoder import Encoder, Features, Words, listed_texts, padded_indices
from dovetail.errors import ConfigError, CorpusFormatError
from dovetail.files.bounded import bounded_lines, check_regular
from dovetail.text.vocabulary import UNKNOWN_INDEX, Vocabulary

PREFIX_LENGTHS = (4, 6, 10)
"""In bits; the lengths that Turian et al. (2010) use, but for their 20."""


def read_brown_paths(path: Path) -> dict[str, str]:
    """Read a ``paths`` file: bit path, tab, word, and perhaps a tab and a count on each line.

    Returns:
        The bit path of each word; of a word that is listed twice the first counts.

    Raises:
        ConfigError: if there is no such file.
        CorpusFormatError: if a line is of another form; it names file and line.
    """
    try:
        check_regular(path)
    except OSError as error:
        raise ConfigError(f"no file of Brown clusters at {path}: {error.strerror}") from error
    path_by_word: dict[str, str] = {}
    with path.open(encoding="utf-8", newline="\n") as file:
        try:
            for number, line in enumerate(bounded_lines(file), start=1):
                word, own = _cluster_of_line(line, f"{path}:{number}")
                path_by_word.setdefault(word, own)
        except ValueError as error:  # no UTF-8, or one line of all
            raise CorpusFormatError(f"{path}: expected a word on each line ({error})") from error
    if not path_by_word:
        raise CorpusFormatError(f"{path}: expected Brown clusters, found an empty file")
    return path_by_word


def _cluster_of_line(line: str, where: str) -> tuple[str, str]:
    fields = line.rstrip("\r\n").split("\t")
    if len(fields) not in (2, 3) or not fields[0] or set(fields[0]) - {"0", "1"}:
        raise CorpusFormatError(
            f"{where}: expected a path of 0 and 1, a tab and a word, found {line[:60]!r}"
        )
    return fields[1], fields[0]


class BrownEncoder(Encoder):
    """Learned vectors for prefixes of a word's bit path, one table for each prefix length.

    A word is looked up as it stands, then in lower case.  A path shorter than a prefix is
    its own prefix.  Row 0 of each table is for words without a path.

    Args:
        path_by_word: the bit path of each word.
        prefixes: prefix lengths in bits.
        whole_path: add a table for the whole path.
        embedding_dim: width of a vector in each table.

    Raises:
        ValueError: if there is no table at all.
    """

    rows_by_cluster: Tensor

    def __init__(
        self,
        path_by_word: Mapping[str, str],
        *,
        prefixes: Sequence[int] = PREFIX_LENGTHS,
        whole_path: bool = True,
        embedding_dim: int = 16,
    ) -> None:
        super().__init__()
        lengths: list[int | None] = [*prefixes, *([None] if whole_path else [])]
        if not lengths:
            raise ValueError("expected a prefix length or the whole path, found neither")
        self.prefixes, self.whole_path = tuple(prefixes), whole_path
        self.clusters = Vocabulary(sorted(set(path_by_word.values())))
        self.cluster_by_word = {
            word: self.clusters.index(path) for word, path in path_by_word.items()
        }
        paths = self.clusters.symbols
        tables = [
            Vocabulary.from_occurrences(path[:length] for path in paths) for length in lengths
        ]
        rows = [
            [table.index(path[:length]) for table, length in zip(tables, lengths, strict=True)]
            for path in paths
        ]
        unknown = [UNKNOWN_INDEX] * len(lengths)
        self.register_buffer("rows_by_cluster", torch.tensor([unknown, *rows]), persistent=False)
        self.embeddings = nn.ModuleList(nn.Embedding(len(table), embedding_dim) for table in tables)
        self.embedding_dim = embedding_dim
        self.output_dim = embedding_dim * len(lengths)

    @classmethod
    def build(cls, section: BrownEncoderConfig, words: Words) -> Self:
        return cls(
            read_brown_paths(section.path),
            prefixes=section.prefixes,
            whole_path=section.whole_path,
            embedding_dim=section.embedding_dim,
        )

    def featurise(self, sentences: Words) -> Features:
        """``clusters`` (batch, tokens): the index of each word's whole path."""
        rows = [[self._cluster(word) for word in words] for words in sentences]
        return {"clusters": padded_indices(rows, padding=UNKNOWN_INDEX)}

    def _cluster(self, word: str) -> int:
        cluster = self.cluster_by_word.get(word)
        if cluster is None:
            cluster = self.cluster_by_word.get(word.lower(), UNKNOWN_INDEX)
        return cluster

    def forward(self, features: Features) -> Float[Tensor, "batch tokens output_dim"]:
        rows = self.rows_by_cluster[features["clusters"]]  # (batch, tokens, tables)
        return torch.cat(
            [table(row) for table, row in zip(self.embeddings, rows.unbind(-1), strict=True)],
            dim=-1,
        )

    def assets(self) -> dict[str, Any]:
        words_by_path: dict[str, list[str]] = {path: [] for path in self.clusters.symbols}
        for word, cluster in self.cluster_by_word.items():
            words_by_path[self.clusters.symbols[cluster - 1]].append(word)
        return {
            "kind": "brown",
            "words_by_path": words_by_path,
            "prefixes": list(self.prefixes),
            "whole_path": self.whole_path,
            "embedding_dim": self.embedding_dim,
        }

    @classmethod
    def from_assets(cls, assets: Mapping[str, Any]) -> Self:
        path_by_word = {
            word: path
            for path in assets["words_by_path"]
            for word in listed_texts(assets["words_by_path"], path)
        }
        own = ("prefixes", "whole_path", "embedding_dim")
        return cls(path_by_word, **{name: assets[name] for name in own})
