import json
import re

import pytest
from typer.testing import CliRunner

from dovetail.cli import app
from dovetail.corpora import FORMATS, read_corpus, write_corpus
from dovetail.document import Document, Entity, Relation, Sentence
from dovetail.errors import CorpusError

OUTER, INNER = Entity(0, 3, "Effect"), Entity(1, 2, "Drug")
SENTENCE = Sentence.from_tokens(
    ["high", "lithium", "toxicity"],
    entities=[OUTER, INNER],
    relations=[Relation(OUTER, INNER, "By")],
    id="s1",
)


@pytest.fixture
def corpus(tmp_path):
    path = tmp_path / "corpus.json"
    write_corpus([Document.from_sentence(SENTENCE)], path, format="spert")
    return path


def test_conversion_and_back_gives_the_same_sentences(corpus, tmp_path):
    native, again = tmp_path / "corpus.jsonl", tmp_path / "again.json"
    for arguments in ([corpus, native, "--to", "dovetail"], [native, again, "--to", "spert"]):
        result = CliRunner().invoke(app, ["convert", *map(str, arguments)])
        assert result.exit_code == 0, result.output
        assert "entity: 2 read, 2 kept, 0 dropped" in result.output
    assert again.read_bytes() == corpus.read_bytes()


def test_what_the_target_cannot_hold_is_listed(corpus, tmp_path):
    target, account = tmp_path / "out.tsv", tmp_path / "account.json"
    arguments = ["convert", str(corpus), str(target), "--to", "columns", "--ledger", str(account)]
    result = CliRunner().invoke(app, arguments)
    assert "1 x relation dropped: columns hold no relations" in result.output
    assert "1 x entity dropped: overlaps a longer entity" in result.output
    drops = json.loads(account.read_text())["written"]["drops"]
    assert {(drop["document_id"], drop["kind"], drop["start"], drop["end"]) for drop in drops} == {
        ("s1", "entity", 1, 2),
        ("s1", "relation", 0, 3),
    }
    assert read_corpus(target).sentences[0].entities == {OUTER}


def test_unknown_target_format_writes_nothing(corpus, tmp_path):
    target = tmp_path / "out"
    result = CliRunner().invoke(app, ["convert", str(corpus), str(target), "--to", "columsn"])
    assert isinstance(result.exception, CorpusError)
    assert "did you mean 'columns'" in str(result.exception)
    assert not target.exists()


def test_help_names_every_format_that_is_written():
    written = {name for name, format in FORMATS.items() if format.write}
    help_text = CliRunner(env={"COLUMNS": "1000"}).invoke(app, ["convert", "--help"]).output
    assert written <= set(re.findall(r"[\w-]+", help_text))
