from __future__ import annotations

import pytest

from dovetail.text.document import Document, Entity, Relation, Sentence, character_span

PERSON = Entity(0, 2, "Peop")
CITY = Entity(3, 4, "Loc")


@pytest.mark.parametrize(("start", "end"), [(0, 0), (2, 1), (-1, 1)])
def test_empty_or_negative_spans_cannot_be_made(start: int, end: int) -> None:
    with pytest.raises(ValueError, match="empty or negative"):
        Entity(start, end, "Loc")


def test_confidence_takes_no_part_in_equality() -> None:
    assert Entity(0, 1, "Loc", 0.3) == Entity(0, 1, "Loc")
    sure, unsure = Relation(PERSON, CITY, "Live_In", 0.9), Relation(PERSON, CITY, "Live_In", 0.1)
    assert {sure} & {unsure} == {sure}


def test_direction_takes_part_in_equality() -> None:
    assert Relation(PERSON, CITY, "Live_In") != Relation(CITY, PERSON, "Live_In")


def test_a_relation_from_an_entity_to_itself_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="to itself"):
        Relation(PERSON, Entity(0, 2, "Peop", 0.5), "Kill")


def test_offsets_of_a_tokenised_sentence_cut_its_tokens_out_of_the_joined_text() -> None:
    sentence = Sentence.from_tokens(["Ada", "Lovelace", "in", "London"], entities=[PERSON, CITY])
    document = Document.from_sentence(sentence)
    assert document.text == "Ada Lovelace in London"
    assert document.surface(sentence, PERSON) == "Ada Lovelace"
    assert character_span(sentence, CITY) == (16, 22)


def test_annotations_outside_the_sentence_are_refused() -> None:
    with pytest.raises(ValueError, match="outside the 2 tokens"):
        Sentence.from_tokens(["a", "b"], entities=[Entity(1, 3, "Loc")])
    with pytest.raises(ValueError, match="not among the entities"):
        Sentence.from_tokens(["a"] * 4, entities=[PERSON], relations=[Relation(PERSON, CITY, "x")])


def test_tokens_and_offsets_must_fit() -> None:
    with pytest.raises(ValueError, match="one offset pair for each token"):
        Sentence(("a", "b"), ((0, 1),))
    with pytest.raises(ValueError, match="the text at"):
        Document("d", "xyz", (Sentence(("a",), ((0, 1),)),))
