"""Trained layers that stay as they are, and what tasks that come later replace in them.

A layer runs for a task with weights of that task (`run_with`), so this works for layers of any
kind, and on their own kernels.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any

from torch import Tensor, nn

from dovetail.encoders.transformer_layers import PretrainedLayer
from dovetail.layers.sequence import run_with
from dovetail.strategies.block import SharingBlock
from dovetail.strategies.exits.block import SharedLayersWithExits
from dovetail.strategies.stacks import OwnLayers, SharedLayers, Stack
from dovetail.strategies.streams import Streams


class NamedWeights(nn.Module):
    """Copies of weights that stand in for some of a layer's, by their names in the layer."""

    def __init__(self, weights: Mapping[str, Tensor]) -> None:
        super().__init__()
        for name, weight in weights.items():
            # A parameter's own name cannot hold a dot.
            self.register_parameter(name.replace(".", ":"), nn.Parameter(weight.detach().clone()))

    def by_name(self) -> dict[str, Tensor]:
        """The weights by their names in the layer."""
        return {name.replace(":", "."): weight for name, weight in self.named_parameters()}


class Override(nn.Module, ABC):
    """The parameters that a task owns in one layer."""

    @abstractmethod
    def weights(self, layer: nn.Module) -> dict[str, Tensor]:
        """The weights with which the task runs the layer in place of its own, by their names."""

    @abstractmethod
    def finalize(self, layer: nn.Module) -> Override:
        """The same in as few parameters as possible."""

    def weight_names(self) -> Iterator[str]:
        """The parameters that the weights are made of: all but what chooses among them."""
        return (name for name, _ in self.named_parameters())


class Replaced(Override):
    """Weights of a layer that a task has its own values of."""

    def __init__(self, weights: Mapping[str, Tensor]) -> None:
        super().__init__()
        self.own = NamedWeights(weights)

    def weights(self, layer: nn.Module) -> dict[str, Tensor]:
        """The task's own values."""
        return self.own.by_name()

    def finalize(self, layer: nn.Module) -> Override:
        """This, which is final."""
        return self


class IncrementalLayers(SharingBlock):
    """Frozen layers, and for each task that was added what it has of its own in each of its layers.

    The layers are in no optimiser, so a task that runs them as they are says the same whatever is
    learned for the others.

    Args:
        paths: for each task the layers that it runs, from the bottom to the top; tasks may have
            layers in common.  The layers are frozen.
        overrides: for each task that was added, one for each of its layers.
        input_dim: width of the vectors that come in.
    """

    def __init__(
        self,
        paths: Mapping[str, Sequence[nn.Module]],
        overrides: Mapping[str, Iterable[Override]],
        *,
        input_dim: int,
    ) -> None:
        super().__init__()
        self.tasks = tuple(paths)
        self.input_dim = input_dim
        distinct = list(dict.fromkeys(layer for path in paths.values() for layer in path))
        self.layers = nn.ModuleList(distinct).requires_grad_(requires_grad=False)
        self.places = {task: [distinct.index(own) for own in path] for task, path in paths.items()}
        self.overrides = nn.ModuleDict(
            {task: nn.ModuleList(own) for task, own in overrides.items()}
        )
        self.output_dims = {
            task: path[-1].output_dim if path else input_dim  # type: ignore[misc]
            for task, path in paths.items()
        }

    def path(self, task: str) -> list[nn.Module]:
        """The layers that a task runs."""
        return [self.layers[place] for place in self.places[task]]

    def overrides_of(self, task: str) -> list[Override]:
        """The parameters that an added task owns in each layer of its path."""
        return [own for own in self.overrides[task].children() if isinstance(own, Override)]

    def replaced_layers_above(self) -> dict[str, int]:
        return {
            name: layer.layers_above
            for name, layer in self.layer_by_weight().items()
            if isinstance(layer, PretrainedLayer)
        }

    def layer_by_weight(self) -> dict[str, nn.Module]:
        """The layer that each of the tasks' own weights stands in for, by the weight's name."""
        return {
            f"overrides.{task}.{place}.{name}": layer
            for task in self.overrides
            for place, (layer, own) in enumerate(
                zip(self.path(task), self.overrides_of(task), strict=True)
            )
            for name in own.weight_names()
        }

    @property
    def takes_some(self) -> bool:
        return True

    @property
    def borrows_weights(self) -> bool:
        return True

    def forward(self, streams: Streams) -> Streams:
        """Run each task's layers with what it has of its own.

        As long as tasks are tied and have nothing of their own in a layer, it runs once for all.
        """
        # What was read is kept beside what came of it, so that its id is not given to another.
        common: dict[tuple[int, int], tuple[Tensor, Tensor]] = {}

        def as_it_is(place: int, tokens: Tensor) -> Tensor:
            key = (place, id(tokens))
            if key not in common:
                common[key] = tokens, self.layers[place](tokens, streams.mask)
            return common[key][1]

        outputs = {}
        for task, tokens in streams.by_task.items():
            added = self.overrides_of(task) if task in self.overrides else ()
            for place, own in zip_longest(self.places[task], added):
                layer = self.layers[place]
                weights = own.weights(layer) if own is not None else {}
                tokens = (
                    run_with(layer, weights, tokens, streams.mask)
                    if weights
                    else as_it_is(place, tokens)
                )
            outputs[task] = tokens
        return Streams(outputs, streams.mask)

    def owners(self, parameter: str) -> frozenset[str]:
        """The task that was added; the layers themselves are frozen."""
        part, name, *_ = parameter.split(".")
        return frozenset() if part == "layers" else frozenset({name})

    def finalize(self) -> SharingBlock:
        """The same layers, with what each task has of its own in as few parameters as possible."""
        final = {
            task: [
                own.finalize(layer)
                for layer, own in zip(self.path(task), self.overrides_of(task), strict=True)
            ]
            for task in self.overrides
        }
        paths = {task: self.path(task) for task in self.tasks}
        return IncrementalLayers(paths, final, input_dim=self.input_dim)

    def assets(self) -> dict[str, Any]:
        """For each task that was added, which weights of each layer it replaces."""
        return {
            task: [
                sorted(own.weights(layer))
                for layer, own in zip(self.path(task), self.overrides_of(task), strict=True)
            ]
            for task in self.overrides
        }


def path_of(block: SharingBlock, task: str) -> list[nn.Module]:
    """The layers that a task runs in one of the plain placements, from the bottom to the top.

    Raises:
        TypeError: if the block is more than layers.
    """
    match block:
        case Stack():
            return [layer for part in block.parts for layer in path_of(part, task)]
        case SharedLayers():
            return list(block.stack.layers)
        case OwnLayers():
            return list(block.stacks[task].layers)  # type: ignore[arg-type]
        case SharedLayersWithExits():
            return list(block.layers)[: block.exits[task]]
    raise TypeError(f"expected shared and own layers, found {type(block).__name__}")


def names_of_norms(layer: nn.Module) -> frozenset[str]:
    """The weights of a layer's normalisations, which are a task's own wherever it is added."""
    return frozenset(
        f"{path}.{name}"
        for path, module in layer.named_modules()
        if isinstance(module, nn.LayerNorm)
        for name, _ in module.named_parameters()
    )
