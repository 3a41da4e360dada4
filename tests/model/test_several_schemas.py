"""Models of several schemas, made without a config that asks for them: 2, 3 and 6 tasks."""

from __future__ import annotations

import copy
import json
import pickle
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tests.corpus import SENTENCES, save_corpus
from tests.networks import reached, tiny_config
from typer.testing import CliRunner

from dovetail.build import build_model
from dovetail.cli import app
from dovetail.config import SharingConfig, SpanEntityHeadConfig
from dovetail.corpora import read_corpus
from dovetail.errors import ModelError
from dovetail.extractor import Extractor
from dovetail.model.ensemble import Ensemble
from dovetail.model.joint import JointModel
from dovetail.saved.model_folder import DESCRIPTION, WEIGHTS, load_model, save_model
from dovetail.strategies import (
    BottomSharingConfig,
    ContextSharingConfig,
    DepthSharingConfig,
    ExitsSharingConfig,
    GatesSharingConfig,
    PrimitivesSharingConfig,
    SequentialSharingConfig,
    VariationalSharingConfig,
)
from dovetail.tensors.features import Batch
from dovetail.text.document import Sentence
from dovetail.text.named_schemas import ONLY, Schemas, all_tasks, joined_schema
from dovetail.text.schema import Schema

TOWNS = Schema.from_sentences(SENTENCES)
PEOPLE = Schema(("Name", "Person"), ("knows",), symmetric=frozenset({"knows"}))
PLACES = Schema(("City", "Lake", "River"), ("flows_through", "near"))
MENTIONS = Schema(("Mention",), ())

OF_TASKS: dict[int, Schemas] = {
    2: {ONLY: TOWNS},
    3: {"towns": TOWNS, "mentions": MENTIONS},
    6: {"towns": TOWNS, "people": PEOPLE, "places": PLACES},
}
SHARINGS: dict[str, SharingConfig] = {
    "tied": DepthSharingConfig(hidden_dim=4, entity_layers=0, relation_layers=0),
    "depth": DepthSharingConfig(hidden_dim=4, relation_layers=1),
    "bottom": BottomSharingConfig(hidden_dim=4),
    "exits": ExitsSharingConfig(hidden_dim=4),
    "gates": GatesSharingConfig(hidden_dim=4),
    "primitives": PrimitivesSharingConfig(hidden_dim=4),
    "context": ContextSharingConfig(hidden_dim=4, context_dim=4),
    "context within": ContextSharingConfig(
        hidden_dim=4, context_dim=4, genotype="source", across_schemas=False
    ),
    "sequential": SequentialSharingConfig(hidden_dim=4, steps=3, relation_layers=1),
    "variational": VariationalSharingConfig(
        hidden_dim=4, feature_dim=6, normal_component=True, noise=0.0
    ),
}
WORDS = [sentence.tokens for sentence in SENTENCES]
TEXT = "Ada Lovelace lives in London . Brunel worked for Great Western ."


def model_of(
    schemas: Schemas, sharing: SharingConfig | None = None, *, seed: int = 0
) -> JointModel:
    """An untrained model that finds something of each schema in most sentences."""
    config = tiny_config(sharing=sharing, relation_head={"dropout": 0.0})
    torch.manual_seed(seed)
    model = build_model(config, schemas, words=WORDS)
    with torch.no_grad():
        for name, parameter in model.trainable_parameters():
            if parameter.dim() > 1:
                parameter.normal_(std=0.7)
            elif "normalise" not in name:
                parameter.zero_()
            elif name.endswith("weight"):  # one that starts at zero would let no gradient through
                parameter.fill_(1.0)
    for own in model.heads.values():
        if own.relation_head is not None:
            own.relation_head.set_thresholds([0.1] * len(own.schema.relation_types))
    return model.eval()


def annotated_in(schema: Schema, number: int = 4) -> list[Sentence]:
    """The sentences with their entities as types of a schema, and relations where these fit."""
    types, relations = schema.entity_types, schema.relation_types
    found = []
    for sentence in SENTENCES[:number]:
        renamed = {
            entity: replace(entity, type=types[index % len(types)])
            for index, entity in enumerate(sentence.sorted_entities)
        }
        links = [
            replace(link, head=renamed[link.head], tail=renamed[link.tail], type=relations[0])
            for link in (sentence.sorted_relations if relations else ())
        ]
        found.append(sentence.with_annotations(renamed.values(), links))
    return found


