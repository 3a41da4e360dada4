"""False alarms: counted by hand, and scores at a share against corpora that have this share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dovetail.evaluation import Evaluation, FalseAlarms, ScoreAtShare, evaluate, false_alarms
from dovetail.evaluation.false_alarms import interval_per_thousand
from dovetail.text.document import TASKS, Entity, Relation, Sentence, Unaligned

A, B, C = Entity(0, 1, "A"), Entity(1, 2, "B"), Entity(2, 3, "C")
LINKS = (Relation(A, B, "r"), Relation(B, C, "r"), Relation(A, C, "s"))
SUBSETS = [
    [link for link, taken in zip(LINKS, chosen, strict=True) if taken]
    for chosen in product([False, True], repeat=len(LINKS))
]


def sentence(links: Sequence[Relation], annotated: Sequence[str] = TASKS) -> Sentence:
    return Sentence.from_tokens(
        ["a", "b", "c"], entities=[A, B, C], relations=links, annotated=annotated
    )


def test_each_sentence_is_counted_as_it_is() -> None:
    """All subsets of three relations, gold and predicted."""
    for gold, predicted in product(SUBSETS, repeat=2):
        counted = false_alarms([sentence(gold)], [sentence(predicted)])
        if gold:
            assert counted == FalseAlarms(0, 0, 0)
        else:
            assert counted == FalseAlarms(1, int(bool(predicted)), len(predicted))


def test_counts_of_sentences_add_up() -> None:
    pairs = [(sentence(gold), sentence(found)) for gold, found in product(SUBSETS, repeat=2)]
    single = [false_alarms([gold], [found]) for gold, found in pairs]
    gold, found = zip(*pairs, strict=True)
    whole = false_alarms(gold, found)
    assert whole == sum(single, FalseAlarms())
    assert whole == FalseAlarms(8, 7, 12)
    assert whole.per_thousand == 1000 * 7 / 8
    assert whole.per_thousand in interval_per_thousand(whole)


def test_sentences_that_are_not_annotated_for_relations_do_not_count() -> None:
    assert false_alarms([sentence([], ["entity"])], [sentence(LINKS)]) == FalseAlarms()


def test_a_relation_that_no_tokens_express_is_one() -> None:
    item = Unaligned("relation", "r", ((0, 1), (2, 3)), ("A", "B"))
    gold = replace(sentence([]), unaligned=frozenset({item}))
    assert false_alarms([gold], [sentence(LINKS)]) == FalseAlarms()


def test_both_directions_of_a_symmetric_relation_are_one() -> None:
    both = [Relation(A, B, "r"), Relation(B, A, "r")]
    gold, found = [sentence([])], [sentence(both)]
    assert false_alarms(gold, found).relations == 2
    assert false_alarms(gold, found, symmetric=frozenset({"r"})).relations == 1


def test_nothing_is_said_where_there_is_no_such_sentence() -> None:
    evaluation = evaluate([sentence(LINKS)], [sentence([])], bootstrap_samples=0)
    assert evaluation.false_alarms == FalseAlarms()
    assert evaluation.to_dict()["relation"]["false_alarms"] is None
    assert FalseAlarms().per_thousand == 0.0


links = st.sets(st.sampled_from(LINKS)).map(list)
related = st.lists(st.tuples(links.filter(bool), links), min_size=1, max_size=5)
negative = st.lists(links, min_size=1, max_size=4)


def scored(pairs: Sequence[tuple[Sequence[Relation], Sequence[Relation]]]) -> Evaluation:
    gold = [sentence(own) for own, _ in pairs]
    return evaluate(gold, [sentence(own) for _, own in pairs], bootstrap_samples=0)


@given(related, negative, st.integers(1, 4), st.booleans())
def test_score_at_a_share_is_that_of_a_corpus_with_the_share(
    pairs: list[tuple[list[Relation], list[Relation]]],
    found: list[list[Relation]],
    times: int,
    are_within: bool,
) -> None:
    """Of the corpus with each of its sentences copied until `times` negatives come to each."""
    negatives = [([], own) for own in found]
    mixed = scored(
        [*(pairs * len(negatives)), *(negatives * (len(pairs) * times))]
    ).relation_strict.micro
    corpus = scored([*pairs, *negatives] if are_within else pairs)
    within = corpus.false_alarms
    alarms = within if are_within else within + scored(negatives).false_alarms
    at_share = ScoreAtShare.of(
        corpus.relation_strict.micro, corpus.related_sentences, within, alarms, times / (1 + times)
    )
    assert corpus.related_sentences == len(pairs)
    assert at_share.precision == pytest.approx(mixed.precision)
    assert at_share.recall == pytest.approx(mixed.recall)
    assert at_share.f1 == pytest.approx(mixed.f1)


@given(related, negative)
def test_at_a_share_of_none_it_is_the_score_of_the_sentences_with_relations(
    pairs: list[tuple[list[Relation], list[Relation]]], found: list[list[Relation]]
) -> None:
    negatives = scored([([], own) for own in found])
    alone = scored(pairs)
    score = alone.relation_strict.micro
    at_share = ScoreAtShare.of(score, len(pairs), FalseAlarms(), negatives.false_alarms, 0.0)
    assert (at_share.precision, at_share.recall, at_share.f1) == (
        score.precision,
        score.recall,
        score.f1,
    )


@pytest.mark.parametrize(
    ("related", "sentences", "share"), [(0, 5, 0.5), (5, 0, 0.5), (5, 5, 1.0), (5, 5, -0.1)]
)
def test_what_cannot_be_reckoned_is_refused(related: int, sentences: int, share: float) -> None:
    score = scored([(LINKS, [])]).relation_strict.micro
    with pytest.raises(ValueError, match="expected"):
        ScoreAtShare.of(score, related, FalseAlarms(), FalseAlarms(sentences), share)


def test_values_are_read_back() -> None:
    evaluation = scored([([], LINKS), ([], []), (LINKS, LINKS)])
    values = evaluation.to_dict()
    assert Evaluation.from_dict(values) == evaluation
    assert values["relation"]["false_alarms"] == {
        "sentences": 2,
        "alarmed": 1,
        "relations": 3,
        "per_thousand": 500.0,
    }
    del values["relation"]["false_alarms"]  # as of older versions
    assert Evaluation.from_dict(values).false_alarms == FalseAlarms()
