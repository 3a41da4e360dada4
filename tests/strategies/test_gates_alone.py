"""Gates that start from single models: what each phase trains, chooses and leaves behind."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.corpus import DEV, SENTENCES, TRAIN, save_corpus
from tests.networks import batch_of, tiny_config, tiny_loop, tiny_model
from torch import Tensor

from dovetail.config import Config, parse_config
from dovetail.errors import ConfigError
from dovetail.model.joint import JointModel
from dovetail.saved.model_folder import load_model, save_model
from dovetail.strategies import DepthSharingConfig, GatesSharingConfig
from dovetail.strategies.curriculum import Phase
from dovetail.strategies.gates.gate import Gate
from dovetail.strategies.gates.warmup import gated_layers
from dovetail.text.document import Entity, Sentence
from dovetail.text.named_schemas import ONLY
from dovetail.training import EpochResult, training_events
from dovetail.training.batches import Portion, epoch_batches, number_of_batches
from dovetail.training.checkpoint import Checkpoint
from dovetail.training.loop import Loop
from dovetail.training.phase_tasks import portions_of
from dovetail.training.supervision import curriculum_of

WARMUP, JOINT = 2, 2
NAMES = {
    "alone": ("shared", "entity alone", "relation alone", "joint"),
    "mean": ("entity alone", "relation alone", "joint"),
}
PARTS = {
    "shared": {"encoder", "shared", "entity_head", "relation_head"},
    "entity alone": {"own.entity", "entity_head"},
    "relation alone": {"own.relation", "relation_head"},
    "joint": {
        "encoder", "shared", "own.entity", "own.relation", "mixture", "gates",
        "entity_head", "relation_head",
    },
}  # fmt: skip


def config_of(training: dict[str, Any] | None = None, **sharing: Any) -> Config:
    settings = {"hidden_dim": 4, "dropout": 0.1, "warmup_epochs": WARMUP, "entity_budget": 0.5}
    return tiny_config(
        sharing=GatesSharingConfig(**(settings | sharing)),
        training={"epochs": JOINT, "patience_epochs": 0, **(training or {})},
    )


def weights_of(model: JointModel) -> dict[str, Tensor]:
    return {name: own.detach().clone() for name, own in model.named_parameters()}


def part_of(name: str) -> str:
    if not name.startswith("sharing."):
        return name.split(".")[0]
    part, task = name.split(".")[3:5]
    return f"own.{task}" if part == "own" else part


def epochs_of(loop: Loop) -> Iterable[EpochResult]:
    return (result for result in loop.run() if isinstance(result, EpochResult))


@pytest.mark.parametrize("start", NAMES)
@pytest.mark.parametrize("cell", ["gru", "transformer"])
def test_each_phase_trains_its_tasks_layers_and_heads_alone(start: str, cell: str) -> None:
    loop = tiny_loop(config_of(start=start, cell=cell))
    phases = [phase.name for phase in loop.curriculum]
    assert tuple(phases) == NAMES[start]
    assert [phase.epochs for phase in loop.curriculum] == [WARMUP] * (len(phases) - 1) + [JOINT]
    moved: dict[str, set[str]] = {phase: set() for phase in phases}
    before = weights_of(loop.model)
    for result in epochs_of(loop):
        if loop.progress.epoch == loop.progress.phase_start + 1:
            # Not from its second epoch on: the weights of the best one come back in between.
            after = weights_of(loop.model)
            changed = {name for name in after if not torch.equal(after[name], before[name])}
            moved[result.phase] = {part_of(name) for name in changed}
        loop.use_best()
        before = weights_of(loop.model)
    expected = {name: PARTS[name] for name in phases}
    if start == "mean":
        expected["entity alone"] = expected["entity alone"] | {"encoder"}
    assert moved == expected


def test_every_parameter_of_a_model_has_a_phase_of_its_task() -> None:
    """Also those of a link that has some, and of heads of several schemas."""
    config = config_of(start="alone")
    _, entity, relation, _ = curriculum_of(config, steps_per_epoch=1)
    for name in ("link.layer.weight", "relation_head.labels.weight", "several.1.link.weight"):
        assert (entity.trains(name), relation.trains(name)) == (False, True)
    assert (entity.trains("several.0.entity_head.x"), relation.trains("entity_head.x")) == (
        True,
        False,
    )
    for name, _ in tiny_model(config).named_parameters():
        alone = entity.trains(name) + relation.trains(name)
        assert alone == (part_of(name) not in ("encoder", "shared", "mixture", "gates"))


@pytest.mark.parametrize("start", NAMES)
@pytest.mark.parametrize("gates", ["learned", "random"])
def test_the_last_phase_begins_with_the_single_models(start: str, gates: str) -> None:
    """Gates that are learned start open; those that are drawn are held open until then."""
    loop = tiny_loop(config_of(start=start, gates=gates, relation_budget=0.25))
    drawn = {name: own.clone() for name, own in loop.model.named_buffers() if "scores" in name}
    block = gated_layers(loop.model)
    for result in epochs_of(loop):
        opened = [own for layer in block.layers for own in layer.open_units().values()]
        if result.phase.endswith("alone"):
            assert all(units.all() for units in opened)
        if result.phase == "relation alone" and loop.phase_is_over:
            break
    loop.use_best()
    batch = batch_of(SENTENCES, loop.model)
    alone = loop.model.eval()(batch)
    shared = [layer.shared.state_dict() for layer in block.layers]  # type: ignore[union-attr]
    loop.next_phase()
    after = loop.model.eval()(batch)
    if gates == "learned":
        for task in block.tasks:
            assert torch.equal(alone[task], after[task])
    else:
        assert [round(block.open_share(task).item(), 2) for task in block.tasks] == [0.5, 0.25]
        buffers = dict(loop.model.named_buffers())
        assert all(torch.equal(own, buffers[name]) for name, own in drawn.items())
    for layer, before in zip(block.layers, shared, strict=True):
        for name, weight in layer.shared.named_parameters():  # type: ignore[union-attr]
            own = torch.stack([layer.own[task].get_parameter(name) for task in block.tasks])
            expected = own.mean(0) if start == "mean" else before[name]
            assert torch.equal(weight, expected)


def test_all_layers_of_a_level_start_as_the_same() -> None:
    model = tiny_model(config_of(start="alone"))
    before = [layer.shared.state_dict() for layer in gated_layers(model).layers]  # type: ignore[union-attr]
    tiny_loop(config_of(start="alone"), model)
    for layer, shared in zip(gated_layers(model).layers, before, strict=True):
        for name, weight in shared.items():
            assert all(torch.equal(weight, own.get_parameter(name)) for own in layer.own.values())


@pytest.mark.parametrize("cell", ["gru", "lstm", "transformer"])
def test_a_task_alone_learns_what_its_single_model_would_learn_bit_for_bit(cell: str) -> None:
    """Against a model without relations, whose layers are entities' own from the first step on."""
    sharing: dict[str, Any] = {"cell": cell, "dropout": 0.0}
    # A norm over more parameters is rounded in another way, so nothing may be clipped.
    training: dict[str, Any] = {"clip_norm": 1e9}
    loop = tiny_loop(config_of(start="mean", training=training, **sharing))
    single = tiny_config(
        sharing=DepthSharingConfig(
            hidden_dim=4, shared_layers=0, entity_layers=2, relation_layers=2, **sharing
        ),
        training=training
        | {"epochs": WARMUP, "patience_epochs": 0, "select": "entity", "relation_loss_weight": 0},
    )
    other = tiny_model(single)
    own = loop.model
    for name in ("encoder", "entity_head", "relation_head"):
        getattr(other, name).load_state_dict(getattr(own, name).state_dict())
    stacks = other.sharing.parts[-1].stacks  # type: ignore[attr-defined]
    for task, stack in stacks.items():
        for place, layer in enumerate(gated_layers(own).layers):
            stack.layers[place].load_state_dict(layer.own[task].state_dict())
    for result in epochs_of(loop):
        if result.phase == "entity alone" and loop.phase_is_over:
            break
    theirs = tiny_loop(single, other)
    for _ in theirs.run():
        pass
    assert theirs.progress.best_epoch == loop.progress.best_epoch
    loop.use_best()
    theirs.use_best()
    for place, layer in enumerate(gated_layers(own).layers):
        for name, weight in layer.own["entity"].named_parameters():
            assert torch.equal(weight, stacks["entity"].layers[place].get_parameter(name))
    for name, weight in own.entity_head.named_parameters():
        assert torch.equal(weight, other.entity_head.get_parameter(name))


