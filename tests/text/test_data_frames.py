"""Extractions as data frames: the same rows and types, whichever library makes them."""

from __future__ import annotations

import sys
from importlib.util import find_spec

import pandas
import polars
import pyarrow
import pytest
from tests.corpus import SENTENCES

from dovetail import Extraction, MissingExtraError, to_dataframe
from dovetail.text import data_frames
from dovetail.text.data_frames import COLUMNS
from dovetail.text.document import Document, Entity, Sentence

PAIN = Sentence.from_tokens(
    ["hip", "and", "knee", "pain"],
    entities=[Entity.of_pieces([(0, 1), (3, 4)], "Pain", 0.5), Entity(2, 4, "Pain", 0.25)],
)
DOCUMENTS = [
    *map(Document.from_sentence, SENTENCES[:6]),
    Document("", ""),
    Document("pain", "hip and knee pain", (PAIN,)),
]
FOUND = [Extraction(document, {}) for document in DOCUMENTS]
TYPES = {"pandas": pandas.DataFrame, "polars": polars.DataFrame, "arrow": pyarrow.Table}
TABLES = ["documents", "entities", "relations"]


def rows_of(frame):
    if isinstance(frame, pandas.DataFrame):
        return frame.astype(object).where(frame.notna(), None).to_dict("records")
    return frame.to_dicts() if isinstance(frame, polars.DataFrame) else frame.to_pylist()


@pytest.mark.parametrize("table", TABLES)
def test_libraries_give_the_same_rows(table):
    frames = [to_dataframe(iter(FOUND), table, library=library) for library in TYPES]
    assert [type(frame) for frame in frames] == [*TYPES.values()]
    one, *others = map(rows_of, frames)
    assert one
    assert [*one[0]] == [*COLUMNS[table]]
    assert others == [one, one]


def test_rows_say_what_the_extraction_says():
    entities = rows_of(to_dataframe(FOUND, library="polars"))
    relations = rows_of(to_dataframe(FOUND, "relations", library="polars"))
    for place, own in enumerate(FOUND):
        values = own.to_dict()
        named = [row for row in entities if row["document"] == place]
        assert [(r["start_char"], r["end_char"], r["type"], r["text"]) for r in named] == [
            (e["start"], e["end"], e["type"], e["text"]) for e in values["entities"]
        ]
        assert [row["entity"] for row in named] == [*range(len(named))]
        linked = [row for row in relations if row["document"] == place]
        assert [(r["head"], r["tail"], r["type"]) for r in linked] == [
            (r["head"], r["tail"], r["type"]) for r in values["relations"]
        ]
        for row in linked:  # they join
            assert row["head_text"] == named[row["head"]]["text"]
            assert row["tail_start_char"] == named[row["tail"]]["start_char"]
    assert {row["confidence"] for row in entities} == {None, 0.5, 0.25}
    assert [row["fragments"] for row in entities][-2:] == [[[0, 3], [13, 17]], []]


def test_rows_name_the_sentence():
    whole = "One left. Ann of Bonn left."
    one = Sentence(("One", "left", "."), ((0, 3), (4, 8), (8, 9)))
    two = Sentence(
        ("Ann", "of", "Bonn"), ((10, 13), (14, 16), (17, 21)), frozenset({Entity(0, 1, "P")})
    )
    found = Extraction(Document("d", whole, (one, two)), {})
    (row,) = rows_of(found.to_dataframe(library="arrow"))
    assert (row["id"], row["sentence"], row["start_char"]) == ("d", 1, 10)
    (document,) = rows_of(found.to_dataframe("documents", library="arrow"))
    assert document == {
        "document": 0,
        "id": "d",
        "text": whole,
        "sentences": 2,
        "tokens": 6,
        "entities": 1,
        "relations": 0,
    }


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("library", TYPES)
def test_table_without_rows_has_the_same_columns_of_the_same_types(library, table):
    full, empty = (to_dataframe(found, table, library=library) for found in (FOUND, []))
    assert len(empty) == 0

    def types(frame):
        return list(frame.dtypes) if library == "pandas" else frame.schema

    assert types(empty) == types(full)


def test_first_library_that_is_installed_is_taken(monkeypatch):
    kinds = []
    for missing in ([], ["pandas"], ["pandas", "polars"]):
        monkeypatch.setattr(
            data_frames,
            "find_spec",
            lambda name, gone=missing: None if name in gone else find_spec(name),
        )
        kinds.append(type(FOUND[0].to_dataframe()))
    assert kinds == [*TYPES.values()]


def test_missing_library_is_told_with_how_to_install_it(monkeypatch):
    monkeypatch.setattr(data_frames, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"pip install 'dovetail\[pandas\]'"):
        to_dataframe(FOUND)
    with pytest.raises(MissingExtraError, match=r"pip install 'dovetail\[polars\]'"):
        to_dataframe(FOUND, library="polars")


def test_what_cannot_be_meant_is_refused():
    with pytest.raises(ValueError, match="the table is 'words'; expected one of: entities"):
        to_dataframe(FOUND, "words")
    with pytest.raises(ValueError, match="the library is 'numpy'; expected one of: pandas"):
        to_dataframe(FOUND, library="numpy")
    with pytest.raises(
        TypeError, match="item 1, counted from 0: expected an Extraction, found str"
    ):
        to_dataframe([FOUND[0], "text"])


def test_stream_is_read_once_and_not_kept():
    import gc
    import weakref

    kept = []

    def stream():
        for document in DOCUMENTS:
            found = Extraction(document, {})
            kept.append(weakref.ref(found))
            yield found

    to_dataframe(stream(), library="arrow")
    gc.collect()
    assert [own() for own in kept] == [None] * len(DOCUMENTS)


def test_importing_it_imports_no_library():
    import subprocess

    program = "import sys, dovetail; dovetail.to_dataframe; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert not {"pandas", "polars", "pyarrow", "torch"} & {*done.stdout.split()}
