"""Several machines at one search, over a real PostgreSQL server, where its programs are found."""

from __future__ import annotations

import gc
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest
from tests.conftest import PROJECT
from tests.lab.search.objectives import dropout, found, scoring, search, task_in

from dovetail.config import Config
from dovetail.errors import TrainingError
from dovetail.lab.cell_events import Ended, Ending, Epoch
from dovetail.lab.engine import run_cells
from dovetail.lab.search import Outcome, Task, storage
from dovetail.lab.search.outcome import write_outcome
from dovetail.lab.search.records import Record, Result, records
from dovetail.lab.search.study import open_study
from dovetail.lab.search.trials import Search, TrialCell, TrialWork
from dovetail.lab.workers import OwnProcess

pytestmark = pytest.mark.filterwarnings("ignore:.*psycopg.Connection:ResourceWarning")

PATIENCE = 300
PASSWORD = "pass@word"

MACHINE = """
import sys
from dataclasses import replace
from pathlib import Path
from tests.lab.search.objectives import dropout, scoring, search, task_in
from dovetail.lab.search.outcome import Outcome, write_outcome, write_start
from dovetail.lab.search.study import open_study

url, trials, seconds = sys.argv[1:]
task = replace(task_in(Path.cwd(), trials=int(trials)), storage=url)
write_start(Path.cwd(), task.space)
search(task, scoring(dropout, seconds=float(seconds)))
write_outcome(Path.cwd(), Outcome.of_study(open_study(task), task.space))
"""


def programs() -> Path | None:
    """The folder of PostgreSQL's programs; Debian has it off the path."""
    on_path = shutil.which("initdb")
    folders = [Path(on_path).resolve().parent] if on_path else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((own for own in folders if (own / "initdb").exists()), None)


