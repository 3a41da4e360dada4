from __future__ import annotations

import json

import pytest

from dovetail.text.document import Entity, Relation, Sentence
from dovetail.text.schema import Schema

PERSON, CITY = Entity(0, 1, "Peop"), Entity(1, 2, "Loc")
SENTENCE = Sentence.from_tokens(
    ["Ada", "London"], entities=[PERSON, CITY], relations=[Relation(PERSON, CITY, "Live_In")]
)


def test_types_and_signatures_are_learned_from_sentences() -> None:
    schema = Schema.from_sentences([SENTENCE])
    assert schema.entity_types == ("Loc", "Peop")
    assert schema.relation_types == ("Live_In",)
    assert schema.admits("Live_In", "Peop", "Loc")
    assert not schema.admits("Live_In", "Loc", "Peop")
    assert all(schema.allows(relation) for relation in SENTENCE.relations)


def test_a_relation_without_signature_admits_every_pair() -> None:
    schema = Schema(("Loc", "Peop"), ("Live_In",))
    assert schema.admits("Live_In", "Loc", "Loc")


def test_json_round_trip() -> None:
    schema = Schema.from_sentences([SENTENCE], symmetric=["Live_In", "unseen"])
    assert Schema.from_dict(json.loads(json.dumps(schema.to_dict()))) == schema
    assert schema.symmetric == {"Live_In"}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"entity_types": ("A", "A"), "relation_types": ()}, "list a type twice"),
        (
            {"entity_types": ("A",), "relation_types": (), "symmetric": frozenset({"r"})},
            "not among its relation types",
        ),
        (
            {
                "entity_types": ("A",),
                "relation_types": ("r",),
                "signatures": {"r": frozenset({("A", "B")})},
            },
            "names the entity type 'B'",
        ),
    ],
)
def test_schemas_that_contradict_themselves_are_refused(values: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Schema(**values)


def test_what_is_not_a_schema_is_refused() -> None:
    with pytest.raises(ValueError, match="not a schema"):
        Schema.from_dict({"entity_types": ["A"]})


def test_a_symmetric_relation_admits_its_arguments_in_either_order() -> None:
    schema = Schema.from_sentences([SENTENCE], symmetric=["Live_In"])
    assert schema.admits("Live_In", "Loc", "Peop")
    assert not schema.admits("Live_In", "Loc", "Loc")
