"""Hugging Face token classification: JSON lines, Parquet, and folders of datasets."""

import json

import pytest
from tests.markdown import PROJECT, blocks_from_markdown

from dovetail.corpora import read_corpus, write_corpus
from dovetail.errors import CorpusError, CorpusFormatError, MissingExtraError
from dovetail.text.document import Document, Entity, Sentence
from dovetail.text.reading import Reading

pyarrow = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")

LINES, INFO = (
    block.text
    for block in blocks_from_markdown((PROJECT / "docs" / "formats" / "huggingface.md").read_text())
    if block.language == "json"
)
ROWS = [json.loads(line) for line in LINES.splitlines()]
NAMES = json.loads(INFO)["features"]["ner_tags"]["feature"]["names"]
NUMBERED = [{**row, "ner_tags": [NAMES.index(tag) for tag in row["ner_tags"]]} for row in ROWS]
EXPECTED = [frozenset([Entity(0, 2, "PER"), Entity(4, 5, "LOC")]), frozenset()]


def save(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def table(rows, described=True):
    whole = pyarrow.Table.from_pylist(rows)
    if described:
        whole = whole.replace_schema_metadata(
            {"huggingface": json.dumps({"info": json.loads(INFO)})}
        )
    return whole


def save_folder(folder, rows, described=True):
    folder.mkdir(parents=True)
    whole = table(rows, described)
    with pyarrow.ipc.new_stream(folder / "data-00000-of-00001.arrow", whole.schema) as writer:
        writer.write_table(whole)
    state = {"_data_files": [{"filename": "data-00000-of-00001.arrow"}]}
    (folder / "state.json").write_text(json.dumps(state))
    (folder / "dataset_info.json").write_text(INFO)
    return folder


def check(corpus, format):
    assert corpus.format == format
    assert [sentence.entities for sentence in corpus.sentences] == EXPECTED
    assert [sentence.id for sentence in corpus.sentences] == ["0", "1"]
    assert {sentence.annotated for sentence in corpus.sentences} == {frozenset(["entity"])}
    assert not corpus.ledger.drops


def test_the_example_of_the_page_is_recognised_and_read(tmp_path):
    path = tmp_path / "train.jsonl"
    path.write_text(LINES)
    check(read_corpus(path), "huggingface")


def test_numbers_are_named_by_a_description_beside_the_file(tmp_path):
    path = save(tmp_path / "train.jsonl", NUMBERED)
    with pytest.raises(CorpusFormatError, match=r"write the tags as texts.*or put a dataset_info"):
        read_corpus(path)
    (tmp_path / "dataset_info.json").write_text(INFO)
    check(read_corpus(path), "huggingface")
    (tmp_path / "dataset_info.json").rename(tmp_path / "dataset_infos.json")
    (tmp_path / "dataset_infos.json").write_text(json.dumps({"default": json.loads(INFO)}))
    check(read_corpus(path), "huggingface")


def test_numbers_are_named_by_the_schema_of_parquet_and_arrow_files(tmp_path):
    path = tmp_path / "train.parquet"
    parquet.write_table(table(NUMBERED), path)
    check(read_corpus(path), "parquet")
    with pyarrow.ipc.new_file(tmp_path / "train.arrow", table(NUMBERED).schema) as writer:
        writer.write_table(table(NUMBERED))
    check(read_corpus(tmp_path / "train.arrow"), "datasets")
    parquet.write_table(table(NUMBERED, described=False), path)
    with pytest.raises(CorpusFormatError, match="nothing says which tags they stand for"):
        read_corpus(path)
    parquet.write_table(table(ROWS, described=False), path)
    check(read_corpus(path), "parquet")


def test_a_folder_of_datasets_is_read_and_one_of_several_splits_asked_for(tmp_path):
    check(read_corpus(save_folder(tmp_path / "one", NUMBERED, described=False)), "datasets")
    save_folder(tmp_path / "all" / "train", NUMBERED)
    (tmp_path / "all" / "dataset_dict.json").write_text('{"splits": ["train", "test"]}')
    with pytest.raises(CorpusError, match=r"several splits: train, test; name .*all/train"):
        read_corpus(tmp_path / "all")
    check(read_corpus(tmp_path / "all" / "train"), "datasets")


@pytest.mark.parametrize("name", ["../secret.arrow", "/etc/hostname", ".."])
def test_a_data_set_reads_no_file_outside_of_its_folder(tmp_path, name):
    folder = save_folder(tmp_path / "one", NUMBERED)
    (folder / "state.json").write_text(json.dumps({"_data_files": [{"filename": name}]}))
    with pytest.raises(CorpusError):
        read_corpus(folder)


@pytest.mark.parametrize("format", ["huggingface", "parquet", "datasets"])
def test_what_is_written_is_recognised_and_read(tmp_path, format):
    sentences = [
        Sentence.from_tokens(row["tokens"], entities=found, annotated=["entity"], id=row["id"])
        for row, found in zip(ROWS, EXPECTED, strict=True)
    ]
    ledger = write_corpus(map(Document.from_sentence, sentences), tmp_path / "c", format=format)
    assert not ledger.drops
    assert not ledger.notes
    check(read_corpus(tmp_path / "c"), format)


@pytest.mark.parametrize("format", ["parquet", "datasets"])
def test_arrow_data_that_is_damaged_is_a_sentence(tmp_path, format):
    sentence = Sentence.from_tokens(["Ann"], entities=[Entity(0, 1, "P")])
    path = tmp_path / "c"
    write_corpus([Document.from_sentence(sentence)], path, format=format)
    file = next(path.glob("*.arrow")) if format == "datasets" else path
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])
    with pytest.raises(CorpusFormatError, match="Arrow data that cannot be read"):
        read_corpus(path)


