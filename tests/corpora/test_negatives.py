"""Files of sentences without a relation: what is read, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.corpus import SENTENCES, save_corpus

from dovetail.corpora import write_corpus
from dovetail.corpora.negatives import of_documents, read_negatives
from dovetail.errors import CorpusError
from dovetail.text.document import Document, Sentence
from dovetail.text.reading import Reading

READING = Reading(language="en")
FREE = [sentence for sentence in SENTENCES if not sentence.relations]
RELATED = [sentence for sentence in SENTENCES if sentence.relations]


def test_plain_text_is_a_sentence_a_line_and_lines_are_documents(tmp_path: Path) -> None:
    path = tmp_path / "dull.txt"
    path.write_text("It rained\n\nNobody came.\nHe said\n", encoding="utf-8")
    corpus = read_negatives(path, READING)
    assert [(document.id, document.text) for document in corpus.documents] == [
        ("dull:1", "It rained"),
        ("dull:3", "Nobody came."),
        ("dull:4", "He said"),
    ]
    assert [sentence.tokens for sentence in corpus.sentences] == [
        ("It", "rained"),
        ("Nobody", "came", "."),
        ("He", "said"),
    ]


@pytest.mark.parametrize("format", ["dovetail", "spert", "conll04", "columns", "brat"])
def test_any_corpus_without_a_relation_is_read(tmp_path: Path, format: str) -> None:
    path = tmp_path / "negatives"
    write_corpus(map(Document.from_sentence, FREE), path, format=format)
    read = read_negatives(path, READING)
    found = {sentence.tokens: sentence.entities for sentence in read.sentences}
    assert found == {sentence.tokens: sentence.entities for sentence in FREE}


@pytest.mark.parametrize(
    ("format", "place"),
    [
        ("dovetail", ":5: "),
        ("spert", r":\d+: item 3: "),
        ("conll04", ": sentence '3'"),
        ("brat", ": "),
    ],
)
def test_a_relation_is_refused_with_its_place(tmp_path: Path, format: str, place: str) -> None:
    path = tmp_path / "negatives"
    mixed = [*FREE[:3], RELATED[0], RELATED[1]]
    write_corpus(map(Document.from_sentence, mixed), path, format=format)
    message = (
        f"{path}.*{place}.*expected sentences without a relation, found 'lives_in' from "
        f"'Ada Lovelace' to 'London' .*; 2 of 5 sentences"
    )
    with pytest.raises(CorpusError, match=message):
        read_negatives(path, READING)


def test_a_relation_of_a_line_of_text_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "ade.txt"
    path.write_text("1 NEG It rained.\n2|Rash by gin.|Rash|0|4|gin|8|11\n", encoding="utf-8")
    with pytest.raises(CorpusError, match=r"ade\.txt:2: expected sentences without a relation"):
        read_negatives(path, READING)


def test_a_relation_that_could_not_be_kept_is_refused_too(tmp_path: Path) -> None:
    path = tmp_path / "lost.jsonl"
    entities = [{"start": 0, "end": 1, "type": "A"}]
    relations = [{"head": 0, "tail": 0, "type": "r"}]
    line = {"tokens": ["a", "b"], "entities": entities, "relations": relations}
    path.write_text(json.dumps(line) + "\n", encoding="utf-8")
    with pytest.raises(CorpusError, match="found relations that could not be kept, 1 in all"):
        read_negatives(path, READING)


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "none.txt"
    path.write_text("\n", encoding="utf-8")
    with pytest.raises(CorpusError, match="is empty"):
        read_negatives(path, READING)


def test_a_text_that_begins_as_json_does_is_a_text(tmp_path: Path) -> None:
    path = tmp_path / "bracket.txt"
    path.write_text("[Cisplatin] was well tolerated.\n", encoding="utf-8")
    assert len(read_negatives(path, READING).sentences) == 1


@pytest.mark.parametrize(
    ("id", "patterns", "expected"),
    [("17", ["*7"], True), ("71", ["*7"], False), ("a", ["b", "a"], True), ("", ["*7"], False)],
)
def test_documents_are_told_by_patterns(id: str, patterns: list[str], expected: bool) -> None:
    assert of_documents(id, patterns) == expected


def test_the_same_sentence_is_read_from_all_formats(tmp_path: Path) -> None:
    text = tmp_path / "one.txt"
    text.write_text("It rained .\n", encoding="utf-8")
    native = save_corpus([Sentence.from_tokens(["It", "rained", "."])], tmp_path / "one.jsonl")
    tokens = [
        own.tokens for path in (text, native) for own in read_negatives(path, READING).sentences
    ]
    assert tokens[0] == tokens[1]
