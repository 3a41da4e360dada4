"""Tasks that are learned beside those of the model, and are not part of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from typing import Annotated, Any

from pydantic import AfterValidator

from dovetail.config.section import Contradiction, Section
from dovetail.config.sections.sharing_section import SharingConfig
from dovetail.config.values import NonNegative, Text
from dovetail.text.auxiliary_tasks import RELATED, Asked, parsed


def _check_task(text: str) -> str:
    parsed(text)
    return text


class AuxiliaryConfig(Section):
    """A task that is there in training only: a coarser form of what the model learns."""

    task: Annotated[Text, AfterValidator(_check_task)]
    """The task: `boundary` (where entities are, whatever their types), `related` (whether two
    entities are related, whatever the type), `relation:TYPE` (whether they have this relation), or
    `each_relation` (a task of this kind for each relation type). Of several schemas each has it,
    or the one whose name stands before it: `news/boundary`."""

    weight: NonNegative = 1.0
    """Factor of its loss in the sum that is minimised, of each task if there are several; 0 leaves
    it out."""

    directed: bool = True
    """Of `related`: whether a pair is related only in the direction of its relation."""

    @property
    def asked(self) -> Asked:
        """The task, taken apart."""
        return parsed(self.task)

    def contradictions(self) -> Iterator[Contradiction]:
        if not self.directed and self.asked.kind != RELATED:
            yield Contradiction(
                "directed", f'"{self.task}" has the direction of the relations; leave it out'
            )


def task_of_word(value: Any) -> Any:
    """An entry that is a word alone, as a table."""
    return {"task": value} if isinstance(value, str) else value


def contradictions_of_auxiliary(
    entries: Sequence[AuxiliaryConfig], sharing: SharingConfig, schemas: Collection[str]
) -> Iterator[Contradiction]:
    """Yield what cannot be: tasks twice, of schemas that are not there, or that sharing refuses.

    Args:
        entries: the tasks that are asked for.
        sharing: how the tasks share.
        schemas: the names of several schemas; none where there is one.
    """
    learned = [own for own in entries if own.weight]
    if learned and sharing.no_auxiliary:
        yield Contradiction(
            "auxiliary",
            f'sharing.kind = "{sharing.kind}" takes no auxiliary tasks: {sharing.no_auxiliary}; '
            f'take another kind, such as "depth", or leave them out',
        )
    for task, count in Counter(own.task for own in learned).items():
        if count > 1:
            yield Contradiction("auxiliary", f"{task!r} stands there {count} times; leave one")
    for own in entries:
        name = own.asked.schema_name
        if name and name not in schemas:
            known = f"there are {', '.join(schemas)}" if schemas else "there is one without a name"
            yield Contradiction(
                "auxiliary",
                f"{own.task!r} names the schema {name!r}, and {known}; leave the name out, or name "
                f"another",
            )