def test_the_best_epoch_of_a_task_alone_is_that_of_its_own_score() -> None:
    loop = tiny_loop(config_of(start="alone", training={"select": "relation"}))
    for result in epochs_of(loop):
        scores = result.dev_by_corpus[ONLY]
        kind = "entity" if result.phase == "entity alone" else "relation"
        expected = scores.entity_strict if kind == "entity" else scores.relation_strict
        assert result.score == expected.micro.f1


@pytest.mark.parametrize("start", NAMES)
@pytest.mark.parametrize("cell", ["gru", "transformer"])
@pytest.mark.parametrize("gates", ["learned", "random"])
def test_training_that_goes_on_in_the_middle_of_any_phase_ends_with_the_same_bits(
    start: str, cell: str, gates: str, tmp_path: Path
) -> None:
    config = config_of(start=start, cell=cell, gates=gates)
    whole = tiny_loop(config)
    for result in epochs_of(whole):
        whole.checkpoint().save(tmp_path / str(result.epoch))
    epochs = whole.progress.epoch
    assert epochs == WARMUP * (len(NAMES[start]) - 1) + JOINT
    for epoch in range(1, epochs):
        again = tiny_loop(config)
        again.restore(Checkpoint.load(tmp_path / str(epoch)))
        for _ in again.run():
            pass
        ours, theirs = whole.model.stored_state(), again.model.stored_state()
        assert all(torch.equal(ours[name], theirs[name]) for name in ours)
        assert whole.progress == again.progress


