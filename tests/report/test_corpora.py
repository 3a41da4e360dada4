"""The page of a run of several corpora: an overview of all, then each."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.corpus import DEV, TRAIN, save_corpus
from tests.networks import tiny_config
from tests.training.test_several_corpora import mentions, renamed
from typer.testing import CliRunner

from dovetail.cli import app
from dovetail.config import parse_config
from dovetail.errors import TrainingError
from dovetail.report.page import Made
from dovetail.report.render import page_of_corpora
from dovetail.report.run_report import reports_of_run
from dovetail.training import training_events

CORPORA = {"towns": lambda s: s, "cities": renamed, "mentions": mentions}


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run of three corpora, in one of which nothing is related."""
    folder = tmp_path_factory.mktemp("several")
    values = tiny_config(training={"epochs": 2}).model_dump(mode="json", exclude_none=True)
    del values["data"]
    values["corpora"] = [
        {
            "name": name,
            "train": str(save_corpus([*map(change, TRAIN)], folder / f"{name}-train.jsonl")),
            "dev": str(save_corpus([*map(change, DEV)], folder / f"{name}-dev.jsonl")),
        }
        for name, change in CORPORA.items()
    ]
    for _ in training_events(parse_config(values), folder / "run"):
        pass
    return folder / "run"


@pytest.fixture(scope="module")
def page(several: Path) -> str:
    return page_of_corpora(reports_of_run(several), Made.now("dovetail report run"))


def test_page_has_all_corpora_and_each(page: str, several: Path) -> None:
    assert [own.corpus for own in reports_of_run(several)] == [*CORPORA]
    for name in CORPORA:
        for section in ("corpus", "scores", "confusion", "errors", "errors-shown", "calibration"):
            assert f'<h2 id="{name}-{section}">' in page
        assert f'<a href="#{name}-corpus">{name}</a>' in page
    assert '<h2 id="cities-thresholds">cities: Thresholds of relations' in page
    assert 'id="mentions-thresholds"' not in page
    found = re.findall(r' id="([^"]+)"', page)
    assert len(found) == len({*found})
    links = re.findall(r'href="#([^"]+)"', page)
    assert {*links} <= {*found}


def test_curves_of_a_corpus_are_of_its_tasks(several: Path) -> None:
    towns, _, mentioned = reports_of_run(several)
    assert towns.curves is not None
    assert mentioned.curves is not None
    assert {*towns.curves.epochs[0].losses} == {"entity", "relation"}
    assert {*mentioned.curves.epochs[0].losses} == {"entity"}
    assert {*mentioned.curves.epochs[0].scores} == {"entity"}


def test_one_corpus_is_named(several: Path, tmp_path: Path) -> None:
    output = tmp_path / "page.html"
    told = ["report", str(several), "--output", str(output)]
    for options, expected in (([], "of 3 corpora"), (["--corpus", "cities"], "tiny, cities")):
        done = CliRunner().invoke(app, [*told, *options], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        assert expected in output.read_text(encoding="utf-8")
    with pytest.raises(TrainingError, match="no corpus 'rivers'; it has towns, cities, mentions"):
        reports_of_run(several, corpus="rivers")
    with pytest.raises(TrainingError, match="say of which by --corpus"):
        reports_of_run(several, test=tmp_path / "towns-dev.jsonl")


def test_filters_of_a_corpus_leave_the_others_alone(look, page: str) -> None:
    seen = look(page, width=1280)
    assert seen.complaints == []
    assert seen.page.evaluate("document.documentElement.scrollWidth") <= 1280
    before = seen.page.locator("#cities-shown").inner_text()
    seen.page.select_option("#towns-kind", index=1)
    assert seen.page.locator("#cities-shown").inner_text() == before
    assert seen.page.locator("#towns-shown").inner_text() != before
