"""Cutting and merging: what every window sees comes back, and a cut never leaves its mark."""

from __future__ import annotations

import itertools
import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dovetail.text.document import Document, Entity, Relation, Sentence
from dovetail.text.windows import Window, cut, merge


def words(count: int, **annotations: object) -> Sentence:
    return Sentence.from_tokens([f"w{number}" for number in range(count)], **annotations)  # type: ignore[arg-type]


def predict(window: Window, *annotations: Entity | Relation) -> Sentence:
    """Annotations given in positions of the long sentence, as a prediction for the window."""

    def moved(entity: Entity) -> Entity:
        return replace(entity, start=entity.start - window.start, end=entity.end - window.start)

    relations = {
        replace(item, head=moved(item.head), tail=moved(item.tail))
        for item in annotations
        if isinstance(item, Relation)
    }
    entities = {moved(item) for item in annotations if isinstance(item, Entity)}
    entities |= {argument for relation in relations for argument in (relation.head, relation.tail)}
    return replace(window.sentence, entities=frozenset(entities), relations=frozenset(relations))


# --- cutting --------------------------------------------------------------------------------------


@given(st.integers(0, 80), st.integers(1, 20), st.data())
def test_windows_cover_every_token_and_overlap(
    length: int, max_tokens: int, data: st.DataObject
) -> None:
    overlap_tokens = data.draw(st.integers(0, max_tokens - 1))
    sentence = words(length, id="s")
    windows = cut(sentence, max_tokens=max_tokens, overlap_tokens=overlap_tokens)
    assert windows[0].start == 0
    assert windows[-1].end == length
    for before, after in itertools.pairwise(windows):
        assert before.start < after.start <= before.end - overlap_tokens
    for window in windows:
        assert len(window.sentence.tokens) == min(length, max_tokens)
        assert window.sentence.tokens == sentence.tokens[window.start : window.end]
        assert window.sentence.offsets == sentence.offsets[window.start : window.end]
        assert window.sentence.id == "s"


def test_sentence_that_fits_is_its_own_only_window() -> None:
    sentence = words(5, entities=[Entity(1, 3, "X")])
    (window,) = cut(sentence, max_tokens=5, overlap_tokens=2)
    assert window.sentence is sentence
    assert window.start == 0


def test_windows_stand_at_their_place_in_the_text() -> None:
    text = "  one\ttwo\u00a0three \U0001f600  five"
    sentence = Sentence(
        ("one", "two", "three", "\U0001f600", "five"),
        ((2, 5), (6, 9), (10, 15), (16, 17), (19, 23)),
    )
    windows = cut(sentence, max_tokens=2, overlap_tokens=1)
    Document("d", text, tuple(window.sentence for window in windows))  # raises if an offset is off


def test_windows_keep_the_annotations_that_lie_within() -> None:
    first, across, last = Entity(0, 2, "X"), Entity(3, 5, "X"), Entity(5, 6, "Y")
    sentence = words(
        6,
        entities=[first, across, last],
        relations=[Relation(last, across, "r"), Relation(first, last, "r")],
    )
    left, right = cut(sentence, max_tokens=4, overlap_tokens=1)
    assert left.sentence.entities == {first}
    assert left.sentence.relations == frozenset()
    assert right.start == 2
    assert right.sentence.entities == {Entity(1, 3, "X"), Entity(3, 4, "Y")}
    assert right.sentence.relations == {Relation(Entity(3, 4, "Y"), Entity(1, 3, "X"), "r")}


@pytest.mark.parametrize(("max_tokens", "overlap_tokens"), [(4, 4), (4, 5), (4, -1), (0, 0)])
def test_impossible_sizes_are_refused(max_tokens: int, overlap_tokens: int) -> None:
    with pytest.raises(ValueError, match="cannot overlap"):
        cut(words(9), max_tokens=max_tokens, overlap_tokens=overlap_tokens)


# --- merging what is consistent -------------------------------------------------------------------

OVERLAP = 4


@st.composite
def nested_entities(draw: st.DrawFn, length: int) -> set[Entity]:
    """Entities of at most `OVERLAP` tokens, of which any two are apart or one within the other."""
    found: set[Entity] = set()
    for start, size, type_ in draw(
        st.lists(
            st.tuples(
                st.integers(0, length - 1), st.integers(1, OVERLAP), st.sampled_from(["X", "Y"])
            ),
            max_size=12,
        )
    ):
        new = Entity(start, min(start + size, length), type_, draw(st.floats(0, 1)))
        crosses = any(
            new.start < old.start < new.end < old.end or old.start < new.start < old.end < new.end
            for old in found
        )
        if not crosses:
            found.add(new)
    return found


