import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from dovetail.cli import app
from dovetail.cli.inspect_command import split_names
from dovetail.corpora import write_corpus
from dovetail.text.document import Document, Entity, Relation, Sentence

PERSON, PLACE = Entity(0, 1, "Peop"), Entity(2, 3, "[bold]Loc[/]")


@pytest.fixture
def splits(tmp_path):
    """Two files with one sentence in common."""
    for split, words in (
        ("train", ["Anna left Bonn", "Ito left Rome"]),
        ("test", ["Ito left Rome"]),
    ):
        documents = [
            Document.from_sentence(
                Sentence.from_tokens(
                    text.split(),
                    entities=[PERSON, PLACE],
                    relations=[Relation(PERSON, PLACE, "Left")],
                )
            )
            for text in words
        ]
        write_corpus(documents, tmp_path / f"tiny_{split}.json", format="spert")
    return [str(tmp_path / f"tiny_{split}.json") for split in ("train", "test")]


def test_tables_show_types_problems_and_the_ledger(splits):
    result = CliRunner().invoke(app, ["inspect", *splits])
    assert result.exit_code == 0
    for text in (
        "│ Left",
        "Left: Peop -> [bold]Loc[/]",  # a type is shown as it is, not taken for markup
        "relation: 2 read, 2 kept, 0 dropped",
        "1 of 1 test sentences also occur in train, word for word",
        "Ito left Rome",
    ):
        assert text in result.output


def test_entity_head_is_recommended(splits, tmp_path):
    result = CliRunner().invoke(app, ["inspect", *splits])
    assert 'the default, kind = "crf", can find all of them' in result.output
    nested = Sentence.from_tokens(
        ["the", "Vienna", "Works"], entities=[Entity(0, 3, "Org"), Entity(1, 2, "Loc")]
    )
    path = tmp_path / "nested.jsonl"
    write_corpus([Document.from_sentence(nested)], path, format="dovetail")
    result = CliRunner().invoke(app, ["inspect", str(path)])
    assert '    [entity_head]\n    kind = "span"\n' in result.output


def test_json_holds_the_same(splits):
    result = CliRunner().invoke(app, ["inspect", *splits, "--json"])
    values = json.loads(result.output)
    assert list(values["splits"]) == ["train", "test"]
    assert values["splits"]["train"]["relations"] == {"Left": 2}
    assert values["problems"][0]["kind"] == "same sentence in two splits"


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (["a/conll04_train.json", "a/conll04_dev.json"], ["train", "dev"]),
        (["ai-train.json", "ai-test.json"], ["train", "test"]),
        (["train.json", "test.json"], ["train", "test"]),
        (["corpus.json"], ["corpus"]),
        (["x/train.json", "y/train.json"], ["x/train.json", "y/train.json"]),
        (["data_.json", "data_b.json"], ["data_", "b"]),
    ],
)
def test_splits_are_named_by_what_differs(paths, names):
    assert split_names(map(Path, paths)) == names


def test_the_same_path_twice_is_refused():
    with pytest.raises(typer.BadParameter, match="named twice"):
        split_names([Path("a.json"), Path("a.json")])
