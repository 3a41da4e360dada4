from __future__ import annotations

import pytest
import torch
from torch import nn

from dovetail.errors import ModelError
from dovetail.tensors.state import copy_exactly


def test_copied_state_is_the_networks_own_afterwards() -> None:
    first, second = nn.Linear(2, 3), nn.Linear(2, 3)
    copy_exactly(second.state_dict(), first.state_dict(), owner="the layer")
    tokens = torch.randn(4, 2)
    assert torch.equal(first(tokens), second(tokens))
    with torch.no_grad():
        first.weight.zero_()
    assert second.weight.any()  # copied, not shared


@pytest.mark.parametrize(
    ("saved", "message"),
    [
        ({"weight": torch.ones(3, 2)}, r"the layer; missing: bias; unexpected: nothing"),
        (
            {"weight": torch.ones(3, 2), "bias": torch.ones(3), "scale": torch.ones(1)},
            r"missing: nothing; unexpected: scale",
        ),
        (
            {"weight": torch.ones(3, 2), "bias": torch.ones(4)},
            r"expected bias of shape \(3,\), found \(4,\)",
        ),
    ],
)
def test_state_that_does_not_fit_is_refused_and_nothing_written(
    saved: dict[str, torch.Tensor], message: str
) -> None:
    layer = nn.Linear(2, 3)
    before = {name: tensor.clone() for name, tensor in layer.state_dict().items()}
    with pytest.raises(ModelError, match=message):
        copy_exactly(layer.state_dict(), saved, owner="the layer")
    for name, tensor in layer.state_dict().items():
        assert torch.equal(tensor, before[name])
