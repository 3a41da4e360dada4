"""The display of a training run: a live progress bar in a terminal, plain lines anywhere else."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import Any, Self

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from dovetail.cli.waiting import Waiting
from dovetail.evaluation import Evaluation
from dovetail.running.steps import Done
from dovetail.showing.rendering import duration
from dovetail.training import (
    EpochResult,
    NotKept,
    RunEvent,
    RunFinished,
    RunStarted,
    StageProgress,
    StepResult,
    TeachingProgress,
)
from dovetail.training.pools import Pool

PREPARING = "reading the corpora and building the model"


def shown(events: Iterable[RunEvent], console: Console) -> Iterator[RunEvent]:
    """Show the events of a run as they come, and pass them on."""
    with ProgressBar(console) if console.is_terminal else ProgressLines(console) as progress:
        for event in events:
            progress.update(event)
            for line in lines_of(event):
                console.print(line, highlight=False)
            yield event


def lines_of(event: RunEvent) -> Iterable[str]:
    """The lines of an event, in a terminal and in a log alike."""
    match event:
        case TeachingProgress():
            yield from teaching_lines(event)
        case NotKept():
            yield (
                f"note: what the encoder computes for the {event.sentences} sentences takes "
                f"{event.num_bytes / 1e9:.1f} GB, so it is computed in each epoch anew; to keep "
                f"it, set training.cache_gigabytes (memory) or training.disk_cache_gigabytes"
            )
        case RunStarted():
            yield from started_lines(event)
        case EpochResult():
            yield epoch_line(event)
        case RunFinished():
            yield from finished_lines(event)


def teaching_lines(event: TeachingProgress) -> Iterable[str]:
    """The teacher, before it predicts and when it has."""
    if event.done == 0:
        yield f"distils from {escape(event.teacher)}"
    if event.done == event.total:
        yield f"the teacher labelled {event.total:,} sentences in {duration(event.seconds)}"


def started_lines(event: RunStarted) -> Iterable[str]:
    """The sizes of what is trained, and the warnings."""
    for warning in event.splits.warnings:
        yield f"[yellow]warning:[/yellow] {escape(warning)}"
    for note in event.splits.notes:
        yield escape(note)
    schema = event.schema
    types = f"{len(schema.entity_types)} entity and {len(schema.relation_types)} relation types"
    for name, splits in event.corpora.items():
        drawn = splits.pools[0].drawn
        epoch = f" ({drawn:,} in each epoch)" if drawn != len(splits.train) else ""
        yield (
            (f"{escape(name)}: " if name else "")
            + f"{len(splits.train):,} training{epoch}{further_sentences(splits.pools[1:])} and "
            f"{len(splits.dev):,} dev sentences" + ("" if name else f"; {types}")
        )
    if len(event.corpora) > 1:
        yield f"{len(event.corpora)} corpora; {types}"
    yield (
        f"{event.trainable_parameters:,} trained parameters of {event.total_parameters:,}; "
        f"{event.device}, {event.precision}, {event.threads} thread(s)"
    )
    if event.epochs_done:
        rest = "; nothing is left to train" if event.is_over else ""
        yield f"resumed after epoch {event.epochs_done}{rest}"


def further_sentences(pools: Iterable[Pool]) -> str:
    """How many sentences are learned from beside the training sentences, if any."""
    text = ""
    for pool in pools:
        number = len(pool.sentences)
        drawn = f" ({pool.drawn:,} in each epoch)" if pool.drawn < number else ""
        text += f", {number:,} {pool.name}{drawn}"
    return text


def epoch_line(event: EpochResult) -> str:
    """One line for an epoch: losses, dev scores, speed."""
    losses = "  ".join(
        f"{name.replace('_', ' ')} loss {loss:.3f}" for name, loss in event.losses.items()
    )
    scores = "".join(
        f"  {escape(name or 'dev')} F1 {scores_line(dev)}"
        for name, dev in event.dev_by_corpus.items()
    )
    best = "  [bold]best[/bold]" if event.is_best else ""
    width = len(str(event.epochs))
    return (
        f"epoch {event.epoch:>{width}}/{event.epochs}  {losses}{scores}  "
        f"{event.sentences_per_second:.0f} sentences/s{best}"
    )


def finished_lines(event: RunFinished) -> Iterable[str]:
    """Where the model is and how good it was on the dev set."""
    how = "interrupted" if event.interrupted else "finished"
    yield f"{how} after {event.epochs} epochs; the best was epoch {event.best_epoch}"
    for name, dev in event.dev_by_corpus.items():
        corpus = f"{escape(name)}: " if name else ""
        yield f"{corpus}dev F1 (strict, micro) with the thresholds in force: {scores_line(dev)}"
    yield f"model: {escape(str(event.model_folder))}"
    if event.interrupted:
        yield "go on with --resume"


def scores_line(evaluation: Evaluation) -> str:
    """Strict micro-F1 of both tasks, in percent; of relations only if there are any."""
    entities, relations = evaluation.entity_strict.micro, evaluation.relation_strict.micro
    line = f"entities {100 * entities.f1:.1f}"
    if relations.support or relations.predicted:
        line += f"  relations {100 * relations.f1:.1f}"
    return line


class ProgressLines:
    """Plain lines while a part of the work takes long."""

    def __init__(self, console: Console) -> None:
        self._waiting = Waiting(
            lambda line: console.print(line, highlight=False, markup=False), live=False
        )
        self._stage = PREPARING

    def __enter__(self) -> Self:
        self._waiting.__enter__()
        self._waiting.stage(self._stage)
        return self

    def __exit__(self, *error: Any) -> None:
        self._waiting.__exit__(*error)

    def update(self, event: RunEvent) -> None:
        """Take note of how far the work is."""
        stage, done = stage_of(event)
        if stage != self._stage:
            self._waiting.stage(stage)
            self._stage = stage
        if done is not None:
            self._waiting.progress(done)


def stage_of(event: RunEvent) -> tuple[str, Done | None]:
    """The work after an event, in words, and how far it is, if that is known."""
    match event:
        case StageProgress():
            return event.stage, Done(event.done, event.total) if event.total else None
        case TeachingProgress():
            return "asking the teacher", Done(event.done, event.total)
        case StepResult():
            return f"epoch {event.epoch}/{event.epochs}", Done(event.step, event.steps)
        case EpochResult():
            return "saving the checkpoint", None
        case _:
            return "", None


class ProgressBar:
    """The bar of what is being done, and the time that training will take at the most."""

    def __init__(self, console: Console) -> None:
        self.progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[far]}"),
            TextColumn("{task.fields[left]}"),
            console=console,
            transient=True,
        )
        self.task: TaskID = self.progress.add_task(PREPARING, total=None, far="", left="")
        self.epoch_seconds: list[float] = []
        self.stage = PREPARING
        self.stage_started = time.monotonic()

    def __enter__(self) -> Self:
        self.progress.start()
        return self

    def __exit__(self, *error: Any) -> None:
        self.progress.stop()

    def update(self, event: RunEvent) -> None:
        """Move the bar."""
        if isinstance(event, EpochResult):
            self.epoch_seconds.append(event.seconds)
        stage, done = stage_of(event)
        if stage != self.stage:
            self.stage, self.stage_started = stage, time.monotonic()
        elapsed = time.monotonic() - self.stage_started
        far = left = ""
        if isinstance(event, StepResult):
            far, left = f"{event.step}/{event.steps} steps", self.time_left(event, elapsed)
        elif done is not None and done.done:
            far = f"{100 * done.done // done.total} %"
            left = f"about {duration(elapsed * (done.total - done.done) / done.done)} left"
        completed, total = done if done is not None else (0, None)
        self.progress.update(
            self.task, description=stage, completed=completed, total=total, far=far, left=left
        )

    def time_left(self, event: StepResult, elapsed: float) -> str:
        """An upper bound: early stopping can only make it shorter, and that is said."""
        recent = self.epoch_seconds[-3:]
        per_epoch = sum(recent) / len(recent) if recent else elapsed / event.step * event.steps
        rest = per_epoch * (event.epochs - event.epoch) + max(0.0, per_epoch - elapsed)
        return f"at most {duration(rest)} left" if recent or event.step > 3 else ""
