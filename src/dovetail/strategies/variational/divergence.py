"""How far a Gaussian is from a mixture of others: three answers to what has no closed form.

With q of a task, p_k of the others and shares a_k that sum to 1:

    bound     sum_k a_k KL(q, p_k), which is never below KL(q, sum_k a_k p_k)
    sum       KL(q, N(sum_k a_k m_k, sum_k a_k^2 s_k^2)): the Gaussian of the weighted sum of draws,
              which is no mixture
    sampled   mean over z drawn from q of log q(z) - log sum_k a_k p_k(z)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

SMALLEST = 1e-3
"""Of a standard deviation, below which another Gaussian would be infinitely far."""

Form = Literal["bound", "sum", "sampled"]


class Gaussian(NamedTuple):
    """Independent normal distributions: their means and standard deviations."""

    mean: Float[Tensor, "*axes dim"]
    deviation: Float[Tensor, "*axes dim"]

    def detached(self) -> Gaussian:
        """The same, through which no gradient flows."""
        return Gaussian(self.mean.detach(), self.deviation.detach())

    @classmethod
    def standard(cls, like: Tensor) -> Gaussian:
        """N(0, I) of the shape of a tensor."""
        return cls(torch.zeros_like(like), torch.ones_like(like))

    @classmethod
    def stacked(cls, gaussians: Sequence[Gaussian]) -> Gaussian:
        """Several of the same shape, along a new first axis."""
        return cls(
            torch.stack([own.mean for own in gaussians]),
            torch.stack([own.deviation for own in gaussians]),
        )


def divergence(own: Gaussian, other: Gaussian) -> Float[Tensor, "*axes"]:
    """KL(own, other) in nats, summed over the last axis."""
    ratio = own.deviation / other.deviation
    distance = (own.mean - other.mean) / other.deviation
    return ((ratio.square() + distance.square() - 1) / 2 - ratio.log()).sum(-1)


def log_density(gaussian: Gaussian, values: Tensor) -> Tensor:
    """Logarithm of the density at some values, summed over the last axis."""
    scaled = (values - gaussian.mean) / gaussian.deviation
    logs = scaled.square() / 2 + gaussian.deviation.log() + math.log(2 * math.pi) / 2
    return -logs.sum(-1)


def to_mixture(
    form: Form, own: Gaussian, others: Gaussian, shares: Tensor, samples: int = 1
) -> Tensor:
    """How far Gaussians are from mixtures of others, which are stacked along a first axis.

    So are the shares; their other axes, if there are any, are the first ones of `own`.
    """
    if form == "bound":
        apart = divergence(own, others)
        return (_like(apart, shares) * apart).sum(0)
    if form == "sum":
        weights = _like(others.mean, shares)
        variance = (weights * others.deviation).square().sum(0)
        return divergence(own, Gaussian((weights * others.mean).sum(0), variance.sqrt()))
    drawn = [_sampled(own, others, shares) for _ in range(samples)]
    return torch.stack(drawn).mean(0)


def _sampled(own: Gaussian, others: Gaussian, shares: Tensor) -> Tensor:
    values = own.mean + own.deviation * torch.randn_like(own.mean)
    logs = shares.clamp(min=torch.finfo(shares.dtype).tiny).log()
    densities = log_density(others, values)
    return log_density(own, values) - (_like(densities, logs) + densities).logsumexp(0)


def _like(values: Tensor, shares: Tensor) -> Tensor:
    """Shares with as many axes as some values."""
    return shares.reshape(*shares.shape, *[1] * (values.dim() - shares.dim()))


class Price(NamedTuple):
    """What being far from a prior costs: the weight, how it is taken, and from how many samples."""

    weight: float = 1.0
    form: Form = "bound"
    samples: int = 1

    def to_mixture(self, own: Gaussian, others: Gaussian, shares: Tensor) -> Tensor:
        """The divergence from a mixture, which is not weighted yet."""
        return to_mixture(self.form, own, others, shares, self.samples)