def test_text_that_is_not_utf8_is_a_sentence(tmp_path):
    tokens = pyarrow.array([[b"Stra\xdfe"]], pyarrow.list_(pyarrow.binary()))
    broken = tokens.view(pyarrow.list_(pyarrow.string()))
    whole = pyarrow.table({"tokens": broken, "ner_tags": [["O"]]})
    parquet.write_table(whole, tmp_path / "c")
    with pytest.raises(CorpusFormatError, match="Arrow data that cannot be read"):
        read_corpus(tmp_path / "c")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ner_tags": ["O"]}, "6 tokens and 1 of 'ner_tags'"),
        ({"ner_tags": ["O", "O", "O", "O", "O", "Person"]}, "expected a tag"),
        ({"ner_tags": ["O", "O", "O", "O", "O", None]}, "expected a tag"),
        ({"ner_tags": [99, 0, 0, 0, 0, 0]}, "99 is none of the 5 named tags"),
        ({"ner_tags": [-100, 0, 0, 0, 0, 0]}, "-100 is none of the 5 named tags"),
        ({"tokens": ["a", "", "c", "d", "e", "f"]}, "expected a token"),
        ({"tokens": None}, "'tokens' is missing"),
        ({"tokens": "Anna Ito"}, "expected a list"),
    ],
)
def test_a_broken_row_is_named_and_left_out_alone(tmp_path, change, message):
    (tmp_path / "dataset_info.json").write_text(INFO)
    path = save(tmp_path / "c.jsonl", [ROWS[1], {**ROWS[0], **change}])
    with pytest.raises(CorpusFormatError, match=message):
        read_corpus(path)
    corpus = read_corpus(path, reading=Reading(on_error="drop"))
    assert [sentence.id for sentence in corpus.sentences] == ["1"]
    assert corpus.ledger["document"].dropped == 1


def test_rows_without_tokens_are_dropped_and_other_fields_noted(tmp_path):
    rows = [{**ROWS[1], "pos_tags": [1, 2, 3]}, {"id": "2", "tokens": [], "ner_tags": []}]
    ledger = read_corpus(save(tmp_path / "c", rows)).ledger
    assert ledger.reasons()["document", "it has no tokens"] == 1
    assert ledger.notes == {"field 'pos_tags' is not read": 1}


def test_other_names_of_the_fields_and_arrays_are_read(tmp_path):
    rows = [{"id": row["id"], "words": row["tokens"], "labels": row["ner_tags"]} for row in ROWS]
    (tmp_path / "c.json").write_text(json.dumps(rows))
    check(read_corpus(tmp_path / "c.json"), "huggingface")


def test_a_table_without_tokens_and_tags_says_what_it_has(tmp_path):
    parquet.write_table(pyarrow.Table.from_pylist([{"text": "Ann", "label": 1}]), tmp_path / "c")
    with pytest.raises(CorpusFormatError, match=r"'tokens' and 'ner_tags', found 'text', 'label'"):
        read_corpus(tmp_path / "c")


def test_a_missing_extra_says_how_to_install_it(tmp_path, monkeypatch):
    parquet.write_table(table(ROWS), tmp_path / "c")
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'dovetail\[arrow\]'"):
        read_corpus(tmp_path / "c")


def test_a_folder_of_parquet_files_is_one_corpus_and_objects_may_span_lines(tmp_path):
    for number, row in enumerate(NUMBERED):
        (tmp_path / "shards").mkdir(exist_ok=True)
        parquet.write_table(table([row]), tmp_path / "shards" / f"train-{number}-of-2.parquet")
    check(read_corpus(tmp_path / "shards"), "parquet")
    spread = "\n".join(json.dumps(row, indent=1) for row in ROWS)
    (tmp_path / "train.json").write_text(spread)
    check(read_corpus(tmp_path / "train.json"), "huggingface")
