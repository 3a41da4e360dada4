"""The folder of an experiment, read through its files."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from tests.corpus import DEV, save_corpus

from dovetail.errors import TrainingError
from dovetail.report.curves import Curves, Epoch
from dovetail.report.experiment_report import (
    chosen_configs,
    mean_scores,
    report_of_experiment,
    tables_of,
)
from dovetail.report.page import Made
from dovetail.report.source import OfRun, page_of

TABLE = """\
# depths

Strict F1 in percent; p: corrected.

## F1 on dev

| config | cells | entities micro |
| --- | ---: | ---: |
| full | 2 | 86.1 ± 0.4 |
| a \\| <b> | 2 of 3 | 85.0 |

## Costs

| config | trained |
| --- | ---: |
| full | 1.2 M |
"""
MADE = Made.now("dovetail report runs/depths")


@pytest.fixture
def experiment(trained_model: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "depths"
    for name in ("full", "a | <b>"):
        for seed in (1, 2):
            cell = folder / "cells" / name / "all" / f"seed{seed}"
            cell.mkdir(parents=True)
            for file in ("config.toml", "metrics.jsonl"):
                shutil.copy(trained_model.parent / file, cell)
            (cell / "result.json").write_text("{}", encoding="utf-8")
    cell = folder / "cells" / "full" / "all" / "seed2"
    (cell / "gold").mkdir()
    (cell / "predictions").mkdir()
    save_corpus(DEV, cell / "gold" / "dev.jsonl")
    guessed = [sentence.without_annotations() for sentence in DEV]
    save_corpus(guessed, cell / "predictions" / "dev.jsonl")
    configs = [{"name": name, "chosen": {"fold": "all", "seed": 2}} for name in ("full", "a | <b>")]
    values = {"name": "depths", "compared_with": "full", "configs": configs}
    (folder / "summary.json").write_text(json.dumps(values), encoding="utf-8")
    (folder / "table.md").write_text(TABLE, encoding="utf-8")
    (folder / "figures").mkdir()
    drawing = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 4 3"/>'
    (folder / "figures" / "scores_by_config.svg").write_text(drawing, encoding="utf-8")
    return folder


def test_tables_are_those_of_the_file():
    scores, costs = tables_of(TABLE)
    assert (scores.title, costs.title) == ("F1 on dev", "Costs")
    assert scores.headings == ["config", "cells", "entities micro"]
    assert scores.rows == [["full", "2", "86.1 ± 0.4"], ["a | <b>", "2 of 3", "85.0"]]


def test_experiment_is_read_with_its_curves_figures_and_first_config(experiment):
    report = report_of_experiment(experiment)
    assert report.explanation == "Strict F1 in percent; p: corrected."
    assert {*report.scores["entity"]} == {"full", "a | <b>"}
    assert report.left_out == 0
    assert [figure.name for figure in report.figures] == ["scores by config"]
    assert report.first.folder.name == "seed2"
    evaluation = report.first.dev_by_corpus[""].evaluation
    assert evaluation.entity_strict.micro.support == sum(len(s.entities) for s in DEV)


def test_page_of_an_experiment_fits_and_works(experiment, look):
    page = page_of(experiment, MADE)
    for width in (375, 1280):
        seen = look(page, width=width)
        assert seen.complaints == []
        assert [url for url in seen.requests if not url.startswith("data:")] == [seen.address]
        assert seen.page.evaluate("document.documentElement.scrollWidth") <= width
        assert seen.page.locator("th", has_text="a | <b>").count() == 1
        widths = seen.page.locator("img").evaluate_all("all => all.map(one => one.naturalWidth)")
        assert widths
        assert all(widths)
        assert seen.page.locator(".card").count() > 0


def test_cells_that_go_on_still_are_left_out_of_the_means(experiment):
    whole = report_of_experiment(experiment).scores["entity"]["full"]
    cell = experiment / "cells" / "full" / "all" / "seed3"
    cell.mkdir()
    first = (experiment / "cells" / "full" / "all" / "seed1" / "metrics.jsonl").read_text()
    (cell / "metrics.jsonl").write_text(first.splitlines()[0] + "\n", encoding="utf-8")
    assert report_of_experiment(experiment).scores["entity"]["full"] == whole


def test_page_without_predictions_says_so(experiment):
    shutil.rmtree(experiment / "cells" / "full" / "all" / "seed2" / "predictions")
    page = page_of(experiment, MADE)
    assert "are not there any more" in page
    assert 'id="errors"' not in page


def test_experiment_without_results_says_what_to_do(experiment):
    (experiment / "summary.json").unlink()
    with pytest.raises(TrainingError, match="no results yet"):
        page_of(experiment, MADE)
    (experiment / "summary.json").write_text('{"name": 1}')
    with pytest.raises(TrainingError, match="not the summary"):
        page_of(experiment, MADE)


def test_test_corpus_of_an_experiment_is_its_plans_business(experiment):
    with pytest.raises(TrainingError, match="whose plan says"):
        page_of(experiment, MADE, of_run=OfRun(test=experiment / "test.jsonl"))


def curves(*scores: float) -> Curves:
    epochs = [Epoch(n, {}, {"entity": score}, 1.0) for n, score in enumerate(scores, start=1)]
    return Curves(epochs, best_epoch=1)


def test_mean_curve_ends_where_the_first_cell_does():
    assert mean_scores([curves(0.2, 0.4, 0.9), curves(0.4, 0.6)], "entity") == pytest.approx(
        {1: 0.3, 2: 0.5}
    )
    assert mean_scores([], "entity") == {}


def test_first_and_best_configs_are_drawn_in_the_order_of_the_plan():
    scores = {"first": 0.1, **{f"c{n}": n / 10 for n in range(1, 9)}, "none": None}
    found = chosen_configs({name: [curves(s)] if s else [] for name, s in scores.items()})
    assert found == ["first", "c4", "c5", "c6", "c7", "c8"]
