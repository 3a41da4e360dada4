"""Cross-stitch units: each task has all layers, and training says how much it reads of the others'.

After layer l a task t goes on with

    x_t = sum over tasks s of a_ts h_s

of the layers' outputs h_s.  The a_ts are one number each, which start at `own_share` for s = t.
The paper has one for each channel too; ours are for the whole layer, which shows more plainly how
much is shared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from dovetail.strategies.block import SharingBlock
from dovetail.strategies.layer_factory import layer_factory
from dovetail.strategies.stacks import OwnLayers, Stack
from dovetail.strategies.strategy import Ground, SearchSpace, Strategy
from dovetail.strategies.streams import Streams
from dovetail_example.cross_stitch_config import CrossStitchSharingConfig


class Stitch(SharingBlock):
    """Mixes streams of one width; the shares of a task are its own."""

    def __init__(
        self, tasks: Sequence[str], width: int, *, own_share: float, learned: bool
    ) -> None:
        super().__init__()
        self.tasks = tuple(tasks)
        self.output_dims = dict.fromkeys(self.tasks, width)
        others = (1 - own_share) / max(1, len(self.tasks) - 1)
        self.shares = nn.ParameterDict(
            {
                task: nn.Parameter(
                    torch.tensor([own_share if other == task else others for other in tasks]),
                    requires_grad=learned,
                )
                for task in self.tasks
            }
        )

    def forward(self, streams: Streams) -> Streams:
        """Each task's mixture of all streams."""
        stacked = torch.stack([streams[task] for task in self.tasks])
        mixed = {task: self._mixed(task, stacked) for task in self.tasks}
        return Streams(mixed, streams.mask)

    def _mixed(self, task: str, stacked: Tensor) -> Tensor:
        shares = self.shares[task].to(stacked.dtype)
        return (shares[:, None, None, None] * stacked).sum(0)

    def owners(self, parameter: str) -> frozenset[str]:
        """The task whose shares they are; nobody if they are fixed."""
        is_learned = self.get_parameter(parameter).requires_grad
        return frozenset({parameter.split(".")[1]} if is_learned else ())

    @property
    def reads(self) -> Mapping[str, frozenset[str]]:
        """Below the mixture a task's loss reaches the layers of all tasks."""
        return dict.fromkeys(self.tasks, frozenset(self.tasks))

    def reached_by(self, task: str) -> frozenset[str]:
        """But here its own shares alone."""
        return frozenset(name for name, _ in self.named_parameters() if task in self.owners(name))


class CrossStitch(Strategy[CrossStitchSharingConfig]):
    """The record: how the block is built, what is tuned, and what the card of a model says."""

    def build(self, section: CrossStitchSharingConfig, ground: Ground) -> SharingBlock:
        blocks: list[SharingBlock] = []
        dims: Mapping[str, int] = dict.fromkeys(ground.tasks, ground.encoder.output_dim)
        one_each = dict.fromkeys(ground.tasks, 1)
        for _ in range(section.layers):
            layer = OwnLayers(layer_factory(section), input_dims=dims, num_layers=one_each)
            dims = layer.output_dims
            stitch = Stitch(
                ground.tasks,
                2 * section.hidden_dim,
                own_share=section.own_share,
                learned=section.mixture == "learned",
            )
            blocks += [layer, stitch]
        return Stack(blocks)

    def search_space(self, section: CrossStitchSharingConfig) -> SearchSpace:
        return {
            "layers": {"low": 1, "high": 3},
            "own_share": {"low": 0.5, "high": 1.0, "step": 0.1},
            **super().search_space(section),
        }

    def card_lines(
        self, section: CrossStitchSharingConfig, block: SharingBlock, *, num_new: int
    ) -> list[str]:
        """The shares that training found, from the lowest layer on."""
        shares = {
            task: ", ".join(
                " / ".join(f"{share:.2f}" for share in part.shares[task].tolist())
                for part in block.modules()
                if isinstance(part, Stitch)
            )
            for task in block.tasks
        }
        told = "; ".join(f"{task} {own}" for task, own in shares.items())
        return [f"Shares of {' / '.join(block.tasks)} in what each task reads: {told}"]
