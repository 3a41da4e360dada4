"""Workers that die, hang and grow: the document that does it is left out, and no other."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from pyarrow import parquet
from tests.bulk.conftest import kill
from tests.bulk.test_plan import plan_of
from tests.waiting import until

from dovetail.bulk.messages import Setting
from dovetail.bulk.options import BulkOptions
from dovetail.bulk.shard import Shard
from dovetail.bulk.supervisor import Supervisor, UnitError
from dovetail.bulk.unit_work import Task
from dovetail.errors import DovetailError

GOOD = "Ada met Grace ."


@pytest.fixture
def supervisors(light: None) -> Iterator[list[Supervisor]]:
    made: list[Supervisor] = []
    yield made
    for own in made:
        own.close()


def supervise(made: list[Supervisor], memory: int | None = None, **options: object) -> Supervisor:
    made.append(Supervisor(Setting("light", BulkOptions(**options)), memory))
    return made[-1]


def task_of(texts: list[str], folder: Path, **options: object) -> Task:
    path = folder / "texts.jsonl"
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts), encoding="utf-8")
    plan, _ = plan_of(path, **options)
    (unit,) = plan.units
    return Task(unit, plan.inputs_of(unit), {})


def kill_worker(supervisor: Supervisor) -> None:
    """Kill the worker, if there is one."""
    if (pid := supervisor.pid) is not None:
        kill(pid)


def failed(shard: Shard, folder: Path) -> dict[int, str]:
    """Why documents failed, by their numbers."""
    if "errors/000000.parquet" not in shard.files:
        return {}
    path = folder / "errors.parquet"
    path.write_bytes(shard.files["errors/000000.parquet"])
    return {row["number"]: row["reason"] for row in parquet.read_table(path).to_pylist()}


@pytest.mark.parametrize(
    ("evil", "reason", "deaths"),
    [
        ("KILLS", "is killed (signal 9)", 4),
        ("EATS", "not enough memory", 4),
        ("HANGS", "longer than the 3 seconds of --max-seconds", 4),
        ("GROWS", "more memory than --memory leaves", 4),
        ("RAISES", "ValueError: no such word", 0),
    ],
)
def test_the_document_that_does_it_is_left_out_alone(
    supervisors: list[Supervisor], tmp_path: Path, evil: str, reason: str, deaths: int
) -> None:
    seconds = 3 if evil == "HANGS" else 60
    supervisor = supervise(supervisors, 400_000_000, max_seconds=seconds)
    texts = [GOOD] * 40
    texts[23] = f"Ada {evil} Bob ."
    shard = supervisor.shard(task_of(texts, tmp_path))
    ((number, said),) = failed(shard, tmp_path).items()
    assert number == 23
    assert reason in said
    assert (shard.counts.documents, shard.counts.entities) == (39, 78)
    assert supervisor.deaths == deaths


def test_several_are_left_out_and_the_rest_is_as_if_they_never_were(
    supervisors: list[Supervisor], tmp_path: Path
) -> None:
    supervisor = supervise(supervisors)
    task = task_of([GOOD, "KILLS", GOOD, "EATS", GOOD], tmp_path)
    shard = supervisor.shard(task)
    reasons = failed(shard, tmp_path)
    assert [*reasons] == [1, 3]
    assert supervisor.shard(replace(task, left_out=reasons)) == shard


def test_a_worker_that_others_kill_costs_no_document(
    supervisors: list[Supervisor], tmp_path: Path
) -> None:
    texts = [f"{GOOD} SLOW"] * 200
    expected = supervise(supervisors).shard(task_of(texts, tmp_path))
    supervisor = supervise(supervisors)
    supervisor.identity()
    # Between two tasks, and then three times in the middle of one, so that documents are suspected.
    kill_worker(supervisor)
    made: list[Shard] = []
    task = task_of(texts, tmp_path)
    thread = threading.Thread(target=lambda: made.append(supervisor.shard(task)))
    thread.start()
    for deaths in range(1, 4):
        until(lambda deaths=deaths: supervisor.deaths == deaths, seconds=60)
        until(lambda: supervisor.size_done > 0 or not thread.is_alive(), seconds=60)
        kill_worker(supervisor)
    thread.join(60)
    assert made == [expected]
    assert supervisor.deaths == 4
    assert not failed(expected, tmp_path)


def test_a_unit_whose_documents_are_all_good_is_given_up_in_the_end(
    supervisors: list[Supervisor], tmp_path: Path
) -> None:
    supervisor = supervise(supervisors)
    over = threading.Event()

    def kill_whatever_has_a_unit() -> None:
        while not over.wait(0.002):
            if supervisor.size_done:
                kill_worker(supervisor)

    killer = threading.Thread(target=kill_whatever_has_a_unit)
    killer.start()
    try:
        with pytest.raises(UnitError, match=r"signal 9.*6 times"):
            supervisor.shard(task_of([f"{GOOD} SLOW"] * 300, tmp_path))
    finally:
        over.set()
        killer.join()


def test_a_model_that_cannot_be_loaded_is_an_error_at_once() -> None:
    supervisor = Supervisor(Setting("nowhere", BulkOptions()))
    try:
        with pytest.raises(DovetailError, match="there is no model at 'nowhere'"):
            supervisor.identity()
    finally:
        supervisor.close()
