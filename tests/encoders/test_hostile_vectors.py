"""Files of word vectors that ask for more than there is: refused before anything is allocated."""

from __future__ import annotations

import json
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from tests.hostile import make_fifo

from dovetail.encoders import read_brown_paths, read_word_vectors
from dovetail.encoders.elmo_files import ElmoOptions
from dovetail.errors import ConfigError, CorpusFormatError, DovetailError, ModelError


@contextmanager
def within_limits() -> Iterator[None]:
    """Two seconds, and a hundred megabytes of Python's and numpy's memory."""
    tracemalloc.start()
    started = time.process_time()
    try:
        yield
        assert time.process_time() - started < 2
        assert tracemalloc.get_traced_memory()[1] < 1e8
    finally:
        tracemalloc.stop()


def sparse_array(path: Path, shape: tuple[int, int]) -> Path:
    """An ``.npy`` file of such a shape, which takes no room on the disk."""
    with path.open("wb") as file:
        header = {"descr": "<f2", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)
        start = file.tell()
        file.truncate(start + 2 * shape[0] * shape[1])
    return path


@pytest.mark.parametrize(("shape", "words"), [((1, 10**12), 1), ((100_000, 10_000_000), 100_000)])
def test_vectors_of_10_to_the_12_numbers_are_refused(
    shape: tuple[int, int], words: int, tmp_path: Path
) -> None:
    vocabulary = tmp_path / "words.txt"
    vocabulary.write_text("\n".join(f"w{n}" for n in range(words)), encoding="utf-8")
    try:
        vectors = sparse_array(tmp_path / "vectors.npy", shape)
    except OSError as error:
        pytest.skip(f"no sparse file of that size can be made here: {error}")
    with within_limits(), pytest.raises(ConfigError, match=f"has vectors of {shape[1]:,} numbers"):
        read_word_vectors(vectors, vocabulary=vocabulary)


def test_array_that_says_more_than_its_file_has_is_refused(tmp_path: Path) -> None:
    vectors = sparse_array(tmp_path / "vectors.npy", (10, 10))
    content = vectors.read_bytes().replace(b"(10, 10)", b"(10**9,)"[:8])
    vectors.write_bytes(content)
    (tmp_path / "words.txt").write_text("a\n", encoding="utf-8")
    for damaged in (content, content[:50], b"", b"\x93NUMPY"):
        vectors.write_bytes(damaged)
        with pytest.raises(CorpusFormatError, match="expected an array of vectors"):
            read_word_vectors(vectors, vocabulary=tmp_path / "words.txt")


def test_packed_array_of_zeros_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "vectors.npz"
    zeros = np.zeros((200_000, 1_000), dtype=np.float16)
    np.savez_compressed(path, words=np.array(["a"]), vectors=zeros)
    with within_limits(), pytest.raises(CorpusFormatError, match=r"is packed to .* and would take"):
        read_word_vectors(path)
    path.write_bytes(b"PK")
    with pytest.raises(CorpusFormatError, match="expected an array of strings"):
        read_word_vectors(path)


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (f"1 {10**12}\na 1 2\n", ConfigError),
        (f"{10**12} {10**12}\n", ConfigError),
        ("9" * 5000 + " " + "9" * 5000 + "\na 1\n", DovetailError),
        ("a" * 5_000_000, CorpusFormatError),
        ("a" + " 1" * 2_000_000, CorpusFormatError),
        ("a 1 2\n\ufffdb \x00\n", CorpusFormatError),
    ],
    ids=["wide header", "large header", "digits", "long word", "long line", "no numbers"],
)
def test_text_of_hostile_form_is_refused(
    content: str, error: type[DovetailError], tmp_path: Path
) -> None:
    path = tmp_path / "vectors.txt"
    path.write_text(content, encoding="utf-8")
    with within_limits(), pytest.raises(error):
        read_word_vectors(path)


def test_long_line_of_clusters_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "paths"
    with path.open("wb") as file:
        file.truncate(1 << 34)  # zeros without a line break
    with within_limits(), pytest.raises(CorpusFormatError, match="a line of more than"):
        read_brown_paths(path)
    with within_limits(), pytest.raises(CorpusFormatError, match="a line of more than"):
        read_word_vectors(path)


def test_fifos_are_refused(tmp_path: Path) -> None:
    fifo = make_fifo(tmp_path)
    for read in (read_brown_paths, read_word_vectors):
        with pytest.raises(ConfigError, match="found a FIFO"):
            read(fifo)
    with pytest.raises(ModelError, match="found a FIFO"):
        ElmoOptions.read(fifo)


def test_options_of_a_million_layers_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "options.json"
    lstm = {"dim": 4, "projection_dim": 2, "n_layers": 10**6, "use_skip_connections": True}
    characters = {
        "activation": "relu",
        "embedding": {"dim": 4},
        "filters": [[1, 2]] * 1000,
        "max_characters_per_token": 50,
        "n_characters": 262,
        "n_highway": 10**6,
    }
    path.write_text(json.dumps({"lstm": lstm, "char_cnn": characters}), encoding="utf-8")
    with within_limits(), pytest.raises(ModelError, match=r"lstm\.n_layers: Input should be less"):
        ElmoOptions.read(path)
