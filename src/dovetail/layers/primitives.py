"""Operations on the tokens of a sentence that nobody trains (after ETR-NLP, 2023).

They know nothing of any task: copies of the neighbours, means and maxima, and a random network that
carries something of all that came before.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from dovetail.layers.rnn import bidirectional_rnn

Operation = Callable[[Tensor, Tensor], Tensor]
"""From token vectors, zero in padding, and the mask to as many vectors of the same width."""


def shifted(tokens: Tensor, mask: Tensor, *, by: int) -> Tensor:
    """At each place the token so many places before it; zeros where there is none.

    >>> shifted(torch.tensor([[[1.0], [2.0]]]), torch.ones(1, 2), by=1).flatten().tolist()
    [0.0, 1.0]
    """
    moved = torch.zeros_like(tokens)
    length = max(tokens.shape[1] - abs(by), 0)
    if by > 0:
        moved[:, by:] = tokens[:, :length]
    else:
        moved[:, :length] = tokens[:, -by:]
    return moved


def _window(tokens: Tensor, width: int) -> Tensor:
    """The tokens around each place, (width, batch, tokens, dim)."""
    reach = width // 2
    around = [shifted(tokens, tokens, by=by) for by in range(-reach, reach + 1)]
    return torch.stack(around)


def window_mean(tokens: Tensor, mask: Tensor, *, width: int) -> Tensor:
    """The mean of the tokens around each place, as far as the sentence goes."""
    there = _window(mask.unsqueeze(2).to(tokens.dtype), width).sum(0)
    return _window(tokens, width).sum(0) / there.clamp(min=1)


def window_maximum(tokens: Tensor, mask: Tensor, *, width: int) -> Tensor:
    """The largest of each number in the tokens around each place, as far as the sentence goes."""
    outside = ~_window(mask.unsqueeze(2), width)
    lowest = torch.finfo(tokens.dtype).min
    return _window(tokens, width).masked_fill(outside, lowest).amax(0)


def sentence_mean(tokens: Tensor, mask: Tensor) -> Tensor:
    """At each place the mean of all tokens of the sentence."""
    lengths = mask.sum(1).clamp(min=1)[:, None, None]
    return (tokens.sum(1, keepdim=True) / lengths).expand_as(tokens)


def identity(tokens: Tensor, mask: Tensor) -> Tensor:
    """The tokens themselves."""
    return tokens


OPERATIONS: dict[str, Operation] = {
    "identity": identity,
    "previous": partial(shifted, by=1),
    "next": partial(shifted, by=-1),
    "previous_2": partial(shifted, by=2),
    "next_2": partial(shifted, by=-2),
    "mean_3": partial(window_mean, width=3),
    "mean_5": partial(window_mean, width=5),
    "max_3": partial(window_maximum, width=3),
    "max_5": partial(window_maximum, width=5),
    "sentence_mean": sentence_mean,
}
"""The operations that are not drawn at random."""


class Noise(nn.Module):
    """The tokens, in training with normal noise on each number."""

    def __init__(self, deviation: float) -> None:
        super().__init__()
        self.deviation = deviation

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """The tokens, with or without noise."""
        return tokens + self.deviation * torch.randn_like(tokens) if self.training else tokens


class Reservoir(nn.Module):
    """A random recurrent layer that reads in both directions and is not trained (Jaeger 2001).

    h = tanh(W x + U h), where U is orthogonal, times a spectral radius below 1: what was read is
    forgotten by about this factor at each token.

    Args:
        input_dim: width of a token vector coming in.
        hidden_dim: units in each direction; the output is twice as wide.
        spectral_radius: absolute value of all eigenvalues of U.
        trained: whether it is trained after all.
    """

    def __init__(
        self, input_dim: int, hidden_dim: int, *, spectral_radius: float, trained: bool = False
    ) -> None:
        super().__init__()
        self.forwards = nn.RNN(input_dim, hidden_dim, batch_first=True)
        self.backwards = nn.RNN(input_dim, hidden_dim, batch_first=True)
        self.output_dim = 2 * hidden_dim
        for name, parameter in self.named_parameters():
            if "weight_hh" in name:
                nn.init.orthogonal_(parameter, gain=spectral_radius)
            elif "weight_ih" in name:
                nn.init.xavier_uniform_(parameter)
            else:
                nn.init.zeros_(parameter)
        self.requires_grad_(trained)

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """The states of both directions; padded positions hold values that mean nothing."""
        return bidirectional_rnn(tokens, mask, self.forwards, self.backwards)


class Primitives(nn.Module):
    """Several operations side by side: their outputs are concatenated.

    Args:
        names: keys of `OPERATIONS`.
        input_dim: width of the token vectors.
        drawn: further operations with their output widths, such as a `Reservoir` or `Noise`.
    """

    def __init__(
        self, names: Sequence[str], *, input_dim: int, drawn: Sequence[tuple[nn.Module, int]] = ()
    ) -> None:
        super().__init__()
        self.operations = [OPERATIONS[name] for name in names]
        self.drawn = nn.ModuleList(layer for layer, _ in drawn)
        self.output_dim = input_dim * len(names) + sum(width for _, width in drawn)

    def forward(
        self,
        tokens: Float[Tensor, "batch tokens input_dim"],
        mask: Bool[Tensor, "batch tokens"],
    ) -> Float[Tensor, "batch tokens output_dim"]:
        """The outputs of all operations; zeros in padding."""
        padding = ~mask.unsqueeze(2)
        tokens = tokens.masked_fill(padding, 0)
        found = [operation(tokens, mask) for operation in (*self.operations, *self.drawn)]
        return torch.cat(found, dim=2).masked_fill(padding, 0)
