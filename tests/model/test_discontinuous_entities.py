"""Entities of several fragments, all the way: learned, saved, loaded, found, merged, averaged."""

from __future__ import annotations

import json
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tests.corpus import SENTENCES
from tests.discontinuous import HURT, config_of, data_of
from tests.networks import batch_of, reached, tiny_config, tiny_model

from dovetail.build import build_model
from dovetail.config import (
    Config,
    DataConfig,
)
from dovetail.errors import ConfigError, ModelError, TrainingError
from dovetail.evaluation import evaluate
from dovetail.extractor import Extractor
from dovetail.model.ensemble import Ensemble
from dovetail.saved.ensemble_folder import save_ensemble
from dovetail.saved.model_folder import load_model, save_model
from dovetail.tensors.features import Batch
from dovetail.text.document import ENTITY_TASK, Entity, Relation, Sentence
from dovetail.text.named_schemas import ONLY
from dovetail.text.reading import DEFAULT_READING, ModelReading
from dovetail.text.schema import Schema
from dovetail.text.windowed import Windowed
from dovetail.training import RunFinished, RunStarted, training_events


def start_of(config: Config, folder: Path) -> RunStarted:
    """What a run says before its first epoch."""
    return next(e for e in training_events(config, folder) if isinstance(e, RunStarted))


def test_a_run_shows_the_types_of_the_corpus_and_finds_what_it_learned(tmp_path: Path) -> None:
    events = list(training_events(config_of(data_of(HURT, tmp_path)), tmp_path / "run"))
    started = next(event for event in events if isinstance(event, RunStarted))
    finished = events[-1]
    assert started.schema.entity_types == ("Pain", "Part", "Person")
    assert started.schema.relation_types == ("has",)
    assert not any("not learned" in warning for warning in started.splits.warnings)
    assert isinstance(finished, RunFinished)
    assert finished.dev is not None
    assert finished.dev.entity_strict.micro.f1 == 1.0
    assert finished.dev.relation_strict.micro.f1 == 1.0


def test_discontinuous_entities_are_learned_saved_loaded_and_found(run_of_fragments: Path) -> None:
    extractor = Extractor.load(run_of_fragments / "model")
    found = extractor.annotate(HURT)
    assert [s.entities for s in found] == [s.entities for s in HURT]
    assert [s.relations for s in found] == [s.relations for s in HURT]
    for sentence in found:
        for entity in sentence.entities:
            assert entity.confidence is not None
            assert 0 < entity.confidence <= 1
    assert evaluate(HURT, found).entity_strict.micro.f1 == 1.0


def test_users_see_their_own_types_only(run_of_fragments: Path) -> None:
    extractor = Extractor.load(run_of_fragments / "model")
    assert extractor.schema == Schema.from_sentences(HURT)
    assert [*extractor.thresholds] == ["has"]
    card = (run_of_fragments / "model" / "README.md").read_text(encoding="utf-8")
    assert "- Entity types: `Pain`, `Part`, `Person`" in card
    assert "in several fragments too: `Pain`, `Part`" in card
    assert "fragment)" not in card
    assert "same entity" not in card


def test_stored_schema_says_which_entities_may_have_fragments(run_of_fragments: Path) -> None:
    description = json.loads((run_of_fragments / "model" / "model.json").read_text())
    assert description["version"] == 3
    assert description["schema"]["discontinuous"] == ["Pain", "Part"]
    assert description["schema"]["entity_types"] == ["Pain", "Part", "Person"]


def test_model_without_fragments_is_stored_as_it_always_was(tmp_path: Path) -> None:
    config = config_of(DataConfig(train=(Path("a.jsonl"),), dev=(Path("b.jsonl"),)))
    save_model(tmp_path / "model", tiny_model(config), config)
    description = json.loads((tmp_path / "model" / "model.json").read_text())
    assert description["version"] == 2
    assert "discontinuous" not in description["schema"]


def test_a_program_that_knows_no_fragments_names_the_version(
    run_of_fragments: Path, tmp_path: Path
) -> None:
    from dovetail.saved.description import check_version

    description = json.loads((run_of_fragments / "model" / "model.json").read_text())
    with pytest.raises(
        ModelError, match="of format version 3, this program reads versions up to 2"
    ):
        check_version(tmp_path, description, 2, kind="model")


def test_model_is_read_with_its_fragments(run_of_fragments: Path) -> None:
    extractor = Extractor.load(run_of_fragments / "model")
    assert extractor.reading.of_corpora.discontinuous == "keep"
    assert DEFAULT_READING.of_corpora.discontinuous == "drop"


