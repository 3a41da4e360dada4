"""Every unit of a layer is shared or a task's own, as learned gates say (after InterroGate, 2024).

Each layer is there once for all tasks and once for each task.  Of unit j, task t reads

    h_t[j] = g_t[j] * own_t[j] + (1 - g_t[j]) * shared[j],   g_t[j] = 1 if sigmoid(a_t[j]) >= 1/2

and goes on with its own h_t.  The shared layer above reads a mixture of what the tasks read, unit
by unit: sum over t of w_t[j] * h_t[j], with weights w = softmax over tasks of b_t[j] that are
learned.  The gates are the same for all inputs, so what no task reads is removed in the end.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn.functional import layer_norm

from dovetail.layers.kept_units import keep_units, masked_recurrence
from dovetail.layers.sequence import LayerFactory, run_with
from dovetail.strategies.block import SharingBlock
from dovetail.strategies.gates.gate import Gate
from dovetail.strategies.streams import Streams


class GatedLayer(SharingBlock):
    """One layer for all tasks and one for each, between whose units the gates of a task decide.

    A gate that is closed, and will not learn, spares the task's layer; gates that are all open
    spare the shared one.

    Args:
        make_layer: makes a layer for an input width; it may not normalise its output.
        input_dim: width of all streams that come in.
        gates: for each task one gate for each unit of the layer's output.
        mixes: whether the shared layer reads a mixture of the streams.  Without, they have to be
            tied, as they are at the bottom.
        detach: whether no gradient flows through the mixture into what it mixes.
        normalise: whether what each task reads is normalised for each token, without a scale of its
            own, so that units can still be removed.
    """

    asset = "own_units"
    """What the places of the tasks' own units are called in a saved model."""

    def __init__(
        self,
        make_layer: LayerFactory,
        *,
        input_dim: int,
        gates: Mapping[str, Gate],
        mixes: bool,
        detach: bool = False,
        normalise: bool = False,
    ) -> None:
        super().__init__()
        self.tasks = tuple(gates)
        self.shared: nn.Module | None = make_layer(input_dim)
        self.own = nn.ModuleDict({task: make_layer(input_dim) for task in gates})
        self.gates = nn.ModuleDict(gates)
        # A vector for each task, because vectors are not decayed.
        self.mixture = nn.ParameterDict(
            {task: nn.Parameter(torch.zeros(input_dim)) for task in gates if mixes}
        )
        self.detach = detach
        self.normalise = normalise
        self.pruned = False
        self.output_dims = dict.fromkeys(gates, int(self.shared.output_dim))  # type: ignore[arg-type]
        self.register_buffer("sizes", self.sizes_of_units(self.shared), persistent=False)

    def sizes_of_units(self, layer: nn.Module) -> Float[Tensor, " units"]:
        """What each unit of a layer counts for in a budget: here all the same."""
        return torch.ones(int(layer.output_dim))  # type: ignore[arg-type]

    @property
    def borrows_weights(self) -> bool:
        return not self.pruned

    def forward(self, streams: Streams) -> Streams:
        """Each task's outputs, of its own layer and the shared one; tied while all is shared."""
        chosen = Streams(self.read(streams), streams.mask)
        return chosen.map_shared(_normalised) if self.normalise else chosen

    def read(self, streams: Streams) -> dict[str, Tensor]:
        """What each task reads."""
        return self._read_pruned(streams) if self.pruned else self._read(streams)

    def _read_pruned(self, streams: Streams) -> dict[str, Tensor]:
        """The same of a final layer, in which there is nothing left to mask."""
        read: dict[str, Tensor] = {}
        if self.shared is not None:
            read = dict.fromkeys(self.tasks, self.shared(self.mixed(streams), streams.mask))
        for task, layer in self.own.items():
            own = layer(streams[task], streams.mask)
            opened = self.gates.get_submodule(task).get_buffer("scores") >= 0
            read[task] = torch.where(opened, own, read[task]) if task in read else own
        return {task: read[task] for task in self.tasks}

    def _read(self, streams: Streams) -> dict[str, Tensor]:
        gates = {task: gate() for task, gate in self.gates.items()}
        shared = self._shared_states(streams, gates)
        read = {}
        for task, gate in gates.items():
            if shared is not None and not (gate.requires_grad or gate.any()):
                read[task] = shared
                continue
            layer, tokens = self.own[task], streams[task]
            own = run_with(layer, masked_recurrence(layer, gate), tokens, streams.mask)
            gate = gate.to(own.dtype)
            read[task] = own if shared is None else gate * own + (1 - gate) * shared
        return read

    def _shared_states(self, streams: Streams, gates: Mapping[str, Tensor]) -> Tensor | None:
        """The shared layer's output for the mixture; None if no task reads a unit of it.

        Units that nobody reads are masked, a decision that no gradient flows through: it would let
        a task's loss into the gates of the others.
        """
        read = 1 - torch.stack([*gates.values()]).detach().prod(0)
        learning = any(gate.requires_grad for gate in gates.values())
        if self.shared is None or not (learning or read.any()):
            return None
        weights = masked_recurrence(self.shared, read)
        return run_with(self.shared, weights, self.mixed(streams), streams.mask)

    def mixed(self, streams: Streams) -> Float[Tensor, "batch tokens input_dim"]:
        """The input of the shared layer: the mixture, or the tensor that all tasks hold.

        Raises:
            ValueError: if they hold different ones, and there is no mixture.
        """
        tensors = [streams[task] for task in self.tasks]
        if all(tensor is tensors[0] for tensor in tensors):
            return tensors[0]
        if not self.mixture:
            raise ValueError("expected tied streams, found different ones: let the layer mix them")
        shares = self.mixture_weights().to(tensors[0].dtype)
        features = torch.stack(tensors)
        if self.detach:
            features = features.detach()
        return (shares[:, None, None] * features).sum(0)

    def mixture_weights(self) -> Float[Tensor, "tasks input_dim"]:
        """The share of each task in each number of the mixture; they sum to 1 over the tasks."""
        return torch.stack([self.mixture[task] for task in self.tasks]).softmax(0)

    def owners(self, parameter: str) -> frozenset[str]:
        """Of a task's layer and gates the task; of the shared layer and the mixture all tasks."""
        part, task = parameter.split(".")[:2]
        return frozenset({task} if part in ("own", "gates") else self.tasks)

    @property
    def reads(self) -> Mapping[str, frozenset[str]]:
        """A task reads the others' streams through the mixture, unless it is detached."""
        if self.mixture and not self.detach:
            return dict.fromkeys(self.tasks, frozenset(self.tasks))
        return super().reads

    def reached_by(self, task: str) -> frozenset[str]:
        """The parameters that serve the task: the mixture is below all layers of here."""
        return frozenset(name for name, _ in self.named_parameters() if task in self.owners(name))

    def open_units(self) -> dict[str, Bool[Tensor, " units"]]:
        """For each task which units are its own."""
        with torch.no_grad():
            return {task: gate().bool() for task, gate in self.gates.items()}

    def own_places(self) -> dict[str, Any]:
        """For each task the places of its own units, as JSON values."""
        return {task: own.nonzero().flatten().tolist() for task, own in self.open_units().items()}

    def branch_off(self) -> None:
        """Make the tasks' layers copies of the shared one."""
        for layer in self.own.values():
            layer.load_state_dict(self.shared.state_dict())  # type: ignore[union-attr]

    def join(self) -> None:
        """Make the shared layer the mean of the tasks' layers, weight by weight."""
        states = [layer.state_dict() for layer in self.own.values()]
        mean = {name: torch.stack([own[name] for own in states]).mean(0) for name in states[0]}
        self.shared.load_state_dict(mean)  # type: ignore[union-attr]

    def without_unread(self, layer: nn.Module, read: Bool[Tensor, " units"]) -> nn.Module:
        """A layer for inference, of which only these units are read."""
        return keep_units(layer, read)

    def finalize(self) -> GatedLayer:
        """The layer without what no task reads, with fixed gates."""
        final = copy.deepcopy(self)
        opened = final.open_units()
        read = ~torch.stack([*opened.values()]).all(0)
        final.gates = nn.ModuleDict({task: Gate.fixed(units) for task, units in opened.items()})
        final.own = nn.ModuleDict(
            {
                task: self.without_unread(layer, opened[task])
                for task, layer in final.own.items()
                if opened[task].any()
            }
        )
        if final.shared is not None and read.any():
            final.shared = self.without_unread(final.shared, read)
        else:
            final.shared, final.mixture = None, nn.ParameterDict()
        final.pruned = True
        return final


def _normalised(states: Tensor, mask: Tensor) -> Tensor:
    """Mean 0 and variance 1 for each token."""
    return layer_norm(states, states.shape[-1:])
