"""Workers that are killed start again, at once or with patience, but not forever."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

pytest.importorskip("prometheus_client", reason="the server needs dovetail[serve]")

from dovetail.errors import DovetailError
from dovetail.server import workers
from dovetail.server.running import Settings, bind


def killed(settings, listening, number, say, ready, link):
    """What a worker does for which memory runs out, the first time when it was ready already."""
    starts = Path(settings.models[0])
    ready.value = not starts.exists()
    with starts.open("a", encoding="utf-8") as file:
        file.write(f"{time.time()}\n")
    os.kill(os.getpid(), signal.SIGKILL)


def test_worker_that_is_killed_again_and_again_before_it_is_ready_is_given_up(
    monkeypatch, tmp_path
):
    said = []
    starts = tmp_path / "starts"
    monkeypatch.setattr(workers, "_serve", killed)
    monkeypatch.setattr(workers, "MOST_DEATHS", 2)
    with bind("127.0.0.1", 0) as listening, pytest.raises(DovetailError, match="could not start"):
        workers.serve_in_workers(Settings((str(starts),)), listening, said.append)
    _, second, third = map(float, starts.read_text(encoding="utf-8").split())
    assert third - second >= 1
    assert "2 times in a row before it was ready" in said[-1]
    assert "fewer --workers" in said[-1]


def test_pauses_double_up_to_the_longest():
    worker = workers._Worker(1)
    pauses = []
    for _ in range(8):
        before = time.monotonic()
        worker.mourn()
        pauses.append(round(worker.starts_at - before))
    assert pauses == [1, 2, 4, 8, 16, 30, 30, 30]
