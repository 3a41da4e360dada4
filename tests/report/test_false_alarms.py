"""What a report and a card say of relations that are found where there are none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.corpus import DEV, TRAIN, save_corpus
from typer.testing import CliRunner

from dovetail.cli import app
from dovetail.evaluation import evaluate, false_alarms
from dovetail.extractor import Extractor
from dovetail.report.false_alarms import AskedNegatives
from dovetail.report.page import Made
from dovetail.report.render import page_of_predictions
from dovetail.report.run_report import report_of_run
from dovetail.report.scored import ScoredCorpus
from dovetail.report.source import OfRun, page_of
from dovetail.saved.model_card import model_card
from dovetail.saved.model_folder import load_model
from dovetail.text.document import RELATION_TASK, Sentence

MADE = Made.now("dovetail report")
RELATED = [sentence for sentence in DEV if sentence.relations]


def in_words(page: str) -> str:
    return " ".join(page.split())


def test_the_page_of_a_run_tells_what_is_found_in_negatives(
    run_folder: Path, tmp_path: Path
) -> None:
    bare = [Sentence.from_tokens(own.tokens, annotated=[RELATION_TASK]) for own in TRAIN]
    path = save_corpus([replace(own, annotated=frozenset()) for own in bare], tmp_path / "n.jsonl")
    asked = AskedNegatives((path,), share=0.8)
    page = in_words(page_of(run_folder, MADE, of_run=OfRun(negatives=asked)))
    extractor = Extractor.load(run_folder / "model", threads=1)
    expected = false_alarms([*DEV, *bare], extractor.annotate([*DEV, *bare]))
    assert f"{expected.alarmed} of {expected.sentences}, {expected.relations} relations" in page
    assert "Where 80 % of sentences hold none" in page


def test_without_negatives_it_tells_of_the_dev_sentences(run_folder: Path) -> None:
    report = report_of_run(run_folder)
    assert report.dev is not None
    assert report.dev.alarms.of_all == report.dev.evaluation.false_alarms
    assert report.dev.alarms.of_all.sentences == len(DEV) - len(RELATED)
    assert "of 1,000 sentences that hold none" in in_words(page_of(run_folder, MADE))


def test_a_corpus_that_cannot_tell_is_noted() -> None:
    page = in_words(page_of_predictions("p", ScoredCorpus("p", RELATED, RELATED), MADE))
    assert f"Each of the {len(RELATED)} sentences that are annotated for relations" in page
    assert "of 1,000 sentences that hold none" not in page


def test_the_options_of_the_command_reach_the_page(run_folder: Path, tmp_path: Path) -> None:
    negatives = tmp_path / "dull.txt"
    negatives.write_text("Ada met Emil in Paris .\nIt snowed .\n", encoding="utf-8")
    output = tmp_path / "page.html"
    command = ["report", str(run_folder), "--negatives", str(negatives), "-o", str(output)]
    chosen = ["--negatives-documents", "dull:2", "--negatives-share", "0.5"]
    result = CliRunner().invoke(app, [*command, *chosen], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    page = in_words(output.read_text(encoding="utf-8"))
    assert f"of {len(DEV) - len(RELATED) + 1}, " in page
    assert "Where 50 % of sentences hold none" in page


@pytest.mark.parametrize(
    ("gold", "said"),
    [
        (
            DEV,
            f"a relation in 0 of 1,000 sentences that hold none (0 of {len(DEV) - len(RELATED)})",
        ),
        (RELATED, "not known, for each dev sentence holds a relation"),
    ],
)
def test_the_card_of_a_model_has_those_of_its_dev_set(
    run_folder: Path, gold: list[Sentence], said: str
) -> None:
    saved = load_model(run_folder / "model")
    card = model_card(saved.model, saved.config, {"": evaluate(gold, gold, bootstrap_samples=0)})
    assert f"- false alarms: {said}" in card