@pytest.mark.parametrize("cell", ["lstm", "transformer"])
def test_a_saved_model_is_pruned_and_says_the_same(cell: str, tmp_path: Path) -> None:
    config = config_of(start="alone", cell=cell, normalise=True)
    loop = tiny_loop(config)
    for _ in loop.run():
        pass
    loop.use_best()
    model = loop.model.eval()
    save_model(tmp_path / "model", model, config)
    saved = load_model(tmp_path / "model").model
    batch = batch_of(SENTENCES, model)
    ours, theirs = model(batch), saved(batch)
    for task in model.sharing.tasks:
        torch.testing.assert_close(ours[task][batch.mask], theirs[task][batch.mask])
    sizes = [sum(p.numel() for p in own.sharing.parameters()) for own in (saved, model)]
    assert sizes[0] < sizes[1]


def test_a_task_without_a_weight_has_no_phase() -> None:
    config = config_of(start="alone", training={"relation_loss_weight": 0, "select": "entity"})
    names = [phase.name for phase in curriculum_of(config, steps_per_epoch=1)]
    assert names == ["shared", "entity alone", "joint"]


def test_tasks_alone_need_epochs() -> None:
    sharing = {"kind": "gates", "start": "alone", "warmup_epochs": 0}
    with pytest.raises(ConfigError, match="0 epochs leave no time for that; take some, or set"):
        parse_config({"name": "x", "data": {"train": "train.jsonl"}, "sharing": sharing})


def test_a_gate_that_is_not_made_for_it_is_not_held_open() -> None:
    gate = Gate.learned(4)
    with pytest.raises(ValueError, match="make it with alone=True"):
        gate.hold(True)
    assert not Gate.learned(4, alone=True)().eq(0).any()


def mentions(sentence: Sentence) -> Sentence:
    """Every entity is a mention, and nothing is related."""
    spans = [Entity(entity.start, entity.end, "Mention") for entity in sentence.entities]
    return replace(sentence.with_annotations(spans, ()), annotated=frozenset({"entity"}))


def corpus(folder: Path, name: str, change: Callable[[Sentence], Sentence]) -> dict[str, Any]:
    paths = {
        split: str(save_corpus([change(s) for s in own], folder / f"{name}-{split}.jsonl"))
        for split, own in {"train": TRAIN, "dev": DEV}.items()
    }
    return {"name": name, **paths}


def test_of_several_corpora_a_task_alone_reads_its_own(tmp_path: Path) -> None:
    """Three tasks of two schemas, three phases; the losses of the other schema are not there."""
    values = config_of(start="mean", training={"epochs": 1}, warmup_epochs=1).model_dump(
        mode="json", exclude_none=True
    )
    del values["data"]
    corpora = [
        corpus(tmp_path, "towns", lambda sentence: sentence),
        corpus(tmp_path, "mentions", mentions),
    ]
    config = parse_config({**values, "corpora": corpora})
    results = [
        event
        for event in training_events(config, tmp_path / "run")
        if isinstance(event, EpochResult)
    ]
    tasks = ("towns/entity", "towns/relation", "mentions/entity")
    assert [result.phase for result in results] == [*(f"{task} alone" for task in tasks), "joint"]
    for result, task in zip(results, tasks, strict=False):
        schema, kind = task.split("/")
        learned = {name for name in result.losses if not name.startswith("gates_")}
        assert learned == {task}
        scores = result.dev_by_corpus[schema]
        own = scores.entity_strict if kind == "entity" else scores.relation_strict
        assert result.score == own.micro.f1
    resumed = [*training_events(config, tmp_path / "run", resume=True)]
    assert not any(isinstance(event, EpochResult) for event in resumed)


def test_a_phase_of_one_task_draws_from_no_other_schema() -> None:
    portions = (Portion(5, 5, "a"), Portion(7, 9, "b"), Portion(3, 2, "a"))
    lengths = [1] * 15
    everything = Phase("joint", 1, ())
    assert portions_of(everything, portions) == portions
    for only, expected in (("a/entity", range(15)), ("b/relation", range(5, 12))):
        own = portions_of(replace(everything, only=only), portions)
        batches = epoch_batches(own, lengths, batch_size=4, seed=1)
        assert {schema for schema, _ in batches} == {only[0]}
        assert {index for _, some in batches for index in some} <= {*expected}
        assert len(batches) == number_of_batches(own, 4)
