"""What new users bring: other spellings, other counts, empty files; and what they are told."""

import json

import pytest

from dovetail.config import DataConfig
from dovetail.corpora import read_corpus
from dovetail.corpora.inspection.inspection import inspect_corpora
from dovetail.corpora.marking.tag_columns import spelling_of
from dovetail.errors import CorpusFormatError
from dovetail.text.reading import Reading
from dovetail.training.splits import read_splits


def lines(path, *documents):
    path.write_text("".join(json.dumps(document) + "\n" for document in documents))
    return path


def entity(start, end, type_="P"):
    return {"start": start, "end": end, "type": type_}


@pytest.mark.parametrize("tag", ["{}_Peop", "Peop-{}", "Peop_{}", "{}-Peop"])
def test_tags_of_any_spelling_are_read(tmp_path, tag):
    path = tmp_path / "c"
    begin, inside = tag.format("B"), tag.format("I")
    path.write_text(f"Ann {begin}\nLee {inside}\nleft O\n\nBo {begin}\nran O\n")
    found = [item for sentence in read_corpus(path).sentences for item in sentence.entities]
    assert [(item.start, item.end, item.type) for item in found] == [(0, 2, "Peop"), (0, 1, "Peop")]


def test_tags_without_a_type_are_entities_without_one(tmp_path):
    path = tmp_path / "c"
    path.write_text("Ann B\nLee I\nleft O\n\nBo B\nran O\n")
    first, _ = read_corpus(path).sentences
    assert [(item.start, item.end, item.type) for item in first.entities] == [(0, 2, "Entity")]


def test_types_that_end_as_a_tag_does_stay_types():
    assert spelling_of(["hepatitis-B", "vitamin-E", "O"]) is None


def test_a_broken_tag_among_tags_is_a_fault_and_no_type(tmp_path):
    path = tmp_path / "c"
    path.write_text("Ann B-P\nLee I-P\nleft O\nto B-\n\nBo B-P\n")
    with pytest.raises(CorpusFormatError, match=r"c:4: expected a token and"):
        read_corpus(path)


def test_faults_name_positions_as_the_file_has_them(tmp_path):
    path = lines(tmp_path / "c.jsonl", {"text": "\U0001f4a9 Ann left.", "entities": [entity(3, 6)]})
    with pytest.raises(
        CorpusFormatError, match=r"at bytes \[3, 6\) 'P' is not within the 14 bytes"
    ):
        read_corpus(path, reading=Reading(offsets="bytes"))


def test_where_two_counts_fit_code_points_are_named(tmp_path):
    text = "\u00c9va Szab\u00f3 left K\u00f6ln."
    path = lines(tmp_path / "c.jsonl", {"text": text, "entities": [entity(0, 9), entity(15, 19)]})
    reading = Reading(offsets="bytes", on_error="drop")
    [doubt, *_] = read_corpus(path, reading=reading).warnings
    assert "code points (--offsets codepoints)" in doubt


def test_no_more_entities_are_doubted_than_there_are(tmp_path):
    entities = [entity(0, 2), entity(1, 3), entity(0, 4)]
    path = lines(tmp_path / "c.jsonl", {"text": "abcde", "entities": entities})
    said = read_corpus(path, reading=Reading(borders="snap")).warnings
    assert any(warning.startswith("3 of 3 entities are not whole tokens") for warning in said)


def test_entities_in_pieces_put_no_language_in_doubt(tmp_path):
    (tmp_path / "a.txt").write_text("Ann Mary Lee left.")
    (tmp_path / "a.ann").write_text("T1\tP 0 3;9 12\tAnn Lee\n")
    assert read_corpus(tmp_path).warnings == ()


def test_empty_files_of_brat_are_not_annotated(tmp_path):
    (tmp_path / "a.txt").write_text("Ann left.")
    (tmp_path / "a.ann").write_text("")
    assert not read_corpus(tmp_path).annotated


def crossing(number):
    return {
        "text": f"Ann was here {number}. She left Bonn.",
        "entities": [entity(0, 3), entity(25 + len(str(number)) - 1, 29 + len(str(number)) - 1)],
        "relations": [{"head": 0, "tail": 1, "type": "R"}],
    }


def test_a_wider_unit_is_named_where_relations_cross(tmp_path):
    path = lines(tmp_path / "c.jsonl", *map(crossing, range(2)))
    problems = inspect_corpora({"c": read_corpus(path)}).problems
    assert any("--unit document" in problem.message for problem in problems)
    config = DataConfig(train=(path,), dev_fraction=0.5)
    assert any("data.unit" in warning for warning in read_splits(config).warnings)


def test_of_many_documents_one_is_set_apart_however_small_the_share(tmp_path):
    path = lines(tmp_path / "c.jsonl", *map(crossing, range(20)))
    splits = read_splits(DataConfig(train=(path,), dev_fraction=0.001, unit="document"))
    assert (len(splits.train), len(splits.dev)) == (19, 1)
    assert not any("too few" in warning for warning in splits.warnings)


def test_doubt_about_positions_never_refuses_a_corpus_that_brings_its_tokens(tmp_path):
    sentences = [{"offsets": [[0, 1]]}, {"offsets": [[1, 5]]}, {"offsets": [[5, 9]]}]
    document = {"text": "\u0301AnnaAnna", "sentences": sentences, "entities": [entity(5, 9)]}
    corpus = read_corpus(lines(tmp_path / "c.jsonl", document))
    assert corpus.ledger["entity"].kept == 1
