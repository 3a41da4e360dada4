"""`dovetail evaluate --negatives`: what is found where nothing is related."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.corpus import DEV, TRAIN, save_corpus
from tests.networks import talkative_model, tiny_config
from typer.testing import CliRunner

from dovetail.cli import app
from dovetail.corpora.negatives import read_negatives
from dovetail.errors import CorpusError, OutputError
from dovetail.evaluation import ScoreAtShare, evaluate, false_alarms
from dovetail.extractor import Extractor
from dovetail.saved.model_folder import save_model
from dovetail.text.document import RELATION_TASK, Sentence
from dovetail.text.reading import Reading

RELATED = [sentence for sentence in DEV if sentence.relations]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that finds something in most sentences."""
    folder = tmp_path_factory.mktemp("talkative") / "model"
    save_model(folder, talkative_model(), tiny_config())
    return folder


@pytest.fixture
def corpus(tmp_path: Path) -> str:
    return str(save_corpus(RELATED, tmp_path / "related.jsonl"))


@pytest.fixture
def negatives(tmp_path: Path) -> str:
    bare = [
        Sentence.from_tokens(own.tokens, id=f"{number}{number % 2 + 6}", annotated=())
        for number, own in enumerate(TRAIN)
    ]
    return str(save_corpus(bare, tmp_path / "negatives.jsonl"))


def run(*arguments: str) -> str:
    command = ["evaluate", *arguments, "--samples", "0"]
    result = CliRunner().invoke(app, command, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def values_of(*arguments: str) -> Any:
    return json.loads(run(*arguments, "--json"))


def refusal(*arguments: str) -> str:
    result = CliRunner(env={"COLUMNS": "200"}).invoke(app, ["evaluate", *arguments])
    assert result.exit_code == 2
    return " ".join(result.stderr.replace("│", " ").split())


def test_false_alarms_are_those_that_the_library_counts(
    model: Path, corpus: str, negatives: str
) -> None:
    scores = values_of(str(model), corpus, "--negatives", negatives, "--negatives-share", "0.8")
    extractor = Extractor.load(model)
    evaluation = evaluate(RELATED, extractor.annotate(RELATED), bootstrap_samples=0)
    bare = [Sentence.from_tokens(own.tokens, annotated=[RELATION_TASK]) for own in TRAIN]
    expected = false_alarms(bare, extractor.annotate(bare))
    found = scores["relation"]["false_alarms"]
    assert expected.alarmed > 0
    assert {**expected.to_dict(), **found} == found  # type: ignore[dict-item]
    assert found["interval"][0] <= found["per_thousand"] <= found["interval"][1]
    score = evaluation.relation_strict.micro
    within = evaluation.false_alarms
    at_share = ScoreAtShare.of(score, len(RELATED), within, expected, 0.8)
    assert found["at_share"] == at_share.to_dict()
    assert scores["warnings"] == []
    assert scores["relation"]["strict"]["micro"] == score.to_dict()


def test_they_are_told_in_words(model: Path, corpus: str, negatives: str) -> None:
    told = run(str(model), corpus, "--negatives", negatives, "--negatives-share", "0.5")
    plain = " ".join(told.split())
    assert "of 1,000 sentences that hold none [" in plain
    assert f"of {len(TRAIN)}," in plain
    assert "Where 50 % of sentences hold none: relations, strict micro F1" in plain


def test_sentences_of_the_corpus_itself_tell_too(model: Path, tmp_path: Path) -> None:
    mixed = str(save_corpus(DEV, tmp_path / "mixed.jsonl"))
    scores = values_of(str(model), mixed, "--negatives-share", "0.5")
    assert scores["relation"]["false_alarms"]["sentences"] == len(DEV) - len(RELATED)
    assert scores["relation"]["false_alarms"]["at_share"]["share"] == 0.5
    assert scores["warnings"] == []


def test_a_corpus_that_cannot_tell_is_warned_of(model: Path, corpus: str, tmp_path: Path) -> None:
    scores = values_of(str(model), corpus)
    assert scores["relation"]["false_alarms"] is None
    (warning,) = scores["warnings"]
    assert warning.startswith(f"Each of the {len(RELATED)} sentences that are annotated for relat")
    assert "say nothing of relations that are found where there are none" in " ".join(
        run(str(model), corpus).split()
    )
    entities = [
        Sentence.from_tokens(own.tokens, entities=own.entities, annotated=["entity"]) for own in DEV
    ]
    path = save_corpus(entities, tmp_path / "entities.jsonl")
    assert values_of(str(model), str(path))["warnings"] == []


def test_documents_are_chosen_by_their_ids(model: Path, corpus: str, negatives: str) -> None:
    known = [str(model), corpus, "--negatives", negatives]
    some = values_of(*known, "--negatives-documents", "*7")["relation"]["false_alarms"]
    others = values_of(*known, "--negatives-documents", "*[!7]")["relation"]["false_alarms"]
    whole = values_of(*known)["relation"]["false_alarms"]
    for name in ("sentences", "alarmed", "relations"):
        assert some[name] + others[name] == whole[name]
    assert some["sentences"] == len(TRAIN) // 2
    with pytest.raises(CorpusError, match=r"no document has an id as 'x\*'"):
        run(*known, "--negatives-documents", "x*")


def test_sentences_with_false_alarms_are_negatives_to_learn_from(
    model: Path, corpus: str, negatives: str, tmp_path: Path
) -> None:
    path = tmp_path / "alarms.jsonl"
    scores = values_of(str(model), corpus, "--negatives", negatives, "--false-alarms", str(path))
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    found = scores["relation"]["false_alarms"]
    assert len(lines) == found["alarmed"]
    assert sum(len(line["found"]) for line in lines) == found["relations"]
    by_tokens = {own.tokens: own for own in Extractor.load(model).annotate(TRAIN)}
    for line in lines:
        sentence = by_tokens[tuple(line["tokens"])]
        assert {(own["type"], own["head"]["text"]) for own in line["found"]} == {
            (own.type, " ".join(sentence.tokens[own.head.start : own.head.end]))
            for own in sentence.relations
        }
    again = read_negatives(path, Reading(language="en"))
    assert [document.id for document in again.documents] == [line["id"] for line in lines]
    assert [own.tokens for own in again.sentences] == [tuple(line["tokens"]) for line in lines]


def test_files_with_relations_are_refused(model: Path, corpus: str) -> None:
    with pytest.raises(CorpusError, match=r"related\.jsonl:2: expected sentences without a relat"):
        run(str(model), corpus, "--negatives", corpus)


def test_options_that_have_nothing_to_be_of_are_refused(
    model: Path, corpus: str, negatives: str, tmp_path: Path
) -> None:
    known = [str(model), corpus]
    for option in ("--negatives-documents", "--false-alarms"):
        assert "name them by --negatives" in refusal(*known, option, str(tmp_path / "x"))
    with pytest.raises(CorpusError, match=f"found {len(RELATED)} and 0"):
        run(*known, "--negatives-share", "0.8")
    said = refusal("--predictions", corpus, corpus, "--negatives", negatives)
    assert "only a model can be given other sentences" in said
    with pytest.raises(OutputError, match="would overwrite"):
        run(*known, "--negatives", negatives, "--false-alarms", negatives)