def batch_of(model: JointModel, name: str, sentences: list[Sentence]) -> Batch:
    batch = replace(Batch.from_sentences(sentences, model.featurise), schema=name)
    return model.of_schema(name).with_targets(batch)


@pytest.fixture(params=OF_TASKS)
def schemas(request: pytest.FixtureRequest) -> Schemas:
    return OF_TASKS[request.param]


@pytest.fixture(params=SHARINGS)
def sharing(request: pytest.FixtureRequest) -> SharingConfig:
    return SHARINGS[request.param]


@pytest.mark.parametrize("number", OF_TASKS)
def test_a_model_has_a_stream_and_a_loss_for_each_task(number: int, sharing: SharingConfig) -> None:
    schemas = OF_TASKS[number]
    model = model_of(schemas, sharing)
    assert model.sharing.tasks == all_tasks(schemas)
    assert len(model.sharing.tasks) == number
    losses = {
        task: loss
        for name, schema in schemas.items()
        for task, loss in model.outputs(batch_of(model, name, annotated_in(schema))).losses.items()
    }
    assert tuple(losses) == all_tasks(schemas)
    assert all(loss.isfinite() for loss in losses.values())


@pytest.mark.parametrize("training", [True, False])
def test_a_tasks_loss_reaches_what_is_declared_and_the_heads_of_its_task_alone(
    schemas: Schemas, sharing: SharingConfig, training: bool
) -> None:
    model = model_of(schemas, sharing)
    for name, schema in schemas.items():
        own = model.heads[name]
        for task in own.tasks:
            model.train(training).zero_grad(set_to_none=True)
            model.outputs(batch_of(model, name, annotated_in(schema))).losses[task].backward()
            found = reached(model)
            inside = {one for one in found if one.startswith("sharing.")}
            read = own.reads[task]
            declared = {
                f"sharing.{one}" for other in read for one in model.sharing.reached_by(other)
            }
            # Gates that are all open or all closed spare a layer.
            assert inside <= declared if sharing.kind == "gates" else inside == declared
            heads = {own.entity_task: own.entity_head, own.relation_task: own.relation_head}
            of_head = {
                full
                for full, parameter in model.named_parameters()
                if any(parameter is part for one in read for part in heads[one].parameters())
            }
            others = found - {one for one in found if one.startswith(("sharing.", "encoder."))}
            assert others <= of_head
            assert others
            assert {one for one in found if one.startswith("encoder.")} == {
                one for one, _ in model.named_parameters() if one.startswith("encoder.")
            }


def test_a_sentence_alone_equals_the_same_in_a_batch(
    schemas: Schemas, sharing: SharingConfig
) -> None:
    model = model_of(schemas, sharing)
    together = model.predict_schemas(
        Batch.from_sentences(SENTENCES[:6], model.featurise), [*schemas]
    )
    assert all(any(sentence.entities for sentence in found) for found in together.values())
    for index, sentence in enumerate(SENTENCES[:6]):
        alone = model.predict_schemas(Batch.from_sentences([sentence], model.featurise), [*schemas])
        assert {name: found[0] for name, found in alone.items()} == {
            name: found[index] for name, found in together.items()
        }


def test_a_schema_asked_for_alone_says_what_it_says_among_all(
    schemas: Schemas, sharing: SharingConfig
) -> None:
    model = model_of(schemas, sharing)
    batch = Batch.from_sentences(SENTENCES[:6], model.featurise)
    together = model.predict_schemas(batch, [*schemas])
    for name, found in together.items():
        alone = model.predict(replace(batch, schema=name))
        assert [said(sentence) for sentence in alone] == [said(sentence) for sentence in found]


def said(sentence: Sentence) -> object:
    """All annotations with their confidences."""
    return (
        [(entity, entity.confidence) for entity in sentence.sorted_entities],
        [(relation, relation.confidence) for relation in sentence.sorted_relations],
    )


