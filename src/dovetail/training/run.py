"""A run: a folder that holds all there is to know of one training, and that can be resumed.

runs/<name>/config.toml       complete, defaults included
runs/<name>/left_out.jsonl    extra and unlabelled sentences that are not learned from, and why
runs/<name>/metrics.jsonl     one line for each epoch
runs/<name>/checkpoint/       what `--resume` goes on from
runs/<name>/model/            the model of the best epoch
runs/<name>/finished.json     which epochs that model is from, and its dev scores; written last
runs/<name>/run.lock          held by the process that trains, so that there is one at a time
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from dovetail.config import Config
from dovetail.model.ensemble import num_parameters
from dovetail.text.fragments import Fragments
from dovetail.text.named_schemas import joined_schema
from dovetail.text.schema import Schema
from dovetail.threads import use_threads
from dovetail.training.checkpoint import Progress
from dovetail.training.epochs import Epochs
from dovetail.training.finish import finish
from dovetail.training.job import Job, pinned, warnings_of_signatures
from dovetail.training.learned_corpora import LearnedCorpus, joined
from dovetail.training.long_sentences import accounts_of_windows
from dovetail.training.metrics import Metrics
from dovetail.training.phase_ends import is_over
from dovetail.training.pools import Splits
from dovetail.training.preparation import Preparation, prepare
from dovetail.training.results import EpochResult, LoopEvent, RunFinished, StageProgress
from dovetail.training.run_folder import RunFolder
from dovetail.training.states_cache import StatesCache
from dovetail.training.supervision import curriculum_of
from dovetail.training.unlearned import warnings_of_unlearned, warnings_of_unplaced


@dataclass(frozen=True)
class RunStarted:
    """A run that is about to train; `epochs_done` is above 0 if it is resumed.

    `splits` are those of the only corpus, or what several `corpora` have together.  `is_over` says
    that it was trained to its end before.
    """

    splits: Splits
    corpora: Mapping[str, Splits]
    schema: Schema
    trainable_parameters: int
    total_parameters: int
    device: str
    precision: str
    threads: int
    epochs_done: int
    is_over: bool


RunEvent = Preparation | RunStarted | LoopEvent | RunFinished


def train(
    config: Config,
    folder: Path | str,
    *,
    resume: bool = False,
    notify: Callable[[RunEvent], object] = lambda event: None,
) -> RunFinished:
    """Train a model and leave a run folder.

    Args:
        config: all that the run depends on.
        folder: where the run leaves its files; the model is in its folder ``model``.
        resume: go on with the run that is in the folder.
        notify: is told what happens on the way; `training_events` gives the same one by one.

    Raises:
        TrainingError: if the run cannot start, resume, or write.
        CorpusError: if the data cannot be read.
    """
    for event in training_events(config, Path(folder), resume=resume):
        notify(event)
        if isinstance(event, RunFinished):
            return event
    raise AssertionError("a run ends with RunFinished")


def training_events(
    config: Config,
    path: Path,
    *,
    resume: bool = False,
    should_stop: Callable[[], bool] = lambda: False,
    states: StatesCache | None = None,
) -> Iterator[RunEvent]:
    """Train as `train` does, and yield each event; `should_stop` is called after every step.

    What frozen encoders compute is read from `states` and left there for other runs.

    Raises:
        TrainingError: if the run cannot start, resume, or write.
        CorpusError: if the data cannot be read.
    """
    folder = RunFolder(path)
    config = pinned(config)
    with folder.claimed(resume=resume):
        if any(own.on_disk for own in config.sources):  # so many that it takes a while
            yield StageProgress("reading the sentences")
        job = Job.of_pinned(config)
        digest = job.splits.digest
        checkpoint = None
        if resume:
            folder.check_same(job.config)
            checkpoint = folder.load_checkpoint(digest)
        folder.begin(job.config)
        folder.list_left_out(job.splits.left_out)
        threads = use_threads(job.config.training.threads)
        is_done = checkpoint is not None and ended(job, checkpoint.progress)
        loop = yield from prepare(job, states, encodes=not is_done)
        if checkpoint is not None:
            loop.restore(checkpoint)
        yield started(loop, job, threads)
        yield from trained(loop, job, folder, digest, should_stop)


def trained(
    loop: Epochs,
    job: Job,
    folder: RunFolder,
    data_digest: str,
    should_stop: Callable[[], bool],
) -> Iterator[RunEvent]:
    """Train to the end, or until it should stop; then save the model, unless that is done."""
    finished = folder.finished(loop.progress) if loop.is_done else None
    if finished is not None:
        yield finished
        return
    metrics = Metrics(folder.metrics, epochs_done=loop.progress.epoch)
    interrupted = False
    for event in loop.run():
        if isinstance(event, EpochResult):
            # In this order: a resumed run drops the lines that its checkpoint does not know of,
            # but could not bring back a line that was never written.
            metrics.append(event)
            folder.save_checkpoint(loop.checkpoint(), data_digest)
        yield event
        if not isinstance(event, StageProgress) and should_stop():
            interrupted = True
            break
    yield (yield from finish(loop, job, folder, interrupted=interrupted))


def ended(job: Job, progress: Progress) -> bool:
    """Whether nothing is left to train."""
    curriculum = curriculum_of(job.config, job.loss_weights, steps_per_epoch=1)
    return is_over(curriculum, progress, job.config.training.patience_epochs)


def started(loop: Epochs, job: Job, threads: int) -> RunStarted:
    """The facts that a user wants to know before the first epoch."""
    trainable = sum(parameter.numel() for parameter in loop.parameters)
    told = [accounted(loop, job, corpus) for corpus in job.corpora]
    splits = (
        told[0]
        if not job.several
        else joined(
            [replace(own, splits=splits) for own, splits in zip(job.several, told, strict=True)]
        )
    )
    return RunStarted(
        splits=splits,
        corpora={corpus.name: corpus.splits for corpus in job.corpora},
        schema=joined_schema(loop.model.schemas),
        trainable_parameters=trainable,
        total_parameters=num_parameters(loop.model),
        device=str(loop.device),
        precision=str(loop.dtype).removeprefix("torch."),
        threads=threads,
        epochs_done=loop.progress.epoch,
        is_over=loop.is_done,
    )


def accounted(loop: Epochs, job: Job, corpus: LearnedCorpus) -> Splits:
    """The sentences of a corpus, with warnings and notes of what its model cannot learn of them."""
    splits, heads = corpus.splits, loop.model.of_schema(corpus.schema)
    fragments = Fragments(heads.schema)
    expressible = fragments.expressible_by(heads.entity_head.expressible)
    of_windows, notes = accounts_of_windows(splits, job.config.reading)
    warnings = (
        *splits.warnings,
        *of_windows,
        *(
            warning
            for pool in splits.pools
            for warning in warnings_of_unlearned(job.config.entity_head, expressible, pool)
        ),
        *warnings_of_unplaced(fragments, splits.learned),
        *warnings_of_signatures(heads.schema, splits.learned),
    )
    return replace(splits, warnings=warnings, notes=(*splits.notes, *notes))
