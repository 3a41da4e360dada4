"""Every unit of a layer is shared or a task's own, as learned gates say (after InterroGate, 2024).

Each layer is there once for all tasks and once for each task.  Of unit j, task t reads

    h_t[j] = g_t[j] * own_t[j] + (1 - g_t[j]) * shared[j],   g_t[j] = 1 if sigmoid(a_t[j]) >= 1/2

and goes on with its own h_t.  The shared layer above reads a mixture of what the tasks read, unit
by unit: sum over t of w_t[j] * h_t[j], with weights w = softmax over tasks of b_t[j] that are
learned.  The gates are the same for all inputs, so what no task reads is removed in the end.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn.functional import layer_norm, relu

from dovetail.layers.kept_units import keep_units, masked_recurrence
from dovetail.layers.sequence import LayerFactory, run_with
from dovetail.strategies.block import SharingBlock
from dovetail.strategies.gates.gate import Gate
from dovetail.strategies.stacks import Stack
from dovetail.strategies.streams import Streams


class Budget(NamedTuple):
    """The share of own units that is free for each task, and the price of more."""

    shares: Mapping[str, float]
    weight: float


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

    def forward(self, streams: Streams) -> Streams:
        """What each task reads of its own layer and of the shared one; tied while all is shared."""
        read = self._read_pruned(streams) if self.pruned else self._read(streams)
        chosen = Streams(read, streams.mask)
        return chosen.map_shared(_normalised) if self.normalise else chosen

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
        """What the shared layer makes of the mixture; nothing if no task ever reads a unit of it.

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
        """What the shared layer reads: the mixture, or the tensor that all tasks hold.

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
        """What the task owns, alone or with others: the mixture is below all layers of here."""
        return frozenset(name for name, _ in self.named_parameters() if task in self.owners(name))

    def open_units(self) -> dict[str, Bool[Tensor, " units"]]:
        """For each task which units are its own."""
        with torch.no_grad():
            return {task: gate().bool() for task, gate in self.gates.items()}

    def branch_off(self) -> None:
        """Make the tasks' layers copies of the shared one."""
        for layer in self.own.values():
            layer.load_state_dict(self.shared.state_dict())  # type: ignore[union-attr]

    def finalize(self) -> GatedLayer:
        """The layer without what no task reads, with fixed gates."""
        final = copy.deepcopy(self)
        opened = final.open_units()
        read = ~torch.stack([*opened.values()]).all(0)
        final.gates = nn.ModuleDict({task: Gate.fixed(units) for task, units in opened.items()})
        final.own = nn.ModuleDict(
            {t: keep_units(layer, opened[t]) for t, layer in final.own.items() if opened[t].any()}
        )
        if final.shared is not None and read.any():
            final.shared = keep_units(final.shared, read)
        else:
            final.shared, final.mixture = None, nn.ParameterDict()
        final.pruned = True
        return final


class GatedLayers(Stack):
    """Gated layers one after the other, from tied streams, with a budget of own units."""

    def __init__(self, layers: Sequence[GatedLayer], budget: Budget | None = None) -> None:
        super().__init__(layers)
        self.budget = budget

    @property
    def layers(self) -> list[GatedLayer]:
        """The layers, from the lowest."""
        return [layer for layer in self.blocks if isinstance(layer, GatedLayer)]

    def begin_shared(self) -> None:
        """Close all gates, so that the tasks share all layers, until `begin_gated`."""
        self._shut_gates(True)

    def begin_gated(self) -> None:
        """Let the gates decide from now on, between layers that start as the shared ones."""
        self._shut_gates(False)
        for layer in self.layers:
            layer.branch_off()

    def _shut_gates(self, shut: bool) -> None:
        for layer in self.layers:
            for gate in layer.gates.values():
                gate.get_buffer("shut").fill_(shut)

    @staticmethod
    def learned_when_shared(parameter: str) -> bool:
        """Whether training changes the parameter of this name while all gates are closed."""
        return parameter.split(".")[2] == "shared"

    def penalties(self) -> Mapping[str, Tensor]:
        """For each task, what it costs that it keeps more units than its budget.

        Weight times the mean over tasks of max(0, share of open units - budget): within the budget
        a unit costs nothing.  The gradient goes straight through the rounding, as elsewhere.
        """
        if self.budget is None:
            return {}
        price = self.budget.weight / len(self.tasks)
        return {
            f"gates_{task}": price * relu(self.open_share(task) - self.budget.shares[task])
            for task in self.tasks
        }

    def open_share(self, task: str) -> Float[Tensor, ""]:
        """The share of its units, over all layers, that a task owns."""
        return torch.cat([layer.gates[task]() for layer in self.layers]).mean()

    def finalize(self) -> GatedLayers:
        """The layers without what no task reads."""
        return GatedLayers([layer.finalize() for layer in self.layers])

    def assets(self) -> dict[str, Any]:
        """For each layer and task the places of its own units."""
        opened = [layer.open_units() for layer in self.layers]
        return {
            "own_units": [
                {task: units.nonzero().flatten().tolist() for task, units in by_task.items()}
                for by_task in opened
            ]
        }


def gated(
    make_layer: LayerFactory,
    *,
    input_dim: int,
    gates: Sequence[Mapping[str, Gate]],
    normalise: bool = False,
    detach: bool = False,
    budget: Budget | None = None,
) -> GatedLayers:
    """As many gated layers as there are maps of gates; each shared one above the first mixes."""
    layers: list[GatedLayer] = []
    for by_task in gates:
        layer = GatedLayer(
            make_layer,
            input_dim=input_dim,
            gates=by_task,
            mixes=bool(layers),
            detach=detach,
            normalise=normalise,
        )
        layers.append(layer)
        input_dim = layer.output_dims[layer.tasks[0]]
    return GatedLayers(layers, budget)


def _normalised(states: Tensor, mask: Tensor) -> Tensor:
    """Mean 0 and variance 1 for each token."""
    return layer_norm(states, states.shape[-1:])
