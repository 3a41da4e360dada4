"""How far cells are and how long they take, told from events alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from dovetail.cli.lab_display import how
from dovetail.lab.cell_events import Begun, Ended, Ending, Epoch, Progress, Started
from dovetail.lab.experiment_cells import Cell, cells_of
from dovetail.lab.experiment_plan import load_plan
from dovetail.lab.progress import Clock


class Time:
    """A time that goes on when it is told to."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def cells(plan_file: Path, tmp_path: Path) -> tuple[Cell, ...]:
    """Two seeds of two configs of two epochs, and an ensemble."""
    return cells_of(load_plan(plan_file), tmp_path)


def finished(cell: Cell, seconds: float) -> Ended:
    return Ended(cell, Ending.FINISHED, seconds=seconds)


def test_time_to_go_is_that_of_the_cells_before(cells: tuple[Cell, ...]) -> None:
    """Two cells of a row took 10 and 20 seconds, and three are open in two places."""
    time = Time()
    clock = Clock(2, time)
    clock.note(Begun(len(cells), 0, cells, {}))
    assert clock.left() is None
    clock.note(Started(cells[0]))
    assert clock.left() is None
    time.seconds = 6.0
    clock.note(Progress(cells[0], Epoch(1, 2, 0.5)))
    # A cell of 12 seconds of which 6 are over, three others, and an ensemble, which is quick.
    assert clock.left() == ((6 + 3 * 12) / 2, True)
    for cell, seconds in ((cells[0], 10.0), (cells[2], 20.0)):
        clock.note(finished(cell, seconds))
    # Two cells of the other row, for which 15 seconds are the best guess.
    assert clock.left() == (15.0, False)
    assert (clock.finished, clock.over, clock.total) == (2, 2, 5)


def test_cells_that_were_finished_before_tell_the_time_too(cells: tuple[Cell, ...]) -> None:
    clock = Clock(1)
    clock.note(Begun(len(cells), 2, cells[2:], {cells[0].row: [8.0], cells[1].row: [4.0]}))
    assert clock.left() == (8.0 + 4.0, False)


def test_resumed_cell_is_told_by_the_epochs_that_were_seen(cells: tuple[Cell, ...]) -> None:
    """Its first epochs were trained by somebody else, in whatever time."""
    time = Time()
    clock = Clock(1, time)
    clock.note(Begun(1, 0, cells[:1], {}))
    clock.note(Started(cells[0]))
    time.seconds = 3.0
    clock.note(Progress(cells[0], Epoch(2, 2, 0.5)))
    assert clock.left() == (0.0, True)


def test_epochs_of_all_phases_are_told(cells: tuple[Cell, ...]) -> None:
    """The config says how long the last phase is, and training how long all are."""
    time = Time()
    clock = Clock(1, time)
    clock.note(Begun(1, 0, cells[:1], {}))
    clock.note(Started(cells[0]))
    assert cells[0].epochs == 2
    time.seconds = 3.0
    clock.note(Progress(cells[0], Epoch(1, 5, 0.5)))
    assert clock.left() == (4 * 3.0, True)
    assert how(clock.under_way[cells[0].key]) == "epoch 1/5  50.0"


def test_cells_that_nobody_knows_yet_are_counted(cells: tuple[Cell, ...]) -> None:
    """As the trials of a search, whose number alone is known."""
    time = Time()
    clock = Clock(2, time)
    clock.note(Begun(5, 1, (), {}))
    for cell in cells[:2]:
        clock.note(Started(cell))
    clock.note(finished(cells[0], 10.0))
    time.seconds = 4.0
    # One has 6 seconds to go, and two more are to come; the longest takes 10 in any case.
    assert clock.left() == ((6 + 2 * 10) / 2, False)
    clock.note(Ended(cells[1], Ending.AGAIN, "killed"))
    assert not clock.under_way
    assert clock.left() == (3 * 10 / 2, False)


def test_failures_tell_nothing_of_the_time(cells: tuple[Cell, ...]) -> None:
    clock = Clock(1)
    clock.note(Begun(2, 0, cells[:2], {}))
    clock.note(Started(cells[0]))
    clock.note(Ended(cells[0], Ending.FAILED, "no luck", seconds=0.1))
    assert clock.left() is None
    assert (clock.finished, clock.over) == (0, 1)
