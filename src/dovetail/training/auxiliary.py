"""From the entries of a config to the auxiliary tasks of the schemas that there are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from dovetail.config import AuxiliaryConfig, Config
from dovetail.errors import TrainingError
from dovetail.text.auxiliary_tasks import BOUNDARY, AuxiliaryTask, tasks_asked
from dovetail.text.named_schemas import Schemas

MOST = 100
"""Auxiliary tasks of a model; each has layers and a head of its own."""


def auxiliary_of(config: Config, schemas: Schemas) -> tuple[AuxiliaryTask, ...]:
    """The auxiliary tasks that a config asks for, in its order, schema after schema.

    Raises:
        TrainingError: if the schemas have no such relations, or a task is asked for twice.
    """
    tasks = [task for entry in config.auxiliary for task in _tasks_of(entry, schemas)]
    for name, count in Counter(task.name for task in tasks).items():
        if count > 1:
            raise TrainingError(
                f"auxiliary: {count} entries ask for the task {name}; leave one of them"
            )
    if len(tasks) > MOST:
        raise TrainingError(
            f"auxiliary: expected at most {MOST} tasks, and these are {len(tasks):,}, each with "
            f'layers of its own; name some relations in place of "each_relation"'
        )
    return tuple(tasks)


def _tasks_of(entry: AuxiliaryConfig, schemas: Schemas) -> Iterator[AuxiliaryTask]:
    if not entry.weight:
        return
    asked = entry.asked
    chosen = {name: own for name, own in schemas.items() if asked.schema_name in ("", name)}
    found = [
        task
        for name, schema in chosen.items()
        for task in tasks_asked(
            asked, name, schema, is_directed=entry.directed, weight=entry.weight
        )
    ]
    if not found:
        types = sorted({type_ for own in chosen.values() for type_ in own.relation_types})
        what = "entity" if asked.kind == BOUNDARY else "relation"
        raise TrainingError(
            f"auxiliary asks for {entry.task!r}, and the training sentences have no such {what}; "
            f"expected some of: {', '.join(types) or 'none, leave it out'}"
        )
    yield from found
