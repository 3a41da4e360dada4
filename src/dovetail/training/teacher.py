"""The teacher of a run: a saved model or ensemble that is asked about its sentences.

    config.distillation -> with_teacher -> Teacher -> lesson -> Lesson (beside the sentences)

It is asked once, before training, in batches that are cut by length alone, so that a resumed run
learns from the same numbers.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import product

import torch

from dovetail.config import Config
from dovetail.errors import ModelError, TrainingError
from dovetail.model.ensemble import Ensemble, meanings
from dovetail.model.prediction import Predictor
from dovetail.model.side_by_side import side_by_side
from dovetail.saved.ensemble_folder import load_predictor
from dovetail.tensors.features import Batch, Targets, Taught
from dovetail.text.document import Sentence
from dovetail.text.named_schemas import ONLY, named
from dovetail.text.reading import ModelReading
from dovetail.training.batches import ENCODED_AT_ONCE, batches_by_length
from dovetail.training.lesson import Lesson, TaughtSentence, taught_sentences
from dovetail.training.pinned_models import folder_of, pinned_digest

FIELD = "distillation.teacher"
"""Where the config names the teacher."""


@dataclass(frozen=True)
class TeachingProgress:
    """Progress of a teacher: the sentences that it has predicted, of all, and the seconds."""

    teacher: str
    done: int
    total: int
    seconds: float


@dataclass(frozen=True)
class Teacher:
    """A model or an ensemble to learn from, how its texts are cut, and what it is in words."""

    model: Predictor
    reading: ModelReading
    description: str


def with_teacher(config: Config) -> Config:
    """The config with the digest of its teacher, so that it says what was learned from.

    Raises:
        TrainingError: if there is no such teacher, or it is not the one that the config names.
    """
    distillation = config.distillation
    if distillation.teacher is None:
        return config
    digest = pinned_digest(
        folder_of(distillation.teacher, field=FIELD),
        distillation.teacher,
        distillation.teacher_sha256,
        field=FIELD,
    )
    known = distillation.model_copy(update={"teacher_sha256": digest})
    return config.model_copy(update={"distillation": known})


def load_teacher(config: Config) -> Teacher:
    """The teacher that a pinned config names.

    Raises:
        TrainingError: if it cannot be loaded.
    """
    named, digest = config.distillation.teacher, config.distillation.teacher_sha256
    if named is None or digest is None:
        raise ValueError("expected a config with a teacher and its digest, as Job.of makes it")
    folder = folder_of(named, field=FIELD)
    try:
        model, reading, *_ = load_predictor(folder)
    except ModelError as error:
        raise TrainingError(f"{FIELD}: {error}") from error
    kind = f"an ensemble of {len(model)} models" if isinstance(model, Ensemble) else "a model"
    described = f"{kind}, {named} (SHA-256 {digest[:12]}…)"
    return Teacher(model, reading, described)


def _cut(reading: ModelReading) -> dict[str, str]:
    """The settings that decide which sentences and words a model reads."""
    return {"language": reading.language, "unit": reading.unit}


def refuse_unfit(teacher: Teacher, student: Predictor, reading: ModelReading) -> None:
    """Raise `TrainingError` unless the scores of teacher and student have the same meaning.

    The student may admit fewer argument types of relations, not others.
    """
    wanted = {**meanings(student), **_cut(reading)}
    found = {**meanings(teacher.model), **_cut(teacher.reading)}
    for what in wanted:
        if not what.startswith("arguments of relations") and found.get(what) != wanted[what]:
            raise TrainingError(
                f"the teacher is {teacher.description}; teacher and student need the same {what}, "
                f"but the teacher has {found[what]} and the student {wanted[what]}: choose another "
                f"teacher, or give the student its training files and its entity head"
            )
    for name, schema in student.schemas.items():
        known, types = teacher.model.schemas[name], schema.entity_types
        for relation, head, tail in product(schema.relation_types, types, types):
            if schema.admits(relation, head, tail) and not known.admits(relation, head, tail):
                raise TrainingError(
                    f"the student may find {named(name, relation)} from {head} to {tail}, of which "
                    f"the teacher, {teacher.description}, says nothing: choose a teacher that was "
                    f"trained with such relations, or restrict the student by "
                    f"relation_head.declared"
                )


def lesson(
    teacher: Teacher,
    sentences: Sequence[Sentence],
    *,
    temperature: float,
    schemas: Sequence[str] | None = None,
) -> Generator[TeachingProgress, None, tuple[list[Sentence], Lesson]]:
    """Ask the teacher about each sentence; returns the sentences as they are to be learned from.

    Those that are annotated for no task get the teacher's entities, between which it says what
    relations hold.  `schemas` says which schema each sentence is of, where there are several.
    """
    started = time.perf_counter()
    learned = list(sentences)
    taught: dict[int, TaughtSentence] = {}
    of_schema: dict[str, list[int]] = {}
    for index in range(len(sentences)):
        of_schema.setdefault(ONLY if schemas is None else schemas[index], []).append(index)
    done = 0
    yield TeachingProgress(teacher.description, 0, len(sentences), 0.0)
    for schema, places in of_schema.items():
        lengths = [len(sentences[index].tokens) for index in places]
        batches = [
            [places[index] for index in batch]
            for batch in batches_by_length(lengths, batch_size=ENCODED_AT_ONCE)
        ]
        answers = side_by_side(
            partial(asked, teacher.model, temperature=temperature, schema=schema),
            ([sentences[index] for index in indices] for indices in batches),
            threads=teacher.model.at_once,
        )
        for indices, answered in zip(batches, answers, strict=True):
            for index, (sentence, own) in zip(indices, answered, strict=True):
                learned[index], taught[index] = sentence, own
            done += len(indices)
            seconds = time.perf_counter() - started
            yield TeachingProgress(teacher.description, done, len(sentences), seconds)
    return learned, Lesson([taught[index] for index in range(len(sentences))], temperature)


@torch.no_grad()
def asked(
    model: Predictor, sentences: Sequence[Sentence], temperature: float, schema: str = ONLY
) -> list[tuple[Sentence, TaughtSentence]]:
    """The teacher's predictions for a batch of sentences of a schema."""
    device, heads = model.device, model.of_schema(schema)
    batch = replace(Batch.from_sentences(sentences, model.featurise).to(device), schema=schema)
    streams = model.streams(batch, [schema])
    emissions = model.emissions(streams, schema)
    found = heads.entity_head.decode(emissions, batch.mask)
    learned = [
        sentence if sentence.annotated else replace(sentence, entities=frozenset(entities))
        for sentence, entities in zip(sentences, found, strict=True)
    ]
    targets = Targets.from_sentences(learned, heads.entity_head.expressible, heads.schema)
    candidates = targets.candidates.to(device)
    if heads.relation_head is None:  # nothing is related in this schema
        relations = emissions.new_zeros((*candidates.pairs.shape, 0))
    else:
        relations = model.relation_logits(streams, emissions, candidates, schema)
    taught = Taught(
        heads.entity_head.expectations(emissions, batch.mask, temperature=temperature), relations
    )
    numbers = candidates.mask.sum(1).tolist()
    lengths = [len(sentence.tokens) for sentence in sentences]
    return list(zip(learned, taught_sentences(taught, lengths, numbers), strict=True))
