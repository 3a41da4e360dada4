"""Which layers count as alive, and where the tasks leave."""

from __future__ import annotations

import pytest

from dovetail.strategies.probe.rules import (
    alive_layers,
    exit_of,
    exits_of_equal_size,
    largest_penalty,
    random_exits,
)


@pytest.mark.parametrize(
    ("probes", "alive", "exit_"),
    [
        ([[0.9, 0.5, 0.02]], [True, True, True], 3),
        ([[0.9, 0.5, 0.01]], [True, True, False], 2),  # one in a hundred is not more than 1 %
        ([[0.9, 0.0, 0.3]], [True, False, True], 3),  # the skip goes round a dead layer
        ([[0.9, 0.5, 0.3], [0.9, 0.5, 0.0]], [True, True, False], 2),  # the seeds disagree
        ([[0.9, 0.0], [0.0, 0.9]], [False, False], 0),
        ([[0.0, 0.0]], [False, False], 0),
    ],
)
def test_a_layer_is_alive_if_it_is_with_every_seed(
    probes: list[list[float]], alive: list[bool], exit_: int
) -> None:
    assert alive_layers(probes) == alive
    assert exit_of(probes) == exit_


def test_probes_of_unequal_depth_are_refused() -> None:
    with pytest.raises(ValueError, match="shorter"):
        alive_layers([[0.5, 0.5], [0.5]])


def test_the_largest_penalty_that_costs_next_to_nothing_is_taken() -> None:
    scores = {0.0: [0.80, 0.82], 0.01: [0.84, 0.77], 0.1: [0.801, 0.801], 1.0: [0.1]}
    assert largest_penalty(scores, tolerance=0.01) == 0.1
    assert largest_penalty(scores, tolerance=0.006) == 0.01
    assert largest_penalty({0.1: [0.5]}, tolerance=0.0) == 0.1


def test_the_control_has_other_exits_and_as_many_layers() -> None:
    exits = {"entity": 1, "relation": 3}
    others = exits_of_equal_size(exits)
    assert len(others) == 6  # of the seven pairs whose deepest exit is the third
    assert exits not in others
    assert all(max(other.values()) == 3 for other in others)
    drawn = {tuple(random_exits(exits, seed=seed).items()) for seed in range(50)}
    assert len(drawn) > 3
    assert random_exits(exits, seed=7) == random_exits(exits, seed=7)
    assert random_exits({"entity": 0, "relation": 0}, seed=1) is None
