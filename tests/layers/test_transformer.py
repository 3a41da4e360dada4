from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn.functional import gelu

from dovetail.layers.transformer_layer import FARTHEST, TransformerLayer


def layer_of(input_dim: int = 5, **settings: bool) -> TransformerLayer:
    torch.manual_seed(0)
    layer = TransformerLayer(input_dim=input_dim, output_dim=6, num_heads=2, **settings)
    torch.nn.init.normal_(layer.distance.weight)
    return layer


def restated(layer: TransformerLayer, tokens: Tensor) -> Tensor:
    """One sentence of (tokens, dim), head by head and token by token."""
    states = layer.entry(tokens)
    normal = layer.before_attention(states)
    queries, keys, values = layer.queries_keys_values(normal).chunk(3, dim=1)
    mixed = torch.zeros_like(states)
    for head in range(2):
        part = slice(3 * head, 3 * head + 3)
        for place in range(len(tokens)):
            scores = []
            for other in range(len(tokens)):
                apart = max(-FARTHEST, min(FARTHEST, other - place))
                bias = layer.distance.weight[apart + FARTHEST, head]
                scores.append(queries[place, part] @ keys[other, part] / 3**0.5 + bias)
            mixed[place, part] = torch.stack(scores).softmax(0) @ values[:, part]
    states = states + layer.attended(mixed)
    return layer.normalise(states + layer.down(gelu(layer.up(layer.before_hidden(states)))))


@pytest.mark.parametrize("input_dim", [5, 6])
@pytest.mark.parametrize("normalise", [True, False])
@pytest.mark.parametrize("length", [1, 4, FARTHEST + 5])
def test_layer_equals_a_plain_restatement(input_dim: int, normalise: bool, length: int) -> None:
    layer = layer_of(input_dim, normalise=normalise)
    tokens = torch.randn(1, length, input_dim)
    mask = torch.ones(1, length, dtype=torch.bool)
    torch.testing.assert_close(layer(tokens, mask)[0], restated(layer, tokens[0]))


def test_padding_changes_nothing_and_a_sentence_of_padding_is_finite() -> None:
    layer = layer_of()
    tokens = torch.randn(2, 4, 5)
    mask = torch.tensor([[True, True, False, False], [False] * 4])
    found = layer(tokens, mask)
    torch.testing.assert_close(found[:1, :2], layer(tokens[:1, :2], mask[:1, :2]))
    assert found.isfinite().all()


def test_the_order_of_the_tokens_matters() -> None:
    layer = layer_of()
    tokens, mask = torch.randn(1, 4, 5), torch.ones(1, 4, dtype=torch.bool)
    assert not torch.allclose(layer(tokens, mask).flip(1), layer(tokens.flip(1), mask))


def test_heads_have_to_share_the_width() -> None:
    with pytest.raises(ValueError, match="4 heads cannot share a width of 6"):
        TransformerLayer(input_dim=5, output_dim=6, num_heads=4)
