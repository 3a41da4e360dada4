"""A curriculum of several phases: what each trains, chooses and leaves to the next."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from tests.corpus import DEV, TRAIN
from tests.networks import pretrained, tiny_config, tiny_model
from torch import Tensor, nn
from torch.optim import Optimizer

from dovetail.model.joint import JointModel
from dovetail.objectives import Objective, Outputs, Supervised
from dovetail.strategies.curriculum import Curriculum, Phase
from dovetail.tensors.features import Batch
from dovetail.text.document import TASKS
from dovetail.text.named_schemas import ONLY
from dovetail.training import EpochResult
from dovetail.training.checkpoint import Checkpoint
from dovetail.training.dev_scores import DevSets
from dovetail.training.device import training_device
from dovetail.training.encoded_sentences import EncodedSentences
from dovetail.training.loop import Loop


class Uncertainty(Objective):
    """Weighs each task by a variance that it learns."""

    def __init__(self) -> None:
        super().__init__()
        self.log_variance = nn.Parameter(torch.zeros(len(TASKS)))

    def forward(self, outputs: Outputs, batch: Batch, step: int) -> dict[str, Tensor]:
        return {
            task: (-own).exp() * outputs.losses[task] + own
            for task, own in zip(TASKS, self.log_variance, strict=True)
        }


BOTH = Supervised(dict.fromkeys(TASKS, 1.0))


def loop_of(curriculum: Curriculum, *, model: JointModel | None = None, **training: Any) -> Loop:
    config = tiny_config(training={"patience_epochs": 0, **training})
    return Loop(
        model or tiny_model(config),
        train=EncodedSentences(TRAIN),
        dev=DevSets({ONLY: EncodedSentences(DEV)}),
        curriculum=curriculum,
        config=config.training,
        seed=1,
    )


def epochs_of(loop: Loop) -> list[EpochResult]:
    return [result for result in loop.run() if isinstance(result, EpochResult)]


def state_of(loop: Loop) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in loop.model.stored_state().items()}


def test_training_runs_where_every_operation_exists() -> None:
    device = training_device()
    assert device.type == ("cuda" if torch.cuda.is_available() else "cpu")
    assert torch.ones(2, dtype=torch.float64, device=device).sum() == 2


def test_epochs_are_counted_over_all_phases() -> None:
    results = epochs_of(loop_of((Phase("first", 2, (BOTH,)), Phase("second", 3, (BOTH,)))))
    assert [(result.phase, result.epoch, result.epochs) for result in results] == [
        ("first", 1, 5),
        ("first", 2, 5),
        ("second", 3, 5),
        ("second", 4, 5),
        ("second", 5, 5),
    ]


def test_each_phase_waits_and_chooses_for_itself() -> None:
    """Nothing is learned at this rate, so the first epoch of each phase stays its best."""
    curriculum = (Phase("first", 9, (BOTH,)), Phase("second", 9, (BOTH,)))
    results = epochs_of(loop_of(curriculum, patience_epochs=2, learning_rate=1e-12))
    assert [(result.phase, result.epoch, result.best_epoch) for result in results] == [
        ("first", 1, 1),
        ("first", 2, 1),
        ("first", 3, 1),
        ("second", 4, 4),
        ("second", 5, 4),
        ("second", 6, 4),
    ]
    assert [result.is_best for result in results] == [True, False, False, True, False, False]


def test_a_phase_starts_from_the_best_weights_of_the_one_before() -> None:
    nothing = Phase("held", 1, (Uncertainty(),), trains=lambda name: False)
    loop = loop_of((Phase("first", 6, (BOTH,)), nothing), learning_rate=3e-2)
    best: dict[str, Tensor] = {}
    for result in loop.run():
        if isinstance(result, EpochResult) and result.phase == "first" and result.is_best:
            best = state_of(loop)
    after = state_of(loop)
    assert all(torch.equal(after[name], best[name]) for name in best)


def test_a_phase_that_starts_afresh_has_what_it_trains_as_in_the_beginning_and_keeps_the_rest() -> (
    None
):
    """With what objectives learned too; the rest is as after the last epoch, not the best."""
    learned = Uncertainty()
    seen: dict[str, Tensor] = {}

    def begin(model: JointModel) -> None:
        seen.update({name: value.clone() for name, value in model.stored_state().items()})
        seen["log_variance"] = learned.log_variance.detach().clone()

    afresh = Phase(
        "afresh",
        1,
        (learned,),
        trains=lambda name: not name.startswith("relation_head."),
        afresh=True,
        begin=begin,
    )
    loop = loop_of((Phase("first", 6, (learned,)), afresh), learning_rate=3e-2)
    first = state_of(loop)
    bests = []
    for result in loop.run():
        if isinstance(result, EpochResult) and result.phase == "first":
            last = state_of(loop)
            bests.append(result.best_epoch)
    assert bests[-1] < 6, "this tells the last epoch from the best only where they are not the same"
    assert not learned.log_variance.new_zeros(2).equal(learned.log_variance)
    assert not seen["log_variance"].any()
    for name, value in first.items():
        kept = name.startswith("relation_head.")
        assert torch.equal(seen[name], last[name] if kept else value), name


def test_patience_does_not_end_a_phase_before_one_that_starts_afresh() -> None:
    """Nothing is learned at this rate; the phase that starts afresh is waited for as any other."""
    curriculum = (Phase("first", 4, (BOTH,)), Phase("afresh", 9, (BOTH,), afresh=True))
    results = epochs_of(loop_of(curriculum, patience_epochs=2, learning_rate=1e-12))
    assert [result.phase for result in results] == ["first"] * 4 + ["afresh"] * 3


def test_training_that_starts_afresh_goes_on_from_any_epoch_to_the_same_bits(
    tmp_path: Path,
) -> None:
    def fresh() -> Loop:
        learned = Uncertainty()
        again = Phase("again", 2, (learned,), lambda name: "link" not in name, afresh=True)
        return loop_of((Phase("first", 2, (learned,)), again), learning_rate=3e-2)

    whole = fresh()
    for result in whole.run():
        if isinstance(result, EpochResult):
            whole.checkpoint().save(tmp_path / str(result.epoch))
    weights = {**state_of(whole), **whole.objectives.state_dict()}
    for epoch in (1, 2, 3):
        resumed = fresh()
        resumed.restore(Checkpoint.load(tmp_path / str(epoch)))
        epochs_of(resumed)
        found = {**state_of(resumed), **resumed.objectives.state_dict()}
        assert all(torch.equal(found[name], weights[name]) for name in weights), epoch


def test_a_phase_is_told_before_each_step_what_share_of_its_steps_is_done() -> None:
    shares: list[float] = []

    def before_step(model: JointModel, done: float) -> None:
        assert not torch.is_grad_enabled()
        shares.append(done)

    second = Phase("second", 2, (BOTH,), before_step=before_step)
    curriculum = (Phase("first", 1, (BOTH,)), second)
    loop = loop_of(curriculum)
    for result in loop.run():
        if isinstance(result, EpochResult) and result.epoch == 2:
            checkpoint = loop.checkpoint()
    number = 2 * loop.steps
    assert shares == [step / number for step in range(number)]
    resumed = loop_of(curriculum)
    resumed.restore(checkpoint)
    shares.clear()
    epochs_of(resumed)
    assert shares == [step / number for step in range(loop.steps, number)]


def test_a_phase_moves_what_it_trains_and_not_one_bit_else() -> None:
    """Decay and momentum of the phase before would move what is merely without a gradient."""
    relation = Phase("relation", 1, (BOTH,), trains=lambda name: name.startswith("relation_head."))
    loop = loop_of((Phase("joint", 2, (BOTH,)), relation), weight_decay=0.5)
    for result in loop.run():
        if isinstance(result, EpochResult) and result.epoch == 2:
            loop.use_best()
            before = state_of(loop)
    after = state_of(loop)
    moved = {name for name in after if not torch.equal(before[name], after[name])}
    assert moved
    assert all(name.startswith("relation_head.") for name in moved)


def test_a_phase_changes_the_model_when_it_begins_and_after_each_step() -> None:
    seen: list[tuple[str, float]] = []

    def begin(model: JointModel) -> None:
        model.link.requires_grad_(requires_grad=False)
        seen.append(("begin", 0.0))

    def after_step(model: JointModel, optimiser: Optimizer) -> None:
        rate = optimiser.param_groups[-1]["lr"]
        model.entity_head.get_parameter("crf.start").fill_(rate)
        seen.append(("step", rate))

    first = Phase("first", 1, (BOTH,))
    second = Phase("second", 2, (BOTH,), begin=begin, after_step=after_step)
    loop = loop_of((first, second), learning_rate=1e-2, decay="constant", warmup_fraction=0.0)
    epochs_of(loop)
    assert seen == [("begin", 0.0)] + [("step", 1e-2)] * (2 * loop.steps)
    assert bool((loop.model.entity_head.get_parameter("crf.start") == 1e-2).all())


@pytest.mark.parametrize("average", ["none", "ema", "swa"])
def test_training_goes_on_from_any_epoch_to_the_same_bits(tmp_path: Path, average: str) -> None:
    """Also over the border of two phases, and with what an objective has learned for itself."""

    def fresh() -> Loop:
        learned = Uncertainty()
        curriculum = (Phase("first", 2, (learned,)), Phase("second", 2, (BOTH, learned)))
        return loop_of(curriculum, average=average)

    whole = fresh()
    for result in whole.run():
        if isinstance(result, EpochResult):
            whole.checkpoint().save(tmp_path / str(result.epoch))
    weights, owned = state_of(whole), whole.objectives.state_dict()
    assert any(bool(value.any()) for value in owned.values())
    for epoch in (1, 2, 3):
        resumed = fresh()
        resumed.restore(Checkpoint.load(tmp_path / str(epoch)))
        assert [result.epoch for result in epochs_of(resumed)] == list(range(epoch + 1, 5))
        found = {**state_of(resumed), **resumed.objectives.state_dict()}
        for name, value in {**weights, **owned}.items():
            assert torch.equal(found[name], value), name


def test_encoder_layers_that_a_later_phase_holds_still_stay_in_the_saved_state(
    pretrained_folder: Path,
) -> None:
    config = tiny_config(encoders=(pretrained(pretrained_folder, trained_layers=1),))
    heads = Phase("heads", 1, (BOTH,), trains=lambda name: "_head." in name)
    loop = loop_of((Phase("joint", 1, (BOTH,)), heads), model=tiny_model(config))
    names = set(loop.model.stored_state())
    assert any(".transformer." in name for name in names)
    epochs_of(loop)
    assert set(loop.model.stored_state()) == names == set(loop.best)
