"""Layers become a task's own where that pays (after TAPS, Wallingford et al. 2022).

The layers of a trained model are frozen.  A task t that is added runs layer l with

    W_l + g(s_l) * delta_l,    g(s) = 1 if s >= threshold, else 0

where delta_l has the size of the layer and starts at zero, and s_l is one number.  The gradient
passes straight through the step, so that a layer which is off can be switched on again.  What is
paid for own layers is penalty / L * sum |s_l|.  Layers that are on at the end are stored as the
task's own, those that are off are the base's.

Ours: scores of matrices beside those of layers, AdamW in place of SGD, and layers of sentences.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from dovetail.errors import ModelError
from dovetail.strategies.added.block import (
    IncrementalLayers,
    NamedWeights,
    Override,
    Replaced,
    names_of_norms,
)

PENALTY = "deltas"
"""The name of the penalty among the loss terms."""


@dataclass(frozen=True)
class Scores:
    """How differences are switched on, and what that costs; the defaults are the paper's.

    `threshold` is the score from which a unit is on, `initial` what it starts at, and `penalty` the
    weight of the scores' mean size in the loss.  A unit is a layer or, with `of_matrices`, a matrix
    with its bias.
    """

    threshold: float = 0.1
    initial: float = 0.15
    penalty: float = 0.3
    of_matrices: bool = False


class Deltas(Override):
    """The differences of one layer for one task, and the scores that switch them on.

    Normalisations are the task's own in any case.

    Args:
        layer: as it was trained.
        scores: how the differences are switched on.
        chosen: a control: the units that are on. There are no others then, and no scores.
    """

    def __init__(
        self, layer: nn.Module, scores: Scores, *, chosen: Collection[str] | None = None
    ) -> None:
        super().__init__()
        weights = dict(layer.named_parameters())
        self.norms = NamedWeights({name: weights[name] for name in names_of_norms(layer)})
        self.unit_by_name = {
            name: unit
            for name, unit in units_of(layer, matrices=scores.of_matrices).items()
            if chosen is None or unit in chosen
        }
        self.units = list(dict.fromkeys(self.unit_by_name.values()))
        self.deltas = NamedWeights(
            {name: torch.zeros_like(weights[name]) for name in self.unit_by_name}
        )
        self.threshold = scores.threshold
        initial = torch.full((len(self.units),), scores.initial)
        self.scores = nn.Parameter(initial) if chosen is None else None

    def weight_names(self) -> Iterator[str]:
        """All but the scores."""
        return (name for name in super().weight_names() if name != "scores")

    @property
    def active(self) -> list[str]:
        """The units that are on."""
        if self.scores is None:
            return self.units
        on = (self.scores >= self.threshold).tolist()
        return [unit for unit, is_on in zip(self.units, on, strict=True) if is_on]

    def weights(self, layer: nn.Module) -> dict[str, Tensor]:
        """The layer's weights with the differences of the units that are on."""
        changed = {
            name: layer.get_parameter(name) + self._gate(self.unit_by_name[name]) * delta
            for name, delta in self.deltas.by_name().items()
        }
        return changed | self.norms.by_name()

    def _gate(self, unit: str) -> Tensor | float:
        """Exactly 0 or 1, with the derivative 1 by the score."""
        if self.scores is None:
            return 1.0
        score = self.scores[self.units.index(unit)]
        return (score >= self.threshold) + (score - score.detach())

    def finalize(self, layer: nn.Module) -> Override:
        """The weights of the units that are on, and the normalisations."""
        active = self.active
        off = {name for name, unit in self.unit_by_name.items() if unit not in active}
        return Replaced({name: own for name, own in self.weights(layer).items() if name not in off})


class LayersWithDeltas(IncrementalLayers):
    """Frozen layers with the differences of the tasks that are added.

    Args:
        paths: for each task the layers that it runs, as they were trained.
        added: the tasks that get differences.
        input_dim: width of the vectors that come in.
        scores: how the differences are switched on, and what that costs.
        num_random: a control: that many units of each task are on, drawn at random once and for
            all, and none has a score.
        seed: what they are drawn by.

    Raises:
        ModelError: if there are fewer units than are to be drawn.
    """

    def __init__(
        self,
        paths: Mapping[str, Sequence[nn.Module]],
        added: Iterable[str],
        *,
        input_dim: int,
        scores: Scores,
        num_random: int | None = None,
        seed: int = 0,
    ) -> None:
        generator = torch.Generator().manual_seed(seed)
        overrides: dict[str, list[Override]] = {}
        for task in added:
            chosen: Sequence[Collection[str] | None] = [None] * len(paths[task])
            if num_random is not None:
                units = [units_of(layer, matrices=scores.of_matrices) for layer in paths[task]]
                chosen = drawn(units, num_random, generator)
            overrides[task] = [
                Deltas(layer, scores, chosen=on)
                for layer, on in zip(paths[task], chosen, strict=True)
            ]
        super().__init__(paths, overrides, input_dim=input_dim)
        self.penalty = scores.penalty

    def deltas_of(self, task: str) -> list[Deltas]:
        """The differences of a task, layer by layer."""
        return [own for own in self.overrides_of(task) if isinstance(own, Deltas)]

    def penalties(self) -> Mapping[str, Tensor]:
        """For each task the mean size of its scores, weighted; the sum over the tasks."""
        scores = [
            [own.scores for own in self.deltas_of(task) if own.scores is not None]
            for task in self.overrides
        ]
        means = [torch.cat(list(own)).abs().mean() for own in scores if own]
        return {PENALTY: self.penalty * torch.stack(means).sum()} if means else {}


def with_replaced(
    paths: Mapping[str, Sequence[nn.Module]],
    names: Mapping[str, Sequence[Sequence[str]]],
    *,
    input_dim: int,
) -> IncrementalLayers:
    """The final form whose tasks replace the weights of these names, as `assets` lists them."""
    overrides = {
        task: [
            Replaced({name: layer.get_parameter(name) for name in own})
            for layer, own in zip(paths[task], replaced, strict=True)
        ]
        for task, replaced in names.items()
    }
    return IncrementalLayers(paths, overrides, input_dim=input_dim)


def units_of(layer: nn.Module, *, matrices: bool) -> dict[str, str]:
    """What each weight of a layer is switched on with: the layer, or a matrix with its bias."""
    norms = names_of_norms(layer)
    return {
        name: name.replace("weight", "").replace("bias", "") if matrices else "layer"
        for name, _ in layer.named_parameters()
        if name not in norms
    }


def drawn(
    units: Sequence[Mapping[str, str]], number: int, generator: torch.Generator
) -> list[set[str]]:
    """Units of some layers drawn at random, so many of all together, layer by layer.

    Raises:
        ModelError: if there are not so many.
    """
    every = [
        (place, unit) for place, own in enumerate(units) for unit in dict.fromkeys(own.values())
    ]
    if number > len(every):
        raise ModelError(
            f"{number} layers or matrices of a task are to be drawn at random, and there are "
            f"{len(every)}; draw fewer"
        )
    order = torch.randperm(len(every), generator=generator).tolist()
    chosen = {every[index] for index in order[:number]}
    return [{unit for at, unit in chosen if at == place} for place in range(len(units))]
