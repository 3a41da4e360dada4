"""Operations that nobody trains: what each computes, and that padding and training change none."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from dovetail.layers.primitives import OPERATIONS, Noise, Primitives, Reservoir

DIM = 3
LENGTHS = (5, 2, 1)


@pytest.fixture
def mask() -> Tensor:
    return torch.arange(max(LENGTHS)) < torch.tensor(LENGTHS).unsqueeze(1)


@pytest.fixture
def tokens(mask: Tensor) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    # All below zero, so that zeros from outside would be the largest.
    return torch.randn(len(LENGTHS), max(LENGTHS), DIM, generator=generator) - 10


def by_hand(name: str, sentence: Tensor, place: int) -> Tensor:
    """What an operation gives at a place of one sentence (tokens, dim)."""
    shifts = {"identity": 0, "previous": 1, "next": -1, "previous_2": 2, "next_2": -2}
    if name in shifts:
        source = place - shifts[name]
        return sentence[source] if 0 <= source < len(sentence) else torch.zeros(DIM)
    if name == "sentence_mean":
        return sentence.mean(0)
    kind, width = name.split("_")
    reach = int(width) // 2
    around = sentence[max(place - reach, 0) : place + reach + 1]
    return around.mean(0) if kind == "mean" else around.amax(0)


@pytest.mark.parametrize("name", OPERATIONS)
def test_operation_is_what_its_name_says_within_the_sentence(
    name: str, tokens: Tensor, mask: Tensor
) -> None:
    found = Primitives([name], input_dim=DIM)(tokens, mask)
    assert not found[~mask].any()
    for row, length in enumerate(LENGTHS):
        for place in range(length):
            expected = by_hand(name, tokens[row, :length], place)
            torch.testing.assert_close(found[row, place], expected)


def test_outputs_stand_side_by_side(tokens: Tensor, mask: Tensor) -> None:
    names = ["next", "max_3"]
    together = Primitives(names, input_dim=DIM, drawn=[(Noise(0.1), DIM)]).eval()
    assert together.output_dim == 3 * DIM
    apart = [Primitives([name], input_dim=DIM)(tokens, mask) for name in (*names, "identity")]
    assert torch.equal(together(tokens, mask), torch.cat(apart, dim=2))


@pytest.mark.parametrize("radius", [0.3, 0.9])
def test_reservoir_has_the_spectral_radius_in_both_directions(radius: float) -> None:
    layer = Reservoir(DIM, 6, spectral_radius=radius)
    for direction in (layer.forwards, layer.backwards):
        eigenvalues = torch.linalg.eigvals(direction.weight_hh_l0)
        torch.testing.assert_close(eigenvalues.abs(), torch.full((6,), radius))


def test_reservoir_forgets_where_it_started() -> None:
    """Two sentences that differ in the first token are nearly the same a while later."""
    layer = Reservoir(DIM, 6, spectral_radius=0.5)
    first = torch.randn(1, 40, DIM)
    second = first.clone()
    second[:, 0] += 5
    mask = torch.ones(1, 40).bool()
    apart = (layer(first, mask) - layer(second, mask))[..., :6].abs().amax(2)[0]
    assert apart[0] > 0.1
    assert apart[-1] < 1e-5


def test_primitives_are_not_trained_unless_asked_for() -> None:
    for trained in (False, True):
        layer = Reservoir(DIM, 4, spectral_radius=0.9, trained=trained)
        primitives = Primitives([*OPERATIONS], input_dim=DIM, drawn=[(layer, 8)])
        flags = {parameter.requires_grad for parameter in primitives.parameters()}
        assert flags == {trained}
        assert primitives.output_dim == len(OPERATIONS) * DIM + 8


def test_noise_is_there_in_training_alone(tokens: Tensor, mask: Tensor) -> None:
    noise = Noise(0.5)
    assert not torch.equal(noise(tokens, mask), noise(tokens, mask))
    noise.eval()
    assert torch.equal(noise(tokens, mask), tokens)
