"""Transformer layers whose attention heads and hidden units are shared or a task's own.

What is gated is what a group adds.  With x_t the stream of task t and x their mixture, for each
head or hidden unit j of either of the two parts of a layer

    x_t <- x_t + sum over j of  g_t[j] W_t[:, j] own_t[j](x_t) + (1 - g_t[j]) W[:, j] shared[j](x)

where W are the columns of the projection behind the part, of which a bias goes in equal parts with
all groups.  The residual stream is the task's own.  So a closed group is used nowhere and can be
cut out, with its rows and columns.  After the paper (InterroGate, 2024), which gates what the
projections of both parts put out.

A layer that brings its input to another width has one more sort of groups: the numbers of that
projection, its channels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn.functional import linear

from dovetail.layers.kept_groups import (
    KeptGroups,
    OfGroups,
    keep_groups,
    numbers_of_groups,
    sizes_of_groups,
)
from dovetail.layers.sequence import LayerFactory
from dovetail.layers.transformer_layer import TransformerLayer
from dovetail.strategies.gates.layer import GatedLayer
from dovetail.strategies.streams import Streams

Network = TransformerLayer | KeptGroups


class Found(NamedTuple):
    """What a network finds: its input in its width, the values of its heads, and hidden units."""

    entered: Float[Tensor, "batch tokens dim"]
    heads: Float[Tensor, "batch tokens values"] | None
    units: Float[Tensor, "batch tokens units"] | None


class Term(NamedTuple):
    """What is read of the groups of one sort in a network, and what it is multiplied by."""

    values: Float[Tensor, "batch tokens values"]
    weight: Float[Tensor, "dim values"]
    bias: Float[Tensor, " dim"]


class GatedGroups(GatedLayer):
    """One transformer layer for all tasks and one for each, between whose groups gates decide.

    A gate has a number for each head, then for each hidden unit, then for each channel.  A layer
    that is made for it may not normalise its output.

    Raises:
        TypeError: if a layer is no transformer layer.
        ValueError: if it has not as many groups as a gate.
    """

    asset = "own_groups"

    def __init__(self, make_layer: LayerFactory, **settings: Any) -> None:
        super().__init__(make_layer, **settings)
        self.numbers = numbers_of_groups(_whole(self.shared))
        for task, own in self.open_units().items():
            if len(own) != sum(self.numbers):
                raise ValueError(
                    f"expected a gate of {sum(self.numbers)} groups for {task}, found one of "
                    f"{len(own)}"
                )

    def sizes_of_units(self, layer: nn.Module) -> Float[Tensor, " units"]:
        """The parameters that go with each group."""
        return sizes_of_groups(_whole(layer))

    def without_unread(self, layer: nn.Module, read: Bool[Tensor, " units"]) -> nn.Module:
        """A layer for inference, of which only these groups are read."""
        return keep_groups(layer, read) if isinstance(layer, TransformerLayer) else layer

    def own_places(self) -> dict[str, Any]:
        """For each task the places of its own groups, sort by sort, as JSON values."""
        return {
            task: {
                sort: own.nonzero().flatten().tolist()
                for sort, own in self._by_sort(opened)._asdict().items()
            }
            for task, opened in self.open_units().items()
        }

    def _by_sort(self, values: Tensor) -> OfGroups:
        return OfGroups(*torch.split(values, [*self.numbers]))

    def read(self, streams: Streams) -> dict[str, Tensor]:
        """Each task's stream with what it reads added to it; tied while all is shared."""
        gates = {task: gate() for task, gate in self.gates.items()}
        learning = any(gate.requires_grad for gate in gates.values())
        whole, are_open = self.shared, learning or any(bool(gate.any()) for gate in gates.values())
        if isinstance(whole, TransformerLayer) and _are_tied(streams) and not are_open:
            return dict.fromkeys(self.tasks, whole(self.mixed(streams), streams.mask))
        read = 1 - torch.stack([*gates.values()]).detach().prod(0)
        found = None
        if self.shared is not None and (learning or bool(read.any())):
            found = self._found_in_mixture(streams, self._by_sort(read))
        return {task: self._of_task(task, streams, gate, found) for task, gate in gates.items()}

    def _found_in_mixture(self, streams: Streams, read: OfGroups) -> Found:
        """What the shared network finds.  What no task reads, is nothing to the rest of it either.

        That is a decision which no gradient flows through, as in recurrent layers.
        """
        network = _network(self.shared)
        entered = network.entered(self.mixed(streams))
        states = entered * read.channels.to(entered.dtype) if self.numbers[2] else entered
        heads = network.heads(states, streams.mask)
        states = added(states, terms(network, "heads", heads, read))
        return Found(entered, heads, network.units(states))

    def _of_task(self, task: str, streams: Streams, gate: Tensor, found: Found | None) -> Tensor:
        """A task's stream, of its own network and of what is found in the mixture."""
        mine, others = self._by_sort(gate), self._by_sort(1 - gate)
        own = None
        if gate.requires_grad or bool(gate.any()):
            own = _network(self.own[task])
        states = self._entered(streams[task], own, mine.channels, found)
        for sort in ("heads", "units"):
            read = []
            if own is not None:
                values = own.heads(states, streams.mask) if sort == "heads" else own.units(states)
                read += terms(own, sort, values, mine)
            if found is not None:
                read += terms(_network(self.shared), sort, getattr(found, sort), others)
            states = added(states, read)
        return states

    def _entered(
        self, tokens: Tensor, own: Network | None, channels: Tensor, found: Found | None
    ) -> Tensor:
        """A task's stream in the width of the layer, each number from one of the networks."""
        if not self.numbers[2]:
            return tokens
        parts = []
        if own is not None:
            entered = own.entered(tokens)
            parts.append(channels.to(entered.dtype) * entered)
        if found is not None:
            parts.append((1 - channels).to(found.entered.dtype) * found.entered)
        return torch.stack(parts).sum(0)


def terms(network: Network, sort: str, values: Tensor | None, gates: OfGroups) -> list[Term]:
    """What is read of the groups of a sort; an equal part of the bias goes with each of them."""
    behind = network.attended if sort == "heads" else network.down
    if behind is None or values is None:
        return []
    kept = network.kept(gates) if isinstance(network, KeptGroups) else gates
    own: Tensor = getattr(kept, sort)
    read = own.repeat_interleave(values.shape[2] // len(own)).to(values.dtype)
    every: Tensor = getattr(gates, sort)
    # The mean of many numbers would be too coarse in half precision.
    share = every.mean(dtype=torch.promote_types(every.dtype, torch.float32))
    return [Term(values * read, behind.weight, share * behind.bias)]


def added(states: Tensor, read: Sequence[Term]) -> Tensor:
    """States, and what is read beside them."""
    if not read:
        return states
    first, *others = read
    bias = torch.stack([own.bias for own in read]).sum(0)
    total = linear(first.values, first.weight, bias)
    for other in others:
        total = total + linear(other.values, other.weight)
    return states + total


def _are_tied(streams: Streams) -> bool:
    return len({id(tokens) for tokens in streams.by_task.values()}) == 1


def _network(layer: nn.Module | None) -> Network:
    if not isinstance(layer, TransformerLayer | KeptGroups):
        raise TypeError(f"expected a transformer layer or groups of one, found {type(layer)}")
    return layer


def _whole(layer: nn.Module | None) -> TransformerLayer:
    if not isinstance(layer, TransformerLayer):
        raise TypeError(f"expected a transformer layer, found {type(layer)}")
    if not isinstance(layer.normalise, nn.Identity):
        raise ValueError("expected a layer whose output is not normalised, found one that is")
    return layer
