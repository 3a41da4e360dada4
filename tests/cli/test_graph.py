"""`dovetail graph` from the command line."""

from __future__ import annotations

import json
import os

import pytest
from tests.graph_lines import FOUND, as_lines
from typer.testing import CliRunner

from dovetail.cli import app
from dovetail.corpora import read_corpus, write_corpus
from dovetail.graph.writing import TARGETS


def run(*arguments: object, **options):
    return CliRunner().invoke(app, ["graph", *map(str, arguments)], **options)


@pytest.fixture
def found(tmp_path):
    file = tmp_path / "found.jsonl"
    file.write_text(as_lines(FOUND), "utf-8")
    return file


SUMMARY = "2 entities and 2 relations, from 4 mentions and 3 mentions of relations in 2 documents"


@pytest.mark.parametrize("to", TARGETS)
def test_every_format_is_written_and_summed_up(found, tmp_path, to):
    output = tmp_path / "out"
    result = run(found, "--to", to, "-o", output)
    assert result.exit_code == 0, result.output
    assert f"{output}: {SUMMARY}" in result.stderr
    assert output.exists()
    before = {
        path.name: path.read_bytes()
        for path in ([output] if output.is_file() else output.iterdir())
    }
    assert run(found, "--to", to, "-o", output).exit_code == 0
    after = {
        path.name: path.read_bytes()
        for path in ([output] if output.is_file() else output.iterdir())
    }
    assert before == after or to in ("html", "parquet")  # with the time


@pytest.mark.parametrize("to", ["turtle", "jsonld", "graphml", "cypher"])
def test_text_goes_to_standard_output_and_the_summary_does_not(found, tmp_path, to):
    result = run(found, "--to", to)
    assert result.exit_code == 0
    assert SUMMARY in result.stderr
    run(found, "--to", to, "-o", tmp_path / "file")
    assert result.stdout == (tmp_path / "file").read_text("utf-8")


def test_standard_input_is_read(found, tmp_path):
    result = run("-", "--to", "turtle", input=found.read_bytes())
    assert result.stdout == run(found, "--to", "turtle").stdout


@pytest.mark.parametrize("format", ["dovetail", "doccano", "brat"])
def test_what_extract_writes_in_other_formats_gives_the_same_nodes_and_edges(
    found, tmp_path, format
):
    corpus = read_corpus(found)
    other = tmp_path / ("other" if format == "brat" else "other.jsonl")
    write_corpus(corpus.documents, other, format=format)
    counts = run(other, "--to", "csv", "-o", tmp_path / "csv")
    assert counts.exit_code == 0, counts.output
    assert SUMMARY in counts.stderr


def test_a_broken_line_ends_the_command_and_leaves_the_old_file(found, tmp_path):
    with found.open("a") as file:
        file.write('{"id": "third", "text": 3, "entities": []}\n')
    output = tmp_path / "graph.ttl"
    output.write_text("old")
    result = run(found, "--to", "turtle", "-o", output)
    assert result.exit_code == 1
    assert f"{found}:4: 'text': expected a text" in str(result.exception)
    assert output.read_text() == "old"
    assert list(tmp_path.iterdir()) == [found, output] or sorted(tmp_path.iterdir()) == [
        found,
        output,
    ]


def test_broken_lines_that_are_dropped_are_counted_and_listed_with_their_place(found, tmp_path):
    lines = found.read_text("utf-8").splitlines()
    broken = ["not json", '{"id": "x", "text": "a", "entities": [{"start": 0}]}', "\\ud800"]
    found.write_text("\n".join([lines[0], broken[0], lines[1], *broken[1:], lines[2]]) + "\n")
    output = tmp_path / "graph.ttl"
    result = run(found, "--to", "turtle", "-o", output, "--on-error", "drop")
    assert result.exit_code == 3
    assert SUMMARY in result.stderr
    listed = [
        json.loads(own) for own in (tmp_path / "graph.ttl.errors.jsonl").read_text().splitlines()
    ]
    assert [own["place"] for own in listed] == [f"{found}:{number}" for number in (2, 4, 5)]
    assert all(own["message"].startswith(own["place"]) for own in listed)
    assert "left out: 3" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--to", "csv"], "name it with -o"),
        (["--to", "turtle", "--base", "nowhere"], "expected a base that begins with http://"),
        (["--to", "turtle", "--base", "http://x/<b>/"], "expected a base"),
        (["--to", "turtle", "--base", "https://example.org/kb#"], "expected a base without #"),
        (["--to", "turtle", "--base", "https://example.org/#kb/"], "expected a base without #"),
        (["--to", "turtle", "--linker", "nobody"], "there is no linker 'nobody'"),
        (["--to", "turtle", "--aliases", "nowhere.csv"], "nowhere.csv cannot be read"),
    ],
)
def test_what_is_wrong_is_said(found, arguments, message):
    result = run(found, *arguments)
    assert result.exit_code == 1
    assert message in str(result.exception)


def test_the_input_is_never_overwritten(found):
    before = found.read_bytes()
    result = run(found, "--to", "turtle", "-o", found)
    assert result.exit_code == 1
    assert "would overwrite" in str(result.exception)
    assert found.read_bytes() == before


def test_a_fifo_is_written_through_and_no_folder_is_put_in_its_place(found, tmp_path):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    result = run(found, "--to", "csv", "-o", fifo)
    assert result.exit_code == 1
    assert "is no folder" in str(result.exception)
    assert fifo.is_fifo()


def test_aliases_and_base_reach_the_graph(found, tmp_path):
    aliases = tmp_path / "aliases.csv"
    aliases.write_text("mention,entity\nLondon,https://example.org/London\n")
    base = "https://example.org/kb/"
    result = run(found, "--to", "turtle", "--aliases", aliases, "--base", base)
    assert "<https://example.org/London>" in result.stdout
    assert "<https://example.org/kb/entity/Person/ada%20lovelace>" in result.stdout
    assert "urn:dovetail:graph:" not in result.stdout


def test_a_file_that_is_no_corpus_is_said_to_be_none(tmp_path):
    result = run(tmp_path / "nowhere.jsonl", "--to", "turtle")
    assert result.exit_code == 1
    assert "nowhere.jsonl cannot be read" in str(result.exception)
