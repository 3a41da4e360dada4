"""The names of schemas, and what they stand before: tasks, types, annotations, thresholds.

A model of one schema has no name for it: its tasks are `entity` and `relation`, its types those of
its corpus.  A model of several says `news/entity`, `news/Person`, and so do its extractions.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import TypeVar

from dovetail.text.document import ENTITY_TASK, RELATION_TASK, Entity, Relation, Sentence
from dovetail.text.schema import Schema

ONLY = ""
"""The name of the schema of a model that has one."""

SEPARATOR = "/"

SCHEMA_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
"""The name of a schema or a corpus: letters, digits, - and _."""

Schemas = Mapping[str, Schema]
"""The schemas of a model by their names; `ONLY` alone, or one or several others."""

KIND_BY_AUXILIARY = {"boundary": ENTITY_TASK, "related": RELATION_TASK}
"""Tasks of training alone, with the kind of task that each is a coarser form of."""

OF_TYPE = ":"
"""The sign between a kind of task and the type that such a task of training alone is about."""

Value = TypeVar("Value")


def is_only(names: Iterable[str]) -> bool:
    """Whether these are the names of the schemas of a model that has one."""
    return [*names] == [ONLY]


def named(schema: str, name: str) -> str:
    """The name of a task or type of a schema among all of the model.

    >>> named("news", "entity"), named(ONLY, "entity")
    ('news/entity', 'entity')
    """
    return f"{schema}{SEPARATOR}{name}" if schema else name


def kind_of_task(task: str) -> str:
    """Whether a task is about entities or relations, whatever its schema.

    >>> kind_of_task("news/entity"), kind_of_task("boundary"), kind_of_task("relation:Kill")
    ('entity', 'entity', 'relation')
    """
    own = task.rpartition(SEPARATOR)[2].partition(OF_TYPE)[0]
    return KIND_BY_AUXILIARY.get(own, own)


def is_auxiliary(task: str) -> bool:
    """Whether a task is there in training alone.

    >>> is_auxiliary("news/relation:Kill"), is_auxiliary("news/relation")
    (True, False)
    """
    own = task.rpartition(SEPARATOR)[2]
    return OF_TYPE in own or own in KIND_BY_AUXILIARY


def tasks_of(name: str, schema: Schema) -> tuple[str, ...]:
    """The tasks of a schema: of several, one without relation types has no relation task.

    Links between the fragments of entities are relations too.
    """
    has_relations = name == ONLY or bool(schema.coded.relation_types)
    kinds = (ENTITY_TASK, RELATION_TASK) if has_relations else (ENTITY_TASK,)
    return tuple(named(name, kind) for kind in kinds)


def all_tasks(schemas: Schemas) -> tuple[str, ...]:
    """The tasks of a model, schema after schema."""
    return tuple(task for name, schema in schemas.items() for task in tasks_of(name, schema))


def of_one(values: Mapping[str, Value], schema: str) -> dict[str, Value]:
    """Return the values of one schema, by the names without the schema.

    >>> of_one({"news/Live_In": 0.5, "drugs/Causes": 0.4}, "news")
    {'Live_In': 0.5}
    """
    start = named(schema, "")
    return {
        name.removeprefix(start): value for name, value in values.items() if name.startswith(start)
    }


def joined_schema(schemas: Schemas) -> Schema:
    """All types of all schemas under their full names; of a single one without a name, itself."""
    if is_only(schemas):
        return schemas[ONLY]
    whole = [(name, schema.to_dict()) for name, schema in schemas.items()]
    return Schema(
        entity_types=tuple(named(n, type_) for n, own in whole for type_ in own["entity_types"]),
        relation_types=tuple(
            named(n, type_) for n, own in whole for type_ in own["relation_types"]
        ),
        signatures={
            named(n, type_): frozenset((named(n, head), named(n, tail)) for head, tail in pairs)
            for n, own in whole
            for type_, pairs in own["signatures"].items()
        },
        symmetric=frozenset(named(n, type_) for n, own in whole for type_ in own["symmetric"]),
        discontinuous=frozenset(
            named(n, type_) for n, own in whole for type_ in own.get("discontinuous", ())
        ),
    )


def joined_sentence(by_schema: Mapping[str, Sentence]) -> Sentence:
    """The annotations of the same sentence by all schemas, under the full names of their types."""
    first = next(iter(by_schema.values()))
    if is_only(by_schema):
        return first
    parts = [_renamed(sentence, partial(named, schema)) for schema, sentence in by_schema.items()]
    return first.with_annotations(
        (entity for entities, _ in parts for entity in entities),
        (relation for _, relations in parts for relation in relations),
    )


def sentence_of(sentence: Sentence, schema: str) -> Sentence:
    """The annotations of one schema on a sentence with those of several, as it names the types."""
    start = named(schema, "")
    own = sentence.with_annotations(
        (entity for entity in sentence.entities if entity.type.startswith(start)),
        (relation for relation in sentence.relations if relation.type.startswith(start)),
    )
    return own.with_annotations(*_renamed(own, lambda type_: type_.removeprefix(start)))


def _renamed(
    sentence: Sentence, rename: Callable[[str], str]
) -> tuple[list[Entity], list[Relation]]:
    """The annotations of a sentence with other names for their types."""
    renamed = {entity: replace(entity, type=rename(entity.type)) for entity in sentence.entities}
    relations = [
        replace(
            relation,
            head=renamed[relation.head],
            tail=renamed[relation.tail],
            type=rename(relation.type),
        )
        for relation in sentence.relations
    ]
    return [*renamed.values()], relations
