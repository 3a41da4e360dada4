"""Cells as tasks of a Ray cluster: the same work, on whichever machine has a free core.

A task works in a folder of its own on its machine and sends the folder back, without checkpoints;
it takes the place of the cell's folder here at once, or not at all.  Ray gives a task that was lost
with its machine to another one.  The claim of a cell is held here all the while.

The files that configs name have to be at the same paths on all machines.
"""

from __future__ import annotations

import io
import os
import tarfile
import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from dovetail.errors import TrainingError, first_line
from dovetail.files.writing import put_in_place
from dovetail.lab.cell_events import Ended, Ending, Progress
from dovetail.lab.cell_folder import CellFolder
from dovetail.lab.experiment_cells import Cell
from dovetail.running.ray_cluster import connected
from dovetail.running.steps import result_of

RETRIES = 5
"""How often a task is given to another machine before its cell counts as failed."""


class RayWorkers:
    """One task for each cell, on a core of its own.

    Args:
        root: the folder of the cells.
        address: "local" for a cluster of this machine alone, "auto" for the one that runs here, or
            host:port.

    Raises:
        MissingExtraError: without ray.
        TrainingError: if there is no cluster at the address.
    """

    def __init__(self, root: Path, address: str) -> None:
        self.ray, _ = connected(address, TrainingError)
        self.root = root
        self._claims: dict[str, ExitStack] = {}
        self._running: dict[Any, Cell] = {}
        self._ended: list[Progress | Ended] = []
        self._task = self.ray.remote(num_cpus=1, max_retries=RETRIES, retry_exceptions=False)(work)

    @property
    def places(self) -> int:
        """The cores that the cluster has at present."""
        return max(1, int(self.ray.cluster_resources().get("CPU", 1)))

    def start(self, cell: Any) -> None:
        claim = ExitStack()
        folder = CellFolder(self.root, cell.key)
        if not claim.enter_context(folder.claimed()):
            self._ended.append(Ended(cell, Ending.TAKEN))
            return
        self._claims[cell.key] = claim
        needed = {key: packed(CellFolder(self.root, key)) for key in cell.needs}
        reference = self._task.remote(cell, needed, str(self.root), os.getcwd())
        self._running[reference] = cell

    def wait(self, seconds: float) -> list[Progress | Ended]:
        if not self._running and not self._ended:
            time.sleep(seconds)
        if self._running:
            ready, _ = self.ray.wait(list(self._running), num_returns=1, timeout=seconds)
            self._ended += [self._outcome(reference) for reference in ready]
        ended, self._ended = self._ended, []
        return ended

    def _outcome(self, reference: Any) -> Ended:
        cell = self._running.pop(reference)
        folder = CellFolder(self.root, cell.key)
        try:
            unpack(self.ray.get(reference), folder)
            message = "" if folder.is_finished else folder.read_failure()
        except self.ray.exceptions.RayError as error:
            message = f"Ray gave it up: {first_line(error)}"
            folder.note_failure(message)
        finally:
            self._claims.pop(cell.key).close()
        ending = Ending.FINISHED if folder.is_finished else Ending.FAILED
        return Ended(cell, ending, message)

    def answer(self, cell: Any, *, goes_on: bool) -> None:
        """No epochs are told from other machines, so there is nothing to answer."""

    def stop(self) -> None:
        for reference in self._running:
            self.ray.cancel(reference, force=True)
        self._running.clear()
        for claim in self._claims.values():
            claim.close()
        self._claims.clear()


def work(cell: Cell, needed: Mapping[str, bytes], root: str, folder: str) -> bytes:
    """Do a cell on any machine; its folder, packed.

    The task works below a temporary folder, so that nothing of an attempt that was lost is left.
    """
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    from dovetail.threads import prepare_threads, use_threads

    prepare_threads()
    use_threads(1)
    from dovetail.lab.experiment_work import CellWork

    if Path(folder).is_dir():
        os.chdir(folder)  # paths of a plan are relative to where it was started
    with tempfile.TemporaryDirectory(prefix="dovetail-cell-") as temporary:
        for key, content in needed.items():
            unpack(content, CellFolder(Path(temporary), key))
            # What is trained after an ensemble names it by its path in the experiment.
            if not (shared := CellFolder(Path(root), key)).model.is_dir():
                unpack(content, shared)
        result_of(CellWork(Path(temporary))(cell))
        return packed(CellFolder(Path(temporary), cell.key))


def packed(folder: CellFolder) -> bytes:
    """The files of a cell that are worth sending: all but checkpoints and the claim."""
    left_out = {folder.checkpoint.name, folder.lock.name}
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path in sorted(folder.path.iterdir()):
            if path.name not in left_out:
                archive.add(path, arcname=path.name)
    return buffer.getvalue()


def unpack(content: bytes, folder: CellFolder) -> None:
    """Put the files of `packed` into a folder, the result last: it says that the rest is there."""
    folder.path.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".incoming-", dir=folder.path) as temporary:
        with tarfile.open(fileobj=io.BytesIO(content)) as archive:
            archive.extractall(temporary, filter="data")
        names = sorted(path.name for path in Path(temporary).iterdir())
        for name in sorted(names, key=folder.result.name.__eq__):
            put_in_place(Path(temporary) / name, folder.path / name)
