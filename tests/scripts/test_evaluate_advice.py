"""The evaluation of advice counts as it says, on scores that are made up."""

from __future__ import annotations

import random
import runpy
from pathlib import Path
from typing import Any

import pytest

from dovetail.lab.advice.known import Known, KnownCell
from dovetail.lab.advice.posterior import Normal

SCRIPT = runpy.run_path(
    str(Path(__file__).resolve().parents[2] / "scripts" / "evaluate_advice.py"), run_name="script"
)
PLANS = ["own", "good", "bad"]


def truth(**means: float) -> Any:
    """Scores of two seeds that lie 2 points apart."""
    return SCRIPT["Truth"](
        {plan: (mean - 0.01, mean + 0.01) for plan, mean in means.items()}, "own", 200
    )


def test_a_pick_is_good_within_one_standard_deviation_of_the_best() -> None:
    own = truth(own=0.50, good=0.52, bad=0.40)
    assert own.deviation == pytest.approx(0.02 / 2**0.5)
    assert own.good == {"good"}
    assert truth(own=0.51, good=0.52, bad=0.40).good == {"own", "good"}
    assert own.gain("good") == pytest.approx(0.02)
    assert own.regret("bad") == pytest.approx(0.12)


def test_intervals_are_held_against_what_was_measured_with_its_own_error() -> None:
    own, known = truth(own=0.50, good=0.52), Known(())
    error = known.noise.of_seeds / 2 + known.noise.of_sentences / 200
    assert own.error("good", known) == pytest.approx(error)
    gain = Normal(0.0, 0.01**2)  # its interval reaches 1.645 deviations
    assert SCRIPT["holds"](gain, 0.016)
    assert not SCRIPT["holds"](gain, 0.017)
    assert SCRIPT["holds"](gain, 0.017, 0.003**2)


def test_row_counts_corpora_and_chance_is_the_mean_over_all_picks() -> None:
    truths = {"one": truth(own=0.5, good=0.6, bad=0.4), "two": truth(own=0.6, good=0.5, bad=0.4)}
    row = SCRIPT["row_of"]("always good", dict.fromkeys(truths, "good"), truths)
    assert (row.good, row.corpora) == (1, 2)
    assert row.gain == pytest.approx(0.0)
    assert row.regret == pytest.approx(0.05)
    at_random = SCRIPT["chance"](truths)
    rows = [SCRIPT["row_of"](plan, dict.fromkeys(truths, plan), truths) for plan in PLANS]
    assert at_random.good == pytest.approx(sum(own.good for own in rows) / 3)
    assert at_random.regret == pytest.approx(sum(own.regret for own in rows) / 3)


def test_advice_for_a_corpus_does_not_know_it() -> None:
    chance = random.Random(1)
    cells = [
        KnownCell("made", corpus, plan, seed, *scores(plan, corpus, chance), 300, 300)
        for corpus in ("crossre/a", "crossre/b", "crossre/c", "crossre/d")
        for plan in PLANS
        for seed in (1, 2, 3)
    ]
    truths = SCRIPT["truths_of"](cells, PLANS, "mean")
    assert set(truths) == {cell.corpus for cell in cells}
    values = {
        "default": "own",
        "pilots": [],
        "epochs": 5,
        "full_epochs": 10,
        "facts": {"corpora": [{"dev_sentences": 100}]},
    }
    advised = {
        corpus: SCRIPT["Advised"](
            values, Known(tuple(cell for cell in cells if cell.corpus != corpus)), sorted(PLANS)
        )
        for corpus in truths
    }
    assert all(corpus not in own.known.corpora for corpus, own in advised.items())
    text = SCRIPT["table"](truths, advised)
    assert "| `dovetail advise` | 4 of 4 |" in text
    assert "| always own | 0 of 4 | +0.0 |" in text
    assert "| chance | 1.33 of 4 |" in text


def scores(plan: str, corpus: str, chance: random.Random) -> list[float]:
    mean = {"own": 0.5, "good": 0.55, "bad": 0.45}[plan]
    return [mean + chance.gauss(0, 0.004) for _ in range(4)]