def test_a_step_for_one_schema_leaves_the_parameters_of_the_others(schemas: Schemas) -> None:
    model = model_of(schemas, SHARINGS["depth"]).train()
    first = next(iter(schemas))
    before = {name: value.clone() for name, value in model.stored_state().items()}
    optimiser = torch.optim.AdamW(model.parameters(), lr=0.1)
    losses = model.outputs(batch_of(model, first, annotated_in(schemas[first]))).losses
    torch.stack([*losses.values()]).sum().backward()
    optimiser.step()
    after = model.stored_state()
    moved = {name for name, value in after.items() if not torch.equal(value, before[name])}
    for name in [*schemas][1:]:
        assert not {one for one in moved if f".{name}/" in one or one.startswith(f"heads.{name}.")}
    assert moved


@pytest.mark.parametrize("kind", SHARINGS)
def test_a_saved_model_of_several_schemas_says_the_same(kind: str, tmp_path: Path) -> None:
    schemas, sharing = OF_TASKS[6], SHARINGS[kind]
    model = model_of(schemas, sharing)
    save_model(tmp_path / "model", model, tiny_config(sharing=sharing))
    description = json.loads((tmp_path / "model" / DESCRIPTION).read_text(encoding="utf-8"))
    assert [*description["schemas"]] == [*schemas]
    assert "schema" not in description
    loaded = load_model(tmp_path / "model").model
    assert loaded.schemas == schemas
    state, again = model.finalize().stored_state(), loaded.stored_state()
    assert [*state] == [*again]
    assert all(torch.equal(state[name], again[name]) for name in state)
    assert {name for name in state if name.startswith("heads.places.relation_head.")}
    batch = Batch.from_sentences(SENTENCES[:6], model.featurise)
    first, second = (
        own.predict_schemas(batch, [*schemas]) for own in (model.finalize().eval(), loaded)
    )
    assert first == second


def test_a_model_of_one_schema_is_stored_under_the_names_it_always_had(tmp_path: Path) -> None:
    model = model_of({ONLY: TOWNS})
    parts = {name.split(".")[0] for name in model.stored_state()}
    assert parts == {"encoder", "sharing", "entity_head", "relation_head"}
    save_model(tmp_path / "model", model, tiny_config())
    description = json.loads((tmp_path / "model" / DESCRIPTION).read_text(encoding="utf-8"))
    assert "schemas" not in description
    assert description["schema"] == TOWNS.to_dict()


@pytest.mark.parametrize(
    "schemas",
    [[], {}, {"a/b": TOWNS.to_dict()}, {"": TOWNS.to_dict()}, {"..": TOWNS.to_dict()}, "towns"],
)
def test_schemas_of_another_form_are_refused(tmp_path: Path, schemas: object) -> None:
    save_model(tmp_path / "model", model_of(OF_TASKS[6]), tiny_config())
    path = tmp_path / "model" / DESCRIPTION
    description = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**description, "schemas": schemas}), encoding="utf-8")
    with pytest.raises(ModelError, match="schema"):
        load_model(tmp_path / "model")


def test_weights_of_other_numbers_of_types_are_refused(tmp_path: Path) -> None:
    save_model(tmp_path / "model", model_of(OF_TASKS[6]), tiny_config())
    path = tmp_path / "model" / DESCRIPTION
    description = json.loads(path.read_text(encoding="utf-8"))
    description["schemas"]["places"]["relation_types"].append("more")
    path.write_text(json.dumps(description), encoding="utf-8")
    with pytest.raises(ModelError, match=r"heads\.places\.relation_head\.thresholds"):
        load_model(tmp_path / "model")
    assert (tmp_path / "model" / WEIGHTS).exists()


def test_an_extraction_holds_each_schema_as_a_model_of_it_alone_gives_it() -> None:
    schemas = OF_TASKS[6]
    extractor = Extractor(model_of(schemas))
    assert extractor.schemas == ("towns", "people", "places")
    assert extractor.schema == joined_schema(schemas)
    whole = extractor.extract(TEXT)
    assert {entity.type.split("/")[0] for entity in whole.entities} == {*schemas}
    for name, schema in schemas.items():
        alone = extractor.of_schema(name)
        assert (alone.schemas, alone.schema) == ((), schema)
        found = alone.extract(TEXT)
        assert whole[name] == found
        assert whole[name].to_dict() == found.to_dict()
        assert [*found.thresholds] == [*schema.relation_types]
        assert {entity.type for entity in found.entities} <= {*schema.entity_types}
    assert sum(len(whole[name].entities) for name in schemas) == len(whole.entities)
    assert sum(len(whole[name].relations) for name in schemas) == len(whole.relations)
    with pytest.raises(KeyError, match="towns, people, places"):
        whole["rivers"]


