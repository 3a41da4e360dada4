"""Which context a task may read of another one, and which it reads: no torch is needed."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

from dovetail.errors import ModelError
from dovetail.strategies.context.config import Context
from dovetail.text.named_schemas import SEPARATOR, kind_of_task

Pair = tuple[str, str]
"""The task that reads, and the one that is read; it may be the same."""

Genotype = Mapping[Pair, Context]
"""The context of each pair."""

LABELLED: tuple[Context, ...] = ("target", "source")
"""Contexts of classes, which need the labels of an auxiliary head."""

CONTEXTS: tuple[Context, ...] = ("global", "local", *LABELLED, "none")
"""All of them; before anything speaks for one of them, it is the first."""

Choices = Mapping[Pair, Sequence[Context]]
"""What each pair may read."""


def choices_of(classes: Mapping[str, int], *, across_schemas: bool = True) -> Choices:
    """What each pair of tasks may read, given how many classes each task's auxiliary head tells.

    A task's own labels are those of both target and source where it reads itself.  A task without
    classes has no labels to offer.
    """
    return {
        (target, source): tuple(
            context
            for context in CONTEXTS
            if across_schemas or schema_of(target) == schema_of(source) or context == "none"
            if context != "source" or target != source
            if context not in LABELLED or classes[labelled_by(context, (target, source))]
        )
        for target in classes
        for source in classes
    }


def labelled_by(context: Context, pair: Pair) -> str:
    """The task whose labels a context of classes is of."""
    target, source = pair
    return target if context == "target" else source


def uniform(context: Context, choices: Choices) -> dict[Pair, Context]:
    """The same context for all pairs, and none for those that cannot have it.

    >>> uniform("source", choices_of({"entity": 3, "relation": 0}))[("relation", "entity")]
    'source'
    """
    return {pair: _own(context, pair, allowed) for pair, allowed in choices.items()}


def _own(context: Context, pair: Pair, allowed: Sequence[Context]) -> Context:
    if context == "source" and pair[0] == pair[1]:
        context = "target"  # which says the same
    return context if context in allowed else "none"


def drawn(choices: Choices, *, seed: int) -> dict[Pair, Context]:
    """A genotype drawn by a seed, each as probable as any other."""
    generator = random.Random(f"context {seed}")
    return {pair: generator.choice(allowed) for pair, allowed in choices.items()}


def declared(table: Mapping[str, Mapping[str, Context]], choices: Choices) -> dict[Pair, Context]:
    """The genotype that a table says, by the names of tasks or by their kinds.

    A name goes before a kind, that of the target first.  A kind that is read means those tasks of
    it that may be read.

    Raises:
        ModelError: if it names a task that is not there, or a context that the pair cannot have.
    """
    tasks = tuple(dict.fromkeys(target for target, _ in choices))
    for name in {*table, *(source for own in table.values() for source in own)}:
        if not any(name in _names(task) for task in tasks):
            raise ModelError(
                f"sharing.declared names the task {name!r}, and the tasks are {', '.join(tasks)}; "
                f"name one of them, or a kind of task (entity, relation)"
            )
    genotype: dict[Pair, Context] = {}
    for pair, allowed in choices.items():
        target, source = pair
        wanted = _wanted(table, pair)
        genotype[pair] = _own(wanted, pair, allowed)
        meant = any(source in table.get(name, {}) for name in _names(target))
        if meant and wanted != "none" and genotype[pair] == "none":
            raise ModelError(
                f"sharing.declared wants {target} to read {wanted!r} context of {source}, which "
                f"can have {', '.join(allowed)}: label contexts need a task with types, and other "
                f"schemas need across_schemas = true"
            )
    return genotype


def _wanted(table: Mapping[str, Mapping[str, Context]], pair: Pair) -> Context:
    target, source = pair
    for reader in _names(target):
        for name in _names(source):
            if name in table.get(reader, {}):
                return table[reader][name]
    return "none"


def _names(task: str) -> tuple[str, ...]:
    """The names by which a table may call a task, the most exact first."""
    return tuple(dict.fromkeys((task, kind_of_task(task))))


def schema_of(task: str) -> str:
    """The name of the schema of a task.

    >>> schema_of("news/entity"), schema_of("entity")
    ('news', '')
    """
    return task.rpartition(SEPARATOR)[0]


def as_table(genotype: Genotype) -> dict[str, dict[str, Context]]:
    """The genotype as JSON values: by target, then by source."""
    table: dict[str, dict[str, Context]] = {}
    for (target, source), context in genotype.items():
        table.setdefault(target, {})[source] = context
    return table
