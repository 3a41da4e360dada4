"""Both directions of a gated recurrent layer at once, for processors.

torch's own recurrence on the CPU runs each direction for itself, casts the weights at every step
under autocast, and adds up the gradients of the weights step by step.  Here a step is one product
for both directions and four pointwise operations, and what does not depend on the step before (the
projections of the input, the derivatives of the gates, the gradients of the weights) is computed
for all steps together.  With torch's names (Cho et al. 2014),

    r, z = sigmoid(x_r + U_r h), sigmoid(x_z + U_z h)
    n = tanh(x_n + r * (U_n h + b_n))
    h' = n + z * (h - n)

where x are the input's projections with their biases.  In bfloat16 training takes between three
quarters and half of the time of `torch.nn.GRU`; in float32 the products decide, and it takes as
long.
"""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from dovetail.layers.directions import joined, of_both, projected_steps, reversed_padding

# As the input of a sigmoid it gives exactly 1 in every floating point type.
_KEEPS_STATE = 1e4


def bidirectional_gru(
    tokens: Float[Tensor, "batch tokens input_dim"],
    mask: Bool[Tensor, "batch tokens"],
    forwards: nn.GRU,
    backwards: nn.GRU,
) -> Float[Tensor, "batch tokens output_dim"]:
    """The outputs of two one-layer GRUs, of which the second reads each sentence from its end.

    Sentences are padded on the right; padded positions hold values that mean nothing.

    Raises:
        RuntimeError: if its gradient is differentiated once more, which is not implemented.
    """
    hidden_dim, cells = forwards.hidden_size, (forwards, backwards)
    steps = projected_steps(tokens, *cells)
    # Reversed, a sentence starts with its padding: there the state stays as it is, zero.
    steps[:, 1, :, hidden_dim : 2 * hidden_dim].masked_fill_(reversed_padding(mask), _KEEPS_STATE)
    weight = torch.stack(of_both("weight_hh_l0", *cells)).to(steps.dtype)
    bias = torch.stack(of_both("bias_hh_l0", *cells)).to(steps.dtype)
    states: Tensor = _Recurrence.apply(  # type: ignore[no-untyped-call]
        steps, weight.transpose(1, 2), bias.unsqueeze(1)
    )
    return joined(states)


class _Recurrence(torch.autograd.Function):
    """From projections (steps, 2, batch, 3 * hidden) to states (steps, 2, batch, hidden).

    The weight is (2, hidden, 3 * hidden), the bias (2, 1, 3 * hidden), the gates in torch's order
    r, z, n.
    """

    @staticmethod
    def forward(ctx: Any, steps: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        hidden_dim = weight.shape[1]
        parts = [2 * hidden_dim, hidden_dim]
        input_rz, input_n = torch.split(steps, parts, dim=3)
        bias_rz, bias_n = torch.split(bias, parts, dim=2)
        # In the first two thirds r and z; in the last U_n h + b_n, which r has to multiply.
        gates = torch.cat([input_rz + bias_rz, bias_n.expand_as(input_n)], dim=3)
        states = steps.new_zeros(len(steps) + 1, *input_n.shape[1:])
        news = torch.empty_like(states[1:])
        rz, recurrent_n = torch.split(gates, parts, dim=3)
        reset, update = rz.chunk(2, dim=3)
        # Taking all views apart beforehand spares the loop half of its overhead.
        views = (gates, rz, reset, update, recurrent_n, input_n, news, states[:-1], states[1:])
        for gate, r_z, r, z, m, x, n, before, after in zip(
            *(view.unbind(0) for view in views), strict=True
        ):
            gate.baddbmm_(before, weight)
            r_z.sigmoid_()
            torch.addcmul(x, r, m, out=n).tanh_()
            torch.lerp(n, before, z, out=after)
        ctx.save_for_backward(weight, states, gates, news)
        return states[1:]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        weight, states, gates, news = ctx.saved_tensors
        hidden_dim = weight.shape[1]
        slopes = _slopes(states[:-1], gates, news)
        # The order m, r, z, n keeps the inputs of the recurrence (m, r, z) side by side and the
        # projections (r, z, n) too.
        recurrent, projected = slopes[..., : 3 * hidden_dim], slopes[..., hidden_dim:]
        weight = weight.roll(hidden_dim, dims=2).transpose(1, 2)
        by_part = slopes.view(*news.shape[:-1], 4, hidden_dim)
        update = gates[..., hidden_dim : 2 * hidden_dim]
        gradient = torch.zeros_like(states[0])  # of the state after a step
        for step in range(len(news) - 1, -1, -1):
            gradient += upstream[step]
            by_part[step].mul_(gradient.unsqueeze(2))
            gradient = gradient.mul_(update[step]).baddbmm_(recurrent[step], weight)
        all_steps = recurrent.transpose(0, 1).flatten(1, 2)
        of_weight = states[:-1].permute(1, 3, 0, 2).flatten(2) @ all_steps
        of_bias = all_steps.sum(1, keepdim=True)
        return projected, of_weight.roll(-hidden_dim, dims=2), of_bias.roll(-hidden_dim, dims=2)


def _slopes(before: Tensor, gates: Tensor, news: Tensor) -> Tensor:
    """The derivatives of a step's state by U_n h + b_n and by the inputs of r, z and n, in a row.

    All are (steps, 2, batch, ·).
    """
    reset, update, recurrent_n = gates.chunk(3, dim=3)
    slopes = news.new_empty(*news.shape[:-1], 4 * news.shape[-1])
    of_m, of_r, of_z, of_n = slopes.chunk(4, dim=3)
    torch.mul(1 - update, 1 - news * news, out=of_n)
    torch.mul(of_n, reset, out=of_m)
    torch.mul(of_m * recurrent_n, 1 - reset, out=of_r)
    torch.mul((before - news) * update, 1 - update, out=of_z)
    return slopes
