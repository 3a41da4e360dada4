"""Whatever an input is, and however it is cut: each document once, in order, with its place."""

from __future__ import annotations

import csv
import gzip
import io
import json
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from dovetail.bulk.addresses import inputs_of
from dovetail.bulk.contents import opened
from dovetail.bulk.options import BulkOptions
from dovetail.bulk.plan import Plan, planned
from dovetail.bulk.unit_reading import ReadDocument, documents_of
from dovetail.errors import CorpusError
from dovetail.running.steps import result_of

TEXTS = [
    "Ada lived in London.",
    'Zwei Zeilen\nund "Zitate", mit Komma',
    "",
    "Łódź 東京 \U0001f600",
    "x" * 3000,
    'ends, with a "quote"',
    "\r\nwindows\r\n",
]
Write = Callable[[list[str], Path], Path]


def jsonl(texts: list[str], path: Path) -> Path:
    rows = [{"id": number, "text": text} for number, text in enumerate(texts)]
    # A blank line is no document, and no line break at the end no fault.
    content = "\n\n".join(json.dumps(row, ensure_ascii=row["id"] % 2 == 0) for row in rows)
    path = path.with_suffix(".jsonl")
    path.write_text(content, encoding="utf-8")
    return path


def rows(texts: list[str], path: Path) -> Path:
    path = path.with_suffix(".csv")
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerows([["id", "text"], *enumerate(texts)])
    return path


def semicolons(texts: list[str], path: Path) -> Path:
    path = path.with_suffix(".csv")
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerows([["id", "a, b", "text"], *((n, 1, own) for n, own in enumerate(texts))])
    return path


def tabbed(texts: list[str], path: Path) -> Path:
    path = path.with_suffix(".tsv")
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, delimiter="\t", quoting=csv.QUOTE_ALL)
        writer.writerows([["text", "id"], *((text, n) for n, text in enumerate(texts))])
    return path


def columns(texts: list[str], path: Path) -> Path:
    path = path.with_suffix(".parquet")
    table = pa.table({"id": [*range(len(texts))], "other": [0.5] * len(texts), "text": texts})
    parquet.write_table(table, path, row_group_size=3)
    return path


def crawl(texts: list[str], path: Path) -> Path:
    path = path.with_suffix(".wet")
    records = [record(b"software: none", "warcinfo", "head")]
    records += [
        record(text.encode(), "conversion", str(number)) for number, text in enumerate(texts)
    ]
    path.write_bytes(b"".join(records))
    return path


def record(content: bytes, type: str, id: str) -> bytes:
    head = [
        "WARC/1.0",
        f"WARC-Type: {type}",
        f"WARC-Record-ID: {id}",
        f"WARC-Target-URI: http://example.org/{id}",
        f"Content-Length: {len(content)}",
    ]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + content + b"\r\n\r\n"


def packed(path: Path, suffix: str) -> Path:
    content = path.read_bytes()
    half = len(content) // 2
    parts = (content[:half], content[half:])  # of two members, as logs are put together
    packer = gzip.compress if suffix == ".gz" else zstandard.ZstdCompressor().compress
    new = path.with_name(f"{path.name}{suffix}")
    new.write_bytes(b"".join(map(packer, parts)))
    return new


def plan_of(*arguments: object, **options: object) -> tuple[Plan, BulkOptions]:
    chosen = BulkOptions(**options)
    return result_of(planned(inputs_of(map(str, arguments), chosen.kind), chosen)), chosen


def read(plan: Plan, options: BulkOptions) -> list[ReadDocument]:
    """The documents of all units, which may be done in any order."""
    units = [[*documents_of(own, plan.inputs_of(own), options)] for own in reversed(plan.units)]
    return [document for unit in reversed(units) for document in unit]


def found(documents: list[ReadDocument]) -> list[tuple[str, str]]:
    return [(own.fields.id, own.fields.text) for own in documents if own.fields]


EXPECTED = [(str(number), text) for number, text in enumerate(TEXTS)]


