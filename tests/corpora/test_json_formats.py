import json
from dataclasses import replace
from pathlib import Path

import pytest

from dovetail.corpora import FORMATS, read_corpus, write_corpus
from dovetail.text.document import Document, Entity, Relation, Sentence
from dovetail.text.reading import Reading

PERSON, PLACE = Entity(0, 2, "Peop"), Entity(3, 4, "Loc")
SENTENCE = Sentence.from_tokens(
    ["Anna", "Ito", "left", "Bonn"],
    entities=[PERSON, PLACE],
    relations=[Relation(PERSON, PLACE, "Left")],
    id="s",
)

# The same sentence in every format that names things by tokens.
CONTENTS = {
    "dovetail": {
        "id": "s",
        "tokens": SENTENCE.tokens,
        "entities": [
            {"start": 3, "end": 4, "type": "Loc"},
            {"start": 0, "end": 2, "type": "Peop"},
        ],
        "relations": [{"head": 1, "tail": 0, "type": "Left"}],
    },
    "spert": [
        {
            "tokens": SENTENCE.tokens,
            "entities": [
                {"start": 3, "end": 4, "type": "Loc"},
                {"start": 0, "end": 2, "type": "Peop"},
            ],
            "relations": [{"head": 1, "tail": 0, "type": "Left"}],
            "orig_id": "s",
        }
    ],
    "tagged": [
        {
            "tokens": SENTENCE.tokens,
            "tags": ["B-Peop", "L-Peop", "O", "U-Loc"],
            "relations": [{"head": 0, "tail": 1, "type": "Left"}],
            "orig_id": "s",
        }
    ],
    "unified": [
        {
            "tokens": SENTENCE.tokens,
            "entities": [[3, 4, "Loc"], [0, 2, "Peop"]],
            "relations": [[0, 2, 3, 4, "Left"]],
            "orig_id": "s",
        }
    ],
    "dygie": {
        "doc_key": "s",
        "sentences": [SENTENCE.tokens],
        "ner": [[[3, 3, "Loc"], [0, 1, "Peop"]]],
        "relations": [[[0, 1, 3, 3, "Left"]]],
    },
    "crossre": {
        "doc_key": "s",
        "sentence": SENTENCE.tokens,
        "ner": [[3, 3, "Loc"], [0, 1, "Peop"]],
        "relations": [[0, 1, 3, 3, "Left", "explanation", True, False]],
    },
}


@pytest.mark.parametrize("format", CONTENTS)
def test_one_sentence_is_the_same_in_every_format_and_recognised(tmp_path, format):
    path = tmp_path / "corpus"
    path.write_text(json.dumps(CONTENTS[format]))
    assert read_corpus(path).sentences == (SENTENCE,)
    assert read_corpus(path, format=format).documents == (Document.from_sentence(SENTENCE),)


@pytest.mark.parametrize("format", [name for name, known in FORMATS.items() if known.write])
def test_what_is_written_is_recognised(tmp_path, format):
    path = tmp_path / "corpus"
    write_corpus([Document.from_sentence(SENTENCE)], path, format=format)
    read = read_corpus(path).sentences[0]
    assert read.tokens == SENTENCE.tokens
    assert {item.span for item in read.entities} == {item.span for item in SENTENCE.entities}


def test_dygie_counts_tokens_through_the_document_and_misses_what_crosses(tmp_path):
    path = tmp_path / "corpus"
    line = {
        "doc_key": "d",
        "sentences": [["a", "b"], ["c", "d"]],
        "ner": [[[1, 1, "X"]], [[2, 3, "Y"], [3, 3, "Z"]]],
        "relations": [[[1, 1, 3, 3, "R"]], [[2, 3, 3, 3, "S"], [2, 2, 3, 3, "T"]]],
        "clusters": [],
    }
    path.write_text(json.dumps(line))
    corpus = read_corpus(path)
    first, second = corpus.sentences
    assert first.entities == {Entity(1, 2, "X")}
    assert second.relations == {Relation(Entity(0, 2, "Y"), Entity(1, 2, "Z"), "S")}
    assert [(drop.type, drop.reason) for drop in corpus.ledger.drops] == [
        ("T", "an argument is not among the entities of the sentence"),
    ]
    [beside] = first.unaligned
    assert (beside.type, beside.reason) == ("R", "crosses the border of a sentence")
    assert corpus.documents[0].text == "a b c d"
    assert [sentence.id for sentence in corpus.sentences] == ["d-0", "d-1"]
    again = tmp_path / "again"
    ledger = write_corpus(corpus.documents, again, format="dygie")
    assert [drop.type for drop in ledger.drops] == ["R"]
    first_again, second_again = read_corpus(again).sentences
    assert first_again == replace(first, unaligned=frozenset())
    assert second_again == second


