from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.corpus import DEV

from dovetail.document import Entity, Relation, Sentence
from dovetail.evaluation import evaluate
from dovetail.training.selection import (
    HIGHEST,
    LOWEST,
    Scored,
    best_threshold,
    score_of,
    tuned_thresholds,
)

TYPES = ("lives_in", "works_for")
PERSON = Entity(0, 1, "Person")
PLACES = [Entity(position, position + 1, "Place") for position in range(1, 5)]
LINKS = [Relation(PERSON, place, type_) for place in PLACES for type_ in TYPES]


def sentence_of(relations: list[Relation]) -> Sentence:
    return Sentence.from_tokens(["w"] * 5, entities=[PERSON, *PLACES], relations=relations)


def f1(gold: list[Sentence], found: list[Sentence], type_: str, threshold: float) -> float:
    """Strict F1 of a type with a threshold, counted by hand."""
    right = wrong = missed = 0
    for truth, sentence in zip(gold, found, strict=True):
        wanted = {relation for relation in truth.relations if relation.type == type_}
        taken = {
            relation
            for relation in sentence.relations
            if relation.type == type_ and (relation.confidence or 0.0) >= threshold
        }
        right += len(wanted & taken)
        wrong += len(taken - wanted)
        missed += len(wanted - taken)
    return 2 * right / (2 * right + wrong + missed) if right else 0.0


# Confidences on a grid, so that a cut in the middle of any gap is not lost to rounding.
scored_link = st.tuples(st.sampled_from(LINKS), st.integers(6, 94).map(lambda value: value / 100))
sentence_pair = st.tuples(
    st.lists(st.sampled_from(LINKS), max_size=4, unique=True),
    st.lists(scored_link, max_size=6, unique_by=lambda pair: pair[0]),
)


@given(st.lists(sentence_pair, min_size=1, max_size=6))
def test_best_threshold_is_as_good_as_the_best_of_all_cuts(
    pairs: list[tuple[list[Relation], list[tuple[Relation, float]]]],
) -> None:
    gold = [sentence_of(relations) for relations, _ in pairs]
    found = [
        sentence_of(
            [Relation(link.head, link.tail, link.type, confidence) for link, confidence in scored]
        )
        for _, scored in pairs
    ]
    cuts = [LOWEST + step / 200 for step in range(181)]
    for type_ in TYPES:
        scored = [Scored.of_type(type_, *pair) for pair in zip(gold, found, strict=True)]
        threshold = best_threshold(scored)
        assert LOWEST <= threshold <= HIGHEST
        best = max(f1(gold, found, type_, cut) for cut in cuts)
        if best:
            assert f1(gold, found, type_, threshold) == pytest.approx(best)


def scored_sentence(relations: list[Relation], confidences: list[float]) -> Sentence:
    return sentence_of(
        [
            Relation(link.head, link.tail, link.type, confidence)
            for link, confidence in zip(relations, confidences, strict=True)
        ]
    )


def test_a_threshold_that_holds_on_other_sentences_is_taken() -> None:
    """Right candidates at 0.3, wrong ones at 0.2, in every sentence alike."""
    right, wrong = LINKS[0], LINKS[2]
    gold = [sentence_of([right])] * 10
    found = [scored_sentence([right, wrong], [0.3, 0.2])] * 10
    assert tuned_thresholds(gold, found, [right.type]) == [pytest.approx(0.25)]


def test_a_threshold_that_fits_one_sentence_alone_is_not_taken() -> None:
    """One outlier in the whole set: what is won on it by tuning is lost where it is left out."""
    right, wrong = LINKS[0], LINKS[2]
    gold = [sentence_of([right])] * 10
    found = [scored_sentence([right], [0.6])] * 9 + [scored_sentence([right, wrong], [0.7, 0.55])]
    assert best_threshold(
        [Scored.of_type(right.type, *pair) for pair in zip(gold, found, strict=True)]
    ) == pytest.approx(0.575)
    assert tuned_thresholds(gold, found, [right.type]) == [0.5]


def test_a_type_that_gold_or_model_lacks_keeps_one_half() -> None:
    link = LINKS[0]
    scored = Relation(link.head, link.tail, link.type, 0.9)
    assert tuned_thresholds([sentence_of([])], [sentence_of([scored])], TYPES) == [0.5, 0.5]
    assert tuned_thresholds([sentence_of([link])], [sentence_of([])], TYPES) == [0.5, 0.5]


def test_candidates_without_a_probability_are_refused() -> None:
    with pytest.raises(ValueError, match="no confidence"):
        tuned_thresholds([sentence_of(LINKS[:1])], [sentence_of(LINKS[:1])], TYPES)


def test_score_is_the_one_that_is_asked_for() -> None:
    without_relations = [Sentence(s.tokens, s.offsets, s.entities, id=s.id) for s in DEV]
    evaluation = evaluate(DEV, without_relations, bootstrap_samples=0)
    assert score_of(evaluation, "entity") == 1.0
    assert score_of(evaluation, "relation") == 0.0
    assert score_of(evaluation, "mean") == 0.5