def test_a_model_of_one_schema_has_no_name_for_it() -> None:
    extractor = Extractor(model_of({ONLY: TOWNS}))
    extraction = extractor.extract(TEXT)
    assert (extractor.schemas, extraction.schemas) == ((), ())
    with pytest.raises(KeyError, match="one schema"):
        extraction["towns"]
    with pytest.raises(ModelError, match="leave the name out"):
        extractor.of_schema("towns")


def test_what_needs_one_schema_names_those_there_are() -> None:
    model = model_of(OF_TASKS[6])
    batch = Batch.from_sentences(SENTENCES[:2], model.featurise)
    for ask in (lambda: model.schema, lambda: model.predict(batch), lambda: model.outputs(batch)):
        with pytest.raises(ModelError, match="towns, people, places: name one of them"):
            ask()


def test_extractors_of_one_schema_are_copied_and_pickled_as_such(tmp_path: Path) -> None:
    save_model(tmp_path / "model", model_of(OF_TASKS[6]), tiny_config())
    whole = Extractor.load(tmp_path / "model")
    one = whole.of_schema("people")
    for other in (pickle.loads(pickle.dumps(one)), copy.deepcopy(one), copy.copy(one)):
        assert other.schema == PEOPLE
        assert other.extract(TEXT) == one.extract(TEXT)
    assert pickle.loads(pickle.dumps(whole)).schemas == whole.schemas


def test_ensembles_decide_together_in_each_schema() -> None:
    schemas = OF_TASKS[6]
    members = [model_of(schemas, seed=seed) for seed in (0, 1)]
    together = Ensemble(copy.deepcopy(members)).eval()
    batch = Batch.from_sentences(SENTENCES[:6], together.featurise)
    assert {*together.predict_schemas(batch, [*schemas])} == {*schemas}
    twice = Ensemble(copy.deepcopy([members[0], members[0]])).eval()
    alone = members[0].predict_schemas(
        Batch.from_sentences(SENTENCES[:6], members[0].featurise), [*schemas]
    )
    assert twice.predict_schemas(batch, [*schemas]) == alone
    fewer = model_of({name: schemas[name] for name in ("towns", "people")})
    with pytest.raises(ModelError, match="the same schemas"):
        Ensemble([*members, fewer])


def test_span_heads_have_schemas_of_their_own() -> None:
    config = tiny_config(entity_head=SpanEntityHeadConfig(hidden_dim=8, max_width=4))
    torch.manual_seed(0)
    model = build_model(config, OF_TASKS[6], words=WORDS).eval()
    batch = batch_of(model, "people", annotated_in(PEOPLE))
    assert [*model.outputs(batch).losses] == ["people/entity", "people/relation"]
    assert [*model.predict_schemas(batch, ["towns", "places"])] == ["towns", "places"]


def run(*arguments: object) -> str:
    result = CliRunner().invoke(app, [*map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_commands_take_the_schema_by_its_name(tmp_path: Path) -> None:
    save_model(tmp_path / "model", model_of(OF_TASKS[6]), tiny_config())
    corpus = save_corpus(SENTENCES, tmp_path / "towns.jsonl")
    header, flat = map(json.loads, run("extract", tmp_path / "model", TEXT).splitlines())
    assert [*header["thresholds"]] == [*joined_schema(OF_TASKS[6]).relation_types]
    extractor = Extractor.load(tmp_path / "model")
    assert flat == extractor.extract(TEXT).to_dict()
    lines = run("extract", tmp_path / "model", TEXT, "--schema", "people").splitlines()
    assert json.loads(lines[1]) == extractor.extract(TEXT)["people"].to_dict()
    out = tmp_path / "found.jsonl"
    run("extract", tmp_path / "model", TEXT, "-o", out)
    (document,) = read_corpus(out).documents
    assert document.sentences == extractor.extract(TEXT).document.sentences
    scores = run("evaluate", tmp_path / "model", corpus, "--schema", "towns", "--json")
    assert json.loads(scores)["sentences"] == len(SENTENCES)
    with pytest.raises(ModelError, match=r"towns, people, places.*--schema"):
        run("evaluate", tmp_path / "model", corpus)
    with pytest.raises(ModelError, match="no schema 'rivers'; it has towns, people, places"):
        run("evaluate", tmp_path / "model", corpus, "--schema", "rivers")
