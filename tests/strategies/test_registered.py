"""What every strategy that can be chosen promises, those of other packages too.

`tests/strategies/test_plugin.py` runs this file in a process in which a plug-in is installed.
"""

from __future__ import annotations

import copy
import inspect
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.networks import tiny_config
from tests.strategies.contract import (
    INPUT_DIM,
    alone_as_in_a_batch,
    every_parameter_serves_a_task,
    inputs,
    losses_reach_what_is_declared,
    others_stay_where_tasks_are_left_out,
    padding_changes_nothing,
    run,
    same,
)
from torch.optim import AdamW

import dovetail.strategies
from dovetail.config import (
    Config,
    SharingConfig,
    config_reference,
    dump_config,
    load_config,
    with_changes,
)
from dovetail.encoders.transformer_layers import PretrainedLayer
from dovetail.errors import ConfigError, ModelError
from dovetail.lab.search.default_space import default_space
from dovetail.strategies.block import SharingBlock
from dovetail.strategies.curriculum import Phase
from dovetail.strategies.listing import listed, sections_by_kind
from dovetail.strategies.strategy import Ground, Strategy, strategy_of
from dovetail.text.document import ENTITY_TASK, RELATION_TASK, TASKS

KINDS = sections_by_kind()
LAYERS = {"hidden_dim": 6, "dropout": 0.0}
SMALL = {**LAYERS, "projection_dim": 6, "reservoir_dim": 2}


class Vectors:
    """Token vectors of a width, from nowhere."""

    output_dim = INPUT_DIM

    def hand_on(self, count: int) -> list[PretrainedLayer]:
        raise ModelError(f"there is no encoder that could part with {count} layers")


@pytest.fixture(params=KINDS)
def section(request: pytest.FixtureRequest) -> SharingConfig:
    """The section of a kind, as small as it can be, completed from a base where it needs one."""
    kind = KINDS[request.param]
    values: dict[str, Any] = {
        name: value for name, value in SMALL.items() if name in kind.model_fields
    }
    if "normal_component" in kind.model_fields:
        values |= {"normal_component": True, "noise": 0.0}
    if "add_tasks" in kind.model_fields:
        values |= {"base": "somewhere", "add_tasks": TASKS}
    own = kind.model_validate({"kind": request.param, **values})
    added = strategy_of(own).base(own)
    if added is not None:
        own = own.model_copy(update=added.fields(base_config()))
    return own


def base_config() -> Config:
    sharing = SharingConfig.of_kind("depth")
    assert sharing is not None
    return tiny_config(sharing=sharing.model_validate({"kind": "depth", **LAYERS}))


def ground_of(section: SharingConfig) -> Ground:
    """Where its block is built: on bare vectors, over a base where it needs one."""
    ground = Ground(Vectors())
    if strategy_of(section).base(section) is None:
        return ground
    base = base_config().sharing
    calibration = [inputs(4, 3)]
    return replace(ground, base=strategy_of(base).build(base, ground), calibration=calibration)


@pytest.fixture
def block(section: SharingConfig) -> SharingBlock:
    torch.manual_seed(0)
    built: SharingBlock = strategy_of(section).build(section, ground_of(section))
    with torch.no_grad():
        for parameter in built.parameters():
            if parameter.requires_grad and not parameter.any():
                parameter.normal_(std=0.1)  # what starts at zero would let no gradient through
    return built


def test_the_block_serves_the_tasks_and_declares_their_widths(block: SharingBlock) -> None:
    tokens, mask = inputs(4, 2)
    streams = run(block, tokens, mask)
    assert tuple(streams.by_task) == block.tasks == TASKS
    assert {task: own.shape[2] for task, own in streams.by_task.items()} == block.output_dims


@pytest.mark.parametrize("training", [True, False])
def test_the_block_keeps_its_contract(block: SharingBlock, training: bool) -> None:
    block.train(training)
    padding_changes_nothing(block)
    alone_as_in_a_batch(block)
    losses_reach_what_is_declared(block)
    every_parameter_serves_a_task(block)


def test_the_final_form_is_built_again_from_what_is_saved(
    section: SharingConfig, block: SharingBlock
) -> None:
    tokens, mask = inputs(4, 2)
    block.eval()
    final = copy.deepcopy(block).finalize().eval()
    ground = Ground(Vectors(), chosen=final.assets())
    again = strategy_of(section).build(section, ground).eval()
    again.load_state_dict(final.state_dict())
    same(run(final, tokens, mask), run(again, tokens, mask))
    same(run(final, tokens, mask), run(block, tokens, mask), rtol=0, atol=1e-5)


