"""What to annotate next: doubts by their definition, and a choice that is greedy and diverse."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.corpus import DEV, TRAIN

from dovetail.extractor import Extractor
from dovetail.suggestion import Doubted, chosen, doubted
from dovetail.suggestion.choice import COMMONEST, RAREST, weights_of
from dovetail.suggestion.doubts import LOWEST
from dovetail.suggestion.units import Distinct, sentences_of
from dovetail.text.document import Document, Entity, Sentence
from dovetail.text.tokenization import Tokenizer


@pytest.fixture(scope="module")
def extractor(trained_model: Path) -> Extractor:
    return Extractor.load(trained_model, threads=1)


def documents() -> list[Document]:
    return [Document.from_sentence(sentence) for sentence in (*DEV, *TRAIN)]


def made(
    name: str,
    *,
    mistakes: float = 1.0,
    tokens: int = 4,
    relations: dict[str, float] | None = None,
    vector: tuple[float, ...] = (1.0, 0.0),
) -> Doubted:
    sentence = Sentence.from_tokens(["word"] * tokens, id=name)
    return Doubted(
        Document.from_sentence(sentence),
        tokens,
        mistakes,
        relations or {},
        {},
        np.array(vector),
    )


def names(texts: tuple[Doubted, ...]) -> list[str]:
    return [text.document.id for text in texts]


def test_predictions_are_those_of_the_extractor_and_annotated_for_nothing(
    extractor: Extractor,
) -> None:
    for text, found in zip(
        doubted(extractor, documents()), extractor.pipe_documents(documents()), strict=True
    ):
        own, expected = text.document.sentences[0], found.document.sentences[0]
        assert (own.entities, own.relations) == (expected.entities, expected.relations)
        assert own.annotated == frozenset()
        assert text.tokens == len(own.tokens)


def test_thresholds_are_compared_exactly_not_as_they_are_shown(extractor: Extractor) -> None:
    """A relation just below a threshold that is shown as a lower one is not predicted."""
    own = copy.deepcopy(extractor)
    (head,) = (heads.relation_head for heads in own.model.heads.values())
    assert head is not None
    for document in documents():
        (found,) = own.down_to(LOWEST).pipe_documents([document])
        for relation in found.document.sentences[0].relations:
            threshold = (relation.confidence or 0.0) + 5e-6
            if round(threshold, 4) >= threshold - 5e-6:
                continue  # it is shown as a higher one
            head.set_thresholds([threshold] * len(own.schema.relation_types))
            (text,) = doubted(own, [document])
            assert relation not in text.document.sentences[0].relations
            return
    pytest.fail("no relation has such a confidence")


def test_relations_are_doubted_by_what_is_missing_to_a_decision(extractor: Extractor) -> None:
    lower = extractor.down_to(LOWEST)
    for text, found in zip(
        doubted(extractor, documents()), lower.pipe_documents(documents()), strict=True
    ):
        relations = found.document.sentences[0].relations
        probabilities = [own.confidence or 0.0 for own in relations]
        assert sum(text.relations.values()) == pytest.approx(
            sum(min(p, 1 - p) for p in probabilities)
        )
        assert 0 <= text.entities <= text.tokens
        assert text.mistakes == text.entities + sum(text.relations.values())


def test_a_text_is_doubted_alike_alone_and_among_others(extractor: Extractor) -> None:
    together = list(doubted(extractor, documents()))
    for document, expected in zip(documents(), together, strict=True):
        (alone,) = doubted(extractor, [document])
        # A model computes in bfloat16 where that is fast, in which a batch changes the rounding.
        assert alone.mistakes == pytest.approx(expected.mistakes, abs=1e-2)
        np.testing.assert_allclose(alone.vector, expected.vector, atol=1e-2)


def test_long_sentences_are_read_in_windows(extractor: Extractor) -> None:
    sentence = TRAIN[0]
    long = Sentence.from_tokens(sentence.tokens * 8)
    short = replace(extractor.reading, max_tokens=24, overlap_tokens=6)
    reader = Extractor(extractor.model, reading=short)
    (text,) = doubted(reader, [Document.from_sentence(long)])
    assert text.tokens == len(long.tokens)
    assert 0 < text.entities <= text.tokens


def test_texts_without_a_word_are_left_out(extractor: Extractor) -> None:
    empty = Document("empty", "  ")
    assert [own.document.id for own in doubted(extractor, [empty, documents()[0]])] == [DEV[0].id]


def test_the_most_doubted_come_first_and_length_counts_by_its_root() -> None:
    texts = [
        made("long", mistakes=3.0, tokens=16, vector=(1.0, 0.0, 0.0)),  # 0.75
        made("short", mistakes=2.0, tokens=4, vector=(0.0, 1.0, 0.0)),  # 1
        made("sure", mistakes=0.1, tokens=1, vector=(0.0, 0.0, 1.0)),  # 0.1
    ]
    assert names(chosen(texts, 3).texts) == ["short", "long", "sure"]


def test_a_text_like_one_that_was_chosen_has_to_wait() -> None:
    texts = [
        made("first", mistakes=2.0, vector=(1.0, 0.0)),
        made("its copy", mistakes=1.9, vector=(1.0, 0.0)),
        made("another", mistakes=0.5, vector=(-1.0, 0.5)),
    ]
    assert names(chosen(texts, 2).texts) == ["first", "another"]
    assert names(chosen(texts, 3).texts) == ["first", "another", "its copy"]


def test_each_text_is_chosen_once_even_if_nothing_is_doubted() -> None:
    texts = [made(str(number), mistakes=0.0) for number in range(5)]
    found = chosen(texts, 9)
    assert sorted(names(found.texts)) == [str(number) for number in range(5)]
    assert found.read == 5
    assert chosen([], 3).texts == ()


def test_rare_types_count_more_within_limits() -> None:
    weights = weights_of({"common": 999.0, "usual": 99.0, "rare": 0.0})
    assert weights["rare"] == RAREST
    assert COMMONEST <= weights["common"] < 1 < weights["usual"] < RAREST
    texts = [
        replace(made("rare", mistakes=0.0, relations={"rare": 0.2}), expected={"rare": 0.3}),
        replace(made("common", mistakes=0.0, relations={"common": 0.3}), expected={"common": 90.0}),
    ]
    assert names(chosen(texts, 1).texts) == ["rare"]


def test_what_is_held_is_bounded_and_the_best_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dovetail.suggestion.choice.HELD", 10)
    monkeypatch.setattr("dovetail.suggestion.choice.HELD_FOR_EACH", 5)

    def texts() -> Iterator[Doubted]:
        for number in range(200):
            yield made(str(number), mistakes=number % 100, vector=(np.cos(number), np.sin(number)))

    found = chosen(texts(), 2)
    assert found.read == 200
    assert all(text.entities >= 90 for text in found.texts)


def test_sentences_become_documents_that_cover_their_text() -> None:
    document = Tokenizer("en").document("Ada left.  Bob stayed in Rome.", "two")
    first, second = sentences_of([document])
    assert (first.text, second.text) == ("Ada left.", "Bob stayed in Rome.")
    assert first.id != second.id
    assert second.sentences[0].tokens == document.sentences[1].tokens


def test_a_text_comes_once_and_not_if_it_is_annotated() -> None:
    one, same, other = (
        Document(name, text, Tokenizer("en").document(text).sentences)
        for name, text in (("a", "Ada left."), ("b", "Ada  left."), ("c", "Bob stayed."))
    )
    distinct = Distinct()
    assert [own.id for own in distinct([one, same, other])] == ["a", "c"]
    assert (distinct.repeated, distinct.annotated) == (1, 0)
    distinct = Distinct([same])
    assert [own.id for own in distinct([one, same, other])] == ["c"]
    assert (distinct.repeated, distinct.annotated) == (0, 2)


def test_entities_of_the_predictions_keep_their_confidence(extractor: Extractor) -> None:
    found = [e for text in doubted(extractor, documents()) for e in _entities(text)]
    assert found
    assert all(entity.confidence is not None for entity in found)


def _entities(text: Doubted) -> frozenset[Entity]:
    return text.document.sentences[0].entities
