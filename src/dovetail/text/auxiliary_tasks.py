"""Auxiliary tasks: coarser forms of the tasks of a schema, which are learned and then left out.

    boundary         where entities are, whatever their types
    related          whether two entities are related, whatever the type
    relation:Kill    whether two entities have this relation, or any other or none

Their labels follow from those of the schema, so they need no annotations of their own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from dovetail.text.document import ENTITY_TASK
from dovetail.text.named_schemas import (
    KIND_BY_AUXILIARY,
    OF_TYPE,
    ONLY,
    SCHEMA_NAME,
    SEPARATOR,
    kind_of_task,
    named,
)
from dovetail.text.schema import Schema

BOUNDARY, RELATED = KIND_BY_AUXILIARY
ONE_RELATION, EACH_RELATION = "relation", "each_relation"

ANY_ENTITY = "Entity"
"""The only entity type of `boundary`."""

ANY_RELATION = "Relation"
"""The only relation type of the other tasks."""


class Asked(NamedTuple):
    """An auxiliary task as a config asks for it: its kind, a relation type, a schema."""

    kind: str
    relation_type: str = ""
    schema_name: str = ONLY


def parsed(text: str) -> Asked:
    """Read what a config asks for.

    >>> parsed("news/relation:Kill")
    Asked(kind='relation', relation_type='Kill', schema_name='news')

    Raises:
        ValueError: if it is no auxiliary task.
    """
    before, separator, after = text.partition(SEPARATOR)
    has_schema = bool(separator) and SCHEMA_NAME.fullmatch(before) is not None
    schema_name, own = (before, after) if has_schema else (ONLY, text)
    kind, sign, relation_type = own.partition(OF_TYPE)
    if kind == ONE_RELATION and relation_type:
        return Asked(kind, relation_type, schema_name)
    if sign or kind not in (BOUNDARY, RELATED, EACH_RELATION):
        raise ValueError(
            f'expected "{BOUNDARY}", "{RELATED}", "{EACH_RELATION}", or "{ONE_RELATION}{OF_TYPE}" '
            f"and a relation type, with the name of one of several schemas and / before it or "
            f"without, found {text!r}"
        )
    return Asked(kind, "", schema_name)


@dataclass(frozen=True)
class AuxiliaryTask:
    """A task of training alone, of one schema.

    Args:
        name: among all tasks of the model.
        schema_name: the name of its schema.
        relation_types: the relations that are its positive examples; of `boundary` none.
        is_directed: whether they have to run from the first entity to the second.
        weight: the factor of its loss.
    """

    name: str
    schema_name: str = ONLY
    relation_types: frozenset[str] = frozenset()
    is_directed: bool = True
    weight: float = 1.0

    @property
    def kind(self) -> str:
        """Whether it is about entities or relations."""
        return kind_of_task(self.name)

    def labels(self, schema: Schema) -> Schema:
        """The labels of its head, given the schema that it is a coarser form of.

        Of entities: `ANY_ENTITY`, of one fragment or of several.  Of relations: `ANY_RELATION`
        between entities as the networks have them, wherever any relation of the schema can hold.
        """
        if self.kind == ENTITY_TASK:
            apart = {ANY_ENTITY} if schema.discontinuous else ()
            return Schema((ANY_ENTITY,), (), discontinuous=frozenset(apart))
        coded = schema.coded
        pairs: set[tuple[str, str]] = set()
        for type_ in schema.relation_types:
            own = coded.signatures.get(type_)
            if own is None:  # it admits every pair
                return self._pairs(coded, None)
            is_symmetric = type_ in schema.symmetric
            pairs |= own | {(tail, head) for head, tail in own if is_symmetric}
        return self._pairs(coded, frozenset(pairs))

    def _pairs(self, coded: Schema, admitted: frozenset[tuple[str, str]] | None) -> Schema:
        return Schema(
            coded.entity_types,
            (ANY_RELATION,),
            {} if admitted is None else {ANY_RELATION: admitted},
            frozenset(() if self.is_directed else {ANY_RELATION}),
        )


def tasks_asked(
    asked: Asked, schema_name: str, schema: Schema, *, is_directed: bool, weight: float
) -> list[AuxiliaryTask]:
    """The tasks that a schema has of what is asked for; none if it has no such relations."""
    types = schema.relation_types
    if asked.kind == BOUNDARY:
        return [AuxiliaryTask(named(schema_name, BOUNDARY), schema_name, weight=weight)]
    if asked.kind == RELATED:
        name, all_types = named(schema_name, RELATED), frozenset(types)
        related = AuxiliaryTask(name, schema_name, all_types, is_directed, weight)
        return [related] if types else []
    names = names_of_relations(types)
    chosen = types if asked.kind == EACH_RELATION else {asked.relation_type} & {*types}
    return [
        AuxiliaryTask(
            named(schema_name, names[type_]), schema_name, frozenset({type_}), weight=weight
        )
        for type_ in chosen
    ]


def names_of_relations(types: Iterable[str]) -> dict[str, str]:
    """The name of the task that tells each relation from the rest, without its schema.

    Signs that no name of a task has become lines.

    >>> names_of_relations(["Kill", "org/based in", "org based/in"])
    {'Kill': 'relation:Kill', 'org/based in': 'relation:org_based_in', \
'org based/in': 'relation:org_based_in_'}
    """
    names: dict[str, str] = {}
    for type_ in types:
        name = ONE_RELATION + OF_TYPE + re.sub(r"[^\w-]", "_", type_)
        while name in names.values():
            name += "_"
        names[type_] = name
    return names