def test_auxiliary_tasks_are_left_out_exactly_or_refused_as_the_config_is_read(
    section: SharingConfig, block: SharingBlock
) -> None:
    config = tiny_config(sharing=section)
    if section.no_auxiliary:
        said = f'auxiliary: sharing.kind = "{section.kind}" takes no auxiliary tasks: '
        with pytest.raises(ConfigError, match=re.escape(said + section.no_auxiliary)):
            with_changes(config, {"auxiliary": ["boundary"]})
        assert with_changes(config, {"auxiliary": [{"task": "boundary", "weight": 0.0}]})
        return
    assert with_changes(config, {"auxiliary": ["boundary", "related", "each_relation"]})
    beside = ("boundary", "related", "relation:Kill", "news/boundary")
    ground = Ground(Vectors(), tasks=(*TASKS, *beside))
    whole: SharingBlock = strategy_of(section).build(section, ground)
    assert whole.output_dims["boundary"] == whole.output_dims[ENTITY_TASK]
    assert whole.output_dims["relation:Kill"] == whole.output_dims[RELATION_TASK]
    rest = others_stay_where_tasks_are_left_out(whole, *beside)
    shapes = {name: value.shape for name, value in rest.state_dict().items()}
    assert shapes == {name: value.shape for name, value in block.state_dict().items()}
    assert list(shapes) == list(block.state_dict())
    assert rest.finalize().assets() == block.finalize().assets()


def test_the_section_survives_a_file(section: SharingConfig, tmp_path: Path) -> None:
    config = tiny_config(sharing=section)
    path = tmp_path / "config.toml"
    path.write_text(dump_config(config), encoding="utf-8")
    assert load_config(path).sharing == section
    assert f'kind = "{section.kind}"' in config_reference()


def test_the_default_search_space_holds_the_section(section: SharingConfig) -> None:
    fields = strategy_of(section).search_space(section)
    space = default_space(tiny_config(sharing=section))
    expected = {name for name in fields if name in type(section).model_fields}
    assert expected
    assert {f"sharing.{name}" for name in expected} <= set(space.entries)


def test_the_curriculum_ends_with_the_joint_phase(
    section: SharingConfig, block: SharingBlock
) -> None:
    strategy: Strategy[Any] = strategy_of(section)
    objectives = strategy.objectives(section, steps_per_epoch=3)
    *_, last = strategy.curriculum(section, Phase("joint", 7, objectives))
    assert (last.name, last.epochs, last.objectives) == ("joint", 7, objectives)
    if last.after_step is not None:
        assert callable(last.after_step)
    assert AdamW([own for own in block.parameters() if own.requires_grad])


def test_the_card_of_a_model_says_it_in_lines(section: SharingConfig, block: SharingBlock) -> None:
    lines = strategy_of(section).card_lines(section, block.finalize(), num_new=1234)
    assert all(line and "\n" not in line for line in lines)
    needs_base = strategy_of(section).base(section) is not None
    assert any("1,234" in line for line in lines) == needs_base


@pytest.mark.parametrize("kind", KINDS)
def test_the_list_says_what_it_does_and_what_it_needs(kind: str) -> None:
    own = listed(KINDS[kind])
    assert own.kind == kind
    assert own.summary.endswith(".")
    needing = {"base", "normal_component"}
    assert bool(own.needs) == bool(needing & KINDS[kind].model_fields.keys())


def test_every_room_is_listed() -> None:
    rooms = Path(inspect.getfile(dovetail.strategies)).parent.rglob("*/strategy.py")
    homes = {KINDS[kind].implementation.partition(":")[0] for kind in KINDS}
    for room in rooms:
        if (room.parent / "config.py").is_file() and room.parent.name != "added":
            inside = room.relative_to(Path(inspect.getfile(dovetail.strategies)).parent)
            assert f"dovetail.strategies.{'.'.join(inside.with_suffix('').parts)}" in homes


@pytest.mark.parametrize("task", [ENTITY_TASK, RELATION_TASK])
def test_a_section_says_which_of_its_settings_ask_for_a_task(
    section: SharingConfig, task: str
) -> None:
    asked = list(section.asks_for(task))
    assert bool(asked) == (task == RELATION_TASK and "add_tasks" in type(section).model_fields)
