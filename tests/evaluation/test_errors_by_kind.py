"""The kinds of errors are a partition of what is wrong and missed, and mean what they say."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from tests.evaluation.annotations import corpora, symmetric_types

from dovetail.evaluation import EntityErrorKind, RelationErrorKind, errors_by_kind, evaluate
from dovetail.evaluation.facts import entities_strict, relations_strict
from dovetail.text.document import Entity, Relation, Sentence

ADA, LONDON, PARIS = Entity(0, 2, "Person"), Entity(3, 4, "Place"), Entity(5, 6, "Place")
LIVES = Relation(ADA, LONDON, "lives_in")


def sentence(*annotations: Entity | Relation, annotated: str = "entity relation") -> Sentence:
    relations = {item for item in annotations if isinstance(item, Relation)}
    entities = {item for item in annotations if isinstance(item, Entity)}
    entities |= {argument for link in relations for argument in (link.head, link.tail)}
    return Sentence.from_tokens(
        ["Ada", "Lovelace", "in", "London", ",", "Paris"],
        entities=entities,
        relations=relations,
        annotated=annotated.split(),
    )


@settings(deadline=None)
@given(pairs=corpora, symmetric=symmetric_types)
def test_counts_add_up_to_what_is_scored(pairs, symmetric):
    gold, predicted = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    errors = errors_by_kind(gold, predicted, symmetric=symmetric)
    scores = evaluate(gold, predicted, symmetric=symmetric, bootstrap_samples=0)
    for setting, found in (
        (scores.entity_strict, [error for each in errors for error in each.entities]),
        (scores.relation_strict, [error for each in errors for error in each.relations]),
    ):
        assert sum(error.gold is not None for error in found) == setting.micro.false_negatives
        assert sum(error.predicted is not None for error in found) == setting.micro.false_positives
        for type_, score in setting.by_type.items():
            missed = [error for error in found if error.gold and error.gold.type == type_]
            wrong = [error for error in found if error.predicted and error.predicted.type == type_]
            assert len(missed) == score.false_negatives
            assert len(wrong) == score.false_positives


@settings(deadline=None)
@given(pairs=corpora, symmetric=symmetric_types)
def test_each_fact_is_in_one_error(pairs, symmetric):
    for gold, predicted in pairs:
        (found,) = errors_by_kind([gold], [predicted], symmetric=symmetric)
        if "entity" in gold.annotated:
            missed = [error.gold for error in found.entities if error.gold]
            wrong = [error.predicted for error in found.entities if error.predicted]
            assert sorted(missed) == sorted(gold.entities - predicted.entities)
            assert sorted(wrong) == sorted(predicted.entities - gold.entities)
        if "relation" in gold.annotated:
            facts = relations_strict(symmetric)
            for ours, theirs, side in ((gold, predicted, "gold"), (predicted, gold, "predicted")):
                links = [link for error in found.relations if (link := getattr(error, side))]
                said = Counter(fact for link in links for fact in facts(sentence_with(ours, link)))
                assert said == Counter(facts(ours) - facts(theirs))


def sentence_with(whole: Sentence, link: Relation) -> Sentence:
    return Sentence.from_tokens(whole.tokens, entities=whole.entities, relations=[link])


@settings(deadline=None)
@given(pairs=corpora, symmetric=symmetric_types)
def test_kinds_mean_what_they_say(pairs, symmetric):
    kinds = EntityErrorKind
    for gold, predicted in pairs:
        (found,) = errors_by_kind([gold], [predicted], symmetric=symmetric)
        for error in found.entities:
            pair = (error.gold, error.predicted)
            match error.kind:
                case kinds.MISSED:
                    assert pair[1] is None
                case kinds.SPURIOUS:
                    assert pair[0] is None
                case kinds.WRONG_TYPE:
                    assert pair[0].pieces == pair[1].pieces
                case kinds.WRONG_BORDER:
                    assert pair[0].type == pair[1].type
                    assert pair[0].overlaps(pair[1])
                case kinds.WRONG_BORDER_AND_TYPE:
                    assert pair[0].type != pair[1].type
                    assert pair[0].pieces != pair[1].pieces
                    assert pair[0].overlaps(pair[1])
        left = {kind: [e for e in found.entities if e.kind == kind] for kind in kinds}
        for one in left[kinds.MISSED]:
            assert not any(one.gold.overlaps(other.predicted) for other in left[kinds.SPURIOUS])


@settings(deadline=None)
@given(pairs=corpora, symmetric=symmetric_types)
def test_relations_are_put_down_to_entities_that_are_wrong(pairs, symmetric):
    kinds = RelationErrorKind
    for gold, predicted in pairs:
        (found,) = errors_by_kind([gold], [predicted], symmetric=symmetric)
        for error in found.relations:
            link = error.relation
            known = {link.head, link.tail} <= (predicted.entities if error.gold else gold.entities)
            by_entity = error.kind in (kinds.LOST_BY_ENTITY, kinds.SPURIOUS_BY_ENTITY)
            assert by_entity != known
            assert bool(error.causes) == (by_entity and "entity" in gold.annotated)
            assert all(error in found.consequences(cause) for cause in error.causes)


@settings(deadline=None)
@given(pairs=corpora, symmetric=symmetric_types)
def test_gold_against_itself_has_no_errors(pairs, symmetric):
    gold = [pair[0] for pair in pairs]
    for found in errors_by_kind(gold, gold, symmetric=symmetric):
        assert not found.entities
        assert not found.relations


@settings(deadline=None)
@given(pairs=corpora, symmetric=symmetric_types)
def test_exchanging_gold_and_predicted_exchanges_missed_and_spurious(pairs, symmetric):
    turned = {
        EntityErrorKind.MISSED: EntityErrorKind.SPURIOUS,
        RelationErrorKind.MISSED: RelationErrorKind.SPURIOUS,
        RelationErrorKind.LOST_BY_ENTITY: RelationErrorKind.SPURIOUS_BY_ENTITY,
    }
    turned |= {second: first for first, second in turned.items()}
    for gold, predicted in pairs:
        if gold.annotated != predicted.annotated:
            continue
        (ours,) = errors_by_kind([gold], [predicted], symmetric=symmetric)
        (theirs,) = errors_by_kind([predicted], [gold], symmetric=symmetric)
        for mine, other in ((ours.entities, theirs.entities), (ours.relations, theirs.relations)):
            counts = Counter(turned.get(error.kind, error.kind) for error in mine)
            assert counts == Counter(error.kind for error in other)


BORDER = Entity(1, 2, "Person")
CASES = {
    "nothing wrong": (sentence(LIVES), sentence(LIVES), []),
    "a relation lost by its own": (sentence(LIVES), sentence(ADA, LONDON), ["missed"]),
    "a relation lost with its entity": (
        sentence(LIVES),
        sentence(ADA),
        ["missed", "lost by an entity"],
    ),
    "a border takes a relation along on both sides": (
        sentence(LIVES),
        sentence(Relation(BORDER, LONDON, "lives_in")),
        ["wrong border", "lost by an entity", "spurious by an entity"],
    ),
    "the wrong direction": (
        sentence(LIVES),
        sentence(Relation(LONDON, ADA, "lives_in")),
        ["wrong direction"],
    ),
    "the wrong type of relation": (
        sentence(LIVES),
        sentence(Relation(ADA, LONDON, "born_in")),
        ["wrong type"],
    ),
    "direction and type wrong are two errors": (
        sentence(LIVES),
        sentence(Relation(LONDON, ADA, "born_in")),
        ["missed", "spurious"],
    ),
    "a link between right entities that are not linked": (
        sentence(LIVES, PARIS),
        sentence(LIVES, Relation(ADA, PARIS, "lives_in")),
        ["spurious"],
    ),
    "the same span counts before the same type": (
        sentence(Entity(0, 2, "Person")),
        sentence(Entity(0, 2, "Place"), Entity(1, 2, "Person")),
        ["wrong type", "spurious"],
    ),
    "the larger overlap goes first": (
        sentence(Entity(0, 4, "Person")),
        sentence(Entity(0, 1, "Person"), Entity(1, 4, "Person")),
        ["spurious", "wrong border"],
    ),
    "nothing counts that is not annotated": (
        sentence(annotated="entity"),
        sentence(LIVES),
        ["spurious", "spurious"],
    ),
}


@pytest.mark.parametrize(("gold", "predicted", "kinds"), CASES.values(), ids=CASES)
def test_cases(gold, predicted, kinds):
    (found,) = errors_by_kind([gold], [predicted])
    assert [error.kind.value for error in (*found.entities, *found.relations)] == kinds


def test_directions_of_symmetric_relations_are_no_errors():
    turned = Relation(LONDON, ADA, "lives_in")
    (found,) = errors_by_kind(
        [sentence(LIVES)], [sentence(turned)], symmetric=frozenset({"lives_in"})
    )
    assert found.relations == ()


def test_facts_of_the_cases_are_distinct():
    assert entities_strict(sentence(LIVES)) == {("Person", (0, 2)), ("Place", (3, 4))}
