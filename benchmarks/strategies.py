"""The time that sharing strategies take: their blocks over token vectors, without anything else.

    python benchmarks/strategies.py
    python benchmarks/strategies.py --cell lstm --hidden-dim 192 --json strategies.json

For every strategy the block as it is trained and its final form for inference are timed, and as the
yardstick plain depth sharing, with which a strategy's fully shared setting has to keep up.  All of
them take turns, so that whatever else the machine does hits them alike; medians over the turns are
reported.  The weights are random: time does not depend on them.
"""

from __future__ import annotations

import argparse
import copy
import json
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from dovetail.config import SharingConfig
from dovetail.encoders.transformer_layers import PretrainedLayer
from dovetail.errors import ModelError
from dovetail.strategies import (
    BottomSharingConfig,
    DepthSharingConfig,
    ExitsSharingConfig,
    GatesSharingConfig,
    PrimitivesSharingConfig,
    ProbeSharingConfig,
)
from dovetail.strategies.added.bank.block import LayersOverBank
from dovetail.strategies.added.block import path_of
from dovetail.strategies.added.deltas.block import LayersWithDeltas, Scores
from dovetail.strategies.block import SharingBlock
from dovetail.strategies.strategy import Ground, strategy_of
from dovetail.strategies.streams import Streams
from dovetail.text.document import RELATION_TASK, TASKS

Build = Callable[[argparse.Namespace], SharingBlock]

YARDSTICK = "depth 2+0+0"
"""Two shared layers and no own ones."""

FINAL = " (final)"


@dataclass(frozen=True)
class Vectors:
    """Token vectors of a width, from no encoder."""

    output_dim: int

    def hand_on(self, count: int) -> list[PretrainedLayer]:
        """Refuse: nothing is pretrained here."""
        raise ModelError(f"there is no encoder that could part with {count} layers")


def built(config: SharingConfig, options: argparse.Namespace) -> SharingBlock:
    """The block that a config describes."""
    block: SharingBlock = strategy_of(config).build(config, Ground(Vectors(options.input_dim)))
    return block


def of(section: type[SharingConfig], **settings: object) -> Build:
    """A builder of what a config describes, with the layers that the command line asks for."""

    def build(options: argparse.Namespace) -> SharingBlock:
        layers = {"cell": options.cell, "hidden_dim": options.hidden_dim, "normalise": True}
        if section is PrimitivesSharingConfig:  # as wide as the layers that they stand in for
            layers |= {
                "projection_dim": 2 * options.hidden_dim,
                "reservoir_dim": options.hidden_dim,
            }
        known = {name: value for name, value in layers.items() if name in section.model_fields}
        return built(section(**known, **settings), options)

    return build


def added(*, deltas: int | None = None) -> Build:
    """A builder of two layers that relations are added to: by so many deltas, or by a bank."""

    def build(options: argparse.Namespace) -> SharingBlock:
        config = DepthSharingConfig(
            cell=options.cell,
            hidden_dim=options.hidden_dim,
            shared_layers=2,
            entity_layers=0,
            relation_layers=0,
        )
        base = built(config, options)
        paths = {task: path_of(base, task) for task in TASKS}
        if deltas is None:
            return LayersOverBank(paths, [RELATION_TASK], input_dim=options.input_dim)
        return LayersWithDeltas(
            paths,
            [RELATION_TASK],
            input_dim=options.input_dim,
            scores=Scores(),
            num_random=deltas,
        )

    return build


BLOCKS: dict[str, Build] = {
    YARDSTICK: of(DepthSharingConfig, shared_layers=2, entity_layers=0, relation_layers=0),
    "depth 1+1+1": of(DepthSharingConfig, relation_layers=1),
    "bottom, fully shared": of(
        BottomSharingConfig, shared_layers=2, entity_layers=0, relation_layers=0
    ),
    "bottom 1+1 under 1": of(BottomSharingConfig),
    "exits, fully shared": of(ExitsSharingConfig, shared_layers=2, entity_exit=2, relation_exit=2),
    "exits 1 2": of(ExitsSharingConfig, shared_layers=2, entity_exit=1, relation_exit=2),
    "residual exits 1 2": of(
        ExitsSharingConfig, shared_layers=2, entity_exit=1, relation_exit=2, residual=True
    ),
    "gates, fully shared": of(
        GatesSharingConfig, gates="random", entity_budget=0.0, relation_budget=0.0
    ),
    "gates": of(GatesSharingConfig),
    "primitives, fully shared": of(PrimitivesSharingConfig, shared_fraction=1.0),
    "primitives": of(PrimitivesSharingConfig),
    "deltas, fully shared": added(deltas=0),
    "deltas in both layers": added(deltas=2),
    "bank": added(),
    "probe of 4": of(ProbeSharingConfig),
}
"""The strategies, by name: any function from the options to a block."""


