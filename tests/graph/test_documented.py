"""What the page on graphs shows is so: its questions are asked, and its files are read."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from tests.graph_lines import as_lines, entity, line, stored
from tests.markdown import PROJECT, blocks_from_markdown
from typer.testing import CliRunner

from dovetail.cli import app
from dovetail.graph import Naming, read_aliases
from dovetail.graph.formats.rdf import BASE
from dovetail.graph.formats.turtle import write_turtle
from dovetail.graph.writing import TARGETS

BLOCKS = [
    own.text for own in blocks_from_markdown((PROJECT / "docs" / "graph.md").read_text("utf-8"))
]
TEXT = "Ada Lovelace lived in the U.S. and Washington in the United States."
LINES = [
    line(
        "letter",
        TEXT,
        [
            entity(TEXT, "Ada Lovelace", "Peop"),
            entity(TEXT, "U.S.", "Loc"),
            entity(TEXT, "United States", "Loc"),
            entity(TEXT, "Washington", "Peop"),
        ],
        [(0, "Live_In", 1, 0.9), (3, "Live_In", 2, 0.8)],
    )
]


def starting(word: str) -> list[str]:
    return [own for own in BLOCKS if own.lstrip().startswith(word)]


def test_questions_in_sparql_have_the_answers_that_they_ask_for():
    ox = pytest.importorskip("pyoxigraph")
    database = ox.Store()
    with stored(LINES) as store:
        file = io.StringIO()
        write_turtle(store, file, BASE)
    database.load(file.getvalue().encode(), ox.RdfFormat.TURTLE)
    plain, places = starting("PREFIX")
    rows = {tuple(value.value for value in row) for row in database.query(plain)}
    assert rows == {("Ada Lovelace", "U.S."), ("Washington", "United States")}
    rows = {tuple(value.value for value in row) for row in database.query(places)}
    assert rows == {("0.9", "letter", "0", "12"), ("0.8", "letter", "35", "45")}


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("found.jsonl").write_text(as_lines(LINES), "utf-8")
    return tmp_path


def test_the_question_in_sql_joins_the_tables(here):
    duckdb = pytest.importorskip("duckdb")
    (command,) = (own for block in BLOCKS for own in block.splitlines() if "--to parquet" in own)
    run(command)
    (question,) = starting("SELECT")
    assert duckdb.sql(question).fetchall() == [
        ("Ada Lovelace", "Live_In", "U.S.", 1, 0.9),
        ("Washington", "Live_In", "United States", 1, 0.8),
    ]


def run(command: str) -> None:
    words = command.split()
    assert words[0] == "dovetail"
    result = CliRunner().invoke(app, words[1:], catch_exceptions=False)
    assert result.exit_code == 0, result.output


def test_the_aliases_join_what_they_say(here):
    (table,) = starting("mention,")
    Path("aliases.csv").write_text(table, "utf-8")
    with stored(LINES, Naming(aliases=read_aliases(Path("aliases.csv")))) as store:
        names = {own.name: own.mentions for own in store.nodes()}
    assert names == {"Ada Lovelace": 1, "United States": 2, "George Washington": 1}
    (command,) = (own for block in BLOCKS for own in block.splitlines() if "--aliases" in own)
    run(command)
    assert "wikidata.org/entity/Q30>" in Path("graph.ttl").read_text("utf-8")


def test_the_program_for_ladybug_loads_what_the_command_writes(here):
    ladybug = pytest.importorskip("ladybug")
    run("dovetail graph found.jsonl --to cypher --tables -o graph.cypher")
    (program,) = (own for own in BLOCKS if "import ladybug" in own)
    names: dict[str, object] = {}
    exec(compile(program, "graph.md", "exec"), names)
    connection = names["connection"]
    assert isinstance(connection, ladybug.Connection)
    question = "MATCH (p:Entity)-[:Live_In]->(l:Entity) RETURN p.name, l.name"
    assert question in (PROJECT / "docs" / "graph.md").read_text("utf-8")
    assert sorted(map(tuple, connection.execute(question).get_all()))[0] == ("Ada Lovelace", "U.S.")


def test_the_page_names_every_format():
    assert f"--to {'|'.join(TARGETS)}" in BLOCKS[0]
