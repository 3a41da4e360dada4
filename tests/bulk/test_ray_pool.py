"""Units on a Ray cluster: the same bytes, also when a machine is lost and another comes."""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.bulk.conftest import content_of, line_of, run
from tests.waiting import until

from dovetail.bulk import BulkOptions, Running, run_bulk

ray = pytest.importorskip("ray")

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # Ray's own


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A cluster without machines that work; paths of sockets may not be long."""
    from ray.cluster_utils import Cluster

    folder = tempfile.mkdtemp(prefix="ray", dir="/tmp")
    monkeypatch.setenv("RAY_TMPDIR", folder)
    own = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    ray.init(address=own.address, log_to_driver=False, configure_logging=False)
    yield own
    ray.shutdown()
    own.shutdown()
    shutil.rmtree(folder, ignore_errors=True)


def test_a_machine_that_is_lost_costs_nothing(cluster: Any, tmp_path: Path, light: None) -> None:
    names = tmp_path / "slow.jsonl"
    lines = (line_of(number).replace("Ada", "SLOW Ada", 1) for number in range(600))
    names.write_text("".join(lines), encoding="utf-8")
    run(tmp_path / "here", names)
    folder = tmp_path / "there"
    machines = [cluster.add_node(num_cpus=1), cluster.add_node(num_cpus=1)]
    ended: list[Any] = []

    def all_of_it() -> None:
        options = BulkOptions(unit_documents=7)
        running = Running(ray=cluster.address)
        ended.append(run_bulk("light", [str(names)], folder, options, running))

    thread = threading.Thread(target=all_of_it)
    thread.start()
    until(lambda: len([*folder.glob("documents/*")]) >= 5, seconds=120)
    cluster.remove_node(machines[1], allow_graceful=False)
    cluster.add_node(num_cpus=1)
    thread.join(300)
    assert ended
    assert ended[0].total.documents == 600
    assert content_of(folder) == content_of(tmp_path / "here")