@st.composite
def gold_sentences(draw: st.DrawFn) -> Sentence:
    length = draw(st.integers(1, 50))
    entities = draw(nested_entities(length))
    pairs = [(head, tail) for head in sorted(entities) for tail in sorted(entities) if head != tail]
    chosen = draw(st.lists(st.sampled_from(pairs), max_size=10)) if pairs else []
    return words(
        length,
        entities=entities,
        relations=[Relation(head, tail, "r", 0.5) for head, tail in chosen],
    )


@given(gold_sentences(), st.integers(OVERLAP + 1, 12), st.integers(OVERLAP, 11))
def test_windows_that_predict_gold_merge_into_gold(
    sentence: Sentence, max_tokens: int, overlap_tokens: int
) -> None:
    overlap_tokens = min(overlap_tokens, max_tokens - 1)
    windows = cut(sentence, max_tokens=max_tokens, overlap_tokens=overlap_tokens)
    merged = merge(sentence.without_annotations(), windows, [window.sentence for window in windows])
    assert merged.entities == sentence.entities
    assert {entity: entity.confidence for entity in merged.entities} == {
        entity: entity.confidence for entity in sentence.entities
    }
    assert merged.relations == {
        relation
        for relation in sentence.relations
        if any(
            window.start <= min(relation.head.start, relation.tail.start)
            and max(relation.head.end, relation.tail.end) <= window.end
            for window in windows
        )
    }
    assert replace(merged, entities=frozenset(), relations=frozenset()) == (
        sentence.without_annotations()
    )


# --- merging what is not --------------------------------------------------------------------------


@st.composite
def flat_predictions(draw: st.DrawFn, window: Window) -> Sentence:
    """Any flat entities, as a tagging model would give, whatever the neighbours say."""
    borders = sorted(draw(st.sets(st.integers(0, len(window.sentence.tokens)))))
    entities = [
        Entity(start, end, draw(st.sampled_from(["X", "Y"])), draw(st.none() | st.floats(0, 1)))
        for start, end in itertools.pairwise(borders)
        if draw(st.booleans())
    ]
    relations = [
        Relation(head, tail, "r", draw(st.none() | st.floats(0, 1)))
        for head, tail in itertools.pairwise(entities)
    ]
    return replace(window.sentence, entities=frozenset(entities), relations=frozenset(relations))


@given(st.integers(1, 40), st.integers(2, 10), st.data())
def test_flat_predictions_stay_flat_whatever_they_are(
    length: int, max_tokens: int, data: st.DataObject
) -> None:
    overlap_tokens = data.draw(st.integers(0, max_tokens - 1))
    windows = cut(words(length), max_tokens=max_tokens, overlap_tokens=overlap_tokens)
    predicted = [data.draw(flat_predictions(window)) for window in windows]
    merged = merge(words(length), windows, predicted)
    ordered = merged.sorted_entities
    for before, after in itertools.pairwise(ordered):
        assert before.end <= after.start
    proposed = {
        (entity.start + window.start, entity.end + window.start, entity.type)
        for window, prediction in zip(windows, predicted, strict=True)
        for entity in prediction.entities
    }
    assert {(entity.start, entity.end, entity.type) for entity in ordered} <= proposed


def two_windows() -> tuple[Sentence, list[Window]]:
    """Tokens 0-15 in windows [0, 10) and [6, 16): tokens 6, 7, 8 and 9 are in both."""
    sentence = words(16)
    windows = cut(sentence, max_tokens=10, overlap_tokens=4)
    assert [(window.start, window.end) for window in windows] == [(0, 10), (6, 16)]
    return sentence, windows


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ([Entity(8, 10, "X")], [Entity(8, 12, "X")], {Entity(8, 12, "X")}),
        ([Entity(4, 8, "X")], [Entity(6, 8, "X")], {Entity(4, 8, "X")}),
        ([Entity(6, 10, "X")], [Entity(6, 12, "X")], {Entity(6, 12, "X")}),
        ([Entity(4, 10, "X")], [Entity(6, 10, "X")], {Entity(4, 10, "X")}),
        ([Entity(6, 8, "X")], [Entity(6, 8, "Y")], {Entity(6, 8, "X")}),
        ([Entity(8, 10, "X")], [Entity(8, 10, "Y")], {Entity(8, 10, "Y")}),
        ([Entity(9, 10, "X")], [], set()),
        ([], [Entity(6, 7, "X")], set()),
        ([Entity(6, 7, "X")], [], {Entity(6, 7, "X")}),
        ([], [Entity(9, 10, "X")], {Entity(9, 10, "X")}),
        ([Entity(7, 9, "X")], [], {Entity(7, 9, "X")}),
        ([Entity(7, 10, "X")], [Entity(6, 8, "X")], {Entity(7, 10, "X")}),
        (
            [Entity(6, 9, "X"), Entity(7, 8, "Y")],
            [Entity(6, 9, "X"), Entity(7, 8, "Y")],
            {Entity(6, 9, "X"), Entity(7, 8, "Y")},
        ),
    ],
    ids=[
        "end cut off",
        "start cut off",
        "end cut off, start on the other cut",
        "start cut off, end on the other cut",
        "types differ, left sees more",
        "types differ, right sees more",
        "right sees more, and nothing",
        "left sees more, and nothing",
        "left sees more, and an entity",
        "right sees more, and an entity",
        "both see as much, one an entity",
        "both put an entity there, neither decides alone",
        "nested in both",
    ],
)
def test_window_further_from_the_cut_decides(
    left: list[Entity], right: list[Entity], expected: set[Entity]
) -> None:
    sentence, windows = two_windows()
    merged = merge(sentence, windows, [predict(windows[0], *left), predict(windows[1], *right)])
    assert merged.entities == expected


