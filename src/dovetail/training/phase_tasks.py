"""What a phase of one task alone reads and learns from, and which of its epochs is the best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from dovetail.evaluation import Evaluation
from dovetail.strategies.curriculum import Phase
from dovetail.strategies.objective import Outputs
from dovetail.text.document import TASKS
from dovetail.text.named_schemas import kind_of_task, schema_of_task
from dovetail.training.batches import Portion
from dovetail.training.dev_scores import DevSets, Selection


def portions_of(phase: Phase, portions: Sequence[Portion]) -> tuple[Portion, ...]:
    """The portions, of which those of other schemas than the only task's are not drawn from."""
    if phase.only is None:
        return tuple(portions)
    schema = schema_of_task(phase.only)
    return tuple(own if own.schema == schema else replace(own, drawn=0) for own in portions)


def outputs_in(phase: Phase, outputs: Outputs) -> Outputs:
    """The outputs, with the losses of the only task alone: others would reach a common encoder."""
    if phase.only is None:
        return outputs
    losses, taught = (
        {task: own for task, own in some.items() if task == phase.only}
        for some in (outputs.losses, outputs.taught)
    )
    return outputs._replace(losses=losses, taught=taught)


def score_in(
    phase: Phase, selection: Selection, sets: DevSets, dev: Mapping[str, Evaluation]
) -> float | None:
    """The score of an epoch, given those of each corpus; None if nothing was scored for it."""
    if phase.only is None:
        return selection.of(dev) if dev else None
    schema, kind = schema_of_task(phase.only), kind_of_task(phase.only)
    of_schema = {name: own for name, own in dev.items() if sets.by_corpus[name].schema == schema}
    # A corpus that is chosen by the other task alone is not annotated for this one.
    others = {*TASKS} - {kind}
    own = {n: one for n, one in of_schema.items() if selection.by_corpus.get(n) not in others}
    own = own or of_schema
    return Selection(kind).of(own) if own else None
