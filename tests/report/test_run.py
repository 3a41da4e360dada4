"""A run folder as a report reads it."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from tests.corpus import DEV, TRAIN, save_corpus

from dovetail.config import dump_config, dump_network, load_config
from dovetail.corpora import read_corpus
from dovetail.errors import TrainingError
from dovetail.evaluation import evaluate
from dovetail.extractor import Extractor
from dovetail.report.curves import read_curves
from dovetail.report.page import Made
from dovetail.report.run_report import report_of_run
from dovetail.report.source import page_of

MADE = Made.now("dovetail report")


@pytest.fixture(scope="module")
def report(run_folder):
    return report_of_run(run_folder, test=run_folder.parent / "train.jsonl")


def test_scores_are_those_that_evaluation_gives(report, run_folder):
    gold = read_corpus(run_folder.parent / "dev.jsonl").sentences
    predicted = Extractor.load(run_folder / "model").annotate(gold)
    assert report.dev.predicted == predicted
    assert report.dev.evaluation == evaluate(gold, predicted)
    assert report.test.evaluation.sentences == len(TRAIN)


def test_candidates_hold_the_predictions_and_more(report):
    for guess, candidate in zip(report.dev.predicted, report.dev.weighed.candidates, strict=True):
        assert guess.entities == candidate.entities
        assert guess.relations <= candidate.relations
    confidences = [r.confidence for s in report.dev.weighed.candidates for r in s.relations]
    assert min(confidences) >= report.dev.weighed.lowest


def test_data_and_parameters_are_counted(report):
    counts = {split.name: split for split in report.counts}
    assert {*counts} == {"training", "dev", "test"}
    assert counts["training"].sentences == len(TRAIN)
    assert counts["dev"].relations == sum(len(sentence.relations) for sentence in DEV)
    assert 0 < report.parameters.trainable <= report.parameters.total
    assert {file.split for file in report.files} == {"training", "dev", "test"}
    assert report.warnings == ()


def test_curves_have_every_epoch(report, run_folder, tmp_path):
    curves = report.curves
    assert [epoch.number for epoch in curves.epochs] == list(range(1, len(curves.epochs) + 1))
    assert 1 <= curves.best_epoch <= len(curves.epochs)
    torn = tmp_path / "metrics.jsonl"
    torn.write_text((run_folder / "metrics.jsonl").read_text()[:-20])
    assert len(read_curves(torn).epochs) == len(curves.epochs) - 1
    assert read_curves(tmp_path / "none.jsonl") is None


@pytest.fixture
def moved_run(run_folder, tmp_path) -> Path:
    """A copy of the run whose corpora can be changed."""
    folder = tmp_path / "run"
    shutil.copytree(run_folder, folder)
    for name in ("train", "dev"):
        shutil.copy(run_folder.parent / f"{name}.jsonl", tmp_path)
    with_data(folder, dev=(tmp_path / "dev.jsonl",), train=(tmp_path / "train.jsonl",))
    return folder


def with_data(folder: Path, **fields: object) -> None:
    for file in (folder / "config.toml", folder / "model" / "config.toml"):
        config = load_config(file)
        data = config.data.model_copy(update=fields)
        training = config.training.model_copy(update={"patience_epochs": 0})
        head = config.relation_head.model_copy(update={"threshold": 0.5})
        update = {"data": data, "training": training, "relation_head": head}
        changed = config.model_copy(update=update)
        file.write_text(dump_config(changed), encoding="utf-8")
    (folder / "model" / "network.toml").write_text(dump_network(changed), encoding="utf-8")


def test_changed_corpus_is_said(moved_run):
    assert report_of_run(moved_run).warnings == ()
    changed = [replace(DEV[0], relations=frozenset()), *DEV[1:]]
    save_corpus(changed, moved_run.parent / "dev.jsonl")
    (warning,) = report_of_run(moved_run).warnings
    assert "not those that the run was trained on" in warning


def test_run_without_dev_sentences_has_a_page_of_its_own(moved_run):
    with_data(moved_run, dev=())
    page = page_of(moved_run, MADE)
    assert "This run has no dev sentences" in page
    assert 'id="curves"' in page
    assert 'id="errors"' not in page


def test_run_without_a_model_says_what_to_do(moved_run):
    shutil.rmtree(moved_run / "model")
    with pytest.raises(TrainingError, match="--resume"):
        page_of(moved_run, MADE)


def test_other_folders_and_files_are_refused_with_what_was_expected(run_folder, tmp_path):
    for source, message in (
        (tmp_path / "nowhere", "there is no"),
        (run_folder / "model", "is a model.*dovetail evaluate"),
        (run_folder.parent / "dev.jsonl", "is a file.*--predictions"),
        (tmp_path, "neither a run nor an experiment"),
    ):
        with pytest.raises(TrainingError, match=message):
            page_of(source, MADE)
