"""Settings of `data.negatives` that cannot be meant."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from dovetail.config.section import Contradiction

if TYPE_CHECKING:
    from dovetail.config.sections.data_section import DataConfig
    from dovetail.config.sections.distillation_section import DistillationConfig

FEWEST = 10
"""A smaller whole number of negatives for an epoch was meant to be so many times the others."""


def contradictions_of_negatives(data: DataConfig) -> Iterator[Contradiction]:
    """Yield what cannot be meant of negatives, for a corpus."""
    if not data.negatives:
        for field in ("negatives_per_epoch", "negatives_held_out"):
            if getattr(data, field):
                yield Contradiction(
                    field,
                    f"there are no negatives; name files in negatives, or leave {field} out",
                )
        return
    for path in data.negatives:
        for other in ("train", "dev", "held_out", "extra"):
            if path in getattr(data, other):
                yield Contradiction(
                    "negatives",
                    f'"{path}" is in {other} too; leave it out of one of the two',
                )
    number = data.negatives_per_epoch
    if isinstance(number, int) and 0 < number < FEWEST:
        yield Contradiction(
            "negatives_per_epoch",
            f"{number} is a number of sentences, and so few teach nothing; for {number} of them to "
            f"each sentence with a relation write {number}.0",
        )


def contradictions_of_taught_negatives(
    sources: Sequence[DataConfig], distillation: DistillationConfig
) -> Iterator[Contradiction]:
    """Yield a teacher beside whom negatives have no say."""
    if distillation.teacher is None or distillation.weight < 1:
        return
    if any(own.negatives for own in sources):
        yield Contradiction(
            "distillation.weight",
            "with 1 only the teacher is learned from, and what it says of negatives is its own; "
            "set a smaller weight, or leave negatives out",
        )
