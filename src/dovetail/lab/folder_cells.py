"""Which cell is done when: what is needed first, and each only once.

`run_cells` yields what happens, and knows nothing of terminals.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from dovetail.config import load_config
from dovetail.errors import TrainingError
from dovetail.lab.cell_folder import CellFolder
from dovetail.lab.experiment_cells import Cell
from dovetail.lab.workers import FINISHED, TAKEN, Outcome, Workers

_WAIT_SECONDS = 1.0
_TAKEN_SECONDS = 5.0
"""How long after a cell was found taken it is looked at again."""


@dataclass(frozen=True)
class Begun:
    """All that is to be done, and the cells that were finished before."""

    cells: tuple[Cell, ...]
    finished: tuple[Cell, ...]


@dataclass(frozen=True)
class Started:
    """A cell is under way."""

    cell: Cell


@dataclass(frozen=True)
class Ended:
    """A cell is finished, or failed, after some seconds."""

    outcome: Outcome
    seconds: float


@dataclass(frozen=True)
class Found:
    """A cell was finished by another process meanwhile."""

    cell: Cell


@dataclass(frozen=True)
class Blocked:
    """A cell cannot be done, since one that it needs was not."""

    cell: Cell
    needed: str


@dataclass(frozen=True)
class Tick:
    """Nothing new; the cells under way, and the number of those that others work on."""

    running: tuple[Cell, ...]
    elsewhere: int


@dataclass(frozen=True)
class Stopped:
    """The wish to stop was followed; the cells that were under way."""

    running: tuple[Cell, ...]


Event = Begun | Started | Ended | Found | Blocked | Tick | Stopped


def refuse_other_configs(cells: Sequence[Cell], root: Path) -> None:
    """Make sure that finished cells were trained with the configs that the plan has now.

    Raises:
        TrainingError: naming the first that was not, and what differs.
    """
    for cell in cells:
        folder = CellFolder(root, cell.key)
        if cell.is_ensemble or not folder.is_finished:
            continue
        planned = load_config(folder.planned if folder.planned.is_file() else folder.config)
        if planned != cell.config:
            from dovetail.training.run_folder import changed_fields  # it needs torch

            stored = planned.model_dump(mode="json")
            lines = changed_fields(stored, cell.config.model_dump(mode="json"))
            listed = "".join(f"\n  {line}" for line in lines)
            raise TrainingError(
                f"{folder.path} was trained with another config than the plan has now:{listed}\n"
                f"Put the plan back, give it another name, or remove that folder"
            )
        tests = [str(path) for path in cell.test]
        if (found := folder.read_result()["test"]) != tests:
            raise TrainingError(
                f"{folder.path} was scored on {found}, and the plan names {tests} now; put the "
                f"plan back, give it another name, or remove that folder"
            )


def run_cells(
    cells: Sequence[Cell],
    workers: Workers,
    root: Path,
    *,
    should_stop: Callable[[], bool] = lambda: False,
) -> Iterator[Event]:
    """Do the cells that are not finished, each once, and go on when one fails."""
    schedule = _Schedule(cells, root)
    yield Begun(tuple(cells), tuple(cell for cell in cells if cell.key in schedule.finished))
    try:
        while schedule.open or schedule.running:
            if should_stop():
                yield Stopped(tuple(schedule.running.values()))
                return
            yield from schedule.blocked()
            while len(schedule.running) < workers.places and (cell := schedule.next()):
                yield Started(cell)
                schedule.start(cell, workers)
                if should_stop():
                    break
            yield from schedule.found()
            for outcome in workers.wait(_WAIT_SECONDS):
                yield from schedule.end(outcome)
            yield Tick(tuple(schedule.running.values()), schedule.elsewhere)
    finally:
        workers.stop()


class _Schedule:
    """What is open, under way, finished and lost."""

    def __init__(self, cells: Sequence[Cell], root: Path) -> None:
        self.root = root
        self.open = {cell.key: cell for cell in cells}
        self.running: dict[str, Cell] = {}
        self.finished: set[str] = set()
        self.lost: set[str] = set()
        self.started: dict[str, float] = {}
        self._again: dict[str, float] = {}  # when a cell that was taken is looked at again
        self._found: list[Cell] = []
        for cell in cells:
            if CellFolder(root, cell.key).is_finished:
                self._finish(cell.key)

    @property
    def elsewhere(self) -> int:
        """Cells that other processes are at."""
        return len(self._again)

    def _finish(self, key: str) -> None:
        self.open.pop(key, None)
        self._again.pop(key, None)
        self.finished.add(key)

    def blocked(self) -> Iterator[Blocked]:
        """Give up the cells that need a lost one."""
        for cell in list(self.open.values()):
            lost = next((key for key in cell.needs if key in self.lost), None)
            if lost is not None:
                del self.open[cell.key]
                self.lost.add(cell.key)
                yield Blocked(cell, lost)

    def next(self) -> Cell | None:
        """The next cell that can be started now."""
        now = time.monotonic()
        for cell in list(self.open.values()):
            if self._again.get(cell.key, 0.0) > now or not self.finished.issuperset(cell.needs):
                continue
            folder = CellFolder(self.root, cell.key)
            if folder.is_finished:
                self._finish(cell.key)
                self._found.append(cell)
            elif folder.is_claimed():
                self._again[cell.key] = now + _TAKEN_SECONDS
            else:
                return cell
        return None

    def found(self) -> Iterator[Found]:
        """The cells that another process finished since the last look."""
        while self._found:
            yield Found(self._found.pop(0))

    def start(self, cell: Cell, workers: Workers) -> None:
        del self.open[cell.key]
        self._again.pop(cell.key, None)
        self.running[cell.key] = cell
        self.started[cell.key] = time.monotonic()
        workers.start(cell)

    def end(self, outcome: Outcome) -> Iterator[Event]:
        """Take note of how an attempt ended."""
        cell = self.running.pop(outcome.cell.key)
        if outcome.ending == TAKEN:  # between the look at it and the attempt
            self.open[cell.key] = cell
            self._again[cell.key] = time.monotonic() + _TAKEN_SECONDS
            return
        if outcome.ending == FINISHED:
            self._finish(cell.key)
        else:
            self.lost.add(cell.key)
        yield Ended(outcome, time.monotonic() - self.started[cell.key])
