"""Where rows end: as the csv module has it, whatever stands in the cells."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.bulk.test_plan import plan_of, read

from dovetail.bulk.cells import Quotes, cells_of
from dovetail.errors import CorpusError

characters = st.text(alphabet='a",;\t\r\n é', max_size=30)
delimiters = st.sampled_from(",;\t")


def rows_of(text: str, delimiter: str) -> list[list[str]]:
    return [*csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)]


@given(characters, delimiters, st.integers(1, 5))
@example('a,"b""\n",c\n', ",", 1)
@example('5" pipe\n6" pipe\n', ",", 3)
def test_a_row_is_open_where_the_csv_module_reads_on(text: str, delimiter: str, step: int) -> None:
    """What follows is a row of its own, or a part of the last one; however it is cut."""
    quotes = Quotes(delimiter)
    content = text.encode()
    for start in range(0, len(content), step):
        quotes.read(content[start : start + step])
    # An empty line is no row of its own, a cell is.
    before, after = rows_of(text, delimiter), rows_of(f"{text}\nx", delimiter)
    is_new = bool(after) and after[-1] == ["x"] and len(after) > len([*filter(None, before)])
    assert quotes.is_open != is_new


@given(st.lists(st.text(alphabet='a",;\t\r\n é"'), min_size=1, max_size=4), delimiters)
def test_what_a_library_writes_is_read_again(cells: list[str], delimiter: str) -> None:
    file = io.StringIO(newline="")
    csv.writer(file, delimiter=delimiter).writerow(cells)
    assert cells_of(file.getvalue().encode(), delimiter) == cells


def texts_of(content: str, path: Path) -> tuple[list[str], list[str]]:
    path.write_bytes(content.encode())
    plan, options = plan_of(path, unit_documents=2)
    documents = read(plan, options)
    assert len(documents) == plan.documents
    return (
        [own.fields.text for own in documents if own.fields],
        [own.problem for own in documents if own.problem],
    )


@pytest.mark.parametrize("ending", ["csv", "tsv"])
def test_marks_inside_of_cells_are_text(ending: str, tmp_path: Path) -> None:
    texts = ["one", 'a 5" crack', "three", "four", 'second 6" crack', 'a "quoted" word']
    found, failed = texts_of("\n".join(["text", *texts]), tmp_path / f"marks.{ending}")
    assert (found, failed) == (texts, [])


def test_a_mark_that_is_not_closed_fails_with_all_that_it_holds(tmp_path: Path) -> None:
    found, failed = texts_of('id,text\n1,one\n2,"two\n3,three\n', tmp_path / "open.csv")
    assert found == ["one"]
    assert failed == ["no row: the quotation mark that a cell begins with is not closed"]


def test_a_long_text_is_read(tmp_path: Path) -> None:
    long = "word " * 30_000
    assert texts_of(f"id,text\n1,{long}\n", tmp_path / "long.csv") == ([long], [])
    assert csv.field_size_limit() < len(long)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"text\rone\rtwo\r", "has no header: a line holds several rows: end each with a line"),
        ("text\none\n".encode("utf-16"), "is not UTF-8 text: .*iconv -f UTF-16 -t UTF-8"),
        (b'"text\none', "has no header: the quotation mark that a cell begins with"),
    ],
)
def test_what_has_no_header_says_why(content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "odd.csv").write_bytes(content)
    with pytest.raises(CorpusError, match=message):
        plan_of(tmp_path / "odd.csv")
