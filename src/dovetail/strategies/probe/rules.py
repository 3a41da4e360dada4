"""From probes to exits: which layers of which task are alive, and where each task leaves.

After LOMT (arXiv 2406.02984), whose authors read the exits off a plot; the rule in code, the choice
of the penalty and the control are ours.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from statistics import fmean

ALIVE = 0.01
"""A layer is alive in a probe if more than this share of its groups is."""

Shares = Sequence[float]
"""Of each layer from the bottom on, the share of its groups that are alive."""


def alive_layers(probes: Sequence[Shares]) -> list[bool]:
    """The layers that are alive in the probes of all seeds.

    >>> alive_layers([[0.5, 0.02, 0.0], [0.4, 0.01, 0.3]])
    [True, False, False]
    """
    return [all(share > ALIVE for share in layer) for layer in zip(*probes, strict=True)]


def exit_of(probes: Sequence[Shares]) -> int:
    """The deepest layer that is alive in all probes, counted from 1; 0 if none is.

    >>> exit_of([[0.5, 0.0, 0.2, 0.0], [0.5, 0.3, 0.1, 0.2]])
    3
    """
    layers = enumerate(alive_layers(probes), start=1)
    return max((depth for depth, alive in layers if alive), default=0)


def largest_penalty(scores: Mapping[float, Sequence[float]], tolerance: float) -> float:
    """The largest penalty whose mean dev F1 is at most `tolerance` below that of the smallest.

    >>> largest_penalty({0.0: [0.80, 0.82], 0.01: [0.80], 0.1: [0.60]}, tolerance=0.02)
    0.01
    """
    dense = fmean(scores[min(scores)])
    return max(penalty for penalty, own in scores.items() if fmean(own) >= dense - tolerance)


def exits_of_equal_size(exits: Mapping[str, int]) -> list[dict[str, int]]:
    """All other exits whose deepest one is the same, so that the stack has as many layers.

    >>> exits_of_equal_size({"entity": 1, "relation": 2})
    [{'entity': 0, 'relation': 2}, {'entity': 2, 'relation': 0}, {'entity': 2, 'relation': 1}, \
{'entity': 2, 'relation': 2}]
    """
    deepest = max(exits.values())
    first, second = exits
    pairs = [(a, b) for a in range(deepest + 1) for b in range(deepest + 1) if deepest in (a, b)]
    others = [{first: a, second: b} for a, b in pairs]
    return [other for other in others if other != dict(exits)]


def random_exits(exits: Mapping[str, int], *, seed: int) -> dict[str, int] | None:
    """Exits drawn at random among those of equal size: the control; None if there are no others."""
    others = exits_of_equal_size(exits)
    return random.Random(f"exits {seed}").choice(others) if others else None