def sentences(options: argparse.Namespace) -> list[Streams]:
    """Batches of random token vectors, of sentences of half the length to the whole."""
    generator = torch.Generator().manual_seed(0)
    shape = (options.batch_size, options.tokens)
    lengths = torch.randint(options.tokens // 2, options.tokens + 1, shape[:1], generator=generator)
    lengths[0] = options.tokens
    mask = torch.arange(options.tokens) < lengths.unsqueeze(1)
    return [
        Streams.tied(torch.randn(*shape, options.input_dim, generator=generator), mask, TASKS)
        for _ in range(options.batches)
    ]


def seconds_in_turns(
    blocks: Mapping[str, SharingBlock], batches: list[Streams], turns: int
) -> dict[str, list[float]]:
    """Time all blocks one after the other, again and again; a first turn is not counted."""
    spent: dict[str, list[float]] = {name: [] for name in blocks}
    for turn in range(turns + 1):
        for name, block in blocks.items():
            started = time.perf_counter()
            with torch.inference_mode():
                for batch in batches:
                    block(batch)
            if turn:
                spent[name].append(time.perf_counter() - started)
    return spent


def measure(options: argparse.Namespace) -> dict[str, dict[str, float]]:
    """Speed and size of each strategy, as it is trained and in its final form."""
    trained: dict[str, SharingBlock] = {}
    for name, build in BLOCKS.items():
        torch.manual_seed(0)
        trained[name] = build(options).eval()
    final = {name: copy.deepcopy(block).finalize().eval() for name, block in trained.items()}
    together = trained | {f"{name}{FINAL}": block for name, block in final.items()}
    spent = seconds_in_turns(together, sentences(options), options.turns)
    number = options.batches * options.batch_size
    return {
        name: {
            "sentences_per_second": number / statistics.median(spent[name]),
            "final_sentences_per_second": number / statistics.median(spent[f"{name}{FINAL}"]),
            "final_over_trained": ratio(spent[f"{name}{FINAL}"], spent[name]),
            "final_over_yardstick": ratio(spent[f"{name}{FINAL}"], spent[YARDSTICK]),
            "parameters": count(trained[name]),
            "final_parameters": count(final[name]),
        }
        for name in BLOCKS
    }


def ratio(times: list[float], others: list[float]) -> float:
    """The median over the turns: what slows a turn down slows both."""
    return statistics.median(own / other for own, other in zip(times, others, strict=True))


def count(block: SharingBlock) -> int:
    """The numbers that a block stores."""
    return sum(parameter.numel() for parameter in block.parameters())


def table(measured: Mapping[str, Mapping[str, float]]) -> str:
    """The measurements for people."""
    lines = [
        f"{'':24}{'sentences/s':>22}{'time of the final form':>30}{'parameters':>24}",
        f"{'':24}{'trained':>11}{'final':>11}{'/ trained':>12}{f'/ {YARDSTICK}':>18}"
        f"{'trained':>12}{'final':>12}",
    ]
    lines += [
        f"{name:24}{own['sentences_per_second']:11.0f}{own['final_sentences_per_second']:11.0f}"
        f"{own['final_over_trained']:12.2f}{own['final_over_yardstick']:18.2f}"
        f"{own['parameters']:12,}{own['final_parameters']:12,}"
        for name, own in measured.items()
    ]
    return "\n".join(lines)


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cell", choices=("gru", "lstm", "transformer"), default="gru")
    for name, value in (("hidden-dim", 192), ("input-dim", 640), ("tokens", 32)):
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--batches", type=int, default=8)
    parser.add_argument("--turns", type=int, default=9, help="how often everything is timed")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", type=Path, help="write the measurements to this file too")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    measured = measure(options)
    print(table(measured))
    if options.json:
        options.json.write_text(json.dumps(measured, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
