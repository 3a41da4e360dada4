"""Runs with auxiliary tasks, from a config to the model that stays."""

from __future__ import annotations

import json
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.corpus import DEV, TRAIN, save_corpus
from tests.networks import tiny_config
from tests.training.conftest import metrics, weights
from tests.training.test_several_corpora import (
    config_of,
    corpus,  # noqa: F401 (a fixture)
    mentions,
    renamed,
    train_an_epoch,
)

from dovetail.config import (
    AuxiliaryConfig,
    Config,
    DataConfig,
    load_config,
    parse_config,
    with_changes,
)
from dovetail.errors import ConfigError, TrainingError
from dovetail.extractor import Extractor
from dovetail.lab.probes import probe_config
from dovetail.lab.search.default_space import default_space
from dovetail.lab.strategies import strategies
from dovetail.objectives import BALANCE, Balanced, Distilled, Supervised
from dovetail.strategies import BottomSharingConfig, SharingConfig
from dovetail.tensors.header import read_header
from dovetail.text.document import Sentence
from dovetail.training import RunStarted, training_events
from dovetail.training.job import Job
from dovetail.training.supervision import supervision

ALL = ["boundary", "related", "each_relation"]
NAMES = ["boundary", "related", *(f"relation:{t}" for t in ("based_in", "lives_in", "works_for"))]


def config(data: DataConfig, *auxiliary: object, **settings: Any) -> Config:
    plain = tiny_config(data, **settings)
    return with_changes(plain, {"auxiliary": list(auxiliary)}) if auxiliary else plain


def train(own: Config, folder: Path) -> list[object]:
    return list(training_events(own, folder))


@pytest.mark.parametrize("sharing", [None, BottomSharingConfig(hidden_dim=4)])
def test_a_run_leaves_a_model_of_the_same_form_as_without(
    data: DataConfig, tmp_path: Path, sharing: SharingConfig | None
) -> None:
    events = {
        name: train(config(data, *tasks, sharing=sharing), tmp_path / name)
        for name, tasks in {"plain": [], "more": ALL}.items()
    }
    header, described, network = (
        [read(tmp_path / name / "model") for name in events]
        for read in (
            lambda folder: read_header(folder / "weights.safetensors"),
            lambda folder: json.loads((folder / "model.json").read_text("utf-8")),
            lambda folder: (folder / "network.toml").read_text("utf-8"),
        )
    )
    for plain, more in (header, described, network):
        assert plain == more
    assert weights(tmp_path / "plain") != weights(tmp_path / "more")
    for line in metrics(tmp_path / "more"):
        assert [*line["losses"]] == ["entity", "relation", *NAMES]
    started = [own for name in events for own in events[name] if isinstance(own, RunStarted)]
    assert started[0].trainable_parameters < started[1].trainable_parameters
    assert started[0].schema == started[1].schema
    extractor = Extractor.load(tmp_path / "more")
    assert extractor.model.sharing.tasks == ("entity", "relation")  # type: ignore[union-attr]
    written = tomllib.loads((tmp_path / "more" / "config.toml").read_text("utf-8"))
    assert [own["task"] for own in written["auxiliary"]] == ALL
    assert load_config(tmp_path / "more" / "config.toml").auxiliary[2].weight == 1.0


def test_a_run_that_was_stopped_goes_on_to_the_same_bits(data: DataConfig, tmp_path: Path) -> None:
    """With factors and averages that are learned beside them."""
    own = config(data, *ALL, training={"balance": "learned", "average": "ema"})
    train(own, tmp_path / "whole")
    train_an_epoch(own, tmp_path / "parts")
    list(training_events(own, tmp_path / "parts", resume=True))
    assert weights(tmp_path / "parts") == weights(tmp_path / "whole")
    assert metrics(tmp_path / "parts") == metrics(tmp_path / "whole")
    names = {*metrics(tmp_path / "whole")[0]["losses"]}
    assert names == {"entity", "relation", *NAMES, BALANCE}
    checkpoint = read_header(tmp_path / "whole" / "checkpoint" / "state.safetensors")
    for part in ("model", "best"):
        assert any(name.startswith(f"{part}/auxiliary.boundary.") for name in checkpoint)


