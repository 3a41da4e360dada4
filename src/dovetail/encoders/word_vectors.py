"""Read static word vectors from the files in which they are passed around.

* text, as word2vec, GloVe and fastText write it: a word and its numbers on each line, with or
  without a first line ``count dim``; any file name that does not end in npz or npy;
* ``.npz`` with the arrays ``words`` (strings) and ``vectors`` (words, dim);
* ``.npy`` with the vectors (words, dim), and a text file with one word a line in the same order.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from zipfile import BadZipFile, ZipFile, ZipInfo

import numpy as np
from numpy.typing import NDArray

from dovetail.errors import ConfigError, CorpusFormatError
from dovetail.files.bounded import bounded_lines, check_regular, read_bytes

UNKNOWN_WORDS = frozenset({"<unk>", "<UNK>", "[UNK]", "UNK", "*UNKNOWN*"})
"""Names under which a last row is the vector of unknown words."""

MAX_WORDS, MAX_DIM, MAX_NUMBERS = 3_500_000, 16_384, 2_000_000_000
"""Words that have a vector, numbers of a vector, and of all of them."""

MAX_VOCABULARY_BYTES = MAX_UNPACKED_BYTES = 1 << 28
"""Of the words of an ``.npy`` file, and of an array that is packed in an ``.npz`` file."""

_TIMES = 20  # more than numbers can be packed

_HEADER = re.compile(r"(\d{1,18}) (\d{1,18})")

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
        _check_file(file)
    if path.suffix == ".npz":
        words, vectors = _read_npz(path)
    elif path.suffix == ".npy":
        if vocabulary is None:
            raise ConfigError(f"{path} holds vectors only; name the file with its words too")
        words, vectors = _vocabulary(vocabulary), _mapped(path)
    else:
        try:
            words, vectors = _read_text(path, max_words)
        except (ValueError, OverflowError) as error:  # no UTF-8, or one line of all
            raise CorpusFormatError(f"{path}: expected a word on each line ({error})") from error
    if vectors.ndim != 2 or len(vectors) != len(words) or not words:
        raise CorpusFormatError(
            f"{path}: expected one vector for each of {len(words)} words (at least one), "
            f"found an array of shape {vectors.shape}"
        )
    _check_size(path, min(len(words), max_words or len(words)), vectors.shape[1])
    read = _select(words, vectors, max_words)
    if not np.isfinite(read.vectors).all():
        raise CorpusFormatError(
            f"{path}: expected numbers that half precision can hold (up to 65,504), found larger "
            f"ones or NaN"
        )
    return read


def _check_file(path: Path | None) -> None:
    if path is None:
        return
    if not path.exists():
        raise ConfigError(f"no file of word vectors at {path}")
    try:
        check_regular(path)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error


def _check_size(path: Path, words: int, dim: int) -> None:
    """Refuse what would not fit into the memory of a usual machine."""
    if words > MAX_WORDS or dim > MAX_DIM or words * dim > MAX_NUMBERS:
        raise ConfigError(
            f"{path} has vectors of {dim:,} numbers for {words:,} words or more; expected at most "
            f"{MAX_DIM:,} for {MAX_WORDS:,}, and {MAX_NUMBERS:,} in all; with max_words, the "
            f"first words alone are read"
        )


def _vocabulary(path: Path) -> list[str]:
    try:
        return read_bytes(path, at_most=MAX_VOCABULARY_BYTES).decode("utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise CorpusFormatError(f"{path}: expected words in UTF-8 ({error})") from error
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error


def _mapped(path: Path) -> NDArray[np.floating]:
    """The array of an ``.npy`` file, which stays on the disk."""
    try:
        vectors: NDArray[np.floating] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError, EOFError, OverflowError) as error:
        raise CorpusFormatError(f"{path}: expected an array of vectors ({error})") from error
    return vectors


def _select(words: list[str], vectors: NDArray[np.floating], max_words: int | None) -> WordVectors:
    unknown = vectors[-1] if words[-1] in UNKNOWN_WORDS else None
    if unknown is not None:
        words = words[:-1]
    row_by_word: dict[str, int] = {}
    for row, word in enumerate(words[:max_words]):
        row_by_word.setdefault(word, row)
    with np.errstate(over="ignore"):  # said by who called
        kept = np.asarray(vectors[list(row_by_word.values())], dtype=_HALF)
    if unknown is None:
        with np.errstate(invalid="ignore"):
            unknown = kept.mean(axis=0, dtype=np.float32)
    return WordVectors(list(row_by_word), kept, np.asarray(unknown, dtype=_HALF))


def _read_npz(path: Path) -> tuple[list[str], NDArray[np.floating]]:
    try:
        with ZipFile(path) as archive:
            for name in ("words", "vectors"):
                _check_packed(archive.getinfo(f"{name}.npy"), path)
        with np.load(path, allow_pickle=False) as arrays:
            return arrays["words"].tolist(), arrays["vectors"]
    except (KeyError, ValueError, BadZipFile, OSError, EOFError, zlib.error) as error:
        raise CorpusFormatError(
            f"{path}: expected an array of strings 'words' and an array 'vectors' ({error})"
        ) from error


def _check_packed(member: ZipInfo, path: Path) -> None:
    """Refuse an array that takes far more room than its file: words may be packed well."""
    if member.file_size > max(MAX_UNPACKED_BYTES, _TIMES * member.compress_size):
        raise CorpusFormatError(
            f"{path}: {member.filename} is packed to {member.compress_size:,} bytes, and would "
            f"take {member.file_size:,}; these are no vectors of words"
        )


def _read_text(path: Path, max_words: int | None) -> tuple[list[str], NDArray[np.floating]]:
    words, rows = [], []
    with path.open(encoding="utf-8", newline="\n") as file:  # a word may be another line break
        lines = bounded_lines(file)
        first = next(lines, "")
        header = _HEADER.fullmatch(first.strip())
        dim = int(header[2]) if header else 0
        _check_size(path, 1, dim)
        numbered = enumerate(lines, start=2) if header else enumerate(chain([first], lines), 1)
        for word, row in islice(_rows(path, numbered, dim), max_words):
            words.append(word)
            rows.append(row)
            if len(words) > MAX_WORDS:
                _check_size(path, len(words), len(row))
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
            with np.errstate(over="ignore"):
                word, values = " ".join(fields[:-dim]), np.array(fields[-dim:], dtype=_HALF)
        except ValueError as error:
            raise CorpusFormatError(f"{path}:{number}: expected {dim} numbers ({error})") from error
        if not word or not dim:
            raise CorpusFormatError(
                f"{path}:{number}: expected a word and {dim or 'some'} numbers, "
                f"found {len(fields)} columns"
            )
        yield word, values
