from __future__ import annotations

import pytest
import torch

from dovetail.layers.dropout import Dropout


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_share_is_dropped_and_the_rest_scaled_so_that_the_mean_stays(share: float) -> None:
    torch.manual_seed(0)
    dropout = Dropout(share)
    found = dropout(torch.ones(1001, 200))
    kept = found[found != 0]
    assert (found == 0).float().mean().item() == pytest.approx(share, abs=0.01)
    torch.testing.assert_close(kept, torch.full_like(kept, 1 / (1 - share)), rtol=1e-4, atol=0)


def test_each_value_has_a_chance_of_its_own() -> None:
    torch.manual_seed(0)
    dropped = Dropout(0.5)(torch.ones(4000, 8)) == 0
    correlations = torch.corrcoef(dropped.T.float()) - torch.eye(8)
    assert correlations.abs().max() < 0.08


@pytest.mark.parametrize("size", [0, 1, 2, 3, 4, 5])
def test_any_number_of_values_is_possible(size: int) -> None:
    assert Dropout(0.5)(torch.ones(size)).shape == (size,)


def test_nothing_or_everything_can_be_dropped() -> None:
    values = torch.randn(9)
    assert torch.equal(Dropout(0.0)(values), values)
    assert not Dropout(1.0)(values).any()
    assert torch.equal(Dropout(0.7).eval()(values), values)


def test_what_is_dropped_gets_no_gradient_and_the_rest_the_scaled_one() -> None:
    torch.manual_seed(0)
    values = torch.ones(50, requires_grad=True)
    found = Dropout(0.5)(values)
    found.sum().backward()
    assert values.grad is not None
    assert torch.equal(values.grad, found.detach())


def test_the_seed_decides_what_is_dropped() -> None:
    first, second = (torch.manual_seed(3) and Dropout(0.5)(torch.ones(99)) for _ in range(2))
    assert torch.equal(first, second)
    assert not torch.equal(first, Dropout(0.5)(torch.ones(99)))
