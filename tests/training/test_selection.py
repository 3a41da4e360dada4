from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.corpus import DEV

from dovetail.evaluation import Score, evaluate
from dovetail.text.document import ENTITY_TASK, RELATION_TASK, Entity, Relation, Sentence
from dovetail.training.selection import (
    DEVIATIONS,
    HIGHEST,
    LOWEST,
    Decided,
    OfType,
    score_of,
    share_at_least,
    tuned_thresholds,
    with_thresholds,
)

TYPES = ("lives_in", "works_for", "next_to")
SYMMETRIC = frozenset({"next_to"})
PERSON = Entity(0, 1, "Person")
PLACES = [Entity(position, position + 1, "Place") for position in range(1, 5)]
LINKS = [Relation(PERSON, place, type_) for place in PLACES for type_ in TYPES]
LINKS += [replace(link, head=link.tail, tail=link.head) for link in LINKS]


def sentence_of(relations: list[Relation]) -> Sentence:
    return Sentence.from_tokens(["w"] * 5, entities=[PERSON, *PLACES], relations=relations)


def scored_sentence(relations: list[Relation], confidences: list[float]) -> Sentence:
    return sentence_of(
        [
            replace(link, confidence=confidence)
            for link, confidence in zip(relations, confidences, strict=True)
        ]
    )


def micro(gold: list[Sentence], found: list[Sentence]) -> Score:
    scores = evaluate(gold, found, symmetric=SYMMETRIC, bootstrap_samples=0)
    return scores.relation_strict.micro


confidence = st.floats(float(np.float32(LOWEST)), 1, width=32) | st.sampled_from([0.25, 0.5, 0.75])


@st.composite
def sentence_pair(draw: st.DrawFn) -> tuple[Sentence, Sentence]:
    """A gold sentence, with types that no model knows too, and candidates on other entities too."""
    unknown = Relation(PERSON, PLACES[0], "unknown")
    gold = sentence_of(draw(st.lists(st.sampled_from([*LINKS, unknown]), max_size=4, unique=True)))
    scored = draw(st.dictionaries(st.sampled_from(LINKS), confidence, max_size=6))
    found = scored_sentence(list(scored), list(scored.values()))
    if draw(st.booleans()):
        lost = draw(st.sampled_from(PLACES))
        kept = [link for link in gold.relations if lost not in (link.head, link.tail)]
        gold = replace(gold, entities=gold.entities - {lost}, relations=frozenset(kept))
    if draw(st.integers(0, 3)) == 0:
        gold = replace(gold, annotated=frozenset({ENTITY_TASK}), relations=frozenset())
    return gold, found


# Each pair several times, so that there is evidence to move on.
corpora = st.lists(
    st.tuples(sentence_pair(), st.sampled_from([1, 1, 3, 12])), min_size=1, max_size=6
).map(lambda drawn: [pair for pair, times in drawn for _ in range(times)])


@given(corpora)
def test_tuned_thresholds_are_never_worse_than_one_half_on_the_same_sentences(
    pairs: list[tuple[Sentence, Sentence]],
) -> None:
    """In what `evaluate` counts, with thresholds in single precision as a model holds them."""
    gold, found = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    tuned = tuned_thresholds(gold, found, TYPES, symmetric=SYMMETRIC)
    assert all(LOWEST <= threshold <= HIGHEST for threshold in tuned)
    held = {type_: float(np.float32(own)) for type_, own in zip(TYPES, tuned, strict=True)}
    half = dict.fromkeys(TYPES, 0.5)
    scores = [micro(gold, with_thresholds(found, chosen)) for chosen in (held, half)]
    assert scores[0].f1 >= scores[1].f1
    decided = Decided.between(gold, found, SYMMETRIC)
    assert decided.f1(held) == scores[0].f1
    assert decided.f1(half) == scores[1].f1


@given(
    st.lists(st.tuples(st.sampled_from([0.2, 0.25, 0.3, 0.4, 0.45]), st.booleans()), max_size=40)
    | st.lists(st.tuples(st.sampled_from([0.5, 0.55, 0.6, 0.7, 0.75]), st.booleans()), max_size=40),
    st.floats(0, 1),
)
def test_threshold_is_the_move_that_pays_most_at_the_end_of_the_interval(
    pairs: list[tuple[float, bool]], f1: float
) -> None:
    """Against an enumeration of all cuts, counted one by one."""

    def gain(threshold: float) -> float:
        between = [right for p, right in pairs if min(threshold, 0.5) <= p < max(threshold, 0.5)]
        if not between:
            return 0.0
        number, right = len(between), sum(between)
        if threshold < 0.5:
            return number * (2 * wilson(right, number) - f1)
        return number * (f1 - 2 * (1 - wilson(number - right, number)))

    chosen = OfType.from_pairs(pairs).threshold(f1)
    best = max(gain(cut / 100) for cut in range(20, 81))
    assert gain(chosen) == pytest.approx(max(best, 0.0))


