"""`dovetail evaluate`, from files to what is printed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from dovetail.cli import app
from dovetail.errors import CorpusError, ModelError

GOLD: list[dict[str, Any]] = [
    {
        "tokens": ["Marie", "Curie", "was", "born", "in", "Warsaw", "."],
        "entities": [
            {"type": "Person", "start": 0, "end": 2},
            {"type": "Place", "start": 5, "end": 6},
        ],
        "relations": [{"type": "born_in", "head": 0, "tail": 1}],
        "orig_id": "first",
    },
    {
        "tokens": ["Ada", "lived", "in", "London", "."],
        "entities": [
            {"type": "Person", "start": 0, "end": 1},
            {"type": "Place", "start": 3, "end": 4},
        ],
        "relations": [{"type": "lived_in", "head": 0, "tail": 1}],
        "orig_id": "second",
    },
]


def written(path: Path, sentences: list[dict[str, Any]]) -> str:
    path.write_text(json.dumps(sentences), encoding="utf-8")
    return str(path)


@pytest.fixture
def gold(tmp_path: Path) -> str:
    return written(tmp_path / "gold.json", GOLD)


@pytest.fixture
def predictions(tmp_path: Path) -> str:
    """One relation of two, and a place that is none."""
    first, second = json.loads(json.dumps(GOLD))
    first["entities"].append({"type": "Place", "start": 3, "end": 4})
    second["relations"] = []
    return written(tmp_path / "predictions.json", [first, second])


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["evaluate", *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def refusal(*arguments: str) -> str:
    result = CliRunner(env={"COLUMNS": "200"}).invoke(app, ["evaluate", *arguments])
    assert result.exit_code == 2
    return " ".join(result.stderr.replace("│", " ").split())


def test_predictions_are_scored_as_json(gold: str, predictions: str) -> None:
    scores = json.loads(run("--predictions", predictions, gold, "--json", "--samples", "0"))
    assert scores["sentences"] == 2
    entities, relations = scores["entity"]["strict"], scores["relation"]["strict"]
    assert entities["micro"]["precision"] == pytest.approx(4 / 5)
    assert entities["micro"]["recall"] == 1.0
    assert entities["by_type"]["Place"]["false_positives"] == 1
    assert relations["micro"]["recall"] == 0.5
    assert relations["by_type"]["lived_in"]["f1"] == 0.0
    assert entities["intervals"] is None


def test_tables_show_every_type_with_its_support(gold: str, predictions: str) -> None:
    output = run("--predictions", predictions, gold)
    lines = [line.split() for line in output.splitlines()]
    assert "Entities: 2 of 2 sentences annotated" in output
    assert "95 % interval" in output
    (place,) = [line for line in lines if line[:1] == ["Place"]]
    assert place[1:4] == ["66.7", "100.0", "80.0"]
    assert place[-1] == "2"
    (lived_in,) = [line for line in lines if line[:1] == ["lived_in"]]
    assert lived_in[1:4] == ["0.0", "0.0", "0.0"]
    assert lived_in[-1] == "1"
    assert "interval" not in run("--predictions", predictions, gold, "--samples", "0").lower()


def test_tables_fit_a_terminal_of_eighty_columns(
    gold: str, predictions: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    lines = run("--predictions", predictions, gold).splitlines()
    assert max(map(len, lines)) <= 80
    assert not any("…" in line for line in lines)


def test_output_file_holds_what_json_prints(gold: str, predictions: str, tmp_path: Path) -> None:
    path = tmp_path / "scores.json"
    printed = run("--predictions", predictions, gold, "--json", "--output", str(path))
    assert path.read_text(encoding="utf-8") == printed
    assert "Entities" in run("--predictions", predictions, gold, "--output", str(path))
    assert path.read_text(encoding="utf-8") == printed


def test_model_is_scored_on_what_it_annotates(gold: str, tmp_path: Path) -> None:
    from dovetail.build import build_model
    from dovetail.config import CasingEncoderConfig, Config, DataConfig
    from dovetail.corpora import read_corpus
    from dovetail.evaluation import evaluate
    from dovetail.extractor import Extractor
    from dovetail.saved.model_folder import save_model
    from dovetail.text.named_schemas import ONLY
    from dovetail.text.schema import Schema

    sentences = read_corpus(gold).sentences
    config = Config(
        data=DataConfig(train=("train.json",), dev=("dev.json",)),
        encoders=(CasingEncoderConfig(),),
    )
    words = [sentence.tokens for sentence in sentences]
    model = build_model(config, {ONLY: Schema.from_sentences(sentences)}, words=words)
    save_model(tmp_path / "model", model, config)
    scores = json.loads(run(str(tmp_path / "model"), gold, "--json"))
    annotated = Extractor.load(tmp_path / "model").annotate(sentences)
    (warning,) = scores.pop("warnings")
    assert warning.startswith("Each of the 2 sentences that are annotated for relations holds one")
    assert scores == {
        **json.loads(json.dumps(evaluate(sentences, annotated).to_dict())),
        "not_counted": {"entity": 0, "relation": 0},
        "unaligned": {"entity": {}, "relation": {}},
        "unknown_to_model": {"entity": [], "relation": []},
    }
    assert scores["entity"]["strict"]["micro"]["support"] == 4


def test_missing_model_is_refused_by_its_name(gold: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no model at .*nowhere"):
        run(str(tmp_path / "nowhere"), gold)


def test_annotations_that_no_sentence_can_hold_are_reported(tmp_path: Path) -> None:
    (tmp_path / "one.txt").write_text("Marie Curie left. She came to Paris.\n", encoding="utf-8")
    (tmp_path / "one.ann").write_text(
        "T1\tPerson 0 11\tMarie Curie\nT2\tPlace 30 35\tParis\nR1\tcame_to Arg1:T1 Arg2:T2\n",
        encoding="utf-8",
    )
    corpus = str(tmp_path)
    scores = json.loads(run("--predictions", corpus, corpus, "--json"))
    assert scores["unaligned"]["relation"] == {"crosses the border of a sentence": 1}
    assert scores["relation"]["strict"]["micro"]["support"] == 1
    assert scores["mean_f1"] == 1.0  # gold against itself, whatever it holds
    shown = run("--predictions", corpus, corpus)
    assert "1 of 1 relations cannot be found with the tokens of the text" in shown


def test_shuffled_predictions_find_their_sentences(gold: str, tmp_path: Path) -> None:
    shuffled = written(tmp_path / "shuffled.json", GOLD[::-1])
    scores = json.loads(run("--predictions", shuffled, gold, "--json"))
    assert scores["mean_f1"] == 1.0


def test_other_tokens_are_refused_with_the_sentence(gold: str, tmp_path: Path) -> None:
    other = json.loads(json.dumps(GOLD))
    other[1]["tokens"][3] = "Londres"
    path = written(tmp_path / "other.json", other)
    with pytest.raises(CorpusError, match=r"sentence 2.*'London'.*'Londres'"):
        run("--predictions", path, gold)


def test_neither_or_both_of_model_and_predictions_are_refused(gold: str, predictions: str) -> None:
    assert "expected a model and a corpus" in refusal(gold)
    assert "expected a model and a corpus" in refusal("a", "b", gold)
    assert "expected one corpus and no model" in refusal("news", gold, "--predictions", predictions)


def test_missing_output_folder_is_refused_before_the_work(tmp_path: Path) -> None:
    output = tmp_path / "nowhere" / "scores.json"
    assert "there is no folder" in refusal("no-model", "no-corpus", "--output", str(output))


def test_conll04_gold_against_itself_is_perfect(data_folder: Path) -> None:
    corpus = str(data_folder / "conll04" / "conll04_test.json")
    scores = json.loads(run("--predictions", corpus, corpus, "--json", "--samples", "20"))
    assert scores["sentences"] == 288
    assert scores["entity"]["strict"]["micro"]["support"] == 1079
    assert scores["relation"]["strict"]["micro"]["support"] == 422
    assert scores["mean_f1"] == scores["entity"]["strict"]["macro"]["f1"] == 1.0


def test_types_that_the_model_lacks_are_named(gold: str, trained_model: Path) -> None:
    scores = json.loads(run(str(trained_model), gold, "--json", "--samples", "0"))
    assert scores["unknown_to_model"]["relation"] == ["born_in", "lived_in"]
    assert "born_in, lived_in" in " ".join(run(str(trained_model), gold).split())


def test_direction_of_relations_named_as_symmetric_does_not_count(
    gold: str, tmp_path: Path
) -> None:
    turned = json.loads(json.dumps(GOLD))
    turned[0]["relations"][0].update(head=1, tail=0)
    predictions = written(tmp_path / "turned.json", turned)
    arguments = ("--predictions", predictions, gold, "--json", "--samples", "0")

    def correct(*options: str) -> int:
        scores = json.loads(run(*arguments, *options))
        return int(scores["relation"]["strict"]["micro"]["true_positives"])

    assert correct() == 1
    assert correct("--symmetric", "born_in") == 2
    assert "no relation is of the type 'near'" in refusal(*arguments, "--symmetric", "near")


def test_narrow_terminal_cuts_no_number_off(
    gold: str, predictions: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    table = run("--predictions", predictions, gold)
    assert "…" not in table
    assert "lived_in" in table
    assert "support" in table
