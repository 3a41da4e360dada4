"""The display of `dovetail probe`: the trainings, and which layers of each task are alive."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from types import TracebackType

from rich import box
from rich.console import Console
from rich.table import Table

from dovetail.cli.lab_display import LabDisplay
from dovetail.cli.training_display import ProgressBar, ProgressLines, lines_of
from dovetail.lab.cell_events import Begun, Ended, Ending, Event, Progress, Started, Stopped
from dovetail.lab.probes import Found, Probe, chosen_penalty
from dovetail.strategies.probe.rules import ALIVE, alive_layers
from dovetail.text.document import TASKS


class ProbeDisplay(LabDisplay):
    """Shows one training after the other, each as `dovetail train` would; `failure` ends them."""

    unit = "probes"
    tells_plainly = False  # the display of the training does

    def __init__(self, console: Console) -> None:
        super().__init__(console, places=1)
        self.is_live = False
        self.failure = ""
        self._training = ExitStack()
        self._bar: ProgressBar | ProgressLines

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._training.close()

    def state(self) -> str:
        return f"probe {self.clock.over + 1} of {self.clock.total}"

    def lines(self, event: Event) -> Iterator[str]:
        match event:
            case Begun(total=total, finished=finished):
                yield f"{total} probes{f', {finished} of them trained before' if finished else ''}"
            case Started(cell=Probe() as probe):
                left = self.left()
                yield (
                    f"[bold]{self.state()}:[/bold] {probe.task}, penalty {probe.penalty:g}, seed "
                    f"{probe.seed}{f'; {left}' if left else ''}"
                )
                terminal = self.console.is_terminal
                self._bar = (ProgressBar if terminal else ProgressLines)(self.console)
                self._training.enter_context(self._bar)
            case Progress(told=told):
                self._bar.update(told)
                yield from lines_of(told)
            case Ended(ending=ending, message=message):
                self._training.close()
                if ending is Ending.FAILED:
                    self.failure = message
            case Stopped() if not self.failure:
                self._training.close()
                yield "stopped; the same command goes on after the last whole epoch"


def show_found(
    found: Sequence[Found], exits: dict[str, int], tolerance: float, console: Console
) -> None:
    """Print the share of live groups in each layer, and where the tasks leave."""
    for task in TASKS:
        own = [probe for probe in found if probe.task == task]
        console.print(table_of(task, own))
        penalty = chosen_penalty(own, task, tolerance)
        console.print(
            f"{task} leaves after layer {exits[task]}, at penalty {penalty:g}\n", highlight=False
        )


def table_of(task: str, found: Sequence[Found]) -> Table:
    """A row for each probe and, below those of a penalty, which layers live in all of them."""
    table = Table(title=f"{task}: groups alive", title_justify="left", box=box.SIMPLE_HEAD)
    for heading in ("penalty", "seed", *(f"layer {n + 1}" for n in range(len(found[0].shares)))):
        table.add_column(heading, justify="right")
    table.add_column("parameters kept", justify="right")
    table.add_column("dev F1", justify="right")
    for penalty in dict.fromkeys(probe.penalty for probe in found):
        own = [probe for probe in found if probe.penalty == penalty]
        for probe in own:
            table.add_row(
                f"{penalty:g}", str(probe.seed), *map(percent, probe.shares), *ends(probe)
            )
        verdicts = alive_layers([probe.shares for probe in own])
        words = ["alive" if alive else "dead" for alive in verdicts]
        table.add_row("", "all", *words, "", "", style="bold", end_section=True)
    table.caption = f"A layer is alive if more than {ALIVE:.0%} of its groups are, with every seed."
    table.caption_justify = "left"
    return table


def ends(probe: Found) -> tuple[str, str]:
    """The last columns."""
    score = "-" if probe.f1 is None else f"{100 * probe.f1:.1f}"
    return f"{probe.kept:,} of {probe.parameters:,}", score


def percent(share: float) -> str:
    """A share for the eye: none is told from few."""
    return f"{100 * share:.1f} %" if share else "none"
