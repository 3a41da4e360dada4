"""Experts for each token, what relations read of entities, and what their loss reaches."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from tests.corpus import SENTENCES, TRAIN
from tests.networks import (
    batch_of,
    layer_factory,
    reached,
    talkative_model,
    tiny_config,
    tiny_loop,
    tiny_model,
)
from tests.strategies.contract import INPUT_DIM, inputs, run
from torch import Tensor, nn

from dovetail.config import Config, CrfEntityHeadConfig, SpanEntityHeadConfig
from dovetail.errors import ConfigError
from dovetail.lab.search.default_space import default_space
from dovetail.model.joint import JointModel
from dovetail.strategies import DepthSharingConfig, SequentialSharingConfig
from dovetail.strategies.sequential.block import ExpertLayers, Transfer
from dovetail.strategies.stacks import SharedLayers
from dovetail.strategies.streams import Streams
from dovetail.training import EpochResult
from dovetail.training.supervision import curriculum_of

TASKS = ("entity", "relation")
PLAIN = {"experts": 1, "selector": False, "transfer": False}
HEADS = {"crf": CrfEntityHeadConfig, "span": SpanEntityHeadConfig}


def config_of(head: str = "crf", *, epochs: int = 3, **sharing: Any) -> Config:
    settings = {"hidden_dim": 6, "dropout": 0.1, "indicator_dim": 3} | sharing
    return tiny_config(
        sharing=SequentialSharingConfig(**settings),
        entity_head=HEADS[head](hidden_dim=8),
        training={"epochs": epochs, "patience_epochs": 0},
    )


def experts_of(number: int, *, selects: bool = False) -> ExpertLayers:
    torch.manual_seed(0)
    return ExpertLayers(
        layer_factory("gru"),
        TASKS,
        input_dim=INPUT_DIM,
        num_experts=number,
        indicator_dim=3,
        selects=selects,
    )


def test_gates_are_shares_that_differ_between_tokens_and_tasks() -> None:
    block = experts_of(3)
    tokens, _ = inputs(4, 3)
    weights = {task: block.weights(task, tokens) for task in TASKS}
    for own in weights.values():
        assert own.shape == (2, 4, 3)
        assert bool((own > 0).all())
        torch.testing.assert_close(own.sum(2), torch.ones(2, 4))
        assert not torch.allclose(own[:, :1].expand_as(own), own)
    assert not torch.allclose(*weights.values())


def test_the_indicator_of_a_task_moves_its_gates_alone() -> None:
    block = experts_of(3)
    tokens, _ = inputs(4)
    before = {task: block.weights(task, tokens) for task in TASKS}
    with torch.no_grad():
        block.indicators["relation"].add_(1.0)
    assert torch.equal(block.weights("entity", tokens), before["entity"])
    assert not torch.allclose(block.weights("relation", tokens), before["relation"])


def test_even_gates_give_the_mean_of_the_experts() -> None:
    block = experts_of(3)
    for gate in block.gates.values():
        nn.init.zeros_(gate.weight)
    tokens, mask = inputs(4, 3)
    mean = torch.stack([expert(tokens, mask) for expert in block.experts]).mean(0)
    streams = run(block, tokens, mask)
    for task in TASKS:
        torch.testing.assert_close(streams[task], mean)


def test_a_selector_lets_a_share_of_each_number_through() -> None:
    plain, selecting = experts_of(2), experts_of(2, selects=True)
    selecting.load_state_dict(plain.state_dict(), strict=False)
    tokens, mask = inputs(4, 3)
    whole, parts = run(plain, tokens, mask), run(selecting, tokens, mask)
    for task in TASKS:
        shares = (parts[task] / whole[task])[mask]
        assert bool(((shares > 0) & (shares < 1)).all())
        assert not torch.allclose(shares[0], shares[1])
        nn.init.zeros_(selecting.selectors[task].weight)
        nn.init.constant_(selecting.selectors[task].bias, 40.0)  # a sigmoid of exactly 1
    opened = run(selecting, tokens, mask)
    assert all(torch.equal(opened[task], whole[task]) for task in TASKS)


def test_one_expert_without_a_selector_is_a_shared_layer() -> None:
    block = experts_of(1)
    torch.manual_seed(0)
    shared = SharedLayers(
        layer_factory("gru"), input_dims=dict.fromkeys(TASKS, INPUT_DIM), num_layers=1
    )
    tokens, mask = inputs(4, 3)
    ours, theirs = run(block, tokens, mask), run(shared, tokens, mask)
    assert ours["entity"] is ours["relation"]
    assert all(torch.equal(ours[task], theirs[task]) for task in TASKS)


def test_experts_run_once_for_tied_tasks() -> None:
    block = experts_of(2, selects=True)
    runs: list[int] = []
    for expert in block.experts:
        expert.register_forward_hook(lambda *_: runs.append(1))
    run(block, *inputs(4, 3))
    assert len(runs) == 2


def streams_of(*widths: int) -> Streams:
    tokens = [torch.randn(2, 4, width, requires_grad=True) for width in widths]
    return Streams(dict(zip(TASKS, tokens, strict=True)), torch.ones(2, 4, dtype=torch.bool))


@pytest.mark.parametrize("detach", [False, True])
def test_relations_read_entities_and_never_the_other_way(detach: bool) -> None:
    block = Transfer({"entity": 3, "relation": 5}, {"relation": "entity"}, detach=detach)
    streams = streams_of(3, 5)
    found = block(streams)
    assert found["entity"] is streams["entity"]
    found["relation"].square().sum().backward()
    assert streams["relation"].grad is not None
    assert (streams["entity"].grad is None) == detach
    assert block.needs == {"entity": {"entity"}, "relation": {"entity", "relation"}}
    assert block.reads["relation"] == ({"relation"} if detach else {"entity", "relation"})
    assert block.reads["entity"] == {"entity"}


def test_a_transfer_of_nothing_changes_no_bit() -> None:
    block = Transfer({"entity": 3, "relation": 5}, {"relation": "entity"})
    nn.init.zeros_(block.values["relation"].weight)
    streams = streams_of(3, 5)
    assert torch.equal(block(streams)["relation"], streams["relation"])


def trained(config: Config) -> tuple[JointModel, list[dict[str, float]]]:
    loop = tiny_loop(config)
    losses = [dict(own.losses) for own in loop.run() if isinstance(own, EpochResult)]
    return loop.model, losses


@pytest.mark.parametrize("head", HEADS)
def test_with_one_expert_and_nothing_else_training_is_that_of_hard_sharing(head: str) -> None:
    """To the bit: the same weights at the start, the same losses, the same weights at the end."""
    ours, losses = trained(config_of(head, **PLAIN, chain="conditional"))
    hard = DepthSharingConfig(
        hidden_dim=6, dropout=0.1, shared_layers=2, entity_layers=0, relation_layers=0
    )
    theirs, expected = trained(config_of(head).model_copy(update={"sharing": hard}))
    assert losses == expected
    pairs = zip(ours.stored_state().values(), theirs.stored_state().values(), strict=True)
    assert all(torch.equal(own, other) for own, other in pairs)


def declared(model: JointModel, task: str) -> set[str]:
    """The parameters above the encoder that the loss of a task may reach."""
    (own,) = model.heads.values()
    names = {
        f"sharing.{name}" for read in own.reads[task] for name in model.sharing.reached_by(read)
    }
    parts = {"entity_head"} if "entity" in own.reads[task] else set()
    parts |= {"relation_head", "link"} if task == "relation" else set()
    return names | {n for n, _ in model.named_parameters() if n.partition(".")[0] in parts}


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("steps", [2, 3])
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"detach_entities": True},
        {"detach_entities": True, "detach_transfer": True},
        {"detach_entities": True, "transfer": False},
        {"chain": "conditional"},
        {"chain": "conditional", "detach_transfer": True},
        {**PLAIN, "non_entities": 0},
    ],
    ids=str,
)
def test_losses_reach_the_entities_as_declared(
    head: str, steps: int, settings: dict[str, Any]
) -> None:
    config = config_of(head, steps=steps, entity_layers=1, relation_layers=1, **settings)
    model = talkative_model(config)
    for task in TASKS:
        model.zero_grad(set_to_none=True)
        outputs = model.outputs(batch_of(TRAIN, model))
        outputs.losses[task].backward()
        names = {name for name in reached(model) if not name.startswith("encoder")}
        # A gradient may happen to be zero, as that of a word nobody labels so.
        assert names <= declared(model, task)
        assert {name.rpartition(".")[0] for name in names} == {
            name.rpartition(".")[0] for name in declared(model, task)
        }


@pytest.mark.parametrize("head", HEADS)
def test_no_parameter_of_relations_has_a_say_in_entities(head: str) -> None:
    model = talkative_model(config_of(head, steps=3, entity_layers=1, relation_layers=1))
    batch = batch_of(SENTENCES, model)
    emissions, found = model.emissions(model.streams(batch)), model.predict(batch)
    of_relations = [
        parameter
        for name, parameter in model.named_parameters()
        if name.startswith("relation_head")
        or (
            name.startswith("sharing.")
            and model.sharing.owners(name.removeprefix("sharing.")) == {"relation"}
        )
    ]
    with torch.no_grad():
        for parameter in of_relations:
            parameter.normal_()
    assert len(of_relations) > 20
    again = model.predict(batch)
    assert torch.equal(model.emissions(model.streams(batch)), emissions)
    assert [own.entities for own in again] == [own.entities for own in found]
    assert [own.relations for own in again] != [own.relations for own in found]


@pytest.mark.parametrize("cell", ["gru", "lstm", "transformer"])
@pytest.mark.parametrize(("steps", "stop"), [(2, 3), (3, 1), (2, 2)])
def test_training_that_goes_on_ends_with_the_same_bits(cell: str, steps: int, stop: int) -> None:
    """In either phase and between them; the spans that are drawn are those of the other."""
    config = config_of(cell=cell, steps=steps, attention_heads=2, warmup_epochs=2)
    whole, first, second = tiny_loop(config), tiny_loop(config), tiny_loop(config)
    for _ in whole.run():
        pass
    for result in first.run():
        if isinstance(result, EpochResult) and result.epoch == stop:
            break
    second.restore(first.checkpoint())
    for _ in second.run():
        pass
    ours, theirs = whole.model.stored_state(), second.model.stored_state()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_relations_are_learned_of_gold_entities_first() -> None:
    loop = tiny_loop(config_of(warmup_epochs=1))
    (link,) = loop.model.links
    batch = batch_of(TRAIN, loop.model)
    found = []
    for result in loop.run():
        if isinstance(result, EpochResult):
            logits = loop.model.outputs(batch).relation_logits
            assert logits is not None
            assert batch.targets is not None
            alone = logits.shape == batch.targets.relations.shape
            found.append((result.phase, bool(link.holds), alone))
    assert found[0] == ("conditional", False, True)
    assert found[1:] == [("joint", True, False)] * 3


@pytest.mark.parametrize("settings", [{"warmup_epochs": 0}, {"chain": "conditional"}], ids=str)
def test_without_a_warmup_there_is_one_phase(settings: dict[str, Any]) -> None:
    (phase,) = curriculum_of(config_of(**settings), steps_per_epoch=1)
    assert phase.name == "joint"


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"transfer": False, "detach_transfer": True}, "detach_transfer"),
        ({"chain": "conditional", "detach_entities": True}, "detach_entities"),
        ({"chain": "conditional", "entity_probability": "any"}, "entity_probability"),
        ({"experts": 0}, "experts"),
        ({"steps": 4}, "steps"),
    ],
    ids=str,
)
def test_settings_that_mean_nothing_are_refused(settings: dict[str, Any], field: str) -> None:
    with pytest.raises(ConfigError, match=field):
        SequentialSharingConfig(**settings)


@pytest.mark.parametrize(("chain", "asked"), [("entire", True), ("conditional", False)])
def test_the_search_space_asks_for_what_the_loss_has(chain: str, asked: bool) -> None:
    space = default_space(config_of(chain=chain)).entries
    assert {"sharing.experts", "sharing.steps", "sharing.transfer"} <= set(space)
    assert ("sharing.non_entities" in space) == asked


def test_each_level_reads_the_streams_of_the_one_below() -> None:
    one, two = tiny_model(config_of()), tiny_model(config_of(expert_layers=2, shared_layers=0))
    widths = {len(own.sharing.parts) for own in (one, two)}
    assert widths == {3}
    tokens: Tensor = two(batch_of(SENTENCES[:2], two))["relation"]
    assert tokens.shape[2] == 12
