"""Formats of relation classification: a sentence is marked for one pair of entities."""

import json
from collections import Counter

import pytest
from hypothesis import given
from tests.corpora.test_round_trips import corpora, many

from dovetail.corpora import read_corpus, write_corpus
from dovetail.errors import CorpusFormatError
from dovetail.text.document import Document, Entity, Relation, Sentence
from dovetail.text.reading import Reading

FORMATS = ["tacred", "opennre", "semeval2010"]

SEMEVAL = """1\t"The <e1>cup</e1> contained <e2>green tea</e2>."
Container-Contents(e1,e2)
Comment: easy

2\t"A <e1>burn</e1> from the \"hot\" <e2>stove</e2>."
Cause-Effect(e2,e1)
Comment:

3\t"The <e2>day</e2> of the <e1>dog</e1>."
Other
Comment:

4\t"The <e1>test</e1> has no <e2>answer</e2>."
"""

TACRED = [
    {
        "id": "e77",
        "docid": "AFP_1",
        "relation": "per:employee_of",
        "token": ["Douglas", "Flint", "will", "lead", "HSBC"],
        "subj_start": 4,
        "subj_end": 4,
        "obj_start": 0,
        "obj_end": 1,
        "subj_type": "ORGANIZATION",
        "obj_type": "PERSON",
        "stanford_pos": ["NNP", "NNP", "MD", "VB", "NNP"],
    },
    {
        "id": "e78",
        "relation": "no_relation",
        "token": ["He", "met", "Flint"],
        "subj_start": 0,
        "subj_end": 0,
        "obj_start": 2,
        "obj_end": 2,
        "subj_type": "PERSON",
        "obj_type": "PERSON",
    },
]

OPENNRE = [
    {
        "text": "Bonn is in Germany.",
        "relation": "contains",
        "h": {"id": "m.1", "name": "germany", "pos": [11, 18]},
        "t": {"id": "m.2", "name": "bonn", "pos": [0, 4]},
    },
    {
        "token": ["Ann", "met", "Bob"],
        "relation": "NA",
        "h": {"name": "ann", "pos": [0, 1], "type": "PER"},
        "t": {"name": "bob", "pos": [2, 3], "type": "PER"},
    },
]


def read(tmp_path, content, **arguments):
    path = tmp_path / "corpus"
    path.write_text(content)
    return read_corpus(path, **arguments)


def triples(corpus):
    """Head, type and tail of every relation, by their words."""
    return [
        (document.surface(sentence, item.head), item.type, document.surface(sentence, item.tail))
        for document in corpus.documents
        for sentence in document.sentences
        for item in sentence.sorted_relations
    ]


def test_semeval_2010_gives_both_directions_and_no_relation(tmp_path):
    corpus = read(tmp_path, SEMEVAL)
    assert corpus.format == "semeval2010"
    assert triples(corpus) == [
        ("cup", "Container-Contents", "green tea"),
        ("stove", "Cause-Effect", "burn"),
    ]
    assert corpus.documents[1].text == 'A burn from the "hot" stove.'
    # Of a sentence without a line for its relation nothing is known.
    assert [set(item.annotated) for item in corpus.sentences] == [{"relation"}] * 3 + [set()]
    assert {entity.type for item in corpus.sentences for entity in item.entities} == {"Entity"}
    assert corpus.ledger.notes == {"comment lines are not read": 1}


def test_tacred_has_its_last_tokens_inside_and_its_types(tmp_path):
    corpus = read(tmp_path, json.dumps(TACRED))
    assert corpus.format == "tacred"
    assert triples(corpus) == [("HSBC", "per:employee_of", "Douglas Flint")]
    first, second = corpus.sentences
    assert first.entities == {Entity(4, 5, "ORGANIZATION"), Entity(0, 2, "PERSON")}
    assert first.annotated == second.annotated == {"relation"}
    assert not second.relations
    assert corpus.ledger.notes == {
        "field 'docid' is not read": 1,
        "field 'stanford_pos' is not read": 1,
    }


def test_opennre_counts_characters_of_a_text_and_tokens_of_a_list(tmp_path):
    corpus = read(tmp_path, "\n".join(map(json.dumps, OPENNRE)))
    assert corpus.format == "opennre"
    assert triples(corpus) == [("Germany", "contains", "Bonn")]
    assert corpus.sentences[1].tokens == ("Ann", "met", "Bob")
    assert corpus.sentences[1].entities == {Entity(0, 1, "PER"), Entity(2, 3, "PER")}
    assert [set(item.annotated) for item in corpus.sentences] == [{"relation"}] * 2


