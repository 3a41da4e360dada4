from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dovetail.text.document import Entity
from dovetail.text.overlaps import Overlaps, is_nested, longest_first, without_conflicts

spans = st.tuples(st.integers(0, 6), st.integers(1, 4))
some_entities = st.lists(
    st.builds(lambda s, type_: Entity(s[0], s[0] + s[1], type_), spans, st.sampled_from("AB")),
    unique=True,
)
rules = st.sampled_from(["nested", "all", "none"])


def may_stand_together(first: Entity, second: Entity, overlaps: Overlaps) -> bool:
    """Over the sets of their tokens."""
    one, other = set(range(*first.span)), set(range(*second.span))
    if one == other:
        return False
    nested = one < other or other < one
    return not one & other or overlaps == "all" or (overlaps == "nested" and nested)


@given(some_entities, rules)
def test_what_is_kept_may_stand_together_and_nothing_that_comes_earlier_is_left_out(
    ranked: list[Entity], overlaps: Overlaps
) -> None:
    kept = without_conflicts(ranked, overlaps)
    assert kept == sorted(kept)
    for place, entity in enumerate(ranked):
        before = [other for other in ranked[:place] if other in kept]
        fits = all(may_stand_together(entity, other, overlaps) for other in before)
        assert (entity in kept) == fits


@given(some_entities)
def test_nested_is_one_within_the_other(entities: list[Entity]) -> None:
    for first in entities:
        for second in entities:
            one, other = set(range(*first.span)), set(range(*second.span))
            assert is_nested(first, second) == (one <= other or other <= one)


def test_longest_first_and_then_in_reading_order() -> None:
    long, early, late = Entity(2, 5, "A"), Entity(0, 1, "B"), Entity(4, 5, "A")
    assert longest_first([late, early, long]) == [long, early, late]
