"""Which errors come first, and that none is lost on the way."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from tests.evaluation.annotations import corpora, symmetric_types

from dovetail.evaluation import errors_by_kind
from dovetail.report.telling import Weighed, telling_sentences
from dovetail.text.document import Entity, Relation, Sentence

ADA, LONDON, PARIS = Entity(0, 1, "Person"), Entity(2, 3, "Place"), Entity(4, 5, "Place")
TOKENS = "Ada in London or Paris".split()  # noqa: SIM905


def sentence(*entities: Entity, relations: tuple[Relation, ...] = ()) -> Sentence:
    return Sentence.from_tokens(TOKENS, entities=entities, relations=relations)


def told(gold: Sentence, predicted: Sentence, candidates: Sentence | None = None):
    errors = errors_by_kind([gold], [predicted])
    weighed = Weighed([candidates], 0.05) if candidates else None
    (found,) = telling_sentences([gold], [predicted], errors, weighed=weighed)
    return [(each.error.kind.value, round(each.weight, 6)) for each in found.errors]


@settings(deadline=None)
@given(pairs=corpora, symmetric=symmetric_types)
def test_every_error_is_told_once(pairs, symmetric):
    gold, predicted = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    errors = errors_by_kind(gold, predicted, symmetric=symmetric)
    found = telling_sentences(gold, predicted, errors, symmetric=symmetric, limit=10**6)
    for sentence in found:
        own = errors[sentence.number - 1]
        told = Counter(weighed.error for weighed in sentence.errors)
        assert told == Counter([*own.entities, *own.relations])
        weights = [error.weight for error in sentence.errors if not error.follows]
        assert weights == sorted(weights, reverse=True)
    assert len(found) == sum(bool(own.entities or own.relations) for own in errors)
    heaviest = [sentence.errors[0].weight for sentence in found]
    assert heaviest == sorted(heaviest, reverse=True)


@settings(deadline=None)
@given(pairs=corpora)
def test_limit_counts_errors_that_do_not_follow(pairs):
    gold, predicted = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    errors = errors_by_kind(gold, predicted)
    found = telling_sentences(gold, predicted, errors, limit=2)
    counts = [sentence.own_errors for sentence in found]
    assert sum(counts[:-1]) < 2


def test_sure_and_wrong_weighs_more_than_unsure_and_wrong():
    sure = told(sentence(), sentence(Entity(0, 1, "Ship", 0.9)))
    unsure = told(sentence(), sentence(Entity(0, 1, "Ship", 0.6)))
    assert sure == [("spurious", 0.9)]
    assert unsure == [("spurious", 0.6)]


def test_entity_error_carries_the_relations_that_follow_from_it():
    gold = sentence(
        ADA, LONDON, PARIS, relations=(Relation(ADA, LONDON, "in"), Relation(ADA, PARIS, "in"))
    )
    assert told(gold, sentence(LONDON, PARIS)) == [
        ("missed", 2.5),
        ("lost by an entity", 0.0),
        ("lost by an entity", 0.0),
    ]


def test_missed_relation_weighs_what_the_model_thought_of_it():
    link = Relation(ADA, LONDON, "in")
    gold, nothing = sentence(ADA, LONDON, relations=(link,)), sentence(ADA, LONDON)
    considered = sentence(ADA, LONDON, relations=(Relation(ADA, LONDON, "in", 0.3),))
    assert told(gold, nothing) == [("missed", 0.5)]
    assert told(gold, nothing, considered) == [("missed", 0.7)]
    assert told(gold, nothing, nothing) == [("missed", 1.0)]
