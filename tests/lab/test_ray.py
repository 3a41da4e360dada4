"""Cells on a Ray cluster of two machines, one of which dies: nothing lost, nothing done twice."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.corpus import DEV

from dovetail.lab.cell_events import Ended, Ending, Tick
from dovetail.lab.cell_folder import CellFolder
from dovetail.lab.engine import run_cells
from dovetail.lab.experiment_cells import Cell, cells_of
from dovetail.lab.experiment_plan import load_plan
from dovetail.lab.experiment_work import CellWork
from dovetail.lab.folder_cells import FolderCells
from dovetail.lab.ray_workers import RayWorkers, packed, unpack
from dovetail.running.steps import result_of

EPOCHS = 30


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "runs" / "tiny" / "cells"


@pytest.fixture
def cells(plan_file: Path, root: Path) -> tuple[Cell, ...]:
    config = plan_file.with_name("config.toml")
    text = config.read_text("utf-8").replace("epochs = 2", f"epochs = {EPOCHS}")
    config.write_text(text.replace("patience_epochs = 15", "patience_epochs = 0"), encoding="utf-8")
    return cells_of(load_plan(plan_file), root)


@pytest.fixture
def working(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where the tasks of the cluster work; paths of sockets may not be long."""
    folder = Path(tempfile.mkdtemp(prefix="ray", dir="/tmp"))
    (folder / "work").mkdir()
    monkeypatch.setenv("RAY_TMPDIR", str(folder))
    monkeypatch.setenv("TMPDIR", str(folder / "work"))
    yield folder / "work"
    shutil.rmtree(folder, ignore_errors=True)


def under_way(working: Path) -> list[Path]:
    """The tasks that have an epoch behind them."""
    return list(working.rglob("metrics.jsonl"))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # Ray's own
def test_nothing_is_lost_with_a_machine(cells: tuple[Cell, ...], root: Path, working: Path) -> None:
    import ray
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    machines = [cluster.add_node(num_cpus=1) for _ in range(2)]
    try:
        workers = RayWorkers(root, cluster.address)
        ended: list[Ended] = []
        killed = False
        until = time.monotonic() + 600  # much more than it needs
        plan = FolderCells(cells, root)
        for event in run_cells(plan, workers, should_stop=lambda: time.monotonic() > until):
            if isinstance(event, Ended):
                ended.append(event)
            if isinstance(event, Tick) and not killed and len(under_way(working)) == 2:
                cluster.remove_node(machines[1], allow_graceful=False)
                killed = True
        assert killed
    finally:
        ray.shutdown()
        cluster.shutdown()
    outcomes = Counter((event.cell.key, event.ending) for event in ended)
    assert outcomes == Counter((cell.key, Ending.FINISHED) for cell in cells)
    for cell in cells:
        folder = CellFolder(root, cell.key)
        assert folder.read_result()["scores"]["dev"]["sentences"] == len(DEV)
        assert not folder.is_claimed()
        if not cell.is_ensemble:
            assert len(folder.epoch_seconds()) == EPOCHS


def test_cell_that_was_sent_is_the_same(plan_file: Path, root: Path, tmp_path: Path) -> None:
    (cell, *_) = cells_of(load_plan(plan_file), root)
    result_of(CellWork(tmp_path / "there")(cell))
    sent = CellFolder(tmp_path / "there", cell.key)
    received = CellFolder(root, cell.key)
    received.note_failure("of an attempt before")
    received.failure.unlink()
    unpack(packed(sent), received)
    names = {path.relative_to(sent.path) for path in sent.path.rglob("*") if path.is_file()}
    kept = {name for name in names if name.parts[0] not in ("checkpoint", "cell.lock")}
    assert len(kept) < len(names)
    found = {p.relative_to(received.path) for p in received.path.rglob("*") if p.is_file()}
    assert found == kept
    for name in kept:
        assert (received.path / name).read_bytes() == (sent.path / name).read_bytes()
