"""Cells in folders, as a plan: what is needed first, each only once, whoever else is at them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from dovetail.lab.cell_events import Begun, Ended, Ending, Epoch, LabCell
from dovetail.lab.cell_folder import RESULT, CellFolder

_TAKEN_SECONDS = 5.0
"""How long after a cell was found taken it is looked at again."""


class FolderCells:
    """The cells that are open, under way, finished and lost.

    Args:
        cells: all cells, in the order in which they are done.
        root: the folder of their folders.
        result: the file that a finished cell has.
    """

    def __init__(self, cells: Sequence[LabCell], root: Path, *, result: str = RESULT) -> None:
        self.cells = {cell.key: cell for cell in cells}
        self.folders = {cell.key: CellFolder(root, cell.key, result=result) for cell in cells}
        self.finished = {key for key, folder in self.folders.items() if folder.is_finished}
        self.open = {key: cell for key, cell in self.cells.items() if key not in self.finished}
        self._lost: set[str] = set()
        self._again: dict[str, float] = {}  # when a cell that was taken is looked at again

    @property
    def elsewhere(self) -> int:
        return len(self._again)

    def begun(self) -> Begun:
        seconds: dict[str, list[float]] = {}
        for key in self.finished:
            if self.cells[key].epochs:
                took = sum(self.folders[key].epoch_seconds())
                seconds.setdefault(self.cells[key].group, []).append(took)
        return Begun(len(self.cells), len(self.finished), tuple(self.open.values()), seconds)

    def is_over(self) -> bool:
        return not self.open

    def next(self) -> LabCell | Ended | None:
        """The next cell that can be started now, was done elsewhere, or needs a lost one."""
        now = time.monotonic()
        for key, cell in self.open.items():
            lost = next((needed for needed in cell.needs if needed in self._lost), None)
            if lost is not None:
                self._lost.add(key)
                del self.open[key]
                return Ended(cell, Ending.FAILED, f"it needs {lost}, which failed")
            if self._again.get(key, 0.0) > now or not self.finished.issuperset(cell.needs):
                continue
            self._again.pop(key, None)
            if self.folders[key].is_claimed():
                self._again[key] = now + _TAKEN_SECONDS
                continue
            del self.open[key]
            if not self.folders[key].is_finished:
                return cell
            self.finished.add(key)
            return Ended(cell, Ending.FOUND)
        return None

    def goes_on(self, cell: LabCell, epoch: Epoch) -> bool:
        return True

    def ended(self, ended: Ended) -> Ended:
        key = ended.cell.key
        folder = self.folders[key]
        if ended.ending is Ending.TAKEN:  # between the look at it and the attempt
            self.open[key] = self.cells[key]
            self._again[key] = time.monotonic() + _TAKEN_SECONDS
            return replace(ended, ending=Ending.AGAIN)
        if ended.ending is Ending.FINISHED:
            self.finished.add(key)
            return replace(ended, result=folder.read_result())
        self._lost.add(key)
        if ended.ending is Ending.DIED:
            folder.note_failure(ended.message)
        told = f"{ended.message} (log: {folder.log})"
        return replace(ended, ending=Ending.FAILED, message=told)

    def leave(self, cells: Sequence[LabCell]) -> None:
        """They go on after their last epoch, whenever somebody starts them again."""
