"""Cross-validation: models of parts of the sentences doubt the annotations of the others."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from dovetail.config import Config, with_changes
from dovetail.corpora import write_corpus
from dovetail.corpora.formats.native.native_writer import (
    FORMAT_NAME,
    line_from_document,
    native_header,
)
from dovetail.corpora.known_formats import known_formats
from dovetail.doctor.doubts import Doubt, Doubts, by_sentence
from dovetail.doctor.finding import (
    MOST_EXAMPLES,
    Diagnosis,
    Disease,
    Example,
    Finding,
    Looked,
    by_likelihood,
)
from dovetail.doctor.patient import Patient
from dovetail.errors import CorpusError, TrainingError
from dovetail.extractor import Extractor
from dovetail.files.writing import write_text
from dovetail.model.joint import JointModel
from dovetail.running.steps import SILENT, Done, Teller, result_of
from dovetail.showing.rendering import duration
from dovetail.tensors.features import Batch
from dovetail.text.document import Document, Entity, Sentence
from dovetail.text.named_schemas import ONLY
from dovetail.text.wording import CorpusPart
from dovetail.threads import use_threads
from dovetail.training.job import Job, pinned
from dovetail.training.loop import Loop
from dovetail.training.pools import TRAINING, Pool, Splits
from dovetail.training.preparation import prepare_one
from dovetail.training.results import StepResult
from dovetail.training.states_cache import StatesCache

ODDS = 2.0
"""By so many times more has to be against the models than they themselves expect."""

FEW = 3
"""So many more annotations may be against them by chance."""

LEAST = 0.02
"""The probability from which a relation is compared."""

AT_ONCE = 32
"""Sentences of a batch in which annotated entities are weighed."""


@dataclass(frozen=True)
class CrossValidation:
    """How annotations are doubted, and where the doubts are written.

    Args:
        folds: the number of models, and of parts of the sentences.
        epochs: of each model, at most those of the config.
        output: the file to write, if any.
        format: its format.

    Raises:
        CorpusError: if the format is unknown or only read.
    """

    folds: int
    epochs: int
    output: Path | None = None
    format: str = FORMAT_NAME

    def __post_init__(self) -> None:
        written = [own.name for own in known_formats()[0] if own.write is not None]
        if self.format not in written:  # said before models are trained
            raise CorpusError(
                f"the format {self.format!r} is unknown or only read; formats that are written: "
                f"{', '.join(written)}"
            )

    def added_to(self, diagnosis: Diagnosis, patient: Patient, tell: Teller = SILENT) -> Diagnosis:
        """The diagnosis with what the models doubt.

        Raises:
            TrainingError: if there are too few sentences.
            OutputError: if the file cannot be written.
        """
        doubts = doubts_about(patient, self.folds, self.epochs, tell)
        ranked = doubts.ranked()
        if self.output is not None:
            write_doubts(ranked, self.output, self.format)
        looked = [own for own in diagnosis.looked if own.disease is not Disease.NOISE]
        looked.append(Looked(Disease.NOISE, f"annotations that {self.folds} models doubt"))
        finding = _finding(doubts, ranked, patient, self.output)
        findings = [*diagnosis.findings, *([finding] if finding else [])]
        return replace(
            diagnosis, findings=by_likelihood(findings), looked=looked, suspects=len(ranked)
        )


def _finding(
    doubts: Doubts, ranked: Sequence[Doubt], patient: Patient, output: Path | None
) -> Finding | None:
    telling = [own for own in doubts.sure if own.against >= ODDS * own.expected + FEW]
    if not telling:
        return None
    sure = max(telling, key=lambda own: own.excess)
    listed = f"review {output}" if output else "list them by --suspects FILE, and review them"
    return Finding(
        Disease.NOISE,
        "Models that learned from the other sentences are sure of something else than is annotated",
        sure.excess / sure.number,
        (
            f"of {sure.number:,} predictions of {sure.level:g} or more, {sure.against:,} are not "
            f"as it is annotated; if all annotations were right it would be about "
            f"{sure.expected:.0f}",
            f"{len(ranked):,} annotations are more probably wrong than right, if the models are "
            f"to be believed",
        ),
        f"{listed}, beginning at the top; the models may be wrong",
        examples=tuple(
            Example(patient.places.of(doubt.sentence), str(doubt))
            for doubt in ranked[: 2 * MOST_EXAMPLES]
        ),
        corpus=patient.name,
    )


def doubts_about(patient: Patient, folds: int, epochs: int, tell: Teller = SILENT) -> Doubts:
    """Train models on parts of the sentences, and let each doubt the annotations of the others.

    Sentences with the same words are in one part.

    Raises:
        TrainingError: if there are fewer sentences than parts, or a part has nothing to learn.
    """
    sentences = tuple(own for own in patient.sentences if own.annotated)
    if len(sentences) < 2 * folds:
        raise TrainingError(
            f"{len(sentences)} sentences are too few for {folds} parts; name fewer parts"
        )
    config = small_config(patient.config, epochs)
    doubts, cache, began = Doubts(), StatesCache(), time.monotonic()
    for number in range(folds):
        part = CorpusPart(number / folds, (number + 1) / folds)
        apart = {*part.indices(sentences)}
        held_out = [own for place, own in enumerate(sentences) if place in apart]
        rest = tuple(own for place, own in enumerate(sentences) if place not in apart)
        of_all = f"model {number + 1} of {folds}"
        if number:
            left = (time.monotonic() - began) / number * (folds - number)
            of_all += f" ({duration(left)} to go for all)"
        model = _trained(config, rest, of_all, cache, tell)
        tell.stage(f"comparing annotations with {of_all}")
        _doubt(doubts, Extractor(model, reading=config.reading), held_out)
    return doubts


def small_config(config: Config, epochs: int) -> Config:
    """The config of a model of a part: fewer epochs, no teacher, nothing beside its sentences."""
    changes = {
        "training.epochs": min(epochs, config.training.epochs),
        "training.patience_epochs": 0,
        "data.extra": [],
        "data.extra_unrelated": False,
        "data.templates": [],
        "data.negatives": [],
        "data.negatives_per_epoch": 0,
        "data.negatives_in_dev": 0,
        "data.negatives_held_out": [],
        "data.documents": [],
        "data.held_out": [],
    }
    known = config.model_copy(update={"distillation": type(config.distillation)()})
    return with_changes(known, changes)


def _trained(
    config: Config,
    sentences: tuple[Sentence, ...],
    name: str,
    cache: StatesCache,
    tell: Teller,
) -> JointModel:
    """A model of some sentences; tells how far it is."""
    tell.stage(f"preparing {name}")
    use_threads(config.training.threads)
    job = Job(pinned(config), Splits((Pool.of(TRAINING, sentences),), ()))
    loop: Loop = result_of(prepare_one(job, cache))
    tell.stage(f"training {name}")
    for event in loop.run():
        if isinstance(event, StepResult):
            steps = event.epochs * event.steps
            done = (event.epoch - 1) * event.steps + event.step
            tell.progress(Done(done, steps))
    loop.use_best()
    return loop.model.finalize()


def _doubt(doubts: Doubts, extractor: Extractor, gold: Sequence[Sentence]) -> None:
    """Compare the annotations of sentences with a model that has not learned from them."""
    found = result_of(extractor.annotating(gold))
    doubts.add_entities(gold, found, [*_probabilities(extractor, gold)])
    head = extractor.model.of_schema(ONLY).relation_head
    if head is not None and head.schema.relation_types:
        head.set_thresholds([LEAST] * len(head.schema.relation_types))
        doubts.add_relations(gold, result_of(extractor.annotating(gold, given_entities=True)))


@torch.no_grad()
def _probabilities(
    extractor: Extractor, sentences: Sequence[Sentence]
) -> Iterator[Mapping[Entity, float]]:
    """The probability of each annotated entity; none of sentences that are read in windows."""
    model, longest = extractor.model, extractor.reading.max_tokens
    heads = model.of_schema(ONLY)
    for first in range(0, len(sentences), AT_ONCE):
        some = sentences[first : first + AT_ONCE]
        read = [own for own in some if 0 < len(own.tokens) <= longest]
        by_sentence: dict[int, Mapping[Entity, float]] = {}
        if read:
            batch = Batch.from_sentences(read, model.featurise).to(model.device)
            rows = [heads.given(own) for own in read]
            candidates = heads.candidates(rows, model.device)
            emissions = model.emissions(model.streams(batch, [ONLY]), ONLY)
            types = candidates.types.unsqueeze(2)
            log = heads.entity_head.span_log_probabilities(
                emissions, batch.mask, candidates.spans, types
            )
            for own, row, values in zip(read, rows, log.squeeze(2).exp().tolist(), strict=True):
                by_sentence[id(own)] = dict(zip(row, values, strict=False))
        yield from (by_sentence.get(id(own), {}) for own in some)


def write_doubts(ranked: Sequence[Doubt], path: Path, format: str) -> None:
    """Write the doubted sentences with their annotations, the most doubtful first.

    In Dovetail's own format each line has the doubts in words too, which readers leave out.

    Raises:
        CorpusError: if the format is unknown or only read.
        OutputError: if the file cannot be written.
    """
    grouped = by_sentence(ranked)
    documents = [Document.from_sentence(_alone(sentence)) for sentence in grouped]
    if format != FORMAT_NAME:
        write_corpus(documents, path, format=format)
        return
    fragments = any(entity.fragments for own in grouped for entity in own.entities)
    lines: list[object] = [native_header(fragments=fragments)]
    for document, own in zip(documents, grouped.values(), strict=True):
        said = [doubt.to_dict() for doubt in own]
        lines.append({**line_from_document(document), "doubts": said})
    write_text(path, "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))


def _alone(sentence: Sentence) -> Sentence:
    """The sentence as a text of its own."""
    return Sentence.from_tokens(
        sentence.tokens,
        entities=sentence.entities,
        relations=sentence.relations,
        annotated=sentence.annotated,
        id=sentence.id,
    )
