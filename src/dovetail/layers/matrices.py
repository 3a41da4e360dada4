"""The matrices of a sequence layer: what each multiplies, and how its numbers are arranged."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn.functional import pad

from dovetail.layers.recurrent import GATES, BidirectionalLayer


@dataclass(frozen=True)
class Matrix:
    """Weights that are summed up in the same units: one matrix, or those of input and state.

    Args:
        weights: names of the weights in the layer, each (outputs, inputs).
        biases: names of their biases; none where they have none.
        blocks: gates, each with units of its own, which the outputs are cut into.
        of_inputs: whether the narrow side, which can be modulated at the smallest price, is that
            of the inputs.
    """

    weights: tuple[str, ...]
    biases: tuple[str, ...]
    blocks: int = 1
    of_inputs: bool = False

    def rows(self, weight: Tensor) -> Float[Tensor, "blocks units others"]:
        """A weight with a row for each unit of the narrow side, block by block."""
        rows = weight.t() if self.of_inputs else weight
        return rows.reshape(self.blocks, -1, rows.shape[1])

    def weight(self, rows: Float[Tensor, "blocks units others"]) -> Tensor:
        """The weight that has these rows."""
        flat = rows.flatten(0, 1)
        return flat.t() if self.of_inputs else flat

    def responses(
        self, layer: nn.Module, inputs: Mapping[str, Tensor]
    ) -> Float[Tensor, "blocks tokens units"]:
        """The responses on the narrow side, without the bias, to what the weights multiply."""
        if self.of_inputs:
            return inputs[self.weights[0]].unsqueeze(0)
        parts = [inputs[name] @ layer.get_parameter(name).t() for name in self.weights]
        passed = torch.stack(parts).sum(0)
        return passed.reshape(len(passed), self.blocks, -1).transpose(0, 1)


def matrices_of(layer: nn.Module) -> Iterator[Matrix]:
    """The matrices of a recurrent or a transformer layer."""
    for path, module in layer.named_modules():
        if isinstance(module, nn.GRU | nn.LSTM):
            yield Matrix(
                (f"{path}.weight_ih_l0", f"{path}.weight_hh_l0"),
                (f"{path}.bias_ih_l0", f"{path}.bias_hh_l0"),
                blocks=GATES[type(module)],
            )
        elif isinstance(module, nn.Linear):
            biases = () if module.bias is None else (f"{path}.bias",)
            of_inputs = module.out_features > module.in_features
            yield Matrix((f"{path}.weight",), biases, of_inputs=of_inputs)


@torch.no_grad()
def inputs_of_matrices(
    layer: nn.Module,
    tokens: Float[Tensor, "batch tokens input_dim"],
    mask: Bool[Tensor, "batch tokens"],
) -> tuple[Tensor, dict[str, Float[Tensor, "real width"]]]:
    """The layer's output, and by the name of each weight what it multiplies at each real token."""
    found: dict[str, Tensor] = {}

    def keep(name: str) -> Callable[[nn.Module, tuple[Tensor, ...]], None]:
        def hook(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            found[name] = inputs[0]

        return hook

    with ExitStack() as hooks:
        for path, module in layer.named_modules():
            if isinstance(module, nn.Linear):
                hooks.enter_context(module.register_forward_pre_hook(keep(f"{path}.weight")))
        if isinstance(layer, BidirectionalLayer):
            hooks.enter_context(layer.normalise.register_forward_pre_hook(keep("states")))
        output = layer(tokens, mask)
    if isinstance(layer, BidirectionalLayer):
        states = found.pop("states").masked_fill(~mask.unsqueeze(2), 0.0)
        ahead, behind = states.chunk(2, dim=2)
        found["forwards.weight_ih_l0"] = found["backwards.weight_ih_l0"] = tokens
        # The state before a token is that of its neighbour, and zero at the end of the sentence.
        found["forwards.weight_hh_l0"] = pad(ahead, (0, 0, 1, 0))[:, :-1]
        found["backwards.weight_hh_l0"] = pad(behind, (0, 0, 0, 1))[:, 1:]
    return output, {name: values[mask] for name, values in found.items()}