def test_a_task_of_weight_0_is_as_one_that_is_not_there(data: DataConfig, tmp_path: Path) -> None:
    train(config(data), tmp_path / "plain")
    absent = [{"task": "boundary", "weight": 0.0}, {"task": "relation:unheard_of", "weight": 0.0}]
    train(config(data, *absent), tmp_path / "off")
    assert weights(tmp_path / "off") == weights(tmp_path / "plain")
    assert metrics(tmp_path / "off") == metrics(tmp_path / "plain")


def test_the_weight_is_the_factor_of_the_loss(data: DataConfig, tmp_path: Path) -> None:
    one_epoch = {"epochs": 1, "batch_size": 64, "learning_rate": 1e-6}
    losses = []
    for weight in (1.0, 0.25):
        own = config(data, {"task": "related", "weight": weight}, training=one_epoch)
        train(own, tmp_path / str(weight))
        losses.append(metrics(tmp_path / str(weight))[0]["losses"])
    assert losses[1]["related"] == pytest.approx(losses[0]["related"] / 4, abs=1e-5)
    assert losses[1]["relation"] == pytest.approx(losses[0]["relation"], rel=1e-5)


def test_each_schema_has_tasks_of_its_own(corpus: Any, tmp_path: Path) -> None:  # noqa: F811
    own = config_of(
        corpus("towns"),
        corpus("cities", renamed),
        corpus("mentions", mentions),
        training={"epochs": 2},
    )
    some = ["boundary", "cities/related", {"task": "relation:lives_in", "weight": 0.5}]
    own = with_changes(own, {"auxiliary": some})
    job = Job.of(own)
    names = [task.name for task in job.auxiliary]
    assert names == [
        "towns/boundary", "cities/boundary", "mentions/boundary",
        "cities/related", "towns/relation:lives_in",
    ]  # fmt: skip
    assert [*job.loss_weights][5:] == names
    assert job.loss_weights["towns/relation:lives_in"] == 0.5
    train(own, tmp_path / "whole")
    losses = metrics(tmp_path / "whole")[0]["losses"]
    assert {*names} < {*losses}
    assert len(losses) == 5 + len(names)
    train_an_epoch(own, tmp_path / "parts")
    list(training_events(own, tmp_path / "parts", resume=True))
    assert weights(tmp_path / "parts") == weights(tmp_path / "whole")
    loaded = Extractor.load(tmp_path / "whole").model
    assert loaded.sharing.tasks == (  # type: ignore[union-attr]
        "towns/entity", "towns/relation", "cities/entity", "cities/relation", "mentions/entity",
    )  # fmt: skip


def test_sentences_with_entities_alone_teach_where_these_are(tmp_path: Path) -> None:
    """Extra sentences are for one task; those of the others are left as they are."""
    extra = [replace(s, relations=frozenset(), annotated=frozenset({"entity"})) for s in TRAIN[11:]]
    files = {"train": TRAIN[:11], "dev": DEV, "extra": extra}
    paths = {name: (save_corpus(own, tmp_path / f"{name}.jsonl"),) for name, own in files.items()}
    own = config(DataConfig(**paths), "boundary", "related", training={"epochs": 2})
    train(own, tmp_path / "run")
    assert all(line["losses"]["boundary"] > 0 for line in metrics(tmp_path / "run"))


def test_a_teacher_says_nothing_of_them(data: DataConfig) -> None:
    def of(weight: float, **training: Any) -> dict[type, dict[str, float]]:
        own = tiny_config(data, training=training)
        own = own.model_copy(
            update={
                "distillation": own.distillation.model_copy(
                    update={"teacher": "news", "weight": weight}
                )
            }
        )
        weights_of = {"entity": 1.0, "relation": 4.0, "boundary": 0.5}
        found = supervision(own, weights_of)
        return {type(one): one.weights for one in found}  # type: ignore[attr-defined]

    assert of(0.5) == {
        Supervised: {"entity": 0.5, "relation": 2.0, "boundary": 0.5},
        Distilled: {"entity": 0.5, "relation": 2.0},
    }
    assert of(1.0) == {
        Supervised: {"boundary": 0.5},
        Distilled: {"entity": 1.0, "relation": 4.0},
    }
    assert of(0.0, balance="learned").keys() == {Balanced}


