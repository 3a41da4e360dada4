"""Every gold and every predicted entity is in one cell of the table."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from tests.evaluation.annotations import corpora

from dovetail.evaluation import entity_confusion
from dovetail.text.document import Entity, Sentence


@settings(deadline=None)
@given(pairs=corpora)
def test_rows_and_columns_add_up_to_the_entities(pairs):
    pairs = [(gold, predicted) for gold, predicted in pairs if "entity" in gold.annotated]
    confusion = entity_confusion(*zip(*pairs, strict=True)) if pairs else entity_confusion([], [])
    gold = Counter(entity.type for sentence, _ in pairs for entity in sentence.entities)
    predicted = Counter(entity.type for _, sentence in pairs for entity in sentence.entities)
    right = sum(len(one.entities & other.entities) for one, other in pairs)
    others = (*confusion.types, None)
    for type_ in confusion.types:
        assert sum(confusion[type_, other] for other in others) == gold[type_]
        assert sum(confusion[other, type_] for other in others) == predicted[type_]
    assert sum(confusion[type_, type_] for type_ in confusion.types) == right
    assert confusion[None, None] == 0
    assert set(confusion.types) == {*gold, *predicted}


def test_types_are_matched_by_exact_span():
    tokens = ["Ada", "of", "London"]
    gold = Sentence.from_tokens(tokens, entities=[Entity(0, 1, "Person"), Entity(2, 3, "Place")])
    guess = Sentence.from_tokens(tokens, entities=[Entity(0, 1, "Ship"), Entity(1, 3, "Place")])
    confusion = entity_confusion([gold], [guess])
    assert confusion.counts == {("Person", "Ship"): 1, ("Place", None): 1, (None, "Place"): 1}


def test_sentences_without_gold_entities_are_left_out():
    guess = Sentence.from_tokens(["Ada"], entities=[Entity(0, 1, "Person")])
    gold = Sentence.from_tokens(["Ada"], annotated=["relation"])
    assert entity_confusion([gold], [guess]).types == ()
