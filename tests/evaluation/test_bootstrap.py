"""Bootstrap intervals: against drawing sentences one by one, and what any interval holds."""

from __future__ import annotations

import random
import time

import numpy as np
import pytest

from dovetail.evaluation import Evaluation, evaluate
from dovetail.evaluation.bootstrap import resample
from dovetail.text.document import Entity, Relation, Sentence

TYPES = ("Person", "Place", "Thing")


def random_sentence(source: random.Random, *, accuracy: float) -> tuple[Sentence, Sentence]:
    """A gold sentence of ten tokens with four entities, and a noisy copy of it."""
    gold = [Entity(start, start + 1, source.choice(TYPES)) for start in source.sample(range(10), 4)]
    predicted = {
        entity
        if source.random() < accuracy
        else Entity(entity.start, entity.end, source.choice(TYPES))
        for entity in gold
        if source.random() < accuracy
    }
    gold_relations = {Relation(gold[0], gold[1], "near"), Relation(gold[2], gold[3], "owns")}
    predicted_relations = {
        relation
        for relation in gold_relations
        if relation.head in predicted and relation.tail in predicted
    }
    tokens = [f"token{position}" for position in range(10)]
    return (
        Sentence.from_tokens(tokens, entities=gold, relations=gold_relations),
        Sentence.from_tokens(tokens, entities=predicted, relations=predicted_relations),
    )


def noisy_corpus(size: int, *, accuracy: float = 0.8) -> tuple[list[Sentence], list[Sentence]]:
    source = random.Random(7)
    pairs = [random_sentence(source, accuracy=accuracy) for _ in range(size)]
    return [gold for gold, _ in pairs], [predicted for _, predicted in pairs]


def f1s(evaluation: Evaluation) -> tuple[float, float, float, float]:
    return (
        evaluation.entity_strict.micro.f1,
        evaluation.entity_strict.macro.f1,
        evaluation.entity_strict.by_type["Person"].f1,
        evaluation.relation_strict.micro.f1,
    )


def test_intervals_agree_with_scoring_corpora_drawn_one_by_one() -> None:
    gold, predicted = noisy_corpus(60)
    source = random.Random(3)
    drawn = []
    for _ in range(600):
        positions = source.choices(range(len(gold)), k=len(gold))
        drawn.append(
            f1s(
                evaluate(
                    [gold[position] for position in positions],
                    [predicted[position] for position in positions],
                    bootstrap_samples=0,
                )
            )
        )
    low, high = np.quantile(np.array(drawn), [0.025, 0.975], axis=0)
    evaluation = evaluate(gold, predicted, bootstrap_samples=4000)
    entity, relation = evaluation.entity_strict.intervals, evaluation.relation_strict.intervals
    assert entity is not None
    assert relation is not None
    intervals = [
        entity.micro.f1,
        entity.macro.f1,
        entity.by_type["Person"].f1,
        relation.micro.f1,
    ]
    # Two independent draws: the ends of the intervals differ by sampling error only.
    assert [interval.low for interval in intervals] == pytest.approx(list(low), abs=0.015)
    assert [interval.high for interval in intervals] == pytest.approx(list(high), abs=0.015)


def test_intervals_contain_the_score_and_have_width() -> None:
    evaluation = evaluate(*noisy_corpus(80))
    for scores in (
        evaluation.entity_strict,
        evaluation.entity_boundaries,
        evaluation.relation_strict,
        evaluation.relation_boundaries,
    ):
        assert scores.intervals is not None
        for score, intervals in (
            (scores.micro, scores.intervals.micro),
            (scores.macro, scores.intervals.macro),
            *((scores.by_type[type_], scores.intervals.by_type[type_]) for type_ in scores.by_type),
        ):
            assert score.precision in intervals.precision
            assert score.recall in intervals.recall
            assert score.f1 in intervals.f1
            assert intervals.recall.low < intervals.recall.high


def test_more_sentences_give_narrower_intervals() -> None:
    widths = []
    for size in (30, 300):
        intervals = evaluate(*noisy_corpus(size)).entity_strict.intervals
        assert intervals is not None
        widths.append(intervals.micro.f1.high - intervals.micro.f1.low)
    assert widths[1] < widths[0] / 2  # about the square root of ten


def test_perfect_predictions_have_no_uncertainty() -> None:
    gold, _ = noisy_corpus(20)
    intervals = evaluate(gold, gold).relation_strict.intervals
    assert intervals is not None
    assert (intervals.micro.f1.low, intervals.micro.f1.high) == (1.0, 1.0)


def test_seed_decides_the_intervals_and_nothing_else() -> None:
    gold, predicted = noisy_corpus(40)
    first, same, other = (evaluate(gold, predicted, seed=seed) for seed in (1, 1, 2))
    assert first == same
    assert first.entity_strict.intervals != other.entity_strict.intervals
    assert first.entity_strict.by_type == other.entity_strict.by_type


def test_drawn_corpora_have_the_size_of_the_corpus() -> None:
    ones = np.ones((37, 1), dtype=np.int64)
    assert resample(ones, samples=50, seed=0).tolist() == [[37]] * 50


def test_drawing_in_chunks_covers_every_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    counts = np.arange(60, dtype=np.int64).reshape(20, 3)
    whole = resample(counts, samples=11, seed=5)
    monkeypatch.setattr("dovetail.evaluation.bootstrap._CHUNK_CELLS", 80)  # four samples at once
    assert np.array_equal(resample(counts, samples=11, seed=5), whole)


def test_large_corpus_is_scored_with_intervals_in_seconds() -> None:
    gold, predicted = noisy_corpus(5000)
    started = time.perf_counter()
    evaluate(gold, predicted)
    assert time.perf_counter() - started < 5
