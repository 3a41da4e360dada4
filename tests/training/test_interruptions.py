"""Runs that are killed, that meet a full disk, that go on: always to the same bits."""

from __future__ import annotations

import io
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from tests.networks import tiny_config
from tests.training.conftest import metrics, weights

from dovetail.config import Config, DataConfig, dump_config
from dovetail.errors import OutputError, TrainingError
from dovetail.saved.model_folder import load_model
from dovetail.training import EpochResult, RunStarted, training_events
from dovetail.training.checkpoint import FILE, Checkpoint

PROGRAM = """
import signal
import sys
from pathlib import Path
from dovetail.config import load_config
from dovetail.training import EpochResult, StageProgress, StepResult, training_events

signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
for event in training_events(load_config(sys.argv[1]), Path(sys.argv[2])):
    if isinstance(event, StepResult | EpochResult):
        print(type(event).__name__, event.epoch, flush=True)
        sys.stdin.readline()
    elif isinstance(event, StageProgress) and event.stage == sys.argv[3]:
        print(event.stage, flush=True)
        sys.stdin.readline()
"""
"""Trains, and waits for a line after each step and epoch, and in the stage that it is given.

A file that grows too large ends it at once.
"""


@pytest.fixture(scope="module")
def config(data: DataConfig) -> Config:
    return tiny_config(data, training={"epochs": 2})


@pytest.fixture(scope="module")
def whole(config: Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("runs") / "whole"
    for _ in training_events(config, path):
        pass
    return path


class Training:
    """A training process, an event at a time."""

    def __init__(self, config: Config, path: Path, stage: str = "") -> None:
        file = path.with_name("config.toml")
        file.write_text(dump_config(config), encoding="utf-8")
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(file), str(path), stage],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def wait_for(self, *events: str) -> None:
        """Let it go on until it has reported these events, and stand there."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        for position, event in enumerate(events):
            if position:
                self.go_on()
            assert self.process.stdout.readline().strip() == event

    def go_on(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def killed_by(self, expected: signal.Signals) -> None:
        """Check how it ended."""
        assert self.process.wait(timeout=60) == -expected
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                stream.close()


EPOCH = ["StepResult 1"] * 6 + ["EpochResult 1"]


def assert_resumes(config: Config, path: Path, whole: Path, *, epochs_done: int) -> None:
    started, *_ = training_events(config, path, resume=True)
    assert isinstance(started, RunStarted)
    assert started.epochs_done == epochs_done
    assert weights(path) == weights(whole)
    assert metrics(path) == metrics(whole)


def test_run_that_is_killed_between_two_steps_resumes_to_the_same_bits(
    config: Config, whole: Path, tmp_path: Path
) -> None:
    path = tmp_path / "run"
    training = Training(config, path)
    training.wait_for(*EPOCH, "StepResult 2", "StepResult 2")
    training.process.kill()
    training.killed_by(signal.SIGKILL)
    assert not (path / "model").exists()
    assert_resumes(config, path, whole, epochs_done=1)


@pytest.mark.parametrize("epoch", [1, 2])
def test_run_that_is_killed_while_it_writes_a_checkpoint_resumes_to_the_same_bits(
    config: Config, whole: Path, tmp_path: Path, epoch: int
) -> None:
    """The kernel ends it in the middle of the file, by a signal that it cannot see coming."""
    path = tmp_path / "run"
    training = Training(config, path)
    training.wait_for(*EPOCH[:6], *([] if epoch == 1 else [EPOCH[6], *["StepResult 2"] * 6]))
    resource.prlimit(training.process.pid, resource.RLIMIT_CORE, (0, 0))
    resource.prlimit(training.process.pid, resource.RLIMIT_FSIZE, (LIMIT_BYTES, LIMIT_BYTES))
    training.go_on()
    training.killed_by(signal.SIGXFSZ)
    folder = path / "checkpoint"
    torn = [file for file in folder.iterdir() if file.name != FILE]
    assert torn
    assert len(metrics(path)) == epoch  # the line of the epoch whose checkpoint is torn
    assert_resumes(config, path, whole, epochs_done=epoch - 1)
    assert [file.name for file in folder.iterdir()] == [FILE]


LIMIT_BYTES = 30_000
"""More than a run's metrics take, less than its checkpoint."""


@contextmanager
def no_room_for_files_above(size: int) -> Iterator[None]:
    """What a quota does: writing more than so many bytes to any file fails."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def fill_up(file: io.RawIOBase, size: int) -> None:
    """Write pieces of a size until there is no room for another."""
    with suppress(OSError):
        while file.write(bytes(size)):
            pass


@contextmanager
def full(folder: Path) -> Iterator[None]:
    """A disk without a free byte."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            for size in (1 << 16, 1 << 8, 1):
                fill_up(file, size)
            yield
        finally:
            filler.unlink()