def test_extraction_has_the_characters_of_fragments(run_of_fragments: Path) -> None:
    extraction = Extractor.load(run_of_fragments / "model").extract("Ada has hip and knee pain.")
    found = {(entity.text, entity.fragments) for entity in extraction.entities}
    assert ("hip pain", ((8, 11), (21, 25))) in found
    assert ("knee pain", ()) in found
    values = extraction.to_dict()
    (item,) = [entity for entity in values["entities"] if "fragments" in entity]
    assert (item["start"], item["end"], item["fragments"]) == (8, 25, [[8, 11], [21, 25]])
    assert extraction.text[8:11] + " " + extraction.text[21:25] == item["text"]


def test_discontinuous_entities_survive_the_windows_of_a_long_sentence() -> None:
    entity = Entity.of_pieces([(5, 6), (9, 10)], "Pain", 0.9)
    within = Entity(7, 8, "Pain", 0.8)
    sentence = Sentence.from_tokens(
        ["x"] * 16,
        entities=[entity, within, Entity(12, 13, "Person")],
        relations=[Relation(entity, within, "has", 0.7)],
    )
    windowed = Windowed.of([sentence], ModelReading("en", 11, 6))
    assert len(windowed.parts) > 1
    (merged,) = windowed.merged(windowed.parts)
    assert (merged.entities, merged.relations) == (sentence.entities, sentence.relations)


def test_entities_between_fragments_of_another_window_are_no_conflict() -> None:
    """Two windows find one each; they share no token, so both stay."""
    around, between = Entity.of_pieces([(6, 7), (9, 10)], "Pain"), Entity(8, 9, "Part")
    sentence = Sentence.from_tokens(["x"] * 16)
    windowed = Windowed.of([sentence], ModelReading("en", 11, 6))
    first, *rest, last = windowed.parts
    found = [
        first.with_annotations([around], []),
        *rest,
        last.with_annotations([between.moved(-windowed.windows[0][-1].start)], []),
    ]
    assert windowed.merged(found)[0].entities == {around, between}


def test_sentence_alone_equals_the_same_in_a_batch(run_of_fragments: Path) -> None:
    model = load_model(run_of_fragments / "model").model
    batch = Batch.from_sentences(HURT, model.encoder.featurise)
    alone = [Batch.from_sentences([s], model.encoder.featurise) for s in HURT]
    assert model.predict(batch) == [model.predict(own)[0] for own in alone]


def test_models_of_fragments_decide_together(run_of_fragments: Path, tmp_path: Path) -> None:
    model = load_model(run_of_fragments / "model").model
    twice = Ensemble([deepcopy(model), deepcopy(model)]).eval()
    assert Extractor(twice).annotate(HURT) == Extractor(model).annotate(HURT)
    list(training_events(config_of(data_of(HURT, tmp_path), epochs=30), tmp_path / "other"))
    folders = [run_of_fragments / "model", tmp_path / "other" / "model"]
    save_ensemble(tmp_path / "both", folders)
    loaded = Extractor.load(tmp_path / "both")
    assert any(entity.fragments for s in loaded.annotate(HURT) for entity in s.entities)
    assert loaded.reading.discontinuous == "keep"
    whole = replace(model.schema, discontinuous=frozenset())
    plain = build_model(config_of(), {ONLY: whole}, words=[["a"]])
    with pytest.raises(ModelError, match="the same types of discontinuous entities"):
        Ensemble([model, plain])


def test_each_loss_reaches_its_own_head_alone() -> None:
    for task, other in (("relation", "entity"), ("entity", "relation")):
        model = tiny_model(config_of(), sentences=HURT)
        model.outputs(batch_of(HURT, model)).losses[task].backward()
        found = reached(model)
        assert not {name for name in found if name.startswith(f"{other}_head")}
        assert any(name.startswith(f"{task}_head.scorer") for name in found)


def test_links_between_fragments_are_learned() -> None:
    model = tiny_model(config_of(), sentences=HURT)
    (number,) = model.relation_head.thresholds.shape
    assert number == 3  # "has", and links of two types
    model.outputs(batch_of(HURT[4:6], model)).losses["relation"].backward()  # limbs have links only
    assert any(name.startswith("relation_head.scorer") for name in reached(model))


def test_thresholds_of_links_are_not_those_of_relations() -> None:
    model = tiny_model(config_of(), sentences=HURT)
    model.relation_head.set_thresholds([0.25])
    assert model.relation_head.thresholds.tolist() == [0.25, 0.5, 0.5]
    assert model.relation_head.known_thresholds == [0.25]


