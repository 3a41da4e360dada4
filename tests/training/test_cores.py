"""What is learned does not depend on how many cores a machine has."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from tests.corpus import DEV, TRAIN
from tests.networks import ENCODERS, pretrained, tiny_config
from torch import Tensor

from dovetail.running.steps import result_of
from dovetail.threads import on_one_thread, use_threads
from dovetail.training.job import Job
from dovetail.training.loop import Loop
from dovetail.training.pools import Pool, Splits
from dovetail.training.preparation import prepare_one
from dovetail.training.results import EpochResult, StepResult

SPLITS = Splits((Pool.of("training", TRAIN * 3),), DEV * 60)  # several batches of dev sentences


@pytest.fixture(autouse=True)
def _threads() -> Iterator[None]:
    """Leaves the threads of torch as they were."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def trained(
    encoder: Path, threads: int, **settings: object
) -> tuple[dict[str, Tensor], list[object], set[int]]:
    """The weights, the results of all epochs, and the threads that were in force between steps."""
    training = {"epochs": 2, "threads": threads}
    config = tiny_config(
        encoders=(pretrained(encoder, dropout=0.1, **settings), *ENCODERS), training=training
    )
    use_threads(config.training.threads)
    loop: Loop = result_of(prepare_one(Job(config, SPLITS)))
    results: list[object] = []
    seen = set()
    for event in loop.run():
        if isinstance(event, StepResult):
            seen.add(torch.get_num_threads())
            results.append(event)
        if isinstance(event, EpochResult):
            results.append((event.losses, event.score, event.dev))
    return loop.model.stored_state(), results, seen


def test_a_model_is_the_same_to_the_last_bit_on_one_core_and_on_three(
    pretrained_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected, results, _ = trained(pretrained_folder, 1)
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    weights, again, seen = trained(pretrained_folder, 0)
    assert again == results
    for name, weight in expected.items():
        assert torch.equal(weights[name], weight), name
    assert seen == {3}  # what is predicted and encoded between steps has all threads


@pytest.mark.parametrize(
    ("threads", "trained_layers", "alone"), [(0, 0, True), (2, 0, False), (0, 1, False)]
)
def test_steps_run_on_one_thread_unless_more_are_asked_for_or_pretrained_layers_learn(
    pretrained_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    threads: int,
    trained_layers: int,
    alone: bool,
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    during: set[int] = set()
    step = Loop._step

    def watched(loop: Loop, schema: str, indices: list[int]) -> dict[str, float]:
        during.add(torch.get_num_threads())
        return step(loop, schema, indices)

    monkeypatch.setattr(Loop, "_step", watched)
    trained(pretrained_folder, threads, trained_layers=trained_layers)
    assert during == {1 if alone else 2}


def test_threads_are_as_before_after_one_alone_also_if_it_fails() -> None:
    torch.set_num_threads(2)

    def fail() -> None:
        with on_one_thread():
            assert torch.get_num_threads() == 1
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        fail()
    assert torch.get_num_threads() == 2
    with on_one_thread(alone=False):
        assert torch.get_num_threads() == 2
