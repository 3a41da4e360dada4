"""Nothing foreign becomes "annotated, and nothing there"."""

import json

import pytest
from typer.testing import CliRunner

from dovetail.cli import app
from dovetail.corpora import FORMATS, read_corpus
from dovetail.errors import CorpusError, CorpusFormatError
from dovetail.text.document import ENTITY_TASK, Entity
from dovetail.text.reading import Reading

SENTENCE = {
    "tokens": ["Anna", "left"],
    "entities": [{"start": 0, "end": 1, "type": "Peop"}],
    "relations": [],
}


@pytest.mark.parametrize(
    ("content", "seen"),
    [
        ("[]", "a JSON array with nothing in it"),
        ("[1]", "a JSON array, the first item a number: 1"),
        ('["a"]', "a JSON array, the first item a text: 'a'"),
        ('{"x": 1}', "JSON, the first value an object with the fields 'x'"),
        ('[{"words": "a", "label": [[0, 1, "X"]]}]', "'label' is known from doccano"),
        ("Dear all,\n", "a text whose first line is 'Dear all,'"),
    ],
)
def test_recognition_says_what_it_saw_and_what_each_format_needs(tmp_path, content, seen):
    path = tmp_path / "x.json"
    path.write_text(content)
    with pytest.raises(CorpusError) as caught:
        read_corpus(path)
    message = str(caught.value)
    assert seen in message
    is_json = content[0] in "[{"
    needs = {name: format.needs or format.description for name, format in FORMATS.items()}
    named = {name for name, need in needs.items() if f"\n  {name}: {need}" in message}
    assert named == {name for name, need in needs.items() if ("JSON" in need) == is_json}


def test_a_folder_says_what_is_in_it(tmp_path):
    with pytest.raises(CorpusError, match="a folder without files"):
        read_corpus(tmp_path)
    (tmp_path / "a.txt").write_text("hi")
    with pytest.raises(CorpusError, match=r"no file in it was recognised: .*a\.txt"):
        read_corpus(tmp_path)


LIST = '[["Anna left", {"entities": [[0, 4, "Peop"]]}], ["b", {"cats": {"x": 1}}]]'
WRAPPED = (
    '{"classes": ["Peop"], "annotations": [null, ["Anna left", {"entities": [[0, 4, "Peop"]]}]]}'
)


@pytest.mark.parametrize("content", [LIST, WRAPPED])
def test_training_lists_of_spacy_are_read(tmp_path, content):
    path = tmp_path / "x.json"
    path.write_text(content)
    corpus = read_corpus(path)
    assert corpus.format == "spacy-list"
    assert corpus.sentences[0].entities == {Entity(0, 1, "Peop")}
    assert corpus.sentences[0].annotated == {ENTITY_TASK}
    assert all(not sentence.annotated for sentence in corpus.sentences[1:])


@pytest.mark.parametrize(
    "line",
    [
        {"text": "Anna left", "label": [[0, 4, "Peop"]]},
        {"text": "Anna left", "spans": [{"start": 0, "end": 4, "label": "Peop"}]},
        {"tokens": ["Anna", "left"], "ner_tags": [1, 0]},
        {"text": "Anna left", "triples": [["Anna", "did", "left"]]},
    ],
)
def test_annotations_of_other_programs_are_no_native_line_without_annotations(tmp_path, line):
    path = tmp_path / "x.jsonl"
    path.write_text(json.dumps(line))
    field = list(line)[-1]
    with pytest.raises(CorpusFormatError, match=f":1: the field '{field}' looks like"):
        read_corpus(path, format="dovetail")
    path.write_text(json.dumps([line]))
    if "tokens" in line:
        with pytest.raises(CorpusFormatError, match=f"item 0: the field '{field}' looks like"):
            read_corpus(path, format="spert")


