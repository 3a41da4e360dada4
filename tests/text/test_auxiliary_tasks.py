"""Auxiliary tasks: their names, and the labels that follow from those of a schema."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dovetail.text.auxiliary_tasks import (
    ANY_ENTITY,
    ANY_RELATION,
    Asked,
    AuxiliaryTask,
    names_of_relations,
    parsed,
    tasks_asked,
)
from dovetail.text.named_schemas import is_auxiliary, kind_of_task
from dovetail.text.schema import Schema

TYPES = ("Company", "Person", "Place")
PAIRS = st.frozensets(st.tuples(st.sampled_from(TYPES), st.sampled_from(TYPES)))


@st.composite
def schemas(draw: st.DrawFn) -> Schema:
    """Relations with and without signatures, symmetric and not, entities in fragments or not."""
    relations = draw(st.lists(st.sampled_from("abcd"), min_size=1, unique=True))
    constrained = [type_ for type_ in relations if draw(st.booleans())]
    return Schema(
        TYPES,
        tuple(relations),
        {type_: draw(PAIRS) for type_ in constrained},
        frozenset(type_ for type_ in relations if draw(st.booleans())),
        draw(st.frozensets(st.sampled_from(TYPES))),
    )


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("boundary", Asked("boundary")),
        ("news/related", Asked("related", schema_name="news")),
        ("each_relation", Asked("each_relation")),
        ("relation:Kill", Asked("relation", "Kill")),
        ("relation:org/based:in", Asked("relation", "org/based:in")),
        ("news/relation:org/based in", Asked("relation", "org/based in", "news")),
    ],
)
def test_what_is_asked_for_is_taken_apart(text: str, asked: Asked) -> None:
    assert parsed(text) == asked


@pytest.mark.parametrize("text", ["entity", "relation", "relation:", "boundary:x", "a b/boundary"])
def test_what_is_no_auxiliary_task_is_refused_with_those_that_are(text: str) -> None:
    with pytest.raises(
        ValueError, match='expected "boundary", "related", "each_relation", or "rel'
    ):
        parsed(text)


@given(st.lists(st.text(min_size=1, max_size=6), max_size=8, unique=True))
def test_each_relation_has_a_name_of_its_own_that_a_module_can_have(types: list[str]) -> None:
    names = names_of_relations(types)
    assert len({*names.values()}) == len(types)
    for name in names.values():
        assert "." not in name
        assert "/" not in name
        assert is_auxiliary(f"news/{name}")
        assert kind_of_task(f"news/{name}") == "relation"


@given(schemas(), st.booleans())
def test_a_pair_counts_exactly_where_some_relation_of_the_schema_can_hold(
    schema: Schema, is_directed: bool
) -> None:
    coded = schema.coded
    (task,) = tasks_asked(parsed("related"), "", schema, is_directed=is_directed, weight=1.0)
    labels = task.labels(schema)
    assert labels.entity_types == coded.entity_types
    assert labels.relation_types == (ANY_RELATION,)
    for head, tail in product(coded.entity_types, repeat=2):
        expected = any(
            coded.admits(type_, first, second)
            for type_ in schema.relation_types  # and not the links between fragments
            for first, second in ((head, tail), (tail, head))[: 1 if is_directed else 2]
        )
        assert labels.admits(ANY_RELATION, head, tail) == expected


@given(schemas())
def test_one_relation_is_told_from_the_rest_among_the_same_pairs(schema: Schema) -> None:
    each = tasks_asked(parsed("each_relation"), "news", schema, is_directed=True, weight=0.5)
    assert [task.relation_types for task in each] == [{type_} for type_ in schema.relation_types]
    related = AuxiliaryTask("related", relation_types=frozenset(schema.relation_types))
    for task, type_ in zip(each, schema.relation_types, strict=True):
        assert (task.name, task.weight) == (f"news/relation:{type_}", 0.5)
        assert task.labels(schema) == related.labels(schema)
        alone = tasks_asked(
            parsed(f"relation:{type_}"), "news", schema, is_directed=True, weight=0.5
        )
        assert alone == [task]


@given(schemas())
def test_boundaries_have_one_type_of_whole_entities_and_one_of_fragments(schema: Schema) -> None:
    labels = AuxiliaryTask("boundary").labels(schema)
    assert labels.entity_types == (ANY_ENTITY,)
    assert labels.relation_types == ()
    assert len(labels.coded.entity_types) == (2 if schema.discontinuous else 1)


def test_a_schema_without_relations_has_boundaries_alone() -> None:
    mentions = Schema(("Mention",), ())
    for asked, number in (("boundary", 1), ("related", 0), ("each_relation", 0), ("relation:a", 0)):
        tasks = tasks_asked(parsed(asked), "", mentions, is_directed=True, weight=1.0)
        assert len(tasks) == number