@pytest.mark.parametrize(
    ("auxiliary", "message"),
    [
        (["entity"], r'auxiliary\.0\.task: expected "boundary", "related"'),
        (["boundary", "boundary"], "'boundary' stands there 2 times; leave one"),
        (["news/boundary"], "auxiliary: 'news/boundary' names the schema 'news', and there is one"),
        ([{"task": "boundary", "directed": False}], r"auxiliary\.0\.directed: .* leave it out"),
        ([{"task": "related", "weight": -1.0}], r"auxiliary\.0\.weight: expected a number"),
        ([{"kind": "related"}], "unknown key"),
        ("boundary", "auxiliary: expected"),
    ],
)
def test_what_cannot_be_meant_is_refused(data: DataConfig, auxiliary: object, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        with_changes(tiny_config(data), {"auxiliary": auxiliary})


def test_a_schema_that_is_not_there_is_told_with_those_that_are(corpus: Any) -> None:  # noqa: F811
    own = config_of(corpus("towns"), corpus("cities", renamed))
    assert with_changes(own, {"auxiliary": ["cities/boundary"]})
    with pytest.raises(ConfigError, match="the schema 'rivers', and there are towns, cities"):
        with_changes(own, {"auxiliary": ["rivers/boundary"]})


def test_relations_that_no_sentence_has_are_refused(data: DataConfig, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="of: based_in, lives_in, works_for"):
        train(config(data, "relation:kills"), tmp_path / "run")
    with pytest.raises(TrainingError, match="2 entries ask for the task relation:lives_in"):
        train(config(data, "each_relation", "relation:lives_in"), tmp_path / "run")

    def without(sentence: Sentence) -> Sentence:
        return replace(sentence, relations=frozenset(), annotated=frozenset({"entity"}))

    path = save_corpus([without(sentence) for sentence in TRAIN], tmp_path / "train.jsonl")
    alone = data.model_copy(update={"train": (path,)})
    plain = tiny_config(alone, training={"epochs": 1})
    related, boundary = (
        plain.model_copy(update={"auxiliary": (AuxiliaryConfig(task=task),)})
        for task in ("related", "boundary")
    )
    with pytest.raises(TrainingError, match='asks for them by auxiliary = "related"'):
        train(related, tmp_path / "run")
    train(boundary, tmp_path / "run")
    assert [*metrics(tmp_path / "run")[0]["losses"]][-1] == "boundary"


def test_a_list_of_words_is_short_for_tables(data: DataConfig) -> None:
    values = json.loads(tiny_config(data).model_dump_json(exclude_none=True))
    short = parse_config({**values, "auxiliary": ["boundary"]})
    assert short == parse_config({**values, "auxiliary": [{"task": "boundary", "weight": 1.0}]})
    assert short.auxiliary[0].directed


def test_they_cost_training_and_not_the_model(data: DataConfig) -> None:
    def costs(*auxiliary: object) -> dict[str, Any]:
        return {own.kind: own for own in strategies(Job.of(config(data, *auxiliary)))}

    plain, more = costs(), costs(*ALL)
    for kind in ("depth", "bottom", "exits", "primitives"):
        assert more[kind].costs.stored == plain[kind].costs.stored
        assert more[kind].costs.multiply_adds == plain[kind].costs.multiply_adds
        assert more[kind].costs.trained > plain[kind].costs.trained
    assert plain["gates"].costs is not None
    assert more["gates"].problem.startswith('auxiliary: sharing.kind = "gates" takes no auxiliary')


def test_weights_are_tuned_and_probes_have_none(data: DataConfig) -> None:
    own = config(data, "boundary", {"task": "related", "weight": 5.0})
    space = default_space(own)
    assert {"auxiliary.0.weight", "auxiliary.1.weight"} < {*space.entries}
    assert probe_config(own, "entity", 0.1, seed=1, layers=2).auxiliary == ()
