"""The divergences of features and classifiers from their priors as terms of the loss."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from dovetail.strategies.objective import Objective, Outputs
from dovetail.strategies.streams import Streams
from dovetail.strategies.variational.block import DEVIATION, MEAN, SHARES, noted
from dovetail.strategies.variational.divergence import Gaussian, Price
from dovetail.tensors.features import Batch


class Divergences(Objective):
    """What tasks of a batch pay for being far from their priors; it grows from 0 to its weight.

    Args:
        price: of the divergence of a token's features, in nats.
        anneal_steps: steps in which the weights grow, those of the heads' penalties too.
        standard: whether each mixture has a component N(0, I).
    """

    def __init__(self, price: Price, *, anneal_steps: int = 0, standard: bool = False) -> None:
        super().__init__()
        self.price = price
        self.anneal_steps, self.standard = anneal_steps, standard

    def grown(self, step: int) -> float:
        """The share of the weights that is in force at a step."""
        return min(1.0, (step + 1) / self.anneal_steps) if self.anneal_steps else 1.0

    def forward(self, outputs: Outputs, batch: Batch, step: int) -> dict[str, Tensor]:
        """A term for each task of the batch, and one for the types of each head."""
        grown = self.grown(step)
        terms = {name: grown * penalty for name, penalty in outputs.penalties.items()}
        for task in outputs.losses:
            if noted(MEAN, task) in outputs.streams.notes:
                divergence = self.of_task(outputs.streams, task)
                terms[f"kl_{task}"] = grown * self.price.weight * divergence
        return terms

    def of_task(self, streams: Streams, task: str) -> Float[Tensor, ""]:
        """Divergence of a task's features from their prior: the mean over the tokens, in nats."""
        own = noted_gaussian(streams, task)
        shares = streams.notes.get(noted(SHARES, task))
        others = [] if shares is None else self._others(streams, task)
        if shares is None or self.standard:
            others.append(Gaussian.standard(own.mean))
        if shares is None:
            shares = own.mean.new_ones(1)
        apart = self.price.to_mixture(own, Gaussian.stacked(others), shares)
        return (apart * streams.mask).sum() / streams.mask.sum().clamp(min=1)

    def _others(self, streams: Streams, task: str) -> list[Gaussian]:
        return [
            noted_gaussian(streams, other).detached() for other in streams.by_task if other != task
        ]


def noted_gaussian(streams: Streams, task: str) -> Gaussian:
    """The Gaussian of a task's features in the notes."""
    notes = streams.notes
    return Gaussian(notes[noted(MEAN, task)], notes[noted(DEVIATION, task)])
