import json

import pytest

from dovetail.corpora import read_corpus
from dovetail.errors import CorpusFormatError
from dovetail.text.document import Entity, Relation
from dovetail.text.reading import Reading

WORDS = ["Anna", "Ito", "left", "Bonn"]
TOKENS = [
    {"text": "Anna", "start": 0, "end": 4, "id": 0},
    {"text": "Ito", "start": 5, "end": 8, "id": 1},
    {"text": "left", "start": 9, "end": 13, "id": 2},
    {"text": "Bonn", "start": 14, "end": 18, "id": 3},
]
ANNA = {"start": 0, "end": 8, "token_start": 0, "token_end": 1, "label": "Peop"}
BONN = {"start": 14, "end": 18, "label": "Loc"}
LEFT = {"head": 1, "child": 3, "head_span": ANNA, "child_span": BONN, "label": "Left"}


def line(**changes):
    task = {"text": "Anna Ito left Bonn", "tokens": TOKENS, "spans": [ANNA, BONN]}
    return {**task, "relations": [LEFT], "answer": "accept", **changes}


def save(tmp_path, *lines):
    path = tmp_path / "annotations.jsonl"
    path.write_text("".join(json.dumps(item) + "\n" for item in lines))
    return path


@pytest.mark.parametrize("link", [LEFT, {"head": 1, "child": 3, "label": "Left"}])
def test_tokens_spans_and_relations_are_read(tmp_path, link):
    corpus = read_corpus(save(tmp_path, line(relations=[link])))
    assert corpus.format == "prodigy"
    [sentence] = corpus.sentences
    anna, bonn = Entity(0, 2, "Peop"), Entity(3, 4, "Loc")
    assert list(sentence.tokens) == WORDS
    assert sentence.entities == {anna, bonn}
    assert sentence.relations == {Relation(anna, bonn, "Left")}


def test_what_was_not_accepted_is_dropped_with_all_that_is_on_it(tmp_path):
    corpus = read_corpus(save(tmp_path, line(answer="reject"), line(answer="ignore"), line()))
    assert {kind: corpus.ledger[kind].dropped for kind in ("document", "entity", "relation")} == {
        "document": 2,
        "entity": 4,
        "relation": 2,
    }
    assert corpus.ledger.reasons()["document", "it was answered 'reject'"] == 1
    assert corpus.ledger["entity"].kept == 2


def test_a_relation_between_tokens_that_are_no_span_is_dropped(tmp_path):
    loose = {"head": 2, "child": 3, "label": "Of"}
    corpus = read_corpus(save(tmp_path, line(relations=[LEFT, loose])))
    [drop] = corpus.ledger.drops
    assert (drop.type, drop.reason) == (
        "Of",
        "an argument is not among the entities of the sentence",
    )


def test_a_missing_field_is_not_annotated(tmp_path):
    without_relations = {k: v for k, v in line(_input_hash=1).items() if k != "relations"}
    without_spans = {"text": "Anna left.", "answer": "accept", "_input_hash": 2}
    corpus = read_corpus(save(tmp_path, without_relations, without_spans))
    assert [sorted(s.annotated) for s in corpus.sentences] == [["entity"], []]


@pytest.mark.parametrize(
    ("annotators", "entities", "relations"),
    [("first", 2, 1), ("merge", 3, 1), ("agree", 1, 0)],
)
def test_lines_of_several_annotators_are_one_document(tmp_path, annotators, entities, relations):
    other = line(spans=[BONN, {**ANNA, "end": 4}], relations=[], _annotator_id="b", _input_hash=5)
    path = save(tmp_path, line(_annotator_id="a", _input_hash=5), other)
    [sentence] = read_corpus(path, reading=Reading(annotators=annotators)).sentences
    assert (len(sentence.entities), len(sentence.relations)) == (entities, relations)


def test_the_public_corpus_is_read_whole(data_folder):
    corpus = read_corpus(data_folder / "formats" / "prodigy_rel" / "annotations.jsonl")
    assert corpus.format == "prodigy"
    assert len(corpus.documents) == 149
    assert corpus.ledger["entity"].kept == 466
    assert (corpus.ledger["relation"].read, corpus.ledger["relation"].kept) == (267, 263)
    assert {drop.reason for drop in corpus.ledger.drops} == {"duplicate"}


def test_faults_name_the_line_and_the_item(tmp_path):
    path = save(
        tmp_path,
        line(tokens=[*TOKENS[:3], {"text": "Born", "start": 14, "end": 18}]),
        line(tokens=TOKENS[::-1]),
        line(spans=[{**BONN, "label": ""}], relations=[{"head": 9, "child": 3, "label": "X"}]),
    )
    with pytest.raises(CorpusFormatError) as caught:
        read_corpus(path)
    for expected in (
        ":1: tokens[3]: the token is 'Born', the text 'Bonn'",
        ":2: tokens[1]: the token at characters [9, 13)",
        ":3: spans[0]: 'label' is empty",
        ":3: relations[0]: 'head' is the token 9",
    ):
        assert expected in str(caught.value)
