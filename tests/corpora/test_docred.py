import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dovetail.corpora import read_corpus
from dovetail.errors import CorpusFormatError
from dovetail.text.document import Entity, Relation
from dovetail.text.reading import Reading

SENTS = [["Ann", "Lee", "acts"], ["Lee", "left", "Bonn"], ["She", "likes", "Bonn", "and", "Rome"]]


def mention(sentence, start, end, type="P"):
    return {"name": "?", "sent_id": sentence, "pos": [start, end], "type": type}


DOCUMENT = {
    "title": "Ann Lee",
    "sents": SENTS,
    "vertexSet": [
        [mention(0, 0, 2), mention(1, 0, 1), mention(2, 0, 1)],
        [mention(1, 2, 3, "L"), mention(2, 2, 3, "L")],
        [mention(2, 4, 5, "L")],
    ],
    "labels": [{"h": 0, "t": 1, "r": "Left", "evidence": [2]}],
}


def read(tmp_path, unit="sentence", on_error="refuse", **changes):
    path = tmp_path / "docred.json"
    path.write_text(json.dumps([{**DOCUMENT, **changes}]))
    return read_corpus(path, reading=Reading(unit=unit, on_error=on_error))


def test_mentions_become_entities_of_their_sentences(tmp_path):
    corpus = read(tmp_path)
    assert corpus.format == "docred"
    assert [item.tokens for item in corpus.sentences] == [tuple(words) for words in SENTS]
    assert [item.id for item in corpus.sentences] == ["Ann Lee-0", "Ann Lee-1", "Ann Lee-2"]
    assert corpus.sentences[0].entities == {Entity(0, 2, "P")}
    assert corpus.ledger["entity"].kept == 6
    assert corpus.ledger.notes == {
        "entity: that it has several mentions is not held": 2,
        "relation: of several pairs of mentions it is read for the closest": 1,
    }


@pytest.mark.parametrize(("evidence", "sentence", "bonn"), [([2], 2, 2), ([1], 1, 2), ([], 1, 2)])
def test_a_relation_holds_where_both_mentions_and_the_evidence_are(
    tmp_path, evidence, sentence, bonn
):
    corpus = read(tmp_path, labels=[{"h": 0, "t": 1, "r": "Left", "evidence": evidence}])
    related = [bool(item.relations) for item in corpus.sentences]
    assert related == [number == sentence for number in range(3)]
    [relation] = corpus.sentences[sentence].relations
    assert relation == Relation(Entity(0, 1, "P"), Entity(bonn, bonn + 1, "L"), "Left")


def test_mentions_of_no_common_sentence_are_related_where_a_unit_is_a_document(tmp_path):
    vertices = [[mention(0, 0, 2)], [mention(1, 2, 3, "L"), mention(2, 2, 3, "L")]]
    corpus = read(tmp_path, vertexSet=vertices)
    assert not any(item.relations for item in corpus.sentences)
    [beside] = corpus.sentences[0].unaligned
    assert (beside.type, corpus.ledger["relation"].kept) == ("Left", 1)
    [sentence] = read(tmp_path, unit="document", vertexSet=vertices).sentences
    assert sentence.relations == {Relation(Entity(0, 2, "P"), Entity(5, 6, "L"), "Left")}


def test_documents_without_labels_are_annotated_for_entities_only(tmp_path):
    assert {item.annotated for item in read(tmp_path, labels=None).sentences} == {
        frozenset(["entity"])
    }


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sents": []}, "item 0: a document without sentences"),
        ({"vertexSet": [[mention(3, 0, 1)]]}, r"vertexSet\[0\]\[0\]: 'sent_id' is 3"),
        ({"vertexSet": [[mention(0, 2, 4)]]}, r"\[2, 4\) of its sentence.* the 3 tokens"),
        ({"vertexSet": [[{**mention(0, 0, 1), "pos": [0]}]]}, "'pos': expected"),
        ({"vertexSet": [7]}, "expected a list of mentions"),
        ({"labels": [{"h": 0, "t": True, "r": "R"}]}, r"labels\[0\]: 't': expected a whole"),
        ({"labels": [{"h": 0, "t": 1, "r": ""}]}, r"labels\[0\]: 'r' is empty"),
    ],
)
def test_breakage_is_an_error_with_its_place(tmp_path, changes, message):
    with pytest.raises(CorpusFormatError, match=message):
        read(tmp_path, **{"labels": [], **changes})


def test_a_broken_mention_is_left_out_alone(tmp_path):
    vertices = [[mention(9, 0, 1), mention(1, 0, 1)], [mention(1, 2, 3, "L")], [mention(0, 5, 1)]]
    labels = [{"h": 0, "t": 1, "r": "Left"}, {"h": 2, "t": 1, "r": "Lost"}]
    corpus = read(tmp_path, on_error="drop", vertexSet=vertices, labels=labels)
    assert corpus.ledger["entity"].dropped == 2
    assert [item.type for item in corpus.sentences[1].relations] == ["Left"]
    assert corpus.ledger.reasons()["relation", "an argument was dropped"] == 1


@settings(max_examples=30, deadline=None)
@given(
    heads=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, unique=True),
    tails=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, unique=True),
)
def test_no_pair_of_mentions_is_nearer_than_the_one_that_is_related(tmp_path_factory, heads, tails):
    folder = tmp_path_factory.mktemp("docred")
    vertices = [
        [mention(sentence, word, word + 1, type) for sentence, word in places]
        for type, places in (("H", heads), ("T", tails))
    ]
    labels = [{"h": 0, "t": 1, "r": "R"}]
    [sentence] = read(folder, unit="document", vertexSet=vertices, labels=labels).sentences
    [relation] = sentence.relations
    firsts = [0, 3, 6]

    def rank(head, tail):
        distance = abs(firsts[head[0]] + head[1] - firsts[tail[0]] - tail[1])
        return head[0] != tail[0], max(distance - 1, 0)

    def place(position):
        number = sum(position >= first for first in firsts[1:])
        return number, position - firsts[number]

    best = min(rank(head, tail) for head in heads for tail in tails)
    assert rank(place(relation.head.start), place(relation.tail.start)) == best