class Server:
    """A PostgreSQL server of its own on a free port of this machine."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self._programs, self._folder = programs, folder
        self._data = folder / "data"
        # It refuses to run as root.
        self._user = "postgres" if os.geteuid() == 0 else None
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        word = folder / "word"
        word.write_text(PASSWORD, encoding="ascii")
        if self._user is not None:
            shutil.chown(folder, self._user)
            shutil.chown(word, self._user)
        chosen = ("-U", "tuner", "-A", "scram-sha-256", f"--pwfile={word}", "--no-sync")
        self._call("initdb", "-D", self._data, *chosen)
        self.start()

    @property
    def url(self) -> str:
        word = PASSWORD.replace("@", "%40")
        return f"postgresql+psycopg://tuner:{word}@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        settings = f"-c listen_addresses=127.0.0.1 -c port={self.port} -c fsync=off "
        settings += f"-c unix_socket_directories={self._folder}"
        log = self._folder / "log"
        self._call("pg_ctl", "start", "-w", "-D", self._data, "-l", log, "-o", settings)

    def stop(self) -> None:
        self._call("pg_ctl", "stop", "-m", "fast", "-w", "-D", self._data)

    def _call(self, program: str, *arguments: object) -> None:
        command = [str(self._programs / program), *map(str, arguments)]
        subprocess.run(
            command, check=True, user=self._user, cwd=self._folder, stdout=subprocess.DEVNULL
        )


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    folder = programs()
    if folder is None:
        pytest.skip("PostgreSQL's initdb is not on this machine")
    if find_spec("psycopg") is None:
        pytest.skip("psycopg is not installed")
    with tempfile.TemporaryDirectory(prefix="dovetail-postgres-") as own:  # short, for its socket
        running = Server(folder, Path(own))
        try:
            yield running
        finally:
            running.stop()


@pytest.fixture
def task(server: Server, tmp_path: Path) -> Task:
    """A search that this server knows nothing of yet."""
    return replace(task_in(tmp_path, trials=4), storage=server.url, name=tmp_path.name)


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """Connections of studies that a test leaves end with it."""
    yield
    gc.collect()


def machine(server: Server, folder: Path, *, trials: int, seconds: float) -> subprocess.Popen[str]:
    folder.mkdir(exist_ok=True)
    return subprocess.Popen(
        [sys.executable, "-c", MACHINE, server.url, str(trials), str(seconds)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": f"{PROJECT / 'src'}{os.pathsep}{PROJECT}"},
        stderr=subprocess.PIPE,
        text=True,
    )


def running(task: Task, number: int) -> list[Record]:
    """So many trials that run, with all their values."""
    deadline = time.monotonic() + PATIENCE
    study = open_study(task)
    while time.monotonic() < deadline:
        trials = [own for own in records(study, task.space) if own.state == "running"]
        trials = [own for own in trials if len(own.values) >= 4]
        if len(trials) >= number:
            return trials
        time.sleep(0.1)
    raise AssertionError(f"{number} trials never ran")


def test_machines_share_a_server_and_one_that_is_killed_loses_nothing(
    server: Server, tmp_path: Path
) -> None:
    task = replace(task_in(tmp_path, trials=6), storage=server.url)
    killed = machine(server, tmp_path / "one", trials=6, seconds=600)
    (lost,) = running(task, 1)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    other = machine(server, tmp_path / "two", trials=6, seconds=0.3)
    _, errors = other.communicate(timeout=PATIENCE)
    assert not errors
    trials = search(task)  # as the first machine does that is there again when all is over
    write_outcome(tmp_path / "one", Outcome.of_study(open_study(task), task.space))
    assert len(trials) == 6
    assert all(trial.state in ("complete", "pruned") for trial in trials)
    assert lost.number not in [trial.number for trial in trials]
    assert [trial.values for trial in trials].count(lost.values) == 1

    files = {path for path in tmp_path.rglob("*") if path.is_file()}
    assert {path.name for path in files} >= {"best.toml", "trials.csv", "space.toml"}
    one, two = ((tmp_path / name / "best.toml").read_bytes() for name in ("one", "two"))
    assert one == two
    for path in files:
        content = path.read_text(encoding="utf-8")
        assert not any(word in content for word in (PASSWORD, "%40", str(server.port), "tuner"))


def test_server_that_is_away_for_a_while_is_waited_for(server: Server, task: Task) -> None:
    told: list[str] = []
    back: list[threading.Timer] = []

    def objective(config: Config) -> Iterator[Epoch]:
        if not back:
            server.stop()
            back.append(threading.Timer(2, server.start))
            back[0].start()
        yield from scoring(dropout)(config)

    events = [*run_cells(Search(task, tell=told.append), OwnProcess(TrialWork(objective)))]
    back[0].join()
    assert [trial.state for trial in found(task)] == ["complete"] * task.trials
    assert len([event for event in events if isinstance(event, Ended)]) == task.trials
    away, again = told
    assert "does not answer; waiting" in away
    assert "answers again" in again


def test_trial_that_could_give_no_sign_of_life_is_not_lost(server: Server, task: Task) -> None:
    task = replace(task, trials=1)
    own, other = Search(task), Search(task)
    cell = own.next()
    assert isinstance(cell, TrialCell)
    server.stop()
    time.sleep(task.grace_seconds + 1)
    server.start()
    for _ in range(20):
        assert other.next() is None
        time.sleep(0.1)
    (trial,) = found(task)
    assert trial.state == "running"
    own.goes_on(cell, Epoch(1, 1, 0.5, Result(0.5, 0.5, 1, 1, 1)))
    assert own.ended(Ended(cell, Ending.FINISHED)).ending is Ending.FINISHED
    own.leave(())
    other.leave(())


def test_server_that_stays_away_ends_the_search_which_can_go_on(
    server: Server, task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "MOST_AWAY_SECONDS", 0.5)

    def objective(config: Config) -> Iterator[Epoch]:
        server.stop()
        yield from scoring(dropout)(config)

    own = Search(task)
    try:
        with pytest.raises(TrainingError, match="does not answer any more") as caught:
            list(run_cells(own, OwnProcess(TrialWork(objective))))
    finally:
        server.start()
    assert "word" not in str(caught.value)
    assert [trial.state for trial in found(task)] == ["running"]
    list(run_cells(Search(task), OwnProcess(TrialWork(scoring(dropout)))))
    assert [trial.state for trial in found(task)] == ["complete"] * task.trials


def test_password_is_in_no_message(server: Server, task: Task) -> None:
    wrong: Sequence[str] = (
        server.url.replace("%40word", "%40other-word"),
        server.url.replace("%40word", "@word"),
        server.url.replace(str(server.port), "port"),
        server.url.replace(":pass%40word", "") + "?password=pass%40word&nonsense=1",
        server.url.replace("/postgres", "/none"),
    )
    for url in wrong:
        with pytest.raises(TrainingError, match="cannot be used") as caught:
            Search(replace(task, storage=url))
        assert "pass@" not in str(caught.value)
        assert "word" not in str(caught.value).replace("password", "")
