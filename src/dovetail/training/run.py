"""A run: a folder that holds all there is to know of one training, and that can be resumed.

runs/<name>/config.toml       complete, defaults included
runs/<name>/left_out.jsonl    extra and unlabelled sentences that are not learned from, and why
runs/<name>/metrics.jsonl     one line for each epoch
runs/<name>/checkpoint/       what `--resume` goes on from
runs/<name>/model/            the model of the best epoch
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dovetail.build import build_model
from dovetail.config import Config, IncrementalSharingConfig
from dovetail.document import RELATION_TASK, Sentence
from dovetail.evaluation import Evaluation, evaluate
from dovetail.extractor import Extractor
from dovetail.model import JointModel
from dovetail.reading import DEFAULT_LANGUAGE
from dovetail.saved_model import save_model
from dovetail.schema import Schema
from dovetail.threads import use_threads
from dovetail.training.batches import Pool
from dovetail.training.checkpoint import seed_epoch
from dovetail.training.curricula import curriculum_of, learned_tasks
from dovetail.training.device import training_device
from dovetail.training.encoding import EncodingProgress, encoded
from dovetail.training.lesson import Lesson
from dovetail.training.loop import Loop
from dovetail.training.metrics import Metrics
from dovetail.training.over_base import model_over_base, with_base
from dovetail.training.results import EpochResult, StepResult
from dovetail.training.run_folder import RunFolder
from dovetail.training.selection import LOWEST, UNREACHABLE, tuned_thresholds
from dovetail.training.splits import (
    Splits,
    read_splits,
    refuse_unknown,
    warnings_of_signatures,
)
from dovetail.training.states_cache import StatesCache
from dovetail.training.teacher import TeachingProgress, lesson, load_teacher, pinned, refuse_unfit
from dovetail.training.unlabelled import with_unlabelled
from dovetail.training.unlearned import warnings_of_unlearned


@dataclass(frozen=True)
class RunStarted:
    """What is about to be trained; `epochs_done` is above 0 in a resumed run."""

    splits: Splits
    schema: Schema
    trainable_parameters: int
    total_parameters: int
    device: str
    precision: str
    threads: int
    epochs_done: int


@dataclass(frozen=True)
class RunFinished:
    """Where the model is, its dev scores with the thresholds in force, and how training ended."""

    model_folder: Path
    dev: Evaluation | None
    best_epoch: int
    epochs: int
    interrupted: bool


Preparation = EncodingProgress | TeachingProgress
"""What is told before a run starts."""

RunEvent = Preparation | RunStarted | StepResult | EpochResult | RunFinished


def train(
    config: Config,
    path: Path,
    *,
    resume: bool = False,
    should_stop: Callable[[], bool] = lambda: False,
) -> Iterator[RunEvent]:
    """Train a model and leave a run folder; `should_stop` is asked after every step.

    Raises:
        TrainingError: if the run cannot start, resume, or write.
        CorpusError: if the data cannot be read.
    """
    folder = RunFolder(path)
    config = with_base(pinned(config))
    folder.check(config, resume=resume)
    splits = with_unlabelled(read_splits(config.data, tasks=learned_tasks(config)), config)
    config = in_language_of(config, splits)
    checkpoint = folder.load_checkpoint(splits.digest) if resume else None
    folder.begin(config)
    folder.list_left_out(splits.left_out)
    threads = use_threads(config.training.threads)
    loop = yield from prepare(config, splits)
    if checkpoint is not None:
        loop.restore(checkpoint)
    yield started(loop, config, splits, threads)
    metrics = Metrics(folder.metrics, epochs_done=loop.progress.epoch)
    interrupted = False
    for event in loop.run():
        if isinstance(event, EpochResult):
            # In this order: a resumed run drops the lines that its checkpoint does not know of,
            # but could not bring back a line that was never written.
            metrics.append(event)
            folder.save_checkpoint(loop.checkpoint(), splits.digest)
        yield event
        if should_stop():
            interrupted = True
            break
    yield finish(loop, config, folder, interrupted=interrupted)


def in_language_of(config: Config, splits: Splits) -> Config:
    """The config with the language that its texts were cut by, so that the model keeps it."""
    if config.data.language is not None:
        return config
    language = splits.language or DEFAULT_LANGUAGE
    data = config.data.model_copy(update={"language": language})
    return config.model_copy(update={"data": data})


def prepare(
    config: Config, splits: Splits, cache: StatesCache | None = None
) -> Generator[Preparation, None, Loop]:
    """Build the model, ask the teacher, and encode what is encoded once.

    What frozen encoders compute may be in the cache, where a run before left it.
    """
    seed_epoch(config.seed, phase=0, epoch=0)
    states = StatesCache() if cache is None else cache
    model = new_model(config, splits).to(training_device())
    if not learns_relations(config):
        model.relation_head.set_thresholds([UNREACHABLE] * len(model.schema.relation_types))
    sentences, taught = yield from learned(model, splits.learned, config)
    train = yield from encoded(model, sentences, config.training, states)
    pools = (
        Pool(len(splits.train), len(splits.train)),
        Pool(len(splits.extra), splits.extra_per_epoch),
        Pool(len(splits.unlabelled), splits.unlabelled_per_epoch),
    )
    steps = -(-sum(pool.drawn for pool in pools) // config.training.batch_size)
    return Loop(
        model,
        train=replace(train, taught=taught),
        dev=(yield from encoded(model, splits.dev, config.training, states)),
        curriculum=curriculum_of(config, steps_per_epoch=steps),
        config=config.training,
        seed=config.seed,
        pools=pools,
    )


def new_model(config: Config, splits: Splits) -> JointModel:
    """The model as training begins: new, or a base with tasks added to it."""
    schema = schema_of(config, splits)
    if isinstance(config.sharing, IncrementalSharingConfig):
        return model_over_base(config, schema, splits.train)
    words = [sentence.tokens for sentence in splits.learned]
    return build_model(config, schema, words=words)


def learns_relations(config: Config) -> bool:
    """Whether there will be relations worth predicting."""
    return RELATION_TASK in learned_tasks(config)


def learned(
    model: JointModel, sentences: Sequence[Sentence], config: Config
) -> Generator[TeachingProgress, None, tuple[Sequence[Sentence], Lesson | None]]:
    """The sentences as they are learned from, and what the teacher says of them, if there is one.

    The teacher is let go then.
    """
    if config.distillation.teacher is None:
        return sentences, None
    teacher = load_teacher(config)
    refuse_unfit(teacher, model, config.data)
    teacher.model.to(training_device())
    return (yield from lesson(teacher, sentences, temperature=config.distillation.temperature))


def schema_of(config: Config, splits: Splits) -> Schema:
    """Types and signatures of the training sentences, constrained as the config says.

    Raises:
        TrainingError: if the config names types that the training sentences lack.
    """
    learned = Schema.from_sentences(splits.train, symmetric=config.data.symmetric)
    head = config.relation_head
    arguments = {type_ for pairs in head.declared.values() for pair in pairs for type_ in pair}
    refuse_unknown("data.symmetric", config.data.symmetric, learned.relation_types)
    refuse_unknown("relation_head.declared", head.declared, learned.relation_types)
    refuse_unknown("relation_head.declared", arguments, learned.entity_types)
    if head.signatures == "off":
        return replace(learned, signatures={})
    if head.signatures == "declared":
        declared = {type_: frozenset(pairs) for type_, pairs in head.declared.items()}
        return replace(learned, signatures=declared)
    return learned


def started(loop: Loop, config: Config, splits: Splits, threads: int) -> RunStarted:
    """What the user wants to know before the first epoch."""
    trainable = sum(parameter.numel() for parameter in loop.parameters)
    schema = loop.model.schema
    learned = (*splits.train, *splits.extra)
    expressible = loop.model.entity_head.expressible
    warnings = (
        *splits.warnings,
        *warnings_of_unlearned(config.entity_head, expressible, splits.train),
        *warnings_of_unlearned(config.entity_head, expressible, splits.extra, "extra"),
        *warnings_of_signatures(schema, learned),
    )
    return RunStarted(
        splits=replace(splits, warnings=warnings),
        schema=schema,
        trainable_parameters=trainable,
        total_parameters=sum(parameter.numel() for parameter in loop.model.parameters()),
        device=str(loop.device),
        precision=str(loop.dtype).removeprefix("torch."),
        threads=threads,
        epochs_done=loop.progress.epoch,
    )


def finish(loop: Loop, config: Config, folder: RunFolder, *, interrupted: bool) -> RunFinished:
    """Save the best weights, with thresholds and dev scores of what users will run: the extractor.

    Training reads cached encodings in the precision of its device, which may tip a close decision.
    """
    loop.use_best()
    head = loop.model.relation_head
    types = head.schema.relation_types
    gold = loop.dev.sentences
    threshold = config.relation_head.threshold if learns_relations(config) else UNREACHABLE
    if threshold != "tuned":
        head.set_thresholds([threshold] * len(types))
    dev = None
    if gold:
        extractor = draft_extractor(loop, config, folder)
        if threshold == "tuned":
            drafted = extractor.model.relation_head
            drafted.set_thresholds([LOWEST] * len(types))
            tuned = tuned_thresholds(gold, extractor.annotate(gold), types)
            drafted.set_thresholds(tuned)
            head.set_thresholds(tuned)
        dev = evaluate(gold, extractor.annotate(gold), symmetric=extractor.schema.symmetric)
    save_model(folder.model, loop.model, config, dev=dev)
    shutil.rmtree(folder.draft, ignore_errors=True)
    progress = loop.progress
    return RunFinished(folder.model, dev, progress.best_epoch, progress.epoch, interrupted)


def draft_extractor(loop: Loop, config: Config, folder: RunFolder) -> Extractor:
    """The model as it stands, saved and loaded again.

    Not as the run's model: whoever kills the process now must not leave a model there that has the
    thresholds of the search for better ones.
    """
    save_model(folder.draft, loop.model, config)
    return Extractor.load(folder.draft, threads=config.training.threads)
