"""From a job to a training that can begin: models, a teacher's word, encodings, a curriculum."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import replace

from dovetail.build import build_model, with_auxiliary
from dovetail.config import Config
from dovetail.encoders.shared_weights import share_equal
from dovetail.heads.relation.relation_head import UNREACHABLE
from dovetail.model.joint import JointModel
from dovetail.strategies.curriculum import Curriculum
from dovetail.text.document import Sentence
from dovetail.text.stored_sentences import TokensOf
from dovetail.text.windowed import Windowed
from dovetail.threads import on_one_thread
from dovetail.training.batches import number_of_batches
from dovetail.training.checkpoint import seed_epoch
from dovetail.training.committee import CommitteeLoop
from dovetail.training.coupled import couplings_of
from dovetail.training.dev_scores import DevSets
from dovetail.training.device import training_device
from dovetail.training.encoded_sentences import EncodedSentences
from dovetail.training.encoding import encoded
from dovetail.training.epochs import Epochs
from dovetail.training.job import Job
from dovetail.training.lesson import Lesson
from dovetail.training.long_sentences import LearnedSentences
from dovetail.training.loop import Loop
from dovetail.training.over_base import base_of, model_over_base
from dovetail.training.results import NotKept, StageProgress
from dovetail.training.states_cache import StatesCache
from dovetail.training.supervision import curriculum_of
from dovetail.training.teacher import TeachingProgress, lesson, load_teacher, refuse_unfit

Preparation = StageProgress | TeachingProgress | NotKept
"""The events before a run starts."""


def prepare(
    job: Job, cache: StatesCache | None = None, *, encodes: bool = True
) -> Generator[Preparation, None, Epochs]:
    """Build the model or the members of the committee, and all that they learn from.

    What frozen encoders compute may be in the cache, where a run before left it.  A loop that has
    nothing left to train needs neither teacher nor encodings.
    """
    if job.config.committee.members == 1:
        return (yield from prepare_one(job, cache, encodes=encodes))
    members = [replace(job, config=config) for config in job.config.of_members]
    return CommitteeLoop((yield from _loops(members, cache, encodes=encodes)))


def prepare_one(
    job: Job, cache: StatesCache | None = None, *, encodes: bool = True
) -> Generator[Preparation, None, Loop]:
    """The same of a single model, whatever the config says of a committee."""
    single = replace(job, config=job.config.alone)
    (loop,) = yield from _loops([single], cache, encodes=encodes)
    return loop


def _loops(
    jobs: Sequence[Job], cache: StatesCache | None, *, encodes: bool
) -> Generator[Preparation, None, list[Loop]]:
    """A loop for each job; they differ in their seeds alone, so what they read is made once."""
    job, config = jobs[0], jobs[0].config
    states = StatesCache() if cache is None else cache
    drawn = LearnedSentences.of(job.splits.pools, config.reading)
    steps = number_of_batches(drawn.portions, config.training.batch_size)
    begun = [_begun(own, steps) for own in jobs]  # refuses before time is spent
    model, _ = begun[0]
    if len(begun) > 1:  # one copy of what is frozen, however many models stand on it
        share_equal(encoder for own, _ in begun for encoder in own.encoder)
    dev = {corpus.name: Windowed.of(corpus.dev, config.reading) for corpus in job.corpora}
    if encodes:
        sentences, taught = yield from learned(model, drawn, config)
        train = yield from encoded(model, sentences, config.training, states, what="training")
        train = replace(train, taught=taught, negatives=drawn.negatives)
    else:
        train = EncodedSentences(drawn.sentences)
    encoded_dev = {}
    for corpus in job.corpora:
        whole = dev[corpus.name]
        read = EncodedSentences(whole.parts)
        if encodes:
            read = yield from encoded(model, whole.parts, config.training, states, what="dev")
        encoded_dev[corpus.name] = replace(read, windowed=whole, schema=corpus.schema)
    return [
        Loop(
            model,
            train=train,
            dev=DevSets(encoded_dev, job.selection),
            curriculum=curriculum,
            config=config.training,
            seed=own.config.seed,
            portions=drawn.portions,
        )
        for own, (model, curriculum) in zip(jobs, begun, strict=True)
    ]


def _begun(job: Job, steps: int) -> tuple[JointModel, Curriculum]:
    """The model of a job as training begins, and its phases; its seed decides about both."""
    seed_epoch(job.config.seed, phase=0, epoch=0)
    with on_one_thread():  # several draw other orthogonal matrices, by the last bits
        model = new_model(job).to(training_device())
    switch_off_unlearned(model, job)
    coupled = couplings_of(job, model, steps_per_epoch=steps)
    curriculum = curriculum_of(job.config, job.loss_weights, steps_per_epoch=steps, coupled=coupled)
    return model, curriculum


def switch_off_unlearned(model: JointModel, job: Job) -> None:
    """Let relations that no corpus teaches never be found."""
    weights = job.loss_weights
    for name in job.schemas:
        heads = model.of_schema(name)
        if heads.relation_head is not None and not weights[heads.relation_task]:
            number = len(heads.schema.relation_types)
            heads.relation_head.set_thresholds([UNREACHABLE] * number)


def new_model(job: Job) -> JointModel:
    """The model as training begins: new, or a base with tasks added to it."""
    config, splits = job.config, job.splits
    if base_of(config.sharing) is not None:
        return model_over_base(config, job.schemas, Windowed.of(splits.train, config.reading).parts)
    words = TokensOf(splits.learned)
    return with_auxiliary(build_model(config, job.schemas, words=words), config, job.auxiliary)


def learned(
    model: JointModel, drawn: LearnedSentences, config: Config
) -> Generator[TeachingProgress, None, tuple[Sequence[Sentence], Lesson | None]]:
    """The sentences as they are learned from, and what the teacher says of them, if there is one.

    The teacher is let go then.
    """
    if config.distillation.teacher is None:
        return drawn.sentences, None
    teacher = load_teacher(config)
    refuse_unfit(teacher, model, config.reading)
    teacher.model.to(training_device())
    schemas = [own.schema for own in drawn.portions for _ in range(own.size)]
    taught = config.distillation
    sentences, own = yield from lesson(
        teacher, drawn.sentences, temperature=taught.temperature, schemas=schemas
    )
    return sentences, replace(own, relation_confidence=taught.relation_confidence)