def test_a_label_of_the_whole_document_is_a_field_that_is_not_read(tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_text('{"text": "Anna left", "label": "positive"}')
    assert read_corpus(path).ledger.notes == {"field 'label' is not read": 1}


def test_a_corpus_in_which_nothing_is_annotated_is_refused_where_annotations_are_needed(tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_text('{"text": "Anna left"}')
    corpus = read_corpus(path)
    assert corpus.annotated == frozenset()
    with pytest.raises(CorpusError, match="no sentence of it is annotated"):
        read_corpus(path, expect_annotations=True)
    result = CliRunner().invoke(app, ["evaluate", "--predictions", str(path), str(path)])
    assert result.exit_code != 0
    assert "F1" not in result.output
    result = CliRunner().invoke(app, ["inspect", str(path)])
    assert result.output.startswith("! x: nothing in it is annotated")


def test_json_objects_may_span_lines(tmp_path):
    path = tmp_path / "x.jsonl"
    lines = [{**SENTENCE, "id": name} for name in "ab"]
    path.write_text("\n".join(json.dumps(line, indent=2) for line in lines))
    assert [sentence.id for sentence in read_corpus(path).sentences] == ["a", "b"]


# what is wrong with the second of three items, and what the message says
BROKEN = {
    "a repeated name": (
        '{"tokens": ["a"],\n"tokens": ["b"]}',
        ":3: the name 'tokens' stands twice",
    ),
    "half a pair": ('{"tokens": ["a\\ud800"]}', ":2: a text holds half a surrogate pair"),
    "too many digits": (
        '{"tokens": ["a"], "entities": [{"start": %s}]}' % ("9" * 5000),
        ":2: JSON that cannot be read: it holds a number of thousands of digits",
    ),
    "a large number": (
        '{"tokens": ["a"], "entities": [{"start": 9999999999999, "end": 1, "type": "X"}]}',
        "expected a whole number up to 1,000,000,000,000",
    ),
    "an empty type": (
        '{"tokens": ["a"], "entities": [{"start": 0, "end": 1, "type": " "}]}',
        "'type' is empty",
    ),
    "malformed": ('{"tokens": [}', ":2: malformed JSON at column"),
}


@pytest.mark.parametrize("format", ["dovetail", "spert"])
@pytest.mark.parametrize(("item", "message"), BROKEN.values(), ids=BROKEN)
def test_what_json_lets_through_is_an_error_with_file_and_line(tmp_path, format, item, message):
    path = tmp_path / "x.json"
    good = json.dumps(SENTENCE)
    if format == "spert":
        path.write_text(f"[{good},\n{item},\n{good}]")
    else:
        path.write_text(f"{good}\n{item}\n{good}")
    with pytest.raises(CorpusFormatError, match=f"^{path}:[23]") as caught:
        read_corpus(path, format=format)
    if message.startswith(":"):
        assert f"{path}{message}" in str(caught.value)
    assert message in str(caught.value)
    kept = read_corpus(path, format=format, reading=Reading(on_error="drop"))
    # The annotation alone where that is possible, or else its document.
    assert sum(kept.ledger[kind].dropped for kind in ("document", "entity")) == 1
    assert len([item for item in kept.sentences if item.tokens == ("Anna", "left")]) == 2


def test_a_line_that_is_cut_off_is_broken_where_it_is_cut(tmp_path):
    path = tmp_path / "x.jsonl"
    good = json.dumps(SENTENCE)
    path.write_text(f"{good}\n{good[:-9]}\n{good}")
    with pytest.raises(CorpusFormatError, match=f"^{path}:2: malformed JSON"):
        read_corpus(path)
    assert len(read_corpus(path, reading=Reading(on_error="drop")).sentences) == 2


def test_annotated_must_name_tasks(tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_text(json.dumps({**SENTENCE, "annotated": ["entities"]}))
    with pytest.raises(CorpusFormatError, match=r":1: 'annotated': expected names of tasks"):
        read_corpus(path)
