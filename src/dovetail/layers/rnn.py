"""Both directions of a plain recurrent layer at once: h' = tanh(x + U h) (Elman, 1990).

As in `gru.py` a step is one product for both directions, and what does not depend on the step
before is computed for all steps together.
"""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from dovetail.layers.directions import joined, of_both, projected_steps, reversed_padding


def bidirectional_rnn(
    tokens: Float[Tensor, "batch tokens input_dim"],
    mask: Bool[Tensor, "batch tokens"],
    forwards: nn.RNN,
    backwards: nn.RNN,
) -> Float[Tensor, "batch tokens output_dim"]:
    """The outputs of two one-layer networks, of which the second reads each sentence from its end.

    Sentences are padded on the right; padded positions hold values that mean nothing.

    Raises:
        RuntimeError: if its gradient is differentiated once more, which is not implemented.
    """
    cells = (forwards, backwards)
    steps = projected_steps(tokens, *cells)
    steps = steps + torch.stack(of_both("bias_hh_l0", *cells)).to(steps.dtype).unsqueeze(1)
    # Reversed, a sentence starts with its padding: there the state stays as it is, zero.
    steps[:, 1].masked_fill_(reversed_padding(mask), 0)
    weight = torch.stack(of_both("weight_hh_l0", *cells)).to(steps.dtype)
    states: Tensor = _Recurrence.apply(  # type: ignore[no-untyped-call]
        steps, weight.transpose(1, 2)
    )
    return joined(states)


class _Recurrence(torch.autograd.Function):
    """From projections to states, both (steps, 2, batch, hidden); the weight is U transposed."""

    @staticmethod
    def forward(ctx: Any, steps: Tensor, weight: Tensor) -> Tensor:
        states = torch.cat([torch.zeros_like(steps[:1]), steps])
        for before, after in zip(states[:-1].unbind(0), states[1:].unbind(0), strict=True):
            after.baddbmm_(before, weight).tanh_()
        ctx.save_for_backward(weight, states)
        return states[1:]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor, Tensor | None]:
        weight, states = ctx.saved_tensors
        gradients = torch.addcmul(upstream, upstream * states[1:], states[1:], value=-1)
        slopes = 1 - states[1:] * states[1:]
        weight = weight.transpose(1, 2)
        for step in range(len(gradients) - 2, -1, -1):
            gradients[step].addcmul_(gradients[step + 1] @ weight, slopes[step])
        of_weight = None
        if ctx.needs_input_grad[1]:
            before = states[:-1].permute(1, 3, 0, 2).flatten(2)
            of_weight = before @ gradients.transpose(0, 1).flatten(1, 2)
        return gradients, of_weight
