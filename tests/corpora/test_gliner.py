import json

import pytest

from dovetail.corpora import read_corpus, write_corpus
from dovetail.errors import CorpusFormatError
from dovetail.text.document import Document, Entity, Relation, Sentence
from dovetail.text.reading import Reading

WORDS = ["Anna", "Ito", "left", "Bonn"]
ANNA, BONN = Entity(0, 2, "person"), Entity(3, 4, "place")
SPANS = [[3, 3, "place"], [0, 1, "person", "Anna Ito"]]
RELATION_FORMS = {
    "by position": [1, 0, "left"],
    "by borders and types": [0, 1, "person", 3, 3, "place", "left"],
    "GLiREL's": {
        "head": {"mention": "Anna Ito", "position": [0, 1], "type": "PER"},
        "tail": {"mention": "Bonn", "position": [3, 3], "type": "LOC"},
        "relation_text": "left",
    },
}


def save(tmp_path, *items):
    path = tmp_path / "train.json"
    path.write_text(json.dumps(items))
    return path


@pytest.mark.parametrize("form", RELATION_FORMS)
@pytest.mark.parametrize("lines", [True, False])
def test_ends_are_inside_and_relations_have_three_forms(tmp_path, form, lines):
    item = {"tokenized_text": WORDS, "ner": SPANS, "relations": [RELATION_FORMS[form]]}
    path = tmp_path / "train"
    path.write_text(json.dumps(item) + "\n" if lines else json.dumps([item]))
    corpus = read_corpus(path)
    assert corpus.format == "gliner"
    [sentence] = corpus.sentences
    assert sentence.entities == {ANNA, BONN}
    assert sentence.relations == {Relation(ANNA, BONN, "left")}


def test_a_missing_field_is_not_annotated_and_others_are_noted(tmp_path):
    path = save(tmp_path, {"tokenized_text": WORDS}, {"tokenized_text": WORDS, "ner": []})
    assert [sorted(s.annotated) for s in read_corpus(path).sentences] == [[], ["entity"]]
    path = save(tmp_path, {"tokenized_text": WORDS, "ner": [], "ner_negatives": ["x"]})
    assert read_corpus(path).ledger.notes == {"field 'ner_negatives' is not read": 1}


def test_a_broken_span_keeps_its_place_among_the_spans(tmp_path):
    item = {
        "tokenized_text": WORDS,
        "ner": [[0, 9, "person"], *SPANS],
        "relations": [[2, 1, "left"], [0, 1, "lost"], [3, 1, "outside"]],
    }
    path = save(tmp_path, item)
    with pytest.raises(CorpusFormatError, match=r"relations\[2\]: refers to the span 3 of 3"):
        read_corpus(path)
    corpus = read_corpus(path, reading=Reading(on_error="drop"))
    assert corpus.sentences[0].relations == {Relation(ANNA, BONN, "left")}
    assert corpus.ledger["relation"].dropped == 2


def test_a_sentence_that_nobody_looked_at_is_not_written(tmp_path):
    unknown = Sentence.from_tokens(["Anna"], annotated=[])
    known = Sentence.from_tokens(WORDS, entities=[ANNA], annotated=["entity"])
    path = tmp_path / "out.json"
    documents = [Document.from_sentence(item) for item in (unknown, known)]
    ledger = write_corpus(documents, path, format="gliner")
    assert ledger["sentence"].dropped == 1
    assert json.loads(path.read_text()) == [{"tokenized_text": WORDS, "ner": [[0, 1, "person"]]}]
