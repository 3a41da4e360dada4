"""Batches computed side by side, by threads that each compute on one core.

An operator on a batch of text is too short for several cores: two of them wait for each other
after each of a thousand operators, and the loops over tokens have nothing to divide.  Two batches
wait for nothing, except for the interpreter, which runs a tenth to a fifth of the time.  So two
threads are 1.8 times as fast as one, where operators on two are as fast as on one
(`benchmarks/extraction.py`), and what is computed is that of one thread to the last bit.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import nullcontext
from functools import partial
from typing import TypeVar

import torch

from dovetail.running.locks import ProcessLock

Item = TypeVar("Item")
Made = TypeVar("Made")


MOST_AT_ONCE = 8
"""Items at a time: more would wait for one another, for one interpreter runs them all."""


def threads_for(device: torch.device) -> int:
    """How many items to compute at a time on a device: on processors one for each torch thread.

    That is at most `MOST_AT_ONCE`, and one on other devices.
    """
    return min(torch.get_num_threads(), MOST_AT_ONCE) if device.type == "cpu" else 1


def side_by_side(
    function: Callable[[Item], Made],
    items: Iterable[Item],
    *,
    threads: int,
    turn: ProcessLock | None = None,
) -> Generator[Made, None, None]:
    """What the function makes of each item, in their order, of so many items at a time.

    An error is raised in its item's place.  Then, and when nobody wants the rest, no more are
    begun, and those under way are waited for; so does a fork.  One thread is that which asks, and
    takes its turn for each item.  That thread makes the items, too.
    """
    if threads == 1:
        for item in items:
            with turn or nullcontext():
                made = function(item)
            yield made
        return
    workers = _workers(threads)
    coming: deque[Future[Made]] = deque()
    try:
        for item in items:
            coming.append(workers.submit(partial(_alone, function, item)))
            if len(coming) > threads:  # one more than are under way, so that none waits for work
                yield coming.popleft().result()
        while coming:
            yield coming.popleft().result()
    finally:
        for future in coming:
            future.cancel()
        wait(coming)


_WORKERS: dict[int, ThreadPoolExecutor] = {}
_STARTING = ProcessLock()
_own = threading.local()


def _alone(function: Callable[[Item], Made], item: Item) -> Made:
    with _own.lock:
        return function(item)


def _workers(threads: int) -> ThreadPoolExecutor:
    """The threads of this process, kept: all that ask for so many share them."""
    with _STARTING:
        if threads not in _WORKERS:
            if not _WORKERS and hasattr(os, "register_at_fork"):
                os.register_at_fork(after_in_child=_WORKERS.clear)  # a child has none of them
            _WORKERS[threads] = _started(threads)
        return _WORKERS[threads]


def _started(threads: int) -> ThreadPoolExecutor:
    ready = threading.Barrier(threads)

    def begin() -> None:
        torch.get_num_threads()  # takes over the number of the process, which it would do later
        torch.set_num_threads(1)
        _own.lock = ProcessLock()
        ready.wait()

    workers = ThreadPoolExecutor(threads, "dovetail-batches", initializer=begin)
    before = torch.get_num_threads()
    wait([workers.submit(int) for _ in range(threads)])  # each begins a thread: none is idle yet
    # What a thread sets holds for itself, and for threads that begin to compute later.
    torch.set_num_threads(before)
    return workers
