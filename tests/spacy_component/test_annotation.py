"""What a model finds, on tokens that are not its own."""

from __future__ import annotations

from itertools import pairwise

import pytest
import spacy
from hypothesis import given
from hypothesis import strategies as st
from spacy.tokens import Doc, Span
from spacy.vocab import Vocab
from tests.showing.drawing.drawn import PATIENT

from dovetail.spacy_component import SpanRelation, extraction_of, relations_of, set_relations
from dovetail.spacy_component.annotation import annotate
from dovetail.text.document import Document, Entity, Relation, Sentence
from dovetail.text.extraction import Extraction

VOCAB = Vocab()


def by_letters(text: str, *entities: tuple[int, int, str, float], links=()) -> Extraction:
    """An extraction whose tokens are the letters of a text; entities by their characters."""
    seen = [place for place, letter in enumerate(text) if not letter.isspace()]
    at = {place: index for index, place in enumerate(seen)}
    made = [Entity(at[a], at[b - 1] + 1, type_, score) for a, b, type_, score in entities]
    sentence = Sentence(
        tuple(text[place] for place in seen),
        tuple((place, place + 1) for place in seen),
        frozenset(made),
        frozenset(Relation(made[head], made[tail], type_, 0.7) for head, tail, type_ in links),
    )
    return Extraction(Document("", text, (sentence,)), {})


def doc_of(*words: str) -> Doc:
    """A `Doc` of these tokens, of which those that end in a space have one behind them."""
    spaces = [word.endswith(" ") and not word.isspace() for word in words]
    return Doc(
        VOCAB,
        words=[word[:-1] if space else word for word, space in zip(words, spaces, strict=True)],
        spaces=spaces,
    )


def ents(doc: Doc) -> list[tuple[str, str]]:
    return [(span.text, span.label_) for span in doc.ents]


@st.composite
def cut_texts(draw: st.DrawFn):
    """A text, any tokens of it, and entities in it that need not be made of those."""
    text = "".join(draw(st.lists(st.sampled_from("ab é東🙂\n"), min_size=1, max_size=40)))
    cuts = draw(st.sets(st.integers(1, len(text) - 1))) if len(text) > 1 else set()
    words = [text[a:b] for a, b in pairwise(sorted({0, *cuts, len(text)}))]
    seen = [place for place, letter in enumerate(text) if not letter.isspace()]
    entities = set()
    for _ in range(draw(st.integers(0, 6)) if seen else 0):
        start, last = sorted((draw(st.sampled_from(seen)), draw(st.sampled_from(seen))))
        entities.add((start, last + 1, draw(st.sampled_from("XY")), draw(st.floats(0, 1))))
    unique = {entity[:3]: entity for entity in entities}
    return text, words, sorted(unique.values())


@PATIENT
@given(cut_texts(), st.sampled_from(["add", "overwrite", "leave"]))
def test_entities_keep_their_characters_whatever_the_tokens_are(cut, mode):
    text, words, entities = cut
    doc = Doc(VOCAB, words=words, spaces=[False] * len(words))
    found = by_letters(text, *entities)
    grown = annotate(doc, found, ents=mode, spans_key="x")
    group = doc.spans["x"]
    listed = dict(group.attrs["grown"])
    assert len(group) == len(found.entities)
    assert grown == len(listed)
    for index, (span, entity) in enumerate(zip(group, found.entities, strict=True)):
        assert span.start_char <= entity.start_char < entity.end_char <= span.end_char
        assert span.label_ == entity.type
        assert group.attrs["scores"][index] == entity.confidence
        # No token less would do.
        assert doc[span.start].idx + len(doc[span.start]) > entity.start_char
        assert doc[span.end - 1].idx < entity.end_char
        exact = [[entity.start_char, entity.end_char]]
        assert (span.start_char, span.end_char) == tuple(exact[0]) or listed[index] == exact
    assert not (mode == "leave" and doc.ents)
    assert bool(doc.ents) == bool(entities and mode != "leave")
    for one, other in pairwise(doc.ents):
        assert one.end <= other.start


def test_of_overlapping_entities_the_longest_is_in_ents_and_all_are_in_the_group():
    doc = doc_of("University ", "of ", "Paris ", "left ", "Rome", ".")
    found = by_letters(
        doc.text,
        (0, 19, "Org", 0.6),
        (14, 19, "Loc", 0.9),
        (25, 29, "Loc", 0.8),
        (25, 29, "X", 0.9),
    )
    annotate(doc, found, ents="add", spans_key="x")
    assert ents(doc) == [("University of Paris", "Org"), ("Rome", "X")]
    assert len(doc.spans["x"]) == 4


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("add", [("Ada", "FIRST"), ("London", "Place")]),
        ("overwrite", [("Ada Lovelace", "Person"), ("London", "Place")]),
        ("leave", [("Ada", "FIRST")]),
    ],
)
def test_ents_that_stand_already(mode, expected):
    doc = doc_of("Ada ", "Lovelace ", "in ", "London")
    doc.ents = [Span(doc, 0, 1, label="FIRST", kb_id="Q1", span_id="one")]
    found = by_letters(doc.text, (0, 12, "Person", 0.9), (16, 22, "Place", 0.9))
    annotate(doc, found, ents=mode, spans_key="x")
    assert ents(doc) == expected
    if mode != "overwrite":
        assert (doc.ents[0].kb_id_, doc.ents[0].id_) == ("Q1", "one")
    assert [span.text for span in doc.spans["x"]] == ["Ada Lovelace", "London"]