def test_dygie_relation_across_sentences_is_held_where_a_unit_is_a_document(tmp_path):
    path = tmp_path / "corpus"
    line = {
        "doc_key": "d",
        "sentences": [["a", "b"], ["c", "d"]],
        "ner": [[[1, 1, "X"]], [[2, 3, "Y"]]],
        "relations": [[[1, 1, 2, 3, "R"]], []],
    }
    path.write_text(json.dumps(line))
    corpus = read_corpus(path, reading=Reading(unit="document"))
    [sentence] = corpus.sentences
    assert sentence.tokens == ("a", "b", "c", "d")
    assert sentence.relations == {Relation(Entity(1, 2, "X"), Entity(2, 4, "Y"), "R")}
    assert not corpus.ledger.drops


@pytest.mark.parametrize("format", ["spert", "dygie"])
def test_a_missing_field_says_that_a_task_is_not_annotated(tmp_path, format):
    content = json.loads(json.dumps(CONTENTS[format]))
    del (content[0] if format == "spert" else content)["relations"]
    path = tmp_path / "corpus"
    path.write_text(json.dumps(content))
    assert read_corpus(path).sentences[0].annotated == {"entity"}


def test_entities_that_borders_cannot_tell_apart_lose_a_relation_with_a_reason(tmp_path):
    one, other = Entity(0, 1, "A"), Entity(0, 1, "B")
    sentence = Sentence.from_tokens(
        ["x", "y"],
        entities=[one, other, Entity(1, 2, "C")],
        relations=[Relation(one, Entity(1, 2, "C"), "R"), Relation(other, one, "S")],
    )
    for format in ("unified", "dygie", "crossre"):
        ledger = write_corpus([Document.from_sentence(sentence)], tmp_path / "c", format=format)
        assert [drop.type for drop in ledger.drops] == ["S"]
        assert len(read_corpus(tmp_path / "c").sentences[0].relations) == 1


def test_native_text_with_character_annotations_is_cut_into_tokens(tmp_path):
    path = tmp_path / "corpus.jsonl"
    line = {
        "id": "d",
        "text": "Anna Ito left. She is in Bonn-Beuel.",
        "entities": [
            {"start": 0, "end": 8, "type": "Peop", "text": "Anna Ito"},
            {"start": 25, "end": 29, "type": "Loc", "confidence": 0.5},
        ],
        "relations": [{"head": 0, "tail": 1, "type": "In"}],
        "annotated": ["entity"],
    }
    path.write_text(json.dumps(line))
    corpus = read_corpus(path)
    [document] = corpus.documents
    covered = [document.surface(s, e) for s in document.sentences for e in s.entities]
    assert covered == ["Anna Ito", "Bonn"]
    assert corpus.sentences[0].annotated == {"entity"}
    assert corpus.ledger["relation"].kept == 1
    [beside] = corpus.sentences[0].unaligned
    assert (beside.type, beside.spans) == ("In", ((0, 8), (25, 29)))
    cut = read_corpus(path, reading=Reading(borders="cut"))
    assert cut.ledger["relation"].dropped == 1


def test_the_examples_of_the_documentation_are_read(tmp_path):
    page = Path(__file__).parents[2] / "docs" / "formats" / "dovetail.md"
    examples = [line for line in page.read_text().splitlines() if line.startswith("{")]
    apart = [line for line in examples if '"fragments"' in line]  # a sample of its own
    path = tmp_path / "corpus.jsonl"
    path.write_text("\n".join(line for line in examples if line not in apart))
    corpus = read_corpus(path)
    assert [document.id for document in corpus.documents] == ["17", "18", "19", "20"]
    assert corpus.ledger["relation"].kept == 4
    assert not corpus.ledger.drops
    assert not corpus.ledger.notes
    path.write_text("\n".join(apart))
    [sentence] = read_corpus(path, reading=Reading(discontinuous="keep")).sentences
    assert {entity.pieces for entity in sentence.entities} == {((0, 1), (3, 4)), ((2, 4),)}


def test_what_spert_cannot_hold_is_noted(tmp_path):
    sentence = Sentence(
        ("Anna", "left"), ((0, 4), (6, 10)), frozenset([Entity(0, 1, "P", 0.9)]), id="d-0"
    )
    other = Sentence(("Bye",), ((11, 14),), annotated=frozenset(["entity"]), id="d-1")
    document = Document("d", "Anna  left Bye", (sentence, other))
    ledger = write_corpus([document], tmp_path / "c", format="spert")
    assert not ledger.drops
    assert {note.split(":")[0] for note in ledger.notes} == {
        *("document", "sentence", "confidence of an entity or relation is not held")
    }
    assert sum(ledger.notes.values()) == 4
