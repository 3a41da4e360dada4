"""Several models over one encoder pass that are trained in one run and decide together."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from dovetail.config.section import Section

MAX_MEMBERS = 100
"""Models that can decide together; each of them is loaded and run."""


class CommitteeConfig(Section):
    """Several models that are trained in one run and decide by the mean of their scores.

    Each has its own first weights, batches and dropout, as if it were trained with another seed;
    frozen encoders, and what they make of the sentences, they have in common. Epoch and thresholds
    are chosen by what they say together.
    """

    members: Annotated[int, Field(ge=1, le=MAX_MEMBERS)] = 1
    """How many there are; training and all that stands above frozen encoders take so many times
    as long."""


def seeds_of_members(seed: int, members: int) -> Iterator[int]:
    """The seed of each member: the first has that of the run, the others share none with others'.

    >>> [*seeds_of_members(7, 1)]
    [7]
    """
    yield seed
    for place in range(2, members + 1):
        # Not the next numbers: committees of neighbouring seeds would have members in common.
        yield random.Random(f"member {place} of {seed}").randrange(2**32)
