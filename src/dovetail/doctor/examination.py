"""The examination: all that is looked for, in one corpus after another."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dovetail.config import Config, load_config
from dovetail.doctor.drift_checks import examine_drift
from dovetail.doctor.finding import (
    Diagnosis,
    Disease,
    Finding,
    Looked,
    NotCheckedError,
    by_likelihood,
)
from dovetail.doctor.label_checks import (
    examine_contradictions,
    examine_leaks,
    examine_negatives,
    examine_rare,
    examine_unseen,
)
from dovetail.doctor.patient import Patient, RunFacts
from dovetail.doctor.reach_checks import examine_reach, examine_tasks
from dovetail.doctor.reading_checks import examine_language, examine_offsets, examine_units
from dovetail.doctor.run_checks import (
    counts_of,
    examine_epochs,
    examine_thresholds,
    scores_in_words,
)
from dovetail.errors import DovetailError, ModelError, TrainingError
from dovetail.report.curves import read_curves
from dovetail.report.run_report import dev_source, extractor_of, scored
from dovetail.running.steps import SILENT, Teller
from dovetail.saved.ensemble_folder import load_predictor
from dovetail.training.job import Job
from dovetail.training.learned_corpora import LearnedCorpus
from dovetail.training.run_folder import RunFolder

Examine = Callable[[Patient], Finding | None]


@dataclass(frozen=True)
class Check:
    """Something to look for: the disease, what is looked for in words, and how."""

    disease: Disease
    what: str
    examine: Examine


CHECKS = (
    Check(Disease.SWITCHED_OFF, "tasks with annotations and without a weight", examine_tasks),
    Check(Disease.OFFSETS, "entities that are no whole words", examine_offsets),
    Check(Disease.LANGUAGE, "text of another language", examine_language),
    Check(Disease.UNITS, "relations between units", examine_units),
    Check(Disease.REACH, "annotations that the config cannot express", examine_reach),
    Check(Disease.UNSEEN_LABELS, "types of dev that training lacks", examine_unseen),
    Check(Disease.THRESHOLDS, "better thresholds on dev", examine_thresholds),
    Check(Disease.EPOCHS, "dev scores that still rose at the end", examine_epochs),
    Check(Disease.CONTRADICTIONS, "equal sentences annotated in two ways", examine_contradictions),
    Check(Disease.DRIFT, "splits that are not of one kind", examine_drift),
    Check(Disease.RARE_LABELS, "types with hardly any examples", examine_rare),
    Check(Disease.NO_NEGATIVES, "sentences without relations", examine_negatives),
    Check(Disease.LEAKS, "dev sentences in the training data", examine_leaks),
)

ASK_FOR_NOISE = "ask for it by --cross-validate K, which trains K models"


def examined(patient: Patient, tell: Teller = SILENT) -> Diagnosis:
    """Look for everything in one corpus."""
    findings, looked = [], []
    for check in CHECKS:
        tell.stage(f"looking for {check.what}")
        try:
            found = check.examine(patient)
        except NotCheckedError as error:
            looked.append(Looked(check.disease, check.what, str(error)))
            continue
        looked.append(Looked(check.disease, check.what))
        if found is not None:
            findings.append(replace(found, corpus=patient.name))
    looked.append(Looked(Disease.NOISE, "annotations that models doubt", ASK_FOR_NOISE))
    result = patient.run.scored if patient.run else None
    return Diagnosis(
        patient.name or patient.config.name,
        by_likelihood(findings),
        looked,
        scores_in_words(result) if result else (),
        counts_of(result) if result else None,
    )


def patients_of_config(config: Config, source: str, tell: Teller = SILENT) -> list[Patient]:
    """The corpora of a config.

    Raises:
        CorpusError, TrainingError: if they cannot be read, or nothing can be learned from them.
    """
    tell.stage("reading the corpora")
    return [_patient(own, source) for own in Job.of(config).corpora]


def _patient(corpus: LearnedCorpus, source: str, run: RunFacts | None = None) -> Patient:
    splits = corpus.splits
    return Patient(corpus.config, tuple(splits.train), splits.dev, source, corpus.name, run)


def patients_of_run(path: Path, tell: Teller = SILENT) -> list[Patient]:
    """The corpora of a run, with what it left; it may be under way still.

    Raises:
        TrainingError: if there is no run, or nothing can be learned from its corpora.
        CorpusError: if these cannot be read.
    """
    folder = RunFolder(path)
    if not folder.config.is_file():
        raise TrainingError(
            f"{path} is no folder of a run: it has no config.toml; expected one that `dovetail "
            f"train` left, a config, or a corpus"
        )
    tell.stage("reading the corpora")
    job = Job.of_run(load_config(folder.config))
    return [
        _patient(corpus, str(path), _facts_of_run(folder, corpus, tell)) for corpus in job.corpora
    ]


def _facts_of_run(folder: RunFolder, corpus: LearnedCorpus, tell: Teller) -> RunFacts:
    curves = read_curves(folder.metrics, corpus.name, corpus.schema)
    if not folder.model.is_dir() or not corpus.dev:
        return RunFacts(folder.path, curves, None)
    tell.stage("loading the model")
    try:
        extractor = extractor_of(load_predictor(folder.model), corpus.schema)
    except ModelError:
        return RunFacts(folder.path, curves, None)
    found = scored(extractor, corpus.dev, dev_source(corpus.config), tell)
    return RunFacts(folder.path, curves, found, extractor.thresholds)


def refusal(subject: str, error: DovetailError) -> Diagnosis:
    """The diagnosis where training would refuse to begin."""
    finding = Finding(
        Disease.REFUSED,
        "Nothing can be learned: training refuses these files or this config",
        1.0,
        tuple(str(error).splitlines()),
        "mend what the message names; `dovetail inspect` shows what is read of a corpus",
    )
    return Diagnosis(subject, [finding], [Looked(Disease.REFUSED, "files that cannot be learned")])


def diagnoses(patients: Sequence[Patient], tell: Teller = SILENT) -> Iterator[Diagnosis]:
    """The diagnosis of each corpus."""
    for patient in patients:
        yield examined(patient, tell)
