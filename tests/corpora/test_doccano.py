import json

import pytest

from dovetail.corpora import read_corpus, write_corpus
from dovetail.errors import CorpusFormatError
from dovetail.text.document import Document, Entity, Sentence
from dovetail.text.reading import Reading


def save(tmp_path, *lines):
    path = tmp_path / "admin.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_both_forms_are_read_and_a_missing_field_is_not_annotated(tmp_path):
    entity = {"id": 7, "start_offset": 0, "end_offset": 4, "label": "Peop"}
    path = save(
        tmp_path,
        {"id": 1, "text": "Anna left.", "label": [[0, 4, "Peop"]], "Comments": []},
        {"id": 2, "data": "Anna left.", "labels": []},
        {"id": 3, "text": "Anna left."},
        {"id": 4, "text": "Anna left.", "entities": [entity], "relations": []},
    )
    corpus = read_corpus(path)
    assert corpus.format == "doccano"
    assert [len(sentence.entities) for sentence in corpus.sentences] == [1, 0, 0, 1]
    assert [sorted(sentence.annotated) for sentence in corpus.sentences] == [
        ["entity"],
        ["entity"],
        [],
        ["entity", "relation"],
    ]
    assert corpus.ledger.notes == {"field 'Comments' is not read": 1}


def test_the_public_samples_are_read_or_refused_for_what_is_wrong(data_folder):
    folder = data_folder / "formats" / "doccano"
    related = read_corpus(folder / "relation_extraction.jsonl")
    assert related.ledger["entity"].kept == 4
    assert related.ledger["relation"].kept == 3
    # The same object, over many lines.
    spread = read_corpus(folder / "relation_extraction_export.jsonl", format="doccano")
    assert [s.relations for s in spread.sentences] == [s.relations for s in related.sentences]
    with pytest.raises(CorpusFormatError, match=r"example\.jsonl:3: the field 'text' is missing"):
        read_corpus(folder / "example.jsonl")
    assert (
        read_corpus(folder / "example.jsonl", reading=Reading(on_error="drop", borders="cut"))
        .ledger["entity"]
        .kept
        == 1
    )
    overlapping = read_corpus(folder / "example_overlapping.jsonl", reading=Reading(borders="cut"))
    assert [drop.reason for drop in overlapping.ledger.drops] == ["duplicate"]


def test_faults_name_the_line_and_the_item(tmp_path):
    entity = {"id": 1, "start_offset": 0, "end_offset": 4, "label": "Peop"}
    path = save(
        tmp_path,
        {"text": "Anna", "label": [["0", 4, "Peop"], [0, 4]]},
        {"text": "Anna", "entities": [entity, entity], "relations": [{"from_id": 1, "to_id": 9}]},
    )
    with pytest.raises(CorpusFormatError) as caught:
        read_corpus(path)
    for expected in (
        ":1: label[0]: expected whole numbers",
        ":1: label[1]: expected a list of 2 borders and a type",
        ":2: entities[1]: the id '1' is taken",
        ":2: relations[0]: 'to_id' is a number: 9, which no entity is called",
    ):
        assert expected in str(caught.value)


def test_a_corpus_without_relations_is_written_for_a_project_without(tmp_path):
    sentence = Sentence.from_tokens(["Anna"], entities=[Entity(0, 1, "X")], annotated=["entity"])
    write_corpus([Document.from_sentence(sentence)], tmp_path / "out", format="doccano")
    assert json.loads((tmp_path / "out").read_text()) == {"text": "Anna", "label": [[0, 4, "X"]]}
    related = Sentence.from_tokens(["Anna"], entities=[Entity(0, 1, "X")])
    write_corpus([Document.from_sentence(related)], tmp_path / "out", format="doccano")
    assert {"entities", "relations"} < json.loads((tmp_path / "out").read_text()).keys()
