"""Signs of life of running trials, from a thread of their own."""

from __future__ import annotations

import threading
from contextlib import suppress

from optuna.exceptions import StorageInternalError
from sqlalchemy.exc import SQLAlchemyError

from dovetail.errors import TrainingError
from dovetail.lab.search.storage import open_storage
from dovetail.lab.search.study import Task, repeat_dead

MOST_SECONDS = 2.0
"""How long the end of the thread is waited for: it may itself wait for a server that is away."""


class SignsOfLife:
    """Gives signs of life of the trials that this process answers for."""

    def __init__(self, task: Task) -> None:
        self._storage = open_storage(task.storage, task.heartbeat_seconds, repeat_dead)
        self._study = self._storage.get_study_id_from_name(task.name)
        self._trials: dict[int, int] = {}
        self._stopped = threading.Event()
        self._thread = threading.Thread(
            target=self._run, args=(task.heartbeat_seconds,), daemon=True
        )
        self._thread.start()

    def add(self, number: int) -> None:
        """Answer for a trial from now on."""
        self._trials[number] = self.once(number)

    def once(self, number: int) -> int:
        """Give one sign of life of a trial, whoever answers for it; its id in the storage."""
        trial = self._storage.get_trial_id_from_study_id_trial_number(self._study, number)
        self._storage.record_heartbeat(trial)
        return trial

    def remove(self, number: int) -> None:
        """Answer for it no more."""
        self._trials.pop(number, None)

    def stop(self) -> None:
        """Answer for none any more."""
        self._stopped.set()
        self._thread.join(MOST_SECONDS)
        self._storage.engine.dispose()

    def _run(self, seconds: float) -> None:
        while not self._stopped.wait(seconds):
            for trial in list(self._trials.values()):
                # The next one makes up for a lost one.
                with suppress(SQLAlchemyError, StorageInternalError, TrainingError):
                    self._storage.record_heartbeat(trial)
