"""Learned factors of the losses: where they start, where they end, and what they leave alone."""

from __future__ import annotations

import math

import pytest
import torch
from tests.corpus import TRAIN
from tests.networks import batch_of, tiny_model

from dovetail.objectives import Balanced, Supervised

WEIGHTS = {"entity": 1.0, "relation": 5.0}


def test_at_the_start_it_is_the_fixed_sum() -> None:
    model = tiny_model().eval()
    batch = batch_of(TRAIN[:4], model)
    outputs = model.outputs(batch)
    terms = Balanced(WEIGHTS)(outputs, batch, 0)
    assert terms.pop("balance") == 0
    assert terms == Supervised(WEIGHTS)(outputs, batch, 0)


def test_the_optimum_scales_every_loss_to_one() -> None:
    model = tiny_model().eval()
    batch = batch_of(TRAIN[:4], model)
    with torch.no_grad():
        outputs = model.outputs(batch)
    balanced = Balanced(WEIGHTS)
    optimiser = torch.optim.Adam(balanced.parameters(), lr=0.05)
    for _ in range(600):
        optimiser.zero_grad()
        torch.stack(list(balanced(outputs, batch, 0).values())).sum().backward()
        optimiser.step()
    terms = balanced(outputs, batch, 0)
    for task, weight in WEIGHTS.items():
        assert terms[task].item() == pytest.approx(1, abs=1e-3)
        expected = math.log(weight * outputs.losses[task].item())
        assert balanced.scales[task].item() == pytest.approx(expected, abs=1e-3)


def test_a_task_of_weight_zero_has_no_factor() -> None:
    model = tiny_model().eval()
    batch = batch_of(TRAIN[:4], model)
    balanced = Balanced({"entity": 1.0, "relation": 0.0})
    assert [*balanced.scales] == ["entity"]
    assert balanced(model.outputs(batch), batch, 0)["relation"] == 0
