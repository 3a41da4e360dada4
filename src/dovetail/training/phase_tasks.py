"""What a phase of one task alone reads, and which of its epochs is the best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from dovetail.evaluation import Evaluation
from dovetail.strategies.curriculum import Phase
from dovetail.text.named_schemas import kind_of_task, schema_of_task
from dovetail.training.batches import Portion
from dovetail.training.dev_scores import DevSets, Selection


def portions_of(phase: Phase, portions: Sequence[Portion]) -> tuple[Portion, ...]:
    """The portions, of which those of other schemas than the only task's are not drawn from."""
    if phase.only is None:
        return tuple(portions)
    schema = schema_of_task(phase.only)
    return tuple(own if own.schema == schema else replace(own, drawn=0) for own in portions)


def score_in(
    phase: Phase, selection: Selection, sets: DevSets, dev: Mapping[str, Evaluation]
) -> float | None:
    """The score of an epoch, given those of each corpus; None if nothing was scored for it."""
    if phase.only is None:
        return selection.of(dev) if dev else None
    schema = schema_of_task(phase.only)
    own = {name: scores for name, scores in dev.items() if sets.by_corpus[name].schema == schema}
    return Selection(kind_of_task(phase.only)).of(own) if own else None