def test_entities_alone_are_learned_with_their_fragments(tmp_path: Path) -> None:
    alone = [replace(s, relations=frozenset(), annotated=frozenset({ENTITY_TASK})) for s in HURT]
    events = list(training_events(config_of(data_of(alone, tmp_path)), tmp_path / "run"))
    started = next(event for event in events if isinstance(event, RunStarted))
    (note,) = started.splits.notes
    assert "entities alone are learned" in note
    assert "the relation head joins their fragments" in note
    extractor = Extractor.load(tmp_path / "run" / "model")
    assert [s.entities for s in extractor.annotate(HURT)] == [s.entities for s in HURT]
    assert extractor.schema.relation_types == ()
    assert extractor.thresholds == {}


def test_a_corpus_of_whole_entities_is_learned_as_without_the_policy(tmp_path: Path) -> None:
    models = []
    for policy in ("keep", "drop"):
        data = data_of(SENTENCES[:12], tmp_path).model_copy(update={"discontinuous": policy})
        for _ in training_events(config_of(data, epochs=2), tmp_path / policy):
            pass
        models.append((tmp_path / policy / "model" / "weights.safetensors").read_bytes())
    assert models[0] == models[1]


def test_a_tagger_is_refused_with_what_to_do() -> None:
    data = DataConfig(train=(Path("a.jsonl"),), dev=(Path("b.jsonl"),), discontinuous="keep")
    with pytest.raises(ConfigError, match=r'set entity_head\.kind = "span"'):
        tiny_config(data)


def test_a_run_that_could_not_join_fragments_is_refused(tmp_path: Path) -> None:
    config = config_of(data_of(HURT, tmp_path), relation_loss_weight=0.0, select="entity")
    with pytest.raises(TrainingError, match="training entities have several fragments"):
        list(training_events(config, tmp_path / "run"))


def test_what_cannot_be_said_by_fragments_is_counted(tmp_path: Path) -> None:
    words = ["a", "b", "c", "d", "e"]
    whole, within = (
        Entity.of_pieces([(0, 1), (2, 3), (4, 5)], "Pain"),
        Entity.of_pieces([(0, 1), (2, 3)], "Pain"),
    )
    itself = Entity.of_pieces([(1, 2), (3, 4)], "Part")
    person = Entity(1, 2, "Person")
    sentence = Sentence.from_tokens(
        words,
        entities=[whole, within, itself, person],
        relations=[Relation(person, itself, "has"), Relation(person, whole, "has")],
    )
    config = config_of(data_of((*HURT, sentence), tmp_path), epochs=1)
    started = next(
        e for e in training_events(config, tmp_path / "run") if isinstance(e, RunStarted)
    )
    (warning,) = [w for w in started.splits.warnings if "several fragments" in w]
    assert warning.startswith("2 training entities of several fragments")
    assert "nor are the 1 relations that they are in" in warning


def test_relations_of_entities_without_a_fragment_of_their_own_are_counted(tmp_path: Path) -> None:
    triangle = [
        Entity.of_pieces([(0, 1), (2, 3)], "Pain"),
        Entity.of_pieces([(2, 3), (4, 5)], "Pain"),
        Entity.of_pieces([(4, 5), (6, 7)], "Pain"),
    ]
    person = Entity(1, 2, "Person")
    sentence = Sentence.from_tokens(
        list("abcdefg"),
        entities=[*triangle, person],
        relations=[Relation(person, pain, "has") for pain in triangle],
    )
    config = config_of(data_of((*HURT, sentence), tmp_path), epochs=1)
    started = next(
        e for e in training_events(config, tmp_path / "run") if isinstance(e, RunStarted)
    )
    (warning,) = [w for w in started.splits.warnings if "nobody could tell" in w]
    assert warning.startswith("1 training relations are of entities all of whose fragments")


def test_long_fragments_are_counted_by_their_own_width(tmp_path: Path) -> None:
    long = Entity.of_pieces([(0, 5), (6, 7)], "Pain")
    sentence = Sentence.from_tokens(["a", "b", "c", "d", "e", "f", "g"], entities=[long])
    config = config_of(data_of((*HURT, sentence), tmp_path), epochs=1)
    started = next(
        e for e in training_events(config, tmp_path / "run") if isinstance(e, RunStarted)
    )
    (warning,) = [w for w in started.splits.warnings if "max_width" in w]
    assert "1 training entities have more than 4 tokens" in warning
    assert "the longest has 5" in warning


def test_resumed_run_ends_with_the_same_bits(tmp_path: Path) -> None:
    config = config_of(data_of(HURT, tmp_path), epochs=4)
    list(training_events(config, tmp_path / "run"))
    state = {
        n: t.clone() for n, t in load_model(tmp_path / "run/model").model.stored_state().items()
    }
    stops = iter([False] * 5 + [True] * 100)
    list(training_events(config, tmp_path / "again", should_stop=lambda: next(stops)))
    list(training_events(config, tmp_path / "again", resume=True))
    found = load_model(tmp_path / "again" / "model").model.stored_state()
    assert all(torch.equal(found[name], state[name]) for name in state)
