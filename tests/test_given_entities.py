"""Relations between entities that are given, and what the score of the predicted ones lacks."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from tests.corpus import SENTENCES, save_corpus
from tests.networks import talkative_model, tiny_config
from typer.testing import CliRunner

from dovetail.build import build_model
from dovetail.cli import app
from dovetail.config import SpanEntityHeadConfig
from dovetail.errors import ModelError
from dovetail.evaluation import evaluate
from dovetail.extractor import Extractor
from dovetail.model.ensemble import Ensemble
from dovetail.running.steps import result_of
from dovetail.saved.model_folder import save_model
from dovetail.strategies import SequentialSharingConfig
from dovetail.text.document import Entity, Sentence
from dovetail.text.reading import ModelReading
from dovetail.text.schema import Schema

CHAINED = SequentialSharingConfig(hidden_dim=6, dropout=0.1)
CONFIGS = {
    "tags": tiny_config(),
    "spans": tiny_config(entity_head=SpanEntityHeadConfig(hidden_dim=8)),
    "chain": tiny_config(sharing=CHAINED),
}


def related(extractor: Extractor, sentences: list[Sentence]) -> list[Sentence]:
    return result_of(extractor.annotating(sentences, given_entities=True))


@pytest.mark.parametrize("kind", CONFIGS)
def test_given_entities_stay_and_relations_are_predicted_between_them(kind: str) -> None:
    model = talkative_model(CONFIGS[kind])
    bare = [replace(sentence, relations=frozenset()) for sentence in SENTENCES]
    for predictor in (model, Ensemble([model, talkative_model(CONFIGS[kind], seed=1)])):
        found = related(Extractor(predictor), bare)
        assert [own.entities for own in found] == [own.entities for own in SENTENCES]
        assert any(own.relations for own in found)
        assert related(Extractor(predictor), list(SENTENCES)) == found  # gold relations are unread


def test_given_the_entities_it_finds_a_model_finds_the_relations_it_finds() -> None:
    extractor = Extractor(talkative_model())
    found = extractor.annotate(list(SENTENCES))
    assert any(own.relations for own in found)
    assert [own.relations for own in related(extractor, found)] == [own.relations for own in found]


def test_what_a_model_cannot_express_is_left_out() -> None:
    extractor = Extractor(talkative_model())
    place, person = Entity(0, 1, "Place"), Entity(0, 2, "Person")
    (found,) = related(
        extractor,
        [Sentence.from_tokens(["Ada", "Lovelace", "wrote"], entities=[place, person])],
    )
    assert found.entities == {person}
    unknown = Sentence.from_tokens(["Ada", "wrote"], entities=[Entity(0, 1, "Poet")])
    assert related(extractor, [unknown])[0].entities == frozenset()


def test_given_entities_are_those_of_each_window() -> None:
    reading = ModelReading(max_tokens=4, overlap_tokens=3)
    extractor = Extractor(talkative_model(), reading=reading)
    found = related(extractor, list(SENTENCES))
    assert [own.entities for own in found] == [own.entities for own in SENTENCES]


def test_entities_are_given_to_one_schema() -> None:
    schemas = {name: Schema.from_sentences(SENTENCES) for name in ("towns", "places")}
    words = [sentence.tokens for sentence in SENTENCES]
    extractor = Extractor(build_model(tiny_config(), schemas, words=words))
    with pytest.raises(ModelError, match="the model has towns, places: take one of these"):
        related(extractor, list(SENTENCES))
    found = related(extractor.of_schema("towns"), list(SENTENCES))
    assert [own.entities for own in found] == [own.entities for own in SENTENCES]


@pytest.fixture
def saved(tmp_path: Path) -> str:
    save_model(tmp_path / "model", talkative_model(), tiny_config())
    save_corpus(SENTENCES, tmp_path / "gold.jsonl")
    return str(tmp_path)


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["evaluate", *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_evaluate_tells_what_is_lost_to_entities(saved: str) -> None:
    asked = (f"{saved}/model", f"{saved}/gold.jsonl", "--samples", "0", "--gold-entities")
    values = json.loads(run(*asked, "--json"))
    extractor = Extractor.load(f"{saved}/model")
    given = evaluate(SENTENCES, related(extractor, list(SENTENCES)), bootstrap_samples=0)
    assert values["relation"]["given_entities"] == given.relation_strict.to_dict()
    shown = " ".join(run(*asked).split())
    alone = 100 * given.relation_strict.micro.f1
    whole = 100 * values["relation"]["strict"]["micro"]["f1"]
    assert f"Relations given the gold entities: strict micro F1 {alone:.1f}, precision" in shown
    assert f"With the entities that it finds: {whole:.1f}, so {alone - whole:.1f} are lost" in shown
    assert "given_entities" not in json.loads(run(*asked[:-1], "--json"))["relation"]


def test_predictions_of_a_file_cannot_be_given_other_entities(saved: str) -> None:
    gold = f"{saved}/gold.jsonl"
    result = CliRunner().invoke(app, ["evaluate", "--predictions", gold, gold, "--gold-entities"])
    assert result.exit_code == 2
    assert "--gold-entities" in result.output