@pytest.mark.parametrize(
    ("format", "content", "message"),
    [
        ("semeval2010", '1\t"The <e1>cup</e1> of tea."\nOther\n', ":1: expected one <e1>"),
        ("semeval2010", SEMEVAL.replace("(e2,e1)", ""), ":5: expected a relation as"),
        ("semeval2010", SEMEVAL + "Other\nOther\n", ":15: expected a numbered sentence"),
        ("semeval2010", "Comment: none\n", "has no sentence"),
        ("tacred", json.dumps([{**TACRED[0], "subj_end": 9}]), r"item 0: entity \[4, 10\)"),
        ("tacred", json.dumps([{**TACRED[0], "obj_type": ""}]), "type of an entity is empty"),
        ("tacred", json.dumps([{**TACRED[0], "relation": ""}]), "type of a relation is empty"),
        ("opennre", json.dumps({**OPENNRE[0], "t": 5}), ":1: 't': expected a JSON object"),
        ("opennre", json.dumps({**OPENNRE[1], "h": {"pos": [0]}}), ":1: 'h': 'pos': expected"),
        ("opennre", json.dumps({**OPENNRE[0], "h": {"pos": [0, 99]}}), "not within the 19"),
    ],
)
def test_broken_pairs_are_errors_with_their_place(tmp_path, format, content, message):
    with pytest.raises(CorpusFormatError, match=message):
        read(tmp_path, content, format=format)


def test_what_is_broken_costs_no_other_sentence(tmp_path):
    broken = SEMEVAL.replace("<e2>stove</e2>", "stove")
    corpus = read(tmp_path, broken, reading=Reading(on_error="drop"))
    assert [document.id for document in corpus.documents] == ["1", "3", "4"]
    assert corpus.ledger["document"].dropped == 1


def named(documents, typed):
    """Every relation by the words of its sentence and of its arguments."""
    found = Counter()
    for document in documents:
        for sentence in document.sentences:
            for item in sentence.relations:
                words = [document.surface(sentence, end) for end in (item.head, item.tail)]
                types = (item.head.type, item.tail.type) if typed else ()
                found[(item.type, *("".join(text.split()) for text in words), types)] += 1
    return found


@pytest.mark.parametrize("format", FORMATS)
def test_every_relation_becomes_an_example(tmp_path, format):
    ann, bob, bonn = Entity(0, 1, "P"), Entity(2, 3, "P"), Entity(4, 5, "L")
    sentence = Sentence.from_tokens(
        ["Ann", "and", "Bob", "left", "Bonn", "today"],
        entities=[ann, bob, bonn, Entity(5, 6, "T")],
        relations=[Relation(ann, bonn, "Left"), Relation(bonn, bob, "Left_By")],
        id="s",
    )
    lonely = Sentence.from_tokens(["Ann", "left"], entities=[ann], id="t")
    unrelated = Sentence.from_tokens(["Ann", "met", "Bob"], entities=[ann, bob], id="u")
    path = tmp_path / "corpus"
    documents = [Document.from_sentence(item) for item in (sentence, lonely, unrelated)]
    ledger = write_corpus(documents, path, format=format)
    again = read_corpus(path)
    assert again.format == format
    assert triples(again) == [("Ann", "Left", "Bonn"), ("Bonn", "Left_By", "Bob")]
    assert len(again.sentences) == 3
    assert [(drop.kind, drop.type) for drop in ledger.drops if drop.kind != "document"] == [
        *[("entity", "T"), ("sentence", ""), ("entity", "P")]
    ]
    assert ledger["relation"].kept == 2
    if format != "semeval2010":
        assert [item.id for item in again.sentences] == ["s:0", "s:1", "u"]


@pytest.mark.parametrize("format", FORMATS)
def test_a_type_that_means_no_relation_is_not_written(tmp_path, format):
    one, other = Entity(0, 1, "P"), Entity(1, 2, "P")
    sentence = Sentence.from_tokens(
        ["a", "b"], entities=[one, other], relations=[Relation(one, other, "Other")]
    )
    ledger = write_corpus([Document.from_sentence(sentence)], tmp_path / "c", format=format)
    assert ledger["relation"].dropped == 1
    assert "there is no relation" in ledger.drops[0].reason


@pytest.mark.parametrize("format", FORMATS)
@many
@given(documents=corpora())
def test_all_relations_that_are_kept_are_read_again(tmp_path, format, documents):
    path = tmp_path / format
    ledger = write_corpus(documents, path, format=format)
    if not ledger["sentence"].kept:
        return
    again = read_corpus(path, format=format, reading=Reading(borders="cut", unit="document"))
    assert again.ledger["relation"].kept == ledger["relation"].kept
    assert not again.ledger["relation"].dropped
    typed = format != "semeval2010"
    assert named(again.documents, typed) == named(documents, typed) or ledger["relation"].dropped
    assert named(again.documents, typed) <= named(documents, typed)
