"""Calibration against its definition, and the interval of a share against the binomial."""

from __future__ import annotations

import math
from statistics import fmean

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.evaluation.annotations import corpora, symmetric_types

from dovetail.evaluation import calibration, evaluate, judged_entities, judged_relations
from dovetail.evaluation.calibration import share_interval
from dovetail.text.document import Entity, Relation, Sentence

judged = st.lists(st.tuples(st.floats(0, 1), st.booleans()), max_size=40)


@settings(deadline=None)
@given(predictions=judged, bins=st.integers(1, 12))
def test_expected_error_is_that_of_its_definition(predictions, bins):
    found = calibration(predictions, bins=bins)
    expected = 0.0
    for number in range(bins):
        inside = [
            (confidence, right)
            for confidence, right in predictions
            if min(int(confidence * bins), bins - 1) == number
        ]
        if inside:
            gap = abs(fmean(c for c, _ in inside) - fmean(r for _, r in inside))
            expected += gap * len(inside) / len(predictions)
    assert found.expected_error == pytest.approx(expected)
    assert 0 <= found.expected_error <= 1
    assert found.count == len(predictions) == sum(bin_.count for bin_ in found.bins)
    assert all(bin_.right in bin_.interval for bin_ in found.bins)
    assert all(bin_.low <= bin_.confidence <= bin_.high + 1e-12 for bin_ in found.bins)


def test_sure_and_right_is_perfect():
    assert calibration([(1.0, True)] * 3).expected_error == 0
    assert calibration([(1.0, False)] * 3).expected_error == 1


def test_confidence_beyond_one_is_refused():
    with pytest.raises(ValueError, match="between 0 and 1"):
        calibration([(1.5, True)])


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_interval_of_a_share_holds_it_about_95_times_in_100(share):
    """By enumeration of all outcomes of forty trials."""
    trials = 40
    covered = sum(
        math.comb(trials, times) * share**times * (1 - share) ** (trials - times)
        for times in range(trials + 1)
        if share in share_interval(times, trials)
    )
    assert covered == pytest.approx(0.95, abs=0.03)


@settings(deadline=None)
@given(pairs=corpora, symmetric=symmetric_types)
def test_right_predictions_are_those_that_are_scored(pairs, symmetric):
    gold, predicted = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    scores = evaluate(gold, predicted, symmetric=symmetric, bootstrap_samples=0)
    right = [correct for _, correct in judged_entities(gold, predicted)]
    assert sum(right) == scores.entity_strict.micro.true_positives
    assert len(right) == scores.entity_strict.micro.predicted
    if not symmetric:  # of two directions that count as one, each has a confidence of its own
        right = [correct for _, correct in judged_relations(gold, predicted)]
        assert sum(right) == scores.relation_strict.micro.true_positives
        assert len(right) == scores.relation_strict.micro.predicted


def test_predictions_without_confidence_are_left_out():
    guess = Sentence.from_tokens(["Ada"], entities=[Entity(0, 1, "Person")])
    assert judged_entities([guess], [guess]) == []


def test_relations_with_a_wrong_entity_can_be_left_out():
    ada, london, ship = Entity(0, 1, "Person"), Entity(1, 2, "Place"), Entity(1, 2, "Ship")
    gold = Sentence.from_tokens(
        ["Ada", "London"], entities=[ada, london], relations=[Relation(ada, london, "in")]
    )
    guess = Sentence.from_tokens(
        ["Ada", "London"],
        entities=[ada, london, ship],
        relations=[Relation(ada, london, "in", 0.9), Relation(ada, ship, "in", 0.8)],
    )
    assert judged_relations([gold], [guess]) == [(0.9, True), (0.8, False)]
    assert judged_relations([gold], [guess], between_right_entities=True) == [(0.9, True)]


def test_scores_have_the_error_of_what_has_a_confidence():
    ada, london = Entity(0, 1, "Person", 0.9), Entity(1, 2, "Place", 0.5)
    gold = Sentence.from_tokens(["Ada", "London"], entities=[Entity(0, 1, "Person")])
    guess = Sentence.from_tokens(
        ["Ada", "London"], entities=[ada, london], relations=[Relation(ada, london, "in", 0.75)]
    )
    scores = evaluate([gold], [guess], bootstrap_samples=0)
    assert scores.entity_calibration_error == pytest.approx((0.1 + 0.5) / 2)
    assert scores.relation_calibration_error == pytest.approx(0.75)
    assert type(scores).from_dict(scores.to_dict()) == scores
    without = evaluate([gold], [gold], bootstrap_samples=0)
    assert (without.entity_calibration_error, without.relation_calibration_error) == (None, None)
    assert without.to_dict()["entity"]["calibration_error"] is None