@pytest.mark.parametrize("unit", [1, 2, 100])
@pytest.mark.parametrize("suffix", ["", ".gz", ".zst"])
@pytest.mark.parametrize(
    "write", [jsonl, rows, semicolons, tabbed, crawl], ids=lambda own: own.__name__
)
def test_all_kinds_give_the_same_documents_in_any_units(
    tmp_path: Path, write: Write, suffix: str, unit: int
) -> None:
    path = write(TEXTS, tmp_path / "texts")
    path = packed(path, suffix) if suffix else path
    plan, options = plan_of(path, unit_documents=unit)
    assert not plan.problems
    documents = read(plan, options)
    assert found(documents) == EXPECTED
    assert [own.number for own in documents] == [*range(len(TEXTS))]
    if not suffix:
        assert [own.documents for own in plan.units][:-1] == [unit] * (len(plan.units) - 1)


@pytest.mark.parametrize("unit", [1, 2, 100])
def test_parquet_is_cut_within_its_groups_of_rows(tmp_path: Path, unit: int) -> None:
    path = columns(TEXTS, tmp_path / "texts")
    plan, options = plan_of(path, unit_documents=unit)
    assert found(read(plan, options)) == EXPECTED
    assert [own.documents for own in plan.units][:-1] == [unit] * (len(plan.units) - 1)
    assert (plan.units[-1].pieces[-1].end, plan.inputs[0].size) == (7, path.stat().st_size)


@settings(max_examples=60, deadline=None)
@given(
    texts=st.lists(st.text(st.characters(codec="utf-8"), max_size=30), min_size=1, max_size=12),
    write=st.sampled_from([jsonl, rows, semicolons, tabbed, columns]),
    documents=st.integers(1, 13),
    size=st.integers(1, 400),
    suffix=st.sampled_from(["", ".gz", ".zst"]),
)
def test_no_way_to_cut_changes_what_is_read(
    tmp_path_factory: pytest.TempPathFactory,
    texts: list[str],
    write: Write,
    documents: int,
    size: int,
    suffix: str,
) -> None:
    path = write(texts, tmp_path_factory.mktemp("texts") / "texts")
    path = packed(path, suffix) if suffix and write is not columns else path
    plan, options = plan_of(path, unit_documents=documents, unit_bytes=size)
    assert not plan.problems
    assert found(read(plan, options)) == [(str(n), text) for n, text in enumerate(texts)]


def test_a_document_a_file_or_a_line(tmp_path: Path) -> None:
    for name, text in (("b.txt", "second\nfile\n"), ("a.txt", "\ufefffirst"), ("c.txt", "")):
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / ".hidden.txt").write_text("no", encoding="utf-8")
    plan, options = plan_of(tmp_path)
    places = [str(tmp_path / name) for name in ("a.txt", "b.txt", "c.txt")]
    assert found(read(plan, options)) == [
        *zip(places, ["first", "second\nfile\n", ""], strict=True)
    ]
    assert len(plan.units) == 1  # small files go together
    plan, options = plan_of(tmp_path / "*.txt", kind="lines")
    b = tmp_path / "b.txt"
    assert found(read(plan, options))[1:] == [(f"{b}:1", "second"), (f"{b}:2", "file")]


@pytest.mark.parametrize("ending", [".zip", ".tar"])
def test_archives_stand_for_what_they_hold(tmp_path: Path, ending: str) -> None:
    members = {"in/b.txt": "second", "a.txt": "first", "in/c.jsonl": '{"text": "third"}'}
    path = tmp_path / f"mails{ending}"
    if ending == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            for name, text in members.items():
                archive.writestr(name, text)
    else:
        with tarfile.open(path, "w") as archive:
            for name, text in members.items():
                info = tarfile.TarInfo(name)
                info.size = len(text)
                archive.addfile(info, io.BytesIO(text.encode()))
    plan, options = plan_of(path)
    assert [text for _, text in found(read(plan, options))] == ["first", "second", "third"]
    assert all(str(path) in source.address for source in plan.inputs)


def test_an_input_is_taken_once_and_nothing_is_not_an_input(tmp_path: Path) -> None:
    path = jsonl(["a"], tmp_path / "texts")
    plan, _ = plan_of(path, tmp_path / "*.jsonl", tmp_path)
    assert plan.documents == 1
    for wrong, message in (
        (tmp_path / "no.jsonl", "there is no such file"),
        (tmp_path / "*.txt", "nothing in its place"),
        ("nowhere://texts", "cannot be read"),
    ):
        with pytest.raises(CorpusError, match=message):
            plan_of(wrong)
    path.rename(tmp_path / "texts.doc")
    with pytest.raises(CorpusError, match="does not say what it holds"):
        plan_of(tmp_path / "texts.doc")


