"""The paired bootstrap against enumeration and known cases; Holm's correction by hand."""

from __future__ import annotations

import itertools
from collections import Counter

import numpy as np
import pytest

from dovetail.evaluation.paired import DrawnScores, compare, holm, stacked
from dovetail.evaluation.scores import MacroScore
from dovetail.evaluation.tally import Tally


def tally(*sentences: tuple[int, int, int], types: tuple[str, ...] = ("x",)) -> Tally:
    """Counts of sentences with one class; of each right, wrong and missed."""
    return Tally(types, np.array(sentences, dtype=np.int64).reshape(len(sentences), len(types), 3))


def random_tally(seed: int, *, right: float, sentences: int = 60) -> Tally:
    """Two facts in every sentence, of which a share is found."""
    random = np.random.default_rng(seed)
    found = random.binomial(2, right, size=(sentences, 2))
    counts = np.stack([found, np.zeros_like(found), 2 - found], axis=-1)
    return Tally(("x", "y"), counts.astype(np.int64))


def drawn(*folds: list[Tally], samples: int = 2000) -> DrawnScores:
    return DrawnScores.of_trials(folds, samples=samples)


def test_identical_predictions_have_p_value_1() -> None:
    ours = drawn([random_tally(seed, right=0.5) for seed in (1, 2, 3)])
    for average in ("micro", "macro"):
        comparison = compare(ours, ours, average)
        assert comparison.difference == 0
        assert comparison.p_value == 1


def test_what_is_better_on_every_sentence_has_a_small_p_value() -> None:
    better = tally(*[(2, 0, 0)] * 30)
    worse = tally(*[(1, 0, 1)] * 30)
    comparison = compare(drawn([better]), drawn([worse]), "micro")
    assert comparison.p_value == 1 / 2001
    assert comparison.difference == pytest.approx(1 - 2 / 3)
    reverse = compare(drawn([worse]), drawn([better]), "micro")
    assert reverse.difference == -comparison.difference
    assert reverse.p_value == comparison.p_value


def test_observed_difference_is_that_of_the_plain_scores() -> None:
    trials = [
        [random_tally(1, right=0.4), random_tally(2, right=0.6)],
        [random_tally(3, right=0.5)],
    ]
    other = [[random_tally(4, right=0.3)], [random_tally(5, right=0.9), random_tally(6, right=0.2)]]
    for average in ("micro", "macro"):
        plain = [
            np.mean([np.mean([f1(own, average) for own in fold]) for fold in folds])
            for folds in (trials, other)
        ]
        comparison = compare(drawn(*trials), drawn(*other), average)
        assert comparison.difference == pytest.approx(plain[0] - plain[1])


def f1(own: Tally, average: str) -> float:
    return (
        own.micro().f1 if average == "micro" else MacroScore.from_scores(own.by_type().values()).f1
    )


def test_p_value_is_that_of_all_draws_one_by_one() -> None:
    """Four sentences have 256 draws, and of two seeds one is left each time."""
    ours = [tally((1, 0, 0), (1, 1, 0), (0, 0, 1), (1, 0, 0)), tally(*[(1, 0, 0)] * 3, (0, 0, 1))]
    theirs = [tally((1, 0, 0), (0, 1, 1), (0, 0, 1), (1, 1, 0))]
    draws = list(itertools.product(range(4), repeat=4))
    scores = [[f1_of(own, places) for places in draws] for own in ours]
    observed = [f1(own, "micro") for own in ours]
    # What sentences explain of the variance between two seeds is that of half their difference.
    halves = [(first - second) / 2 for first, second in zip(*scores, strict=True)]
    explained = 2 * np.var(halves) / np.var(observed, ddof=1)
    half = (observed[0] - observed[1]) / 2 * np.sqrt(max(0, 1 - explained))
    difference = np.mean(observed) - f1(theirs[0], "micro")
    extreme: Counter[bool] = Counter()
    for place, places in enumerate(draws):
        for distance in (half, -half):
            found = (scores[0][place] + scores[1][place]) / 2 + distance - f1_of(theirs[0], places)
            extreme[bool(abs(found - difference) >= abs(difference) - 1e-9)] += 1
    comparison = compare(drawn(ours, samples=40_000), drawn(theirs, samples=40_000), "micro")
    assert comparison.difference == pytest.approx(difference)
    assert comparison.p_value == pytest.approx(extreme[True] / extreme.total(), abs=0.012)


def f1_of(own: Tally, places: tuple[int, ...]) -> float:
    return Tally(own.types, own.counts[list(places)]).micro().f1


@pytest.mark.parametrize("seed_deviation", [0.0, 0.3])
def test_null_hypothesis_is_rejected_about_as_often_as_the_level_says(
    seed_deviation: float,
) -> None:
    """Both ways are the same, sentences are easy or hard for all, and some seeds are lucky."""
    random = np.random.default_rng(0)
    rejected = 0
    for _ in range(100):
        difficulty = random.normal(0, 1, size=120)
        tallies = []
        for _ in range(10):
            logits = difficulty + random.normal(0, seed_deviation)
            found = random.binomial(3, 1 / (1 + np.exp(-logits)))
            tallies.append(tally(*[(right, 0, 3 - right) for right in found]))
        ours, theirs = drawn(tallies[:5], samples=200), drawn(tallies[5:], samples=200)
        rejected += compare(ours, theirs, "micro").p_value <= 0.1
    assert 2 <= rejected <= 20  # 10 expected


def test_spread_of_seeds_makes_a_difference_less_sure() -> None:
    """The mean of the seeds is the same: once all are equal, once they lie apart."""
    base = drawn([random_tally(1, right=0.5)])
    equal = [tally(*[(6, 0, 4)] * 40)] * 2
    apart = [tally(*[(9, 0, 1)] * 40), tally(*[(3, 0, 7)] * 40)]
    assert (
        compare(drawn(equal), base, "micro").p_value < compare(drawn(apart), base, "micro").p_value
    )


def test_types_that_one_model_lacks_are_put_in_their_place() -> None:
    counts = stacked([tally((1, 2, 3), types=("b",)), tally((4, 5, 6), types=("a",))])
    assert counts.tolist() == [[[[0, 0, 0], [1, 2, 3]], [[4, 5, 6], [0, 0, 0]]]]


def test_models_of_different_sentences_are_refused() -> None:
    with pytest.raises(ValueError, match="different numbers of sentences"):
        stacked([tally((1, 0, 0)), tally((1, 0, 0), (1, 0, 0))])
    with pytest.raises(ValueError, match="at least one model"):
        DrawnScores.of_trials([[]])


def test_draws_do_not_depend_on_which_models_are_scored() -> None:
    """That makes the bootstrap a paired one: the same model gets the same scores in any company."""
    own = random_tally(1, right=0.5)
    alone, beside = drawn([own]), drawn([own, random_tally(2, right=0.7)])
    assert (alone.drawn[0][:, 0] == beside.drawn[0][:, 0]).all()


def test_correction_is_that_of_a_hand_computation() -> None:
    # Sorted 0.005, 0.01, 0.03, 0.04: times 4, 3, 2, 1, and never below the one before.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([0.2]) == [0.2]
    assert holm([]) == []
