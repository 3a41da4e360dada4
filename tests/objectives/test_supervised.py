from __future__ import annotations

import pytest
import torch
from tests.corpus import TRAIN
from tests.networks import batch_of, tiny_model

from dovetail.objectives import Supervised


def test_terms_are_the_heads_losses_times_their_weights() -> None:
    model = tiny_model().eval()
    batch = batch_of(TRAIN[:4], model)
    outputs = model.outputs(batch)
    terms = Supervised({"entity": 1.0, "relation": 5.0})(outputs, batch, 0)
    assert list(terms) == ["entity", "relation"]
    torch.testing.assert_close(terms["entity"], outputs.losses["entity"])
    torch.testing.assert_close(terms["relation"], 5.0 * outputs.losses["relation"])


def test_a_task_of_weight_zero_learns_nothing() -> None:
    model = tiny_model()
    batch = batch_of(TRAIN[:4], model)
    terms = Supervised({"entity": 1.0, "relation": 0.0})(model.outputs(batch), batch, 0)
    torch.stack(list(terms.values())).sum().backward()
    assert not any(p.grad is not None and p.grad.any() for p in model.relation_head.parameters())
    assert any(p.grad is not None and p.grad.any() for p in model.entity_head.parameters())


def test_a_task_without_a_weight_is_refused() -> None:
    model = tiny_model()
    batch = batch_of(TRAIN[:2], model)
    with pytest.raises(KeyError, match="relation"):
        Supervised({"entity": 1.0})(model.outputs(batch), batch, 0)
