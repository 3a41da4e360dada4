"""The marked text is the sentence, with every entity on it or beside it."""

from __future__ import annotations

from hypothesis import given, settings
from tests.evaluation.annotations import compared

from dovetail.report.marked_sentences import Mark, marked_sentences, words
from dovetail.text.document import Document, Entity, Relation, Sentence


def text_of(parts) -> str:
    return "".join(part if isinstance(part, str) else text_of(part.parts) for part in parts)


def marks_of(parts) -> list[Mark]:
    return [m for p in parts if isinstance(p, Mark) for m in (p, *marks_of(p.parts))]


@settings(deadline=None)
@given(pair=compared())
def test_text_and_entities_are_whole(pair):
    gold, predicted = pair
    for side, sentence, other in zip(
        marked_sentences(gold, predicted), pair, reversed(pair), strict=True
    ):
        assert text_of(side.parts) == " ".join(sentence.tokens)
        assert sum(" … " in text_of(mark.parts) for mark in side.beside) == sum(
            bool(entity.fragments) for entity in sentence.entities
        )
        marks = [*marks_of(side.parts), *side.beside]
        assert sorted((mark.type, text_of(mark.parts)) for mark in marks) == sorted(
            (entity.type, words(sentence, entity)) for entity in sentence.entities
        )
        if "entity" in gold.annotated:
            right = sum(mark.verdict == "right" for mark in marks)
            assert right == len(sentence.entities & other.entities)
        else:
            assert all(mark.verdict == "unjudged" for mark in marks)
        assert len(side.links) == len(sentence.relations)


def test_spaces_stand_where_the_text_has_them():
    sentence = Sentence(
        ("Ada", "'s", "house"), ((0, 3), (3, 5), (6, 11)), frozenset({Entity(0, 1, "Person")})
    )
    Document("", "Ada's house", (sentence,))
    gold, _ = marked_sentences(sentence, sentence)
    assert text_of(gold.parts) == "Ada's house"


def test_words_that_are_entities_twice_are_numbered():
    here, there, ada = Entity(0, 1, "Place"), Entity(2, 3, "Place"), Entity(1, 2, "Person")
    sentence = Sentence.from_tokens(
        ["Paris", "Ada", "Paris"],
        entities=[here, there, ada],
        relations=[Relation(ada, there, "in")],
    )
    gold, _ = marked_sentences(sentence, sentence)
    assert [mark.place for mark in marks_of(gold.parts)] == [1, None, 2]
    assert (gold.links[0].head.place, gold.links[0].tail.place) == (None, 2)
