import json
import re

import pytest
from typer.testing import CliRunner

from dovetail.cli import app
from dovetail.corpora import FORMATS, read_corpus, write_corpus
from dovetail.errors import CorpusError
from dovetail.text.document import Document, Entity, Relation, Sentence
from dovetail.text.reading import Reading

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


def test_relations_between_sentences_are_said_to_need_a_wider_unit(tmp_path):
    source, target = tmp_path / "texts.jsonl", tmp_path / "out.jsonl"
    entities = [{"start": 0, "end": 3, "type": "Per"}, {"start": 22, "end": 26, "type": "Loc"}]
    document = {
        "text": "Ann left. She went to Bonn.",
        "entities": entities,
        "relations": [{"head": 0, "tail": 1, "type": "In"}],
    }
    source.write_text(json.dumps(document) + "\n", encoding="utf-8")
    arguments = ["convert", str(source), str(target), "--to", "dovetail"]
    result = CliRunner().invoke(app, arguments)
    assert "1 of 1 relations go from one sentence to another; --unit document" in result.stderr
    result = CliRunner().invoke(app, [*arguments, "--unit", "document"])
    assert "--unit" not in result.stderr
    (read,) = read_corpus(target, reading=Reading(unit="document")).sentences
    assert len(read.relations) == 1


@pytest.mark.parametrize("name", ["opennre", "tacred", "semeval2010"])
def test_format_that_holds_nothing_of_a_corpus_is_warned_of(name, tmp_path):
    source, target = tmp_path / "texts.json", tmp_path / "out"
    alone = Sentence.from_tokens(["Ann", "left"], entities=[Entity(0, 1, "Per")])
    write_corpus([Document.from_sentence(alone)], source, format="spert")
    result = CliRunner().invoke(app, ["convert", str(source), str(target), "--to", name])
    assert "can hold nothing of this corpus" in result.stderr
