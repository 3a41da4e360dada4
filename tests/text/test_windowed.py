"""Sentences in windows: what some window holds comes back, and what fits is left as it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.corpus import SENTENCES

from dovetail.config import WindowsConfig
from dovetail.config.sections.windows_section import LONGEST_WINDOW
from dovetail.text.document import Entity, Relation, Sentence, Unaligned
from dovetail.text.reading import ModelReading
from dovetail.text.windowed import Windowed
from dovetail.text.windows import Window


@st.composite
def annotated(draw: Callable[[st.SearchStrategy[int]], int]) -> Sentence:
    """A sentence with flat entities, some of them longer than small windows, and any relations."""
    entities: list[Entity] = []
    length = draw(st.integers(0, 3))
    while length < draw(st.integers(0, 60)):
        width = draw(st.integers(1, 5))
        entities.append(Entity(length, length + width, "XY"[draw(st.integers(0, 1))]))
        length += width + draw(st.integers(0, 6))
    places = st.integers(0, len(entities) - 1)
    relations = {
        Relation(entities[head], entities[tail], "r")
        for head, tail in ((draw(places), draw(places)) for _ in entities)
        if head != tail
    }
    words = [f"w{number}" for number in range(length)]
    return Sentence.from_tokens(words, entities=entities, relations=relations)


@st.composite
def readings(draw: Callable[[st.SearchStrategy[int]], int]) -> ModelReading:
    max_tokens = draw(st.integers(1, 24))
    return ModelReading("en", max_tokens, draw(st.integers(0, max_tokens - 1)))


def holds(window: Window, annotation: Entity | Relation) -> bool:
    arguments = (
        [annotation] if isinstance(annotation, Entity) else [annotation.head, annotation.tail]
    )
    return all(window.start <= own.start and own.end <= window.end for own in arguments)


@given(annotated(), readings())
def test_what_some_window_holds_is_found_by_whoever_finds_all_that_windows_hold(
    sentence: Sentence, reading: ModelReading
) -> None:
    windowed = Windowed.of([sentence], reading)
    (merged,) = windowed.merged(windowed.parts)
    (windows,) = windowed.windows
    for found, gold in (
        (merged.entities, sentence.entities),
        (merged.relations, sentence.relations),
    ):
        assert found == {own for own in gold if any(holds(window, own) for window in windows)}


@given(annotated(), readings())
def test_relation_is_found_if_a_single_one_of_the_windows_that_hold_it_gives_it(
    sentence: Sentence, reading: ModelReading
) -> None:
    windowed = Windowed.of([sentence], reading)
    (windows,) = windowed.windows
    for relation in sorted(sentence.relations)[:3]:
        for number, window in enumerate(windows):
            if holds(window, relation):
                alone = [
                    part if place == number else replace(part, relations=frozenset())
                    for place, part in enumerate(windowed.parts)
                ]
                (merged,) = windowed.merged(alone)
                assert relation in merged.relations


def test_sentences_that_fit_are_read_as_they_are() -> None:
    windowed = Windowed.of(SENTENCES, ModelReading())
    assert all(part is own for part, own in zip(windowed.parts, SENTENCES, strict=True))
    assert windowed.merged(windowed.parts) == [*SENTENCES]


def test_predictions_for_another_number_of_windows_are_refused() -> None:
    windowed = Windowed.of(SENTENCES[:3], ModelReading("en", 4, 2))
    for predicted in (windowed.parts[:-1], [*windowed.parts, SENTENCES[0]]):
        with pytest.raises(ValueError, match="predictions"):
            windowed.merged(predicted)


@given(st.integers(1, LONGEST_WINDOW), st.floats(0, 1, exclude_max=True))
def test_any_window_of_a_config_goes_on_to_the_next_token(max_tokens: int, overlap: float) -> None:
    config = WindowsConfig(max_tokens=max_tokens, overlap=overlap)
    assert 0 <= config.overlap_tokens < max_tokens


def test_a_config_that_says_nothing_reads_as_an_extractor_that_is_told_nothing() -> None:
    windows = WindowsConfig()
    assert ModelReading() == ModelReading("en", windows.max_tokens, windows.overlap_tokens)


def test_what_tokens_cannot_express_is_no_prediction() -> None:
    beside = Unaligned("entity", "Person", ((0, 2),), ("Person",))
    gold = [replace(sentence, unaligned=frozenset([beside])) for sentence in SENTENCES[:3]]
    for reading in (ModelReading(), ModelReading("en", 4, 2)):
        windowed = Windowed.of(gold, reading)
        assert not any(sentence.unaligned for sentence in windowed.merged(windowed.parts))
