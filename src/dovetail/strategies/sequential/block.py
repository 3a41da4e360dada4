"""Experts that tasks weigh token by token, and what relations read of entities (after TAFE, 2023).

At each level there are K layers side by side.  Of token i with vector x_i, task t reads

    s_t(x_i) * sum over k of g_t(x_i)[k] * expert_k(x)_i,
    g_t(x_i) = softmax(W_t [x_i; v_t]),    s_t(x_i) = sigmoid(U_t [x_i; v_t] + b_t)

with a learned vector v_t for the task.  Above them, with h the streams of a schema's two tasks,
relations go on with h_r + sigmoid(V [h_r; h_e]) * (T h_e), and entities with h_e.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from dovetail.layers.sequence import LayerFactory
from dovetail.strategies.block import SharingBlock
from dovetail.strategies.streams import Streams


class ExpertLayers(SharingBlock):
    """Layers side by side over all streams, of which each task reads a mixture for each token.

    A single one without selectors is a shared layer.

    Args:
        make_layer: makes a layer for an input width.
        tasks: the tasks in their order.
        input_dim: width of all streams that come in.
        num_experts: how many layers there are.
        indicator_dim: width of the vector of a task.
        selects: whether each task has a selector.
    """

    def __init__(
        self,
        make_layer: LayerFactory,
        tasks: Sequence[str],
        *,
        input_dim: int,
        num_experts: int,
        indicator_dim: int,
        selects: bool,
    ) -> None:
        super().__init__()
        self.tasks = tuple(tasks)
        self.experts = nn.ModuleList(make_layer(input_dim) for _ in range(num_experts))
        output_dim = int(self.experts[0].output_dim)  # type: ignore[arg-type]
        self.output_dims = dict.fromkeys(self.tasks, output_dim)
        told = input_dim + indicator_dim
        weighs = num_experts > 1
        self.indicators = nn.ParameterDict(
            {t: nn.Parameter(torch.randn(indicator_dim)) for t in tasks if weighs or selects}
        )
        self.gates = nn.ModuleDict(
            {task: nn.Linear(told, num_experts, bias=False) for task in tasks if weighs}
        )
        self.selectors = nn.ModuleDict(
            {task: nn.Linear(told, output_dim) for task in tasks if selects}
        )

    @property
    def takes_some(self) -> bool:
        return True

    def forward(self, streams: Streams) -> Streams:
        """What each task reads; tied as before where there is nothing to weigh or to select."""
        found = [streams.map_shared(expert) for expert in self.experts]
        if not self.indicators:
            return found[0]
        by_task = {
            task: self._selected(task, tokens, [own[task] for own in found])
            for task, tokens in streams.by_task.items()
        }
        return Streams(by_task, streams.mask)

    def _selected(self, task: str, tokens: Tensor, found: list[Tensor]) -> Tensor:
        mixed = found[0]
        if self.gates:
            weights = self.weights(task, tokens).unbind(2)
            shares = zip(weights, found, strict=True)
            mixed = torch.stack([weight.unsqueeze(2) * own for weight, own in shares]).sum(0)
        if self.selectors:
            mixed = torch.sigmoid(self.selectors[task](self._told(task, tokens))) * mixed
        return mixed

    def weights(
        self, task: str, tokens: Float[Tensor, "batch tokens input_dim"]
    ) -> Float[Tensor, "batch tokens experts"]:
        """How much of each expert the task reads for each token; they sum to 1."""
        weights: Tensor = self.gates[task](self._told(task, tokens))
        return weights.softmax(2)

    def _told(self, task: str, tokens: Tensor) -> Tensor:
        """The tokens with the vector of the task behind each."""
        indicator = self.indicators[task].to(tokens.dtype)
        return torch.cat([tokens, indicator.expand(*tokens.shape[:2], -1)], dim=2)

    def owners(self, parameter: str) -> frozenset[str]:
        """Of the experts all tasks; of a gate, a selector and an indicator its task."""
        part, name = parameter.split(".")[:2]
        return frozenset(self.tasks if part == "experts" else {name})


class Transfer(SharingBlock):
    """Some tasks read the streams of others, through a gate for each number of their own.

    Args:
        input_dims: width of each task's stream.
        sources: for each task that reads another, that other, which reads none.
        detach: whether no gradient flows to what is read.
    """

    def __init__(
        self, input_dims: Mapping[str, int], sources: Mapping[str, str], *, detach: bool = False
    ) -> None:
        super().__init__()
        self.tasks = tuple(input_dims)
        self.output_dims = dict(input_dims)
        self.sources = dict(sources)
        self.detach = detach
        widths = {task: (input_dims[task], input_dims[read]) for task, read in sources.items()}
        self.gates = nn.ModuleDict(
            {task: nn.Linear(own + read, own) for task, (own, read) in widths.items()}
        )
        self.values = nn.ModuleDict(
            {task: nn.Linear(read, own, bias=False) for task, (own, read) in widths.items()}
        )

    @property
    def takes_some(self) -> bool:
        return True

    def forward(self, streams: Streams) -> Streams:
        """The streams, of which those that read others have what they read added."""
        return Streams({task: self._read(task, streams) for task in streams.by_task}, streams.mask)

    def _read(self, task: str, streams: Streams) -> Tensor:
        own = streams[task]
        if task not in self.sources:
            return own
        source = streams[self.sources[task]]
        if self.detach:
            source = source.detach()
        gate = torch.sigmoid(self.gates[task](torch.cat([own, source], dim=2)))
        read: Tensor = own + gate * self.values[task](source)
        return read

    def owners(self, parameter: str) -> frozenset[str]:
        """The task that reads through them."""
        return frozenset({parameter.split(".")[1]})

    @property
    def needs(self) -> Mapping[str, frozenset[str]]:
        """A task needs the stream that it reads."""
        read = {task: {task, self.sources.get(task, task)} for task in self.tasks}
        return {task: frozenset(both) for task, both in read.items()}

    @property
    def reads(self) -> Mapping[str, frozenset[str]]:
        """And its loss reaches that, unless it is detached."""
        return super().reads if self.detach else self.needs
