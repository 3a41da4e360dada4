from __future__ import annotations

import json
import os
import stat
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.hostile import make_device, make_fifo

from dovetail.config import load_config
from dovetail.corpora import read_corpus
from dovetail.errors import ConfigError, CorpusError
from dovetail.files.bounded import MAX_LEVELS, json_value, read_bytes, read_json, toml_values

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63) + 1, 2**63 - 1) | st.text() | st.floats(0, 1),
    lambda below: st.lists(below) | st.dictionaries(st.text(), below),
)


@given(VALUES)
def test_usual_json_is_read_as_the_standard_library_reads_it(value: object) -> None:
    assert json_value(json.dumps(value)) == value


@given(st.dictionaries(st.text("ab.\"'#\\ ", min_size=1), st.integers(0, 9) | st.text()))
def test_usual_toml_is_read_as_the_standard_library_reads_it(values: dict[str, object]) -> None:
    text = "\n".join(f"{json.dumps(key)} = {json.dumps(value)}" for key, value in values.items())
    try:
        expected = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        with pytest.raises(tomllib.TOMLDecodeError):
            toml_values(text)
    else:
        assert toml_values(text) == expected


@pytest.mark.parametrize("levels", [MAX_LEVELS + 1, 985, 1_000, 1_000_000])
@pytest.mark.parametrize("brackets", ["[]", '{"a":}'])
def test_json_of_too_many_levels_is_refused(levels: int, brackets: str) -> None:
    opening, closing = brackets[:-1], brackets[-1]
    with pytest.raises(ValueError, match="more than 100 tables and lists within one another"):
        json_value(opening * levels + "1" + closing * levels)


def test_json_of_just_so_many_levels_is_read() -> None:
    assert json_value("[" * MAX_LEVELS + "1" + "]" * MAX_LEVELS)


@pytest.mark.parametrize(
    "text",
    [
        ".".join(["a"] * 400_000) + " = 1",
        ' . "a"' * 400_000 + " = 1",
        "a = " + "[" * 400_000,
        "a = " + "[" * 200 + "]" * 200,
        "a = " + "{a = " * 200 + "1" + "}" * 200,
    ],
    ids=["dotted key", "dots and quotes", "open lists", "lists", "tables"],
)
def test_toml_of_too_many_levels_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="more than 100 tables and lists within one another"):
        toml_values(text)


@pytest.mark.parametrize("number", ["9" * 4300, "9" * 5000, "-" + "9" * 25, str(2**63)])
def test_numbers_that_no_program_can_hold_are_refused(number: str) -> None:
    for read, text in ((json_value, f'{{"a": [{number}]}}'), (toml_values, f"a = [{number}]")):
        with pytest.raises(ValueError, match=r"whole number of|Exceeds the limit"):
            read(text)
    with pytest.raises(ValueError, match="a whole number of 20,000 bits"):
        toml_values(f"a = 0x{'f' * 5000}")
    assert json_value(json.dumps("9" * 5000)) == "9" * 5000  # a text may be of digits


@pytest.mark.parametrize("content", ["{}," * 1_500_000, '"":0,' * 1_500_000, "0," * 5_000_000])
def test_description_of_too_many_values_is_refused(content: str, tmp_path: Path) -> None:
    path = tmp_path / "model.json"
    path.write_text(f"[{content}0]", encoding="utf-8")
    with pytest.raises(ValueError, match=r"more than 4,000,000 values, or 1,000,000 tables"):
        read_json(path, at_most=1 << 26)


def test_what_is_no_regular_file_is_refused_before_it_is_opened(tmp_path: Path) -> None:
    for path, found in ((make_fifo(tmp_path), "a FIFO"), (tmp_path, "a folder")):
        with pytest.raises(OSError, match=f"expected a regular file, found {found}"):
            read_bytes(path, at_most=10)
    with pytest.raises(FileNotFoundError):
        read_bytes(tmp_path / "nothing", at_most=10)
    with pytest.raises(OSError, match="no file can have this name"):
        read_bytes(tmp_path / "a\0b", at_most=10)


def test_device_that_never_ends_is_refused(tmp_path: Path) -> None:
    device = make_device(tmp_path)
    link = tmp_path / "link.jsonl"
    link.symlink_to(device)
    for path in (device, link):
        with pytest.raises(OSError, match="expected a regular file, found a device"):
            read_bytes(path, at_most=10)
        with pytest.raises(CorpusError, match="expected a regular file, found a device"):
            read_corpus(path, format="dovetail")


def test_file_of_just_the_limit_is_read_and_no_larger_one(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")
    assert read_bytes(path, at_most=10) == b"0123456789"
    with pytest.raises(OSError, match="it has 10 bytes or more, and at most 9 are read"):
        read_bytes(path, at_most=9)


def test_corpus_beyond_the_limit_is_refused_by_its_size(tmp_path: Path) -> None:
    path = tmp_path / "corpus.jsonl"
    with path.open("wb") as file:
        file.truncate(1 << 40)  # takes no room on the disk
    with pytest.raises(CorpusError, match=r"1,099,511,627,776 bytes or more, and at most 4,29"):
        read_corpus(path)


def test_corpus_and_config_that_are_fifos_are_refused(tmp_path: Path) -> None:
    fifo = make_fifo(tmp_path)
    assert stat.S_ISFIFO(os.stat(fifo).st_mode)
    with pytest.raises(CorpusError, match="found a FIFO"):
        read_corpus(fifo)
    with pytest.raises(ConfigError, match="found a FIFO"):
        load_config(fifo)


def test_config_with_very_many_problems_says_the_first_ones(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("\n".join(f"key{n} = 1" for n in range(60_000)), encoding="utf-8")
    with pytest.raises(ConfigError, match=r"60,000 problems, the first of which are") as caught:
        load_config(path)
    assert str(caught.value).count("\n") <= 41
    path.write_text("a = 1\n" * 200_000, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"1,200,000 bytes or more, and at most 1,048,576"):
        load_config(path)


@pytest.mark.parametrize("format", [None, "dovetail", "spert", "dygie", "unified"])
@pytest.mark.parametrize(
    "value",
    ["[" * 985 + "]" * 985, "[" * 10**6, "9" * 4300, "-" + "9" * 5000, '{"a": {"a": {}}}'],
    ids=["levels", "open levels", "digits", "more digits", "tables"],
)
def test_json_that_no_reader_expects_is_refused_by_a_sentence(
    value: str, format: str | None, tmp_path: Path
) -> None:
    path = tmp_path / "corpus.jsonl"
    for line in (
        value,
        f'{{"text": {value}}}',
        f'{{"tokens": {value}}}',
        f'{{"tokens": ["a"], "entities": [{{"type": "A", "start": {value}, "end": 1}}]}}',
        f'{{"tokens": ["a"], "entities": [{{"type": {value}, "start": 0, "end": 1}}]}}',
    ):
        path.write_text(line, encoding="utf-8")
        with pytest.raises(CorpusError) as refusal:
            read_corpus(path, format=format)
        assert len(str(refusal.value)) < 2_500  # the longest lists the formats of JSON
