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
        for field in ("negatives_per_epoch", "negatives_in_dev", "negatives_held_out"):
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
    for field in ("negatives_per_epoch", "negatives_in_dev"):
        number = getattr(data, field)
        if isinstance(number, int) and 0 < number < FEWEST:
            yield Contradiction(
                field,
                f"{number} is a number of sentences, and so few tell nothing; for {number} of them "
                f"to each sentence with a relation write {number}.0",
            )
    if data.negatives_in_dev and not (data.dev or data.dev_fraction):
        yield Contradiction(
            "negatives_in_dev",
            "there is no dev set for them to be in; name files in dev, or set dev_fraction",
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
