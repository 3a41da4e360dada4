from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dovetail.text.document import Entity
from dovetail.text.tagging import SCHEMES, TagSet, reachable

LENGTH = 5
TYPES = ("Loc", "Peop")
TAG_SETS = [TagSet(scheme, TYPES) for scheme in SCHEMES]

entities = st.builds(
    lambda start, size, type_: Entity(start, min(start + size, LENGTH), type_),
    st.integers(0, LENGTH - 1),
    st.integers(1, LENGTH),
    st.sampled_from(TYPES),
)


@given(st.frozensets(entities, max_size=6), st.sampled_from(TAG_SETS))
def test_flat_entities_survive_the_round_trip_over_tags(
    found: frozenset[Entity], tag_set: TagSet
) -> None:
    flat = reachable(found)
    tags = tag_set.tags_from_entities(flat, length=LENGTH)
    assert tag_set.entities_from_tags(tags) == flat


def legal(tag_set: TagSet, path: tuple[int, ...]) -> bool:
    return (
        tag_set.may_start[path[0]]
        and tag_set.may_end[path[-1]]
        and all(tag_set.may_follow[a][b] for a, b in itertools.pairwise(path))
    )


@pytest.mark.parametrize("tag_set", TAG_SETS, ids=list(SCHEMES))
def test_legal_paths_are_exactly_the_taggings_of_flat_entity_sets(tag_set: TagSet) -> None:
    length = 4
    paths = [p for p in itertools.product(range(len(tag_set)), repeat=length) if legal(tag_set, p)]
    for path in paths:
        found = tag_set.entities_from_tags(path)
        assert tag_set.tags_from_entities(found, length=length) == list(path)
    # Every set of flat entities has a path: counted by an independent recursion over positions.
    counts = [1]
    for end in range(1, length + 1):
        counts.append(counts[-1] + sum(len(TYPES) * counts[start] for start in range(end)))
    assert len(paths) == counts[length]


def test_an_inside_tag_that_continues_nothing_starts_an_entity() -> None:
    tag_set = TagSet("bio", TYPES)
    inside = tag_set.tags.index("I-Loc")
    other = tag_set.tags.index("I-Peop")
    assert tag_set.entities_from_tags([0, inside, other]) == [
        Entity(1, 2, "Loc"),
        Entity(2, 3, "Peop"),
    ]


def test_overlapping_entities_are_refused() -> None:
    with pytest.raises(ValueError, match="overlaps"):
        TAG_SETS[0].tags_from_entities([Entity(0, 2, "Loc"), Entity(1, 3, "Loc")], length=3)


def test_unknown_scheme_names_the_known_ones() -> None:
    with pytest.raises(ValueError, match="bio, bilou"):
        TagSet("iobes", TYPES)


@given(st.frozensets(entities))
def test_reachable_entities_are_flat_and_nothing_else_would_fit(found: frozenset[Entity]) -> None:
    kept = reachable(found)
    assert not any(a.overlaps(b) for a, b in itertools.combinations(kept, 2))
    assert all(any(entity.overlaps(other) for other in kept) for entity in found)