def test_what_is_no_document_has_a_place_and_a_reason(tmp_path: Path) -> None:
    path = tmp_path / "lines.jsonl"
    path.write_bytes(
        b'{"text": "good"}\n{"text": "caf\xe9"}\n[1]\n{"text": 5}\n{"text": \n{"name": "x"}\n'
        b'{"text": "' + b"long" * 100 + b'"}\n{"text": "\\ud800"}\n{"text": "last"}'
    )
    plan, options = plan_of(path, unit_documents=2, max_characters=300)
    documents = read(plan, options)
    assert [own.fields.text for own in documents if own.fields] == ["good", "last"]
    problems = {own.place: own.problem for own in documents if own.fields is None}
    assert [*problems] == [f"{path}:{line}" for line in range(2, 9)]
    for message, problem in zip(
        [
            "not UTF-8",
            "object",
            "a number: 5",
            "malformed JSON",
            "'text' is missing",
            "400 char",
            "surrogate",
        ],
        problems.values(),
        strict=True,
    ):
        assert message in problem
        assert str(path) not in problem


def test_a_record_without_end_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "lines.txt"
    path.write_bytes(b"a\n" + b"b" * 3_000_000 + b"\nc\n")
    plan, options = plan_of(path, kind="lines", max_characters=10, unit_documents=1)
    first, huge, last = read(plan, options)
    assert first.fields
    assert last.fields
    assert "3,000,001 bytes" in huge.problem


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
def test_what_is_damaged_is_read_up_to_there(tmp_path: Path, suffix: str) -> None:
    lines = [f"line {number * 7919 % 100_003}" for number in range(40_000)]
    path = tmp_path / "lines.txt"
    path.write_text("\n".join(lines), encoding="utf-8")
    whole = packed(path, suffix)
    content = whole.read_bytes()
    path.unlink()
    whole.write_bytes(content[: len(content) * 2 // 3])
    plan, options = plan_of(whole, kind="lines", unit_documents=2_000)
    (problem,) = plan.problems
    assert problem.place == str(whole)
    texts = [text for _, text in found(read(plan, options))]
    assert len(texts) > 10_000
    assert texts == lines[: len(texts)]


def test_a_column_that_is_missing_is_a_problem_of_the_input(tmp_path: Path) -> None:
    one, other = rows(["a"], tmp_path / "one"), tmp_path / "other.csv"
    other.write_text("id,body,year\n1,b,1815\n", encoding="utf-8")
    plan, options = plan_of(one, other)
    (problem,) = plan.problems
    assert problem.reason == "has no column 'text'; it has 'id', 'body', 'year'"
    assert found(read(plan, options)) == [("0", "a")]
    with pytest.raises(CorpusError, match=r"no document in the inputs: .*one\.csv: has no column"):
        plan_of(one, text_column="body")
    other.write_text("id;body;year\n1;b;1815\n", encoding="utf-8")
    (problem,) = plan_of(one, other)[0].problems
    assert problem.reason == "has no column 'text'; it has 'id', 'body', 'year'"
    plan, options = plan_of(other, text_column="body", keep=("year",))
    (document,) = read(plan, options)
    assert document.fields
    assert document.fields.kept == {"year": "1815"}


def test_an_input_that_changed_is_not_taken_for_what_it_was(tmp_path: Path) -> None:
    path = jsonl(["first", "second"], tmp_path / "texts")
    content = f"{path.read_text('utf-8')}\n"
    path.write_text(content, encoding="utf-8")
    plan, options = plan_of(path)
    path.write_text(content.replace("second", "sekond"), encoding="utf-8")
    with pytest.raises(CorpusError, match="not what it was when the run began"):
        read(plan, options)
    path.write_text(f"{content}[]\n", encoding="utf-8")  # what follows was not planned
    assert len(read(plan, options)) == 2


def test_content_is_read_from_any_place_on(tmp_path: Path) -> None:
    path = tmp_path / "bytes.txt"
    path.write_bytes(bytes(range(256)) * 40)
    for own in (path, packed(path, ".gz"), packed(path, ".zst")):
        (source,) = inputs_of([str(own)], None)
        for offset in (0, 1, 5000, 10_240):
            with opened(source, offset) as file:
                assert file.read() == path.read_bytes()[offset:]
