"""What every coupling that can be chosen promises, those of other packages too.

`tests/strategies/test_plugin.py` runs this file in a process in which a plug-in is installed.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from math import isfinite
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from tests.training.conftest import metrics, weights

import dovetail.couplings
from dovetail.config import Config, config_reference, dump_config, load_config
from dovetail.couplings.coupling import coupling_of
from dovetail.extractor import Extractor
from dovetail.lab.search.default_space import default_space
from dovetail.running.steps import result_of
from dovetail.strategies.listing import couplings_by_kind, listed
from dovetail.training import EpochResult, training_events
from dovetail.training.job import Job
from dovetail.training.loop import Loop
from dovetail.training.preparation import prepare_one

Coupled = Callable[..., Config]

KINDS = couplings_by_kind()

SHARINGS: dict[str, dict[str, Any]] = {
    "depth": {"shared_layers": 1, "relation_layers": 1},
    "exits": {"shared_layers": 2, "entity_exit": 1, "relation_exit": 2},
    "gates": {"layers": 1, "warmup_epochs": 1},
}


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    chosen: str = request.param
    return chosen


def off(kind: str) -> dict[str, Any]:
    """The coupling with all its weights zero."""
    fields = [name for name in KINDS[kind].model_fields if name.endswith("weight")]
    assert fields, "a coupling has a weight, or several, whose names end so"
    return {"kind": kind, **dict.fromkeys(fields, 0.0)}


def run(config: Config, path: Path, *, epochs: int | None = None, resume: bool = False) -> Path:
    """Train, or stop after so many epochs as if killed then."""
    for event in training_events(config, path, resume=resume):
        if isinstance(event, EpochResult) and event.epoch == epochs:
            break
    return path


def loop_of(config: Config) -> Loop:
    return result_of(prepare_one(Job.of(config)))


@pytest.fixture(scope="module")
def plain(coupled: Coupled, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run without a coupling."""
    return run(coupled(), tmp_path_factory.mktemp("plain") / "run")


@pytest.mark.parametrize("sharing", SHARINGS)
def test_it_goes_with_any_sharing_and_leaves_nothing_in_the_model(
    coupled: Coupled, kind: str, sharing: str, tmp_path: Path
) -> None:
    section = {"kind": sharing, "hidden_dim": 6, "dropout": 0.0, **SHARINGS[sharing]}
    stored, terms = [], []
    for name, couplings in {"alone": [], "coupled": [{"kind": kind}]}.items():
        config = coupled(*couplings, sharing=section, training={"epochs": 1})
        path = run(config, tmp_path / name)
        stored.append(load_file(path / "model" / "weights.safetensors"))
        losses = [line["losses"] for line in metrics(path)]
        assert all(isfinite(loss) for line in losses for loss in line.values())
        terms.append({term for line in losses for term in line})
    assert terms[0] < terms[1]
    assert stored[0].keys() == stored[1].keys()
    found = Extractor.load(tmp_path / "coupled" / "model").extract("Ada lives in London .")
    assert found.text


def test_with_weights_zero_it_changes_no_bit(
    coupled: Coupled, kind: str, plain: Path, tmp_path: Path
) -> None:
    without = run(coupled(off(kind)), tmp_path / "run")
    assert weights(without) == weights(plain)
    assert metrics(without) == metrics(plain)


def test_with_its_weights_it_changes_the_model(
    coupled: Coupled, kind: str, plain: Path, tmp_path: Path
) -> None:
    assert weights(run(coupled({"kind": kind}), tmp_path / "run")) != weights(plain)


def test_a_run_that_is_resumed_ends_with_the_same_bits(
    coupled: Coupled, kind: str, tmp_path: Path
) -> None:
    config = coupled({"kind": kind})
    whole = run(config, tmp_path / "whole")
    for epochs in (1, 2):
        path = run(config, tmp_path / f"after-{epochs}", epochs=epochs)
        run(config, path, resume=True)
        assert weights(path) == weights(whole)
        assert metrics(path) == metrics(whole)


def test_the_optimiser_of_the_model_has_no_opponent(coupled: Coupled, kind: str) -> None:
    loop = loop_of(coupled({"kind": kind}))
    opposed = {
        id(parameter)
        for objective in loop.phase.objectives
        if objective.opponent is not None
        for parameter in objective.opponent.parameters()
    }
    assert not opposed & {id(parameter) for parameter in loop.parameters}
    assert not opposed & {id(parameter) for parameter in loop.model.parameters()}


def test_making_its_objectives_draws_no_number(coupled: Coupled, kind: str) -> None:
    states = []
    for couplings in ([], [{"kind": kind}]):
        loop_of(coupled(*couplings))
        states.append(torch.get_rng_state())
    assert torch.equal(*states)


def test_the_section_survives_a_file(coupled: Coupled, kind: str, tmp_path: Path) -> None:
    config = coupled({"kind": kind})
    path = tmp_path / "config.toml"
    path.write_text(dump_config(config), encoding="utf-8")
    assert load_config(path).couplings == config.couplings
    assert f'kind = "{kind}"' in config_reference()


def test_the_default_search_space_holds_the_section(coupled: Coupled, kind: str) -> None:
    config = coupled({"kind": kind})
    (section,) = config.couplings
    fields = coupling_of(section).search_space(section)
    assert fields
    assert fields.keys() <= type(section).model_fields.keys()
    space = default_space(config)
    assert {f"couplings.0.{name}" for name in fields} <= set(space.entries)


def test_the_card_of_a_model_says_it_in_lines(coupled: Coupled, kind: str, tmp_path: Path) -> None:
    config = coupled({"kind": kind}, training={"epochs": 1})
    (section,) = config.couplings
    lines = coupling_of(section).card_lines(section)
    assert lines
    card = (run(config, tmp_path / "run") / "model" / "README.md").read_text("utf-8")
    assert all(f"- {line}\n" in card for line in lines)


def test_the_list_says_what_it_does(kind: str) -> None:
    own = listed(KINDS[kind])
    assert own.kind == kind
    assert own.summary.endswith(".")


def test_every_room_is_listed() -> None:
    home = Path(inspect.getfile(dovetail.couplings)).parent
    homes = {section.implementation.partition(":")[0] for section in KINDS.values()}
    for room in home.glob("*/coupling.py"):
        assert f"dovetail.couplings.{room.parent.name}.coupling" in homes
