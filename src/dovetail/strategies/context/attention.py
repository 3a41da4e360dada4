"""The sorts of context that one task reads of another: attention to tokens, and to classes.

All of them take the stream of the task that reads (queries) and of the one that is read (keys and
values), and give vectors of one width, normalised without a scale of their own, so that a search
compares them at the same size.  What stands in padding has no say, and where all is padding there
is nothing: zeros.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn.functional import pad, softplus

SMALLEST = 1e-6
"""Keeps a division by the sum of no weights from being one by zero."""


class Read(NamedTuple):
    """What a context is computed from.

    `labels` are the logarithms of the probabilities that a token is of each class; only contexts of
    classes read them.
    """

    target: Float[Tensor, "batch tokens target_dim"]
    source: Float[Tensor, "batch tokens source_dim"]
    mask: Bool[Tensor, "batch tokens"]
    labels: Float[Tensor, "batch tokens classes"] | None = None


class Attention(nn.Module):
    """Queries of one stream, keys and values of another, and what a subclass makes of them.

    Neither queries nor keys have a bias: it would be the same for all that is attended to.
    """

    def __init__(self, target_dim: int, source_dim: int, dim: int) -> None:
        super().__init__()
        self.query = nn.Linear(target_dim, dim, bias=False)
        self.key = nn.Linear(source_dim, dim, bias=False)
        self.value = nn.Linear(source_dim, dim)
        self.normalise = nn.LayerNorm(dim, elementwise_affine=False)

    def forward(self, read: Read) -> Float[Tensor, "batch tokens dim"]:
        """The context of each token of the target."""
        context: Tensor = self.normalise(self.attended(read))
        return context

    @abstractmethod
    def attended(self, read: Read) -> Float[Tensor, "batch tokens dim"]:
        """The same before it is normalised."""


class GlobalAttention(Attention):
    """Of all tokens, by linear attention (Katharopoulos et al. 2020).

    Its cost grows with their number, not with its square.

        out_i = sum_j (f(q_i) . f(k_j)) v_j / sum_j f(q_i) . f(k_j),    f = softplus
    """

    def attended(self, read: Read) -> Float[Tensor, "batch tokens dim"]:
        """The mean of the values, weighted by the product of the features."""
        queries, keys = softplus(self.query(read.target)), softplus(self.key(read.source))
        keys = keys * read.mask.unsqueeze(2)
        values = self.value(read.source)
        sums = keys.transpose(1, 2) @ values.to(keys.dtype)
        weights = queries @ keys.sum(1).unsqueeze(2)
        return (queries @ sums) / weights.clamp(min=SMALLEST)


class LocalAttention(Attention):
    """Of the tokens around, by softmax attention in a window.

    Args:
        target_dim, source_dim, dim: widths of the two streams and of the context.
        window: how many tokens, the one in the middle included; odd.
    """

    def __init__(self, target_dim: int, source_dim: int, dim: int, *, window: int) -> None:
        super().__init__(target_dim, source_dim, dim)
        self.window = window

    def attended(self, read: Read) -> Float[Tensor, "batch tokens dim"]:
        """The mean of the values in the window, weighted by the softmax of the scores."""
        keys, values = self._around(self.key(read.source)), self._around(self.value(read.source))
        queries = self.query(read.target) / math.sqrt(keys.shape[-1])
        scores = (queries.unsqueeze(2) * keys).sum(3)
        inside = self._around(read.mask.unsqueeze(2)).squeeze(3)
        return (masked_softmax(scores, inside, dim=2).unsqueeze(3) * values).sum(2)

    def _around(
        self, tokens: Float[Tensor, "batch tokens dim"] | Bool[Tensor, "batch tokens dim"]
    ) -> Float[Tensor, "batch tokens window dim"] | Bool[Tensor, "batch tokens window dim"]:
        """What stands around each token; beyond the ends of the sentence there is padding."""
        half = self.window // 2
        return pad(tokens, (0, 0, half, half)).unfold(1, self.window, 1).transpose(2, 3)


class ClassAttention(Attention):
    """Of the classes of labels: each is the mean of its tokens, and tokens attend to classes.

    `Read.labels` are those of the one task or of the other.
    """

    def attended(self, read: Read) -> Float[Tensor, "batch tokens dim"]:
        """The mean of the classes' values, weighted by the softmax of the scores.

        Raises:
            ValueError: if there are no labels.
        """
        if read.labels is None:
            raise ValueError("expected the labels of an auxiliary head, found none")
        means = class_means(read.source, read.labels, read.mask)
        queries, keys = self.query(read.target), self.key(means)
        scores = queries @ keys.transpose(1, 2) / math.sqrt(keys.shape[-1])
        context: Tensor = scores.softmax(2) @ self.value(means).to(scores.dtype)
        return context * read.mask.any(1)[:, None, None]


def class_means(
    tokens: Float[Tensor, "batch tokens dim"],
    labels: Float[Tensor, "batch tokens classes"],
    mask: Bool[Tensor, "batch tokens"],
) -> Float[Tensor, "batch classes dim"]:
    """The mean of the tokens of each class, weighted by their probabilities.

    A softmax of their logarithms over the tokens, which is the same, and safe for a class that is
    improbable everywhere.
    """
    shares = masked_softmax(labels, mask.unsqueeze(2), dim=1)
    return shares.transpose(1, 2).to(tokens.dtype) @ tokens.masked_fill(~mask.unsqueeze(2), 0.0)


def masked_softmax(
    scores: Float[Tensor, "..."],  # noqa: UP037
    mask: Bool[Tensor, "..."],  # noqa: UP037
    *,
    dim: int,
) -> Float[Tensor, "..."]:  # noqa: UP037
    """The softmax over what the mask lets in; zeros where that is nothing."""
    lowest = torch.finfo(scores.dtype).min
    return scores.masked_fill(~mask, lowest).softmax(dim) * mask
