"""Read static word vectors from the files in which they are passed around.

* text, as word2vec, GloVe and fastText write it: a word and its numbers on each line, with or
  without a first line ``count dim``; any file name that does not end in npz or npy;
* ``.npz`` with the arrays ``words`` (strings) and ``vectors`` (words, dim);
* ``.npy`` with the vectors (words, dim), and a text file with one word a line in the same order.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dovetail.errors import ConfigError, CorpusFormatError

UNKNOWN_WORDS = frozenset({"<unk>", "<UNK>", "[UNK]", "UNK", "*UNKNOWN*"})
"""Names under which a last row is the vector of unknown words."""

_HEADER = re.compile(r"(\d+) (\d+)")

_HALF = np.float16  # a fraction of a percent of a coordinate, against twice the memory


@dataclass(frozen=True, eq=False)
class WordVectors:
    """Distinct words and their vectors.

    `unknown` (dim) is the file's own vector of unknown words, which is the last row where that is
    named in `UNKNOWN_WORDS`, and the mean of all vectors elsewhere.
    """

    words: list[str]
    vectors: NDArray[np.float16]
    unknown: NDArray[np.float16]

    @property
    def dim(self) -> int:
        return int(self.vectors.shape[1])


def read_word_vectors(
    path: Path, *, vocabulary: Path | None = None, max_words: int | None = None
) -> WordVectors:
    """Read a file of word vectors; of a word that is listed twice the first row counts.

    Args:
        path: the file; its name says its format.
        vocabulary: the words of an ``.npy`` file.
        max_words: keep so many words from the start, where such files have the frequent ones.

    Raises:
        ConfigError: if a file is missing, or an ``.npy`` file comes without its vocabulary.
        CorpusFormatError: if a file breaks its format.
    """
    for file in (path, vocabulary):
        if file is not None and not file.is_file():
            raise ConfigError(f"no file of word vectors at {file}")
    if path.suffix == ".npz":
        words, vectors = _read_npz(path)
    elif path.suffix == ".npy":
        if vocabulary is None:
            raise ConfigError(f"{path} holds vectors only; name the file with its words too")
        words = vocabulary.read_text(encoding="utf-8").splitlines()
        vectors = np.load(path, mmap_mode="r", allow_pickle=False)
    else:
        words, vectors = _read_text(path, max_words)
    if vectors.ndim != 2 or len(vectors) != len(words) or not words:
        raise CorpusFormatError(
            f"{path}: expected one vector for each of {len(words)} words (at least one), "
            f"found an array of shape {vectors.shape}"
        )
    return _select(words, vectors, max_words)


def _select(words: list[str], vectors: NDArray[np.floating], max_words: int | None) -> WordVectors:
    unknown = vectors[-1] if words[-1] in UNKNOWN_WORDS else None
    if unknown is not None:
        words = words[:-1]
    row_by_word: dict[str, int] = {}
    for row, word in enumerate(words[:max_words]):
        row_by_word.setdefault(word, row)
    kept = np.asarray(vectors[list(row_by_word.values())], dtype=_HALF)
    if unknown is None:
        unknown = kept.mean(axis=0, dtype=np.float32)
    return WordVectors(list(row_by_word), kept, np.asarray(unknown, dtype=_HALF))


def _read_npz(path: Path) -> tuple[list[str], NDArray[np.floating]]:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return arrays["words"].tolist(), arrays["vectors"]
    except (KeyError, ValueError) as error:
        raise CorpusFormatError(
            f"{path}: expected an array of strings 'words' and an array 'vectors' ({error})"
        ) from error


def _read_text(path: Path, max_words: int | None) -> tuple[list[str], NDArray[np.floating]]:
    with path.open(encoding="utf-8", newline="\n") as file:  # a word may be another line break
        first = file.readline()
        header = _HEADER.fullmatch(first.strip())
        lines = enumerate(file, start=2) if header else enumerate(chain([first], file), start=1)
        words, rows = [], []
        for word, row in islice(_rows(path, lines, int(header[2]) if header else 0), max_words):
            words.append(word)
            rows.append(row)
    return words, np.array(rows, dtype=_HALF)


def _rows(
    path: Path, lines: Iterable[tuple[int, str]], dim: int
) -> Iterator[tuple[str, NDArray[np.float16]]]:
    """Words and vectors; a `dim` of 0 is taken from the first line."""
    for number, line in lines:
        fields = line.rstrip().split(" ")
        dim = dim or len(fields) - 1
        try:
            # GloVe has words with spaces in them, so the numbers are counted from the right.
            word, values = " ".join(fields[:-dim]), np.array(fields[-dim:], dtype=_HALF)
        except ValueError as error:
            raise CorpusFormatError(f"{path}:{number}: expected {dim} numbers ({error})") from error
        if not word or not dim:
            raise CorpusFormatError(
                f"{path}:{number}: expected a word and {dim or 'some'} numbers, "
                f"found {len(fields)} columns"
            )
        yield word, values
