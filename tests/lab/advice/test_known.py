"""What is known of other corpora: the file of the package, and what is foreseen from it."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from dovetail.lab.advice.candidates import PROPOSALS
from dovetail.lab.advice.known import UNKNOWN_SPREAD, Known, KnownCell, write_known

SEEDS, SENTENCES = range(1, 6), 400


def cells(gains: dict[str, list[float]], *, noise: float, seed: int = 0) -> list[KnownCell]:
    """Trainings on some corpora, each with a gain of each plan over the plan "own"."""
    chance = random.Random(seed)
    found = []
    for plan, by_corpus in {"own": [0.0] * len(next(iter(gains.values()))), **gains}.items():
        for number, gain in enumerate(by_corpus):
            for own in SEEDS:
                scores = [0.5 + gain + chance.gauss(0, noise) for _ in range(4)]
                found.append(
                    KnownCell("made", f"corpus {number}", plan, own, *scores, SENTENCES, SENTENCES)
                )
    return found


def test_package_knows_the_plans_that_it_proposes() -> None:
    known = Known.of_package()
    plans = {cell.plan for cell in known.cells}
    assert plans & {own.name for own in PROPOSALS}
    assert all(0 < cell.test_entity < 1 for cell in known.cells)
    for default in ("depth 0+1+1", "depth 1+1+2"):
        for plan in plans - {default}:
            prior = known.prior(plan, default)
            assert abs(prior.mean) < 0.05
            assert 0 < prior.deviation < 0.1


def test_known_cells_are_written_and_read_back(tmp_path: Path) -> None:
    own = cells({"deep": [0.01, 0.02]}, noise=0.01)
    write_known(own, tmp_path / "known.csv")
    again = Known.of_file(tmp_path / "known.csv").cells
    assert len(again) == len(own)
    for one, other in zip(own, again, strict=True):
        assert (one.plan, one.corpus, one.seed) == (other.plan, other.corpus, other.seed)
        assert one.test_entity == pytest.approx(other.test_entity, abs=1e-4)


def test_plan_that_helped_everywhere_is_expected_to_help() -> None:
    known = Known(tuple(cells({"good": [0.03] * 6, "bad": [-0.03] * 6}, noise=0.003)))
    good, bad = known.prior("good", "own"), known.prior("bad", "own")
    assert good.mean == pytest.approx(0.03, abs=0.01)
    assert bad.mean == pytest.approx(-0.03, abs=0.01)
    assert good.above_zero > 0.95 > 0.05 > bad.above_zero
    assert known.prior("own", "good").mean == pytest.approx(-good.mean, abs=0.01)


def test_gains_that_differ_between_corpora_leave_more_open() -> None:
    even = Known(tuple(cells({"plan": [0.02] * 6}, noise=0.002)))
    uneven = Known(tuple(cells({"plan": [0.08, -0.04] * 3}, noise=0.002)))
    assert uneven.prior("plan", "own").variance > 4 * even.prior("plan", "own").variance


def test_an_unknown_plan_or_default_is_expected_to_be_as_good() -> None:
    known = Known(tuple(cells({"plan": [0.02] * 6}, noise=0.002)))
    for plan, default in (("new", "own"), ("plan", "new"), ("plan", "plan")):
        assert known.prior(plan, default).mean == 0
    assert known.prior("new", "own").variance == pytest.approx(known.spread + known.reach)
    assert Known(()).prior("plan", "own").variance > UNKNOWN_SPREAD


def test_a_corpus_that_is_left_out_has_no_say() -> None:
    gains = {"plan": [0.05, 0.0, 0.0]}
    known = Known(tuple(cells(gains, noise=0.001)))
    left = known.without(["corpus 0"])
    assert left.corpora == ["corpus 1", "corpus 2"]
    assert left.prior("plan", "own").mean < known.prior("plan", "own").mean
    assert left.spread == UNKNOWN_SPREAD


def test_noise_is_that_of_the_trainings() -> None:
    known = Known(tuple(cells({f"plan {n}": [0.0] * 30 for n in range(3)}, noise=0.02)), "entity")
    assert known.noise.of_seeds == pytest.approx(2 * 0.02**2, rel=0.25)


def test_score_is_the_one_that_training_chooses_by() -> None:
    cell = KnownCell("made", "corpus", "plan", 1, 0.1, 0.2, 0.3, 0.5, 10, 10)
    assert [cell.score(own) for own in ("entity", "relation", "mean")] == [0.3, 0.5, 0.4]
    assert cell.score("mean", "dev") == pytest.approx(0.15)
