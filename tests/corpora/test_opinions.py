"""Several annotators against plain sets of what each of them marked."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from dovetail.corpora.format import Source
from dovetail.corpora.marking.marked_text import CharacterEntity, IndexedRelation
from dovetail.corpora.marking.opinions import Opinion, decided
from dovetail.text.reading import Reading

keys = st.tuples(st.integers(0, 3), st.sampled_from("XY"))


@st.composite
def opinions(draw):
    listed = draw(st.lists(keys, unique=True, max_size=5))
    entities = [CharacterEntity(start, start + 1, type_, "") for start, type_ in listed]
    indices = st.none() | st.integers(0, len(listed) - 1) if listed else st.none()
    links = draw(st.lists(st.tuples(indices, indices, st.sampled_from("RS")), max_size=4))
    return Opinion(entities, [IndexedRelation(*link) for link in dict.fromkeys(links)])


def sets_of(opinion):
    entities = [(entity.start_char, entity.type) for entity in opinion.entities]
    relations = {
        (*(None if i is None else entities[i] for i in (r.head, r.tail)), r.type)
        for r in opinion.relations
    }
    return set(entities), relations


@given(st.lists(opinions(), min_size=1, max_size=4))
def test_merging_is_the_union_and_agreeing_the_intersection(listed):
    entities, relations = zip(*map(sets_of, listed), strict=True)
    expected = {
        "first": (entities[0], relations[0]),
        "merge": (set.union(*entities), set.union(*relations)),
        "agree": (set.intersection(*entities), set.intersection(*relations)),
    }
    for annotators, sets in expected.items():
        source = Source(Path(), Reading(annotators=annotators))
        found = decided(listed, source, "d")
        assert sets_of(found) == sets
        assert len(found.entities) == len(sets[0])
        assert len(found.relations) == len(sets[1]) or len(listed) == 1 or annotators == "first"
        if annotators == "agree" and len(listed) > 1:
            ledger = source.tally.ledger()  # which adds up, or is an error
            assert ledger["entity"].dropped == len(expected["merge"][0]) - len(sets[0])
            assert ledger["relation"].dropped == len(expected["merge"][1]) - len(sets[1])
