"""Trainings, one after another, each in a process of its own while the server goes on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, Literal

from dovetail.errors import DovetailError
from dovetail.label_studio.folder import BackendFolder, Outcome
from dovetail.label_studio.training_process import Work, work_in_process

State = Literal["none", "running", "taken", "not taken", "failed"]


@dataclass(frozen=True)
class Status:
    """The last training, if there was one: how it is, and what was said of it last."""

    state: State = "none"
    number: int | None = None
    said: str = ""


class Trainer:
    """Begins trainings when it is asked, and says how they go.

    Args:
        folder: what they leave goes there.
        work: what is to be done for a project, as the training of a number.
        take: called with the number of a training whose model is to be served from now on.
        say: a line for the log.
    """

    def __init__(
        self,
        folder: BackendFolder,
        work: Callable[[int, int], Work],
        take: Callable[[int], None],
        say: Callable[[str], None],
    ) -> None:
        self._folder = folder
        self._work = work
        self._take = take
        self._say = say
        self._lock = threading.Lock()
        self._process: BaseProcess | None = None
        self._follower: threading.Thread | None = None
        self._waits: int | None = None  # the project for which another was asked for
        self._is_stopping = False
        self.status = Status()

    def ask(self, project: int) -> str:
        """Begin a training, or have one begin when that which is running ends; a sentence of it."""
        with self._lock:
            if self._process is not None:
                said = f"training {self.status.number} is running; another begins when it ends"
                if self._waits is None:
                    self._say(said)
                self._waits = project
                return said
            return self._begin(project)

    def stop(self) -> None:
        """End what is running; its folder goes when the backend starts again."""
        with self._lock:
            self._is_stopping, self._waits = True, None
            if self._process is not None:
                self._process.terminate()
            follower = self._follower
        if follower is not None:
            # Two threads that wait for one process may both go on before it is known to have ended.
            follower.join()

    def _begin(self, project: int) -> str:
        if self._is_stopping:
            return "the backend is ending, so no training begins"
        number = max(self._folder.numbers, default=0) + 1
        context = get_context("spawn")  # forked processes compute on one thread
        heard, tells = context.Pipe(duplex=False)
        self._process = context.Process(
            target=work_in_process,
            args=(self._work(number, project), tells),
            name=f"training {number}",
            daemon=True,
        )
        self._process.start()
        tells.close()  # so that the pipe ends with the process
        self._set("running", number, "begins")
        arguments = (self._process, heard, number)
        self._follower = threading.Thread(target=self._follow, args=arguments, daemon=True)
        self._follower.start()
        return f"training {number} begins"

    def _set(self, state: State, number: int, said: str) -> None:
        self.status = Status(state, number, said)
        self._say(f"training {number}: {said}")

    def _follow(self, process: BaseProcess, heard: Connection, number: int) -> None:
        """Tell what the process tells, and take its model if it is better."""
        outcome = self._heard(heard, number)
        process.join()
        if outcome is None:
            outcome = self._killed(process, number)
        if outcome is not None:
            self._end(outcome, number)
        with self._lock:
            self._process = None
            if self._waits is not None:
                project, self._waits = self._waits, None
                self._begin(project)

    def _heard(self, heard: Connection, number: int) -> Outcome | None:
        with heard:
            while True:
                try:
                    told: Any = heard.recv()
                except (EOFError, OSError):
                    return None
                if isinstance(told, Outcome):
                    return told
                self._set("running", number, str(told))

    def _killed(self, process: BaseProcess, number: int) -> Outcome | None:
        """The outcome of a process that told none; it has none if the backend ended it."""
        if self._is_stopping:
            return None
        outcome = Outcome(
            accepted=False,
            said=f"failed: its process ended with {process.exitcode} and said nothing; if that is "
            f"-9, memory may have run out",
        )
        try:
            self._folder.note(number, outcome)
        except DovetailError as error:
            self._say(f"error: {error}")
        return outcome

    def _end(self, outcome: Outcome, number: int) -> None:
        if outcome.accepted:
            try:
                self._take(number)
            except Exception as error:  # whatever it is, the model before is still served
                self._set("failed", number, f"failed: its model cannot be served: {error}")
                return
        state: State = "failed" if outcome.failed else "taken" if outcome.accepted else "not taken"
        self._set(state, number, outcome.said)