def train_until_it_fails(config: Config, path: Path, obstacle: object) -> str:
    """Put the obstacle in the way after the first epoch, and return what the refusal says."""
    events = training_events(config, path)
    while not isinstance(next(events), EpochResult):
        pass
    with obstacle, pytest.raises(TrainingError) as refusal:  # type: ignore[attr-defined]
        for _ in events:
            pass
    return str(refusal.value)


def test_checkpoint_that_finds_no_room_leaves_the_old_one_and_the_run_resumes(
    config: Config, whole: Path, tmp_path: Path
) -> None:
    path = tmp_path / "run"
    message = train_until_it_fails(config, path, no_room_for_files_above(LIMIT_BYTES))
    assert "could not write the checkpoint" in message
    assert "make room, then go on with --resume" in message
    assert Checkpoint.load(path / "checkpoint").progress.epoch == 1
    assert [file.name for file in (path / "checkpoint").iterdir()] == [FILE]
    assert_resumes(config, path, whole, epochs_done=1)


def test_run_on_a_full_disk_says_so_and_resumes_once_there_is_room(
    config: Config, whole: Path, small_disk: Path
) -> None:
    path = small_disk / "run"
    message = train_until_it_fails(config, path, full(small_disk))
    assert "No space left on device" in message
    assert "make room, then go on with --resume" in message
    assert Checkpoint.load(path / "checkpoint").progress.epoch == 1
    with full(small_disk), pytest.raises(OutputError, match="No space left on device"):
        list(training_events(config, path, resume=True))
    assert_resumes(config, path, whole, epochs_done=1)


@pytest.mark.parametrize(
    "stage",
    [
        "loading the model as users will",
        "scoring the dev sentences with the saved model",
        "tuning the thresholds of the relations",
        "drawing the dev sentences anew for intervals",
        "saving the model",
    ],
)
def test_run_that_is_killed_at_its_end_resumes_to_the_same_model(
    config: Config, whole: Path, tmp_path: Path, stage: str
) -> None:
    path = tmp_path / "run"
    training = Training(config, path, stage)
    training.wait_for(*EPOCH, *["StepResult 2"] * 6, "EpochResult 2", stage)
    training.process.kill()
    training.killed_by(signal.SIGKILL)
    assert not (path / "model").exists()
    assert_resumes(config, path, whole, epochs_done=2)
    assert not (path / "model.draft").exists()


@pytest.mark.parametrize("resume", [False, True], ids=["new", "resumed"])
def test_folder_in_which_another_process_trains_is_refused_until_it_ends(
    config: Config, whole: Path, tmp_path: Path, resume: bool
) -> None:
    """The first one stands after its first step, or is killed: the kernel lets go of the folder."""
    path = tmp_path / "run"
    training = Training(config, path)
    training.wait_for(*EPOCH[:1])
    with pytest.raises(TrainingError, match=r"another process is training in .*run: wait for"):
        next(iter(training_events(config, path, resume=resume)))
    training.process.kill()
    training.killed_by(signal.SIGKILL)
    assert not (path / "metrics.jsonl").read_text("utf-8")
    assert_resumes(config, path, whole, epochs_done=0)


def test_two_runs_of_one_process_keep_apart_too(config: Config, tmp_path: Path) -> None:
    events = training_events(config, tmp_path / "run")
    next(events)
    with pytest.raises(TrainingError, match="another process is training"):
        next(training_events(config, tmp_path / "run", resume=True))
    events.close()
    assert isinstance(next(training_events(config, tmp_path / "run", resume=True)), RunStarted)


def test_lock_is_told_of_before_what_the_other_process_has_made(
    config: Config, tmp_path: Path
) -> None:
    """Not that it goes on by --resume, which it does not until the other one is over."""
    events = training_events(config, tmp_path / "run")
    while not isinstance(next(events), EpochResult):
        pass
    next(events)
    assert (tmp_path / "run" / "checkpoint").exists()
    with pytest.raises(TrainingError, match="another process is training"):
        next(training_events(config, tmp_path / "run"))
    events.close()
    with pytest.raises(TrainingError, match="holds a run already"):
        next(training_events(config, tmp_path / "run"))


def test_refused_resume_leaves_nothing(config: Config, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="no run to resume"):
        next(training_events(config, tmp_path / "run", resume=True))
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("left", [".model.unfinished", "model.draft"])
def test_model_that_was_being_made_when_the_run_was_killed_is_made_again(
    config: Config, whole: Path, tmp_path: Path, left: str
) -> None:
    path = tmp_path / "run"
    shutil.copytree(whole, path)
    shutil.move(path / "model", path / left)
    (path / left / "README.md").unlink()
    assert_resumes(config, path, whole, epochs_done=2)
    assert load_model(path / "model")
    assert not (path / left).exists()
