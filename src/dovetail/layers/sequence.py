"""Layers from token vectors to token vectors, and several of them one after the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol, runtime_checkable

from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.func import functional_call


@runtime_checkable
class SequenceLayer(Protocol):
    """A module from token vectors to token vectors of a known width."""

    output_dim: int

    def __call__(
        self,
        tokens: Float[Tensor, "batch tokens input_dim"],
        mask: Bool[Tensor, "batch tokens"],
    ) -> Float[Tensor, "batch tokens output_dim"]:
        """Token vectors in context; padding must not influence real tokens."""
        ...


LayerFactory = Callable[[int], nn.Module]
"""Makes a new `SequenceLayer` for a given input width."""


class LayerStack(nn.Module):
    """Some layers one after the other; with none of them, the identity."""

    def __init__(self, make_layer: LayerFactory, *, input_dim: int, num_layers: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList()
        self.output_dim = input_dim
        for _ in range(num_layers):
            layer = make_layer(self.output_dim)
            self.layers.append(layer)
            self.output_dim = layer.output_dim  # type: ignore[assignment]

    def forward(
        self,
        tokens: Float[Tensor, "batch tokens input_dim"],
        mask: Bool[Tensor, "batch tokens"],
    ) -> Float[Tensor, "batch tokens output_dim"]:
        """Run all layers."""
        for layer in self.layers:
            tokens = layer(tokens, mask)
        return tokens


def run_with(
    layer: nn.Module,
    weights: Mapping[str, Tensor],
    tokens: Float[Tensor, "batch tokens input_dim"],
    mask: Bool[Tensor, "batch tokens"],
) -> Float[Tensor, "batch tokens output_dim"]:
    """Run a sequence layer with other weights in place of its own, by their names in the layer.

    Gradients go to the weights given, and to those of its own that are not replaced.
    """
    output: Tensor = functional_call(layer, dict(weights), (tokens, mask))
    return output