def test_tokens_that_are_blocked_stay_so():
    doc = doc_of("Ada ", "Lovelace ", "in ", "London")
    doc.set_ents([], blocked=[doc[1:2]])
    found = by_letters(doc.text, (0, 12, "Person", 0.9), (16, 22, "Place", 0.9))
    annotate(doc, found, ents="overwrite", spans_key="x")
    assert ents(doc) == [("London", "Place")]
    assert (doc[1].ent_iob, doc[1].ent_type_) == (3, "")


def test_entity_of_several_fragments_covers_them_in_the_group_and_is_not_in_ents():
    doc = doc_of("hip ", "and ", "knee ", "pain")
    letters = by_letters(doc.text)
    pain = Entity.of_pieces([(0, 3), (10, 14)], "Pain", 0.8)
    (sentence,) = letters.document.sentences
    sentence = sentence.with_annotations([pain], [])
    annotate(doc, Extraction(Document("", doc.text, (sentence,)), {}), ents="add", spans_key="x")
    assert doc.ents == ()
    assert [span.text for span in doc.spans["x"]] == ["hip and knee pain"]
    assert doc.spans["x"].attrs["fragments"] == [[0, [[0, 1], [3, 4]]]]
    (shown,) = extraction_of(doc, spans_key="x").entities
    assert (shown.text, shown.fragments) == ("hip pain", ((0, 3), (13, 17)))


def test_relations_have_spans_types_and_confidences():
    doc = doc_of("Ada ", "lives ", "in ", "London")
    found = by_letters(
        doc.text, (0, 3, "Person", 0.9), (13, 19, "Place", 0.9), links=[(0, 1, "in")]
    )
    annotate(doc, found, ents="add", spans_key="x")
    assert relations_of(doc) == [
        SpanRelation(Span(doc, 0, 1, label="Person"), Span(doc, 3, 4, label="Place"), "in", 0.7)
    ]
    assert list(doc.ents) == [relations_of(doc)[0].head, relations_of(doc)[0].tail]


def test_relations_of_another_doc_are_refused():
    one, other = doc_of("Ada"), doc_of("Ida ", "left")
    with pytest.raises(ValueError, match="'Ida' of a relation is of another Doc"):
        set_relations(one, [SpanRelation(other[0:1], one[0:1], "x")])


def test_doc_that_loses_tokens_has_no_relation_with_wrong_ones():
    doc = spacy.blank("en")("Well, Ada lives in London.")
    set_relations(doc, [SpanRelation(doc[2:3], doc[5:6], "in")])
    part = doc[2:6].as_doc(copy_user_data=True)
    assert relations_of(part) == []


@PATIENT
@given(cut_texts())
def test_doc_becomes_an_extraction_again_on_its_own_tokens(cut):
    text, words, entities = cut
    doc = Doc(VOCAB, words=words, spaces=[False] * len(words))
    annotate(doc, by_letters(text, *entities), ents="leave", spans_key="x")
    again = extraction_of(doc, spans_key="x")
    assert again.text == text
    # A token may begin with white space, which is no part of what is seen of an entity.
    assert {own.text for own in again.entities} == {span.text.strip() for span in doc.spans["x"]}
    assert again.to_svg()


def test_doc_without_the_group_shows_its_ents():
    doc = doc_of("Ada ", "left")
    doc.ents = [Span(doc, 0, 1, label="Person")]
    (entity,) = extraction_of(doc).entities
    assert (entity.text, entity.type, entity.confidence) == ("Ada", "Person", None)


def test_relation_between_two_entities_that_grew_to_one_is_logged_when_it_is_not_shown(caplog):
    doc = doc_of("Berlin-Bonn")
    found = by_letters(doc.text, (0, 6, "Loc", 0.9), (7, 11, "Loc", 0.9), links=[(0, 1, "near")])
    assert annotate(doc, found, ents="add", spans_key="dovetail") == 2
    (relation,) = relations_of(doc)
    assert (relation.head.text, relation.tail.text) == ("Berlin-Bonn", "Berlin-Bonn")
    assert extraction_of(doc).relations == ()
    assert "'near' of 'Loc' to itself" in caplog.text