def test_same_annotations_are_united_with_the_higher_confidence() -> None:
    sentence, windows = two_windows()

    def seen(head_confidence: float, tail_confidence: float | None, confidence: float) -> Relation:
        return Relation(
            Entity(6, 7, "X", head_confidence), Entity(9, 10, "Y", tail_confidence), "r", confidence
        )

    merged = merge(
        sentence,
        windows,
        [predict(windows[0], seen(0.3, 0.9, 0.7)), predict(windows[1], seen(0.8, None, 0.6))],
    )
    (relation,) = merged.relations
    assert relation.confidence == 0.7
    assert {entity: entity.confidence for entity in merged.entities} == {
        Entity(6, 7, "X"): 0.8,
        Entity(9, 10, "Y"): 0.9,
    }
    assert (relation.head.confidence, relation.tail.confidence) == (0.8, 0.9)


@pytest.mark.parametrize("type_", ["X", "Y"])
def test_relation_passes_to_what_took_its_arguments_place_if_that_is_of_the_same_type(
    type_: str,
) -> None:
    sentence, windows = two_windows()
    kept, shortened, whole = Entity(2, 3, "X"), Entity(8, 10, "X"), Entity(8, 12, type_)
    merged = merge(
        sentence,
        windows,
        [predict(windows[0], Relation(kept, shortened, "r")), predict(windows[1], whole)],
    )
    assert merged.entities == {kept, whole}
    assert merged.relations == ({Relation(kept, whole, "r")} if type_ == "X" else frozenset())


def test_relation_goes_with_an_argument_that_nothing_took_the_place_of() -> None:
    sentence, windows = two_windows()
    kept, refuted = Entity(2, 3, "X"), Entity(8, 10, "X")
    merged = merge(
        sentence,
        windows,
        [predict(windows[0], Relation(kept, refuted, "r")), predict(windows[1])],
    )
    assert merged.entities == {kept}
    assert merged.relations == frozenset()


def test_relation_between_two_parts_of_one_entity_is_none() -> None:
    sentence, windows = two_windows()
    parts, whole = (Entity(8, 9, "X"), Entity(9, 10, "X")), Entity(8, 12, "X")
    merged = merge(
        sentence,
        windows,
        [predict(windows[0], Relation(*parts, "r")), predict(windows[1], whole)],
    )
    assert merged.relations == frozenset()


def test_predictions_replace_what_the_sentence_had() -> None:
    sentence = words(3, entities=[Entity(0, 1, "old")])
    (window,) = cut(sentence, max_tokens=5, overlap_tokens=1)
    merged = merge(sentence, [window], [predict(window, Entity(1, 2, "new"))])
    assert merged.entities == {Entity(1, 2, "new")}


def test_predictions_that_do_not_fit_are_refused() -> None:
    sentence, windows = two_windows()
    with pytest.raises(ValueError, match="2 windows and 1 predictions"):
        merge(sentence, windows, [windows[0].sentence])
    with pytest.raises(ValueError, match="window at token 6 has 10 tokens, its prediction 3"):
        merge(sentence, windows, [windows[0].sentence, words(3)])
    with pytest.raises(ValueError, match=r"window \[6, 16\) ends outside the 12 tokens"):
        merge(words(12), windows, [window.sentence for window in windows])


def test_very_long_sentence_is_cut_and_merged_in_linear_time() -> None:
    length = 100_000
    entities = [Entity(start, start + 3, "X", 0.9) for start in range(0, length - 3, 5)]
    relations = [Relation(head, tail, "r", 0.8) for head, tail in itertools.pairwise(entities)]
    sentence = words(length, entities=entities, relations=relations)
    started = time.process_time()
    windows = cut(sentence, max_tokens=256, overlap_tokens=64)
    merged = merge(sentence, windows, [window.sentence for window in windows])
    seconds = time.process_time() - started
    assert merged == sentence
    assert seconds < 5  # about 1; quadratic work would take minutes
