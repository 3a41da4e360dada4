"""Locks that a process may be forked beside."""

from __future__ import annotations

import os
import threading
from weakref import WeakSet


class ProcessLock:
    """A lock for one thread at a time; a fork waits for it, so that no child finds it taken."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        if not _hooks_are_set and hasattr(os, "register_at_fork"):
            _set_hooks()
        _PROCESS_LOCKS.add(self)

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


_PROCESS_LOCKS: WeakSet[ProcessLock] = WeakSet()
_held_by_fork: list[ProcessLock] = []


def _before_fork() -> None:
    for lock in list(_PROCESS_LOCKS):
        lock.__enter__()
        _held_by_fork.append(lock)


def _after_fork() -> None:
    while _held_by_fork:
        _held_by_fork.pop().__exit__()


_hooks_are_set = False


def _set_hooks() -> None:
    """Have forks wait from the first lock on, so that importing this module changes nothing."""
    global _hooks_are_set
    _hooks_are_set = True
    os.register_at_fork(
        before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork
    )