def wilson(successes: int, number: int) -> float:
    """The smaller share that differs from what was found by so many of its own deviations."""
    low, high = 0.0, successes / number
    for _ in range(60):
        share = (low + high) / 2
        deviation = math.sqrt(share * (1 - share) / number)
        if successes / number - share > DEVIATIONS * deviation:
            low = share
        else:
            high = share
    return low


@pytest.mark.parametrize(("number", "right"), [(1, 1), (3, 2), (30, 0), (30, 11), (400, 400)])
def test_interval_is_that_of_wilson(number: int, right: int) -> None:
    (low,) = share_at_least(np.array([right]), np.array([number]))
    assert low == pytest.approx(wilson(right, number), abs=1e-6)


def test_threshold_that_many_facts_speak_for_is_taken() -> None:
    """Right candidates at 0.3, wrong ones at 0.2, in every sentence alike."""
    right, wrong = LINKS[0], LINKS[3]
    gold = [sentence_of([right])] * 10
    found = [scored_sentence([right, wrong], [0.3, 0.2])] * 10
    assert tuned_thresholds(gold, found, [right.type]) == [pytest.approx(0.25)]


def test_few_facts_move_nothing() -> None:
    """One outlier in the whole set, which tuning without a prior would get rid of."""
    right, wrong = LINKS[0], LINKS[3]
    gold = [sentence_of([right])] * 10
    found = [scored_sentence([right], [0.6])] * 9 + [scored_sentence([right, wrong], [0.7, 0.55])]
    assert tuned_thresholds(gold, found, [right.type]) == [0.5]


def test_rare_type_does_not_flood_the_others() -> None:
    """Its own F1 would rise from 0 to 0.2 with all its candidates, and that of all would fall."""
    common, rare = LINKS[0], LINKS[1]
    gold = [sentence_of([common])] * 36 + [sentence_of([common, rare])] * 4
    found = [scored_sentence([common, rare], [0.9, 0.3])] * 40
    assert tuned_thresholds(gold, found, TYPES) == [0.5, 0.5, 0.5]


def test_more_evidence_moves_what_less_did_not() -> None:
    right, missed = LINKS[0], LINKS[3]
    moved = []
    for number in (1, 2, 4, 8, 16):
        gold = [sentence_of([right, missed])] * number
        found = [scored_sentence([right, missed], [0.6, 0.4])] * number
        moved.append(tuned_thresholds(gold, found, [right.type])[0] < 0.5)
    assert moved == sorted(moved)
    assert not moved[0]
    assert moved[-1]


def test_sentences_without_annotated_relations_have_no_say() -> None:
    right, wrong = LINKS[0], LINKS[3]
    gold = [sentence_of([right])] * 10
    found = [scored_sentence([right, wrong], [0.3, 0.2])] * 10
    unknown = [replace(sentence_of([]), annotated=frozenset({ENTITY_TASK}))] * 50
    more = [scored_sentence([right], [0.9])] * 50
    assert RELATION_TASK not in unknown[0].annotated
    thresholds = tuned_thresholds([*gold, *unknown], [*found, *more], [right.type])
    assert thresholds == tuned_thresholds(gold, found, [right.type])


def test_neighbours_in_single_precision_are_told_apart() -> None:
    """The middle of two such numbers is one of them, and a model rounds its thresholds."""
    high = np.float32(0.4)
    low = np.nextafter(high, np.float32(0))
    pairs = [(float(high), True)] * 30 + [(float(low), False)] * 300
    threshold = OfType.from_pairs(pairs).threshold(0.5)
    assert float(low) < float(np.float32(threshold)) <= float(high)


def test_type_that_gold_or_model_lacks_keeps_one_half() -> None:
    link = LINKS[0]
    scored = replace(link, confidence=0.9)
    assert tuned_thresholds([sentence_of([])], [sentence_of([scored])], TYPES) == [0.5] * 3
    assert tuned_thresholds([sentence_of([link])], [sentence_of([])], TYPES) == [0.5] * 3


def test_candidates_without_a_probability_are_refused() -> None:
    with pytest.raises(ValueError, match="no confidence"):
        tuned_thresholds([sentence_of(LINKS[:1])], [sentence_of(LINKS[:1])], TYPES)


def test_score_is_the_one_that_is_asked_for() -> None:
    without_relations = [Sentence(s.tokens, s.offsets, s.entities, id=s.id) for s in DEV]
    evaluation = evaluate(DEV, without_relations, bootstrap_samples=0)
    assert score_of(evaluation, "entity") == 1.0
    assert score_of(evaluation, "relation") == 0.0
    assert score_of(evaluation, "mean") == 0.5
