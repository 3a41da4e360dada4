"""Gaussian weights of the rows that tell types apart, drawn to those of the other types.

A type's classifier are its rows in the last linear maps of a head: one row of a relation type, or
those of the tags of an entity type.  Biases stay numbers, and so do rows that are no type's.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import linear

from dovetail.heads.relation.candidate_pairs import Pairs
from dovetail.heads.relation.pair_scorer import PairScorer
from dovetail.heads.trained_part import TrainedPart
from dovetail.strategies.variational.block import softened, unsoftened
from dovetail.strategies.variational.divergence import Gaussian, Price
from dovetail.strategies.variational.mixing import Mixing

FIRST_DEVIATION = 0.05
"""Of the weights at the start, about half of how far these are spread."""

SMALLEST_VARIANCE = 1e-12
"""Of a score, below which its square root has no gradient."""


class GaussianLinear(TrainedPart):
    """A linear map, the rows of whose types are Gaussian: its weights are their means.

    Training draws the scores and not the weights (the local reparametrisation of Kingma, Salimans
    & Welling, 2015), so each row of a batch has its own draw.

    Args:
        mean: the map.
        rows: for each type its rows.
        noise: factor of the standard deviations in what is drawn.
        keeps: whether the deviations are there afterwards.
        averages: whether the scores afterwards stand for the probability that is the average over
            the weights; where several maps are added up, that is not theirs to say.
    """

    rows: Tensor

    def __init__(
        self,
        mean: nn.Linear,
        rows: Tensor,
        *,
        noise: float = 1.0,
        keeps: bool = False,
        averages: bool = False,
    ) -> None:
        super().__init__()
        self.weight, self.bias = mean.weight, mean.bias
        self.noise, self.keeps, self.averages = noise, keeps, averages
        self.register_buffer("rows", rows, persistent=False)
        # Flat, because vectors are not decayed.
        number = rows.numel() * mean.in_features
        self.spread = nn.Parameter(torch.full((number,), unsoftened(FIRST_DEVIATION)))
        self.prior: TypesPrior | None = None

    def forward(
        self, features: Float[Tensor, "*axes input_dim"]
    ) -> Float[Tensor, "*axes output_dim"]:
        """Scores: drawn in training, and of the mean weights or averaged afterwards."""
        scores = linear(features, self.weight, self.bias)
        if self.training and self.noise:
            deviation = self.variance(features).clamp(min=SMALLEST_VARIANCE).sqrt()
            return scores + self.noise * deviation * torch.randn_like(scores)
        if self.averages and not self.training:
            return averaged(scores, self.variance(features))
        return scores

    def variance(
        self, features: Float[Tensor, "*axes input_dim"]
    ) -> Float[Tensor, "*axes output_dim"]:
        """Variance of each score, given what is read."""
        variances = softened(self.spread).square().reshape(-1, self.weight.shape[1])
        places = self.rows.flatten()
        return linear(
            features.square(), torch.zeros_like(self.weight).index_copy(0, places, variances)
        )

    def of_types(self) -> Gaussian:
        """The weights of each type, in a row."""
        types = len(self.rows)
        mean = self.weight[self.rows.flatten()].reshape(types, -1)
        return Gaussian(mean, softened(self.spread).reshape(types, -1))

    def penalties(self) -> Mapping[str, Tensor]:
        """The divergence of the types from their prior, which one of their maps knows."""
        return {} if self.prior is None else self.prior.penalties()

    def learned(self) -> Mapping[str, Any]:
        """The shares of the other types in each prior."""
        return {} if self.prior is None else self.prior.learned()

    def finalize(self) -> nn.Module:
        """The linear map of the means, or what averages."""
        mean = nn.Linear(1, 1)
        mean.out_features, mean.in_features = self.weight.shape
        mean.weight = nn.Parameter(self.weight.detach().clone())
        mean.bias = None if self.bias is None else nn.Parameter(self.bias.detach().clone())
        if not self.keeps:
            return mean
        final = GaussianLinear(mean, self.rows, noise=0.0, keeps=True, averages=self.averages)
        final.spread = nn.Parameter(self.spread.detach().clone())
        return final.train(self.training)


class AveragedPairScorer(nn.Module):
    """A pair scorer whose scores are averaged over the weights of several maps together."""

    def __init__(self, scorer: PairScorer) -> None:
        super().__init__()
        self.scorer = scorer

    def forward(
        self,
        entities: Float[Tensor, "batch entities input_dim"],
        pairs: Pairs,
        features: Float[Tensor, "pairs feature_dim"] | None = None,
    ) -> Float[Tensor, "pairs types"]:
        """The logits of each pair: in training those of the scorer, averaged afterwards."""
        logits: Tensor = self.scorer(entities, pairs, features)
        if self.training:
            return logits
        projected = self.scorer.projection(entities)
        parts = [
            pairs.of_heads(variance_of(self.scorer.as_head, projected)),
            pairs.of_tails(variance_of(self.scorer.as_tail, projected)),
        ]
        if features is not None:
            parts.append(variance_of(self.scorer.as_features, features))
        return averaged(logits, torch.stack(parts).sum(0))


def variance_of(part: nn.Module | None, features: Tensor) -> Tensor:
    """Variance of the scores of a Gaussian map."""
    if not isinstance(part, GaussianLinear):
        raise TypeError(f"expected a Gaussian map, found {type(part).__name__}")
    return part.variance(features)


def averaged(scores: Tensor, variances: Tensor) -> Tensor:
    """The logits whose sigmoid is about the mean of the sigmoid over a normal distribution.

    After MacKay (1992): the sigmoid is nearly a probit, of which the mean has a closed form.
    """
    return scores / (1 + math.pi / 8 * variances).sqrt()


class TypesOf(NamedTuple):
    """The types of a head with the maps that have their rows."""

    schema: str
    names: tuple[str, ...]
    maps: tuple[GaussianLinear, ...]

    def weights(self) -> Gaussian:
        """The weights of each type, over all maps in a row."""
        parts = [own.of_types() for own in self.maps]
        return Gaussian(
            torch.cat([own.mean for own in parts], dim=1),
            torch.cat([own.deviation for own in parts], dim=1),
        )

    @property
    def shape(self) -> tuple[tuple[int, int], ...]:
        """The shape of the weights of a type, which those of its family have too."""
        return tuple((own.rows.shape[1], own.weight.shape[1]) for own in self.maps)


class TypesPrior(nn.Module):
    """The prior of the types of a head: a mixture of all other types of the family.

    Args:
        name: of the family.
        place: of the head in the family.
        family: the types of all heads whose classifiers have the same shape.
        mixing: the shares, with the family's names; None for a standard normal.
        price: of being far from it.
    """

    places: Tensor

    def __init__(
        self,
        name: str,
        place: int,
        family: Sequence[TypesOf],
        *,
        mixing: Mixing | None,
        price: Price,
    ) -> None:
        super().__init__()
        self.name, self.place, self.price = name, place, price
        self.family = tuple(family)  # a tuple, so that the others' weights are not this module's
        self.mixing = mixing
        first, number = (
            sum(len(head.names) for head in heads) for heads in (self.family[:place], self.family)
        )
        own = range(first, first + len(self.family[place].names))
        components = range(number + (mixing is not None and mixing.standard))
        others = [[row for row in components if row != type_] for type_ in own]
        # Which row of the family is which component of the prior of each type.
        places = torch.tensor(others, dtype=torch.int64).t()
        self.register_buffer("places", places, persistent=False)

    def divergences(self) -> Float[Tensor, " types"]:
        """How far each type is from its prior, in nats."""
        own = self.family[self.place].weights()
        standard = Gaussian.standard(own.mean[:1])
        mixing = self.mixing
        if mixing is None:
            alone = Gaussian.stacked([Gaussian.standard(own.mean)])
            return self.price.to_mixture(own, alone, own.mean.new_ones(1))
        # All types below one another, and a standard normal, which is a component of some mixtures.
        rows = [*(head.weights().detached() for head in self.family), standard]
        means, deviations = (torch.cat([own[part] for own in rows]) for part in (0, 1))
        others = Gaussian(means[self.places], deviations[self.places])
        shares = torch.stack([mixing.drawn(member) for member in mixing.members], dim=1)
        return self.price.to_mixture(own, others, shares)

    def penalties(self) -> Mapping[str, Tensor]:
        """The mean over the types, weighted."""
        schema = self.family[self.place].schema
        name = f"kl_{schema}/{self.name}" if schema else f"kl_{self.name}"
        return {name: self.price.weight * self.divergences().mean()}

    def learned(self) -> Mapping[str, Any]:
        """The shares of the other types in each prior, as they were learned."""
        if self.mixing is None:
            return {}
        shares = {
            type_: {other: round(share, 4) for other, share in own.items()}
            for type_, own in self.mixing.shares().items()
        }
        return {self.name: shares}
