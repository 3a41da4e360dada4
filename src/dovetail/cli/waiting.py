"""What a command is at, told on standard error while that takes long.

In a terminal it is one line, which goes when the work is done; anywhere else a plain line now and
then, so that a log does not fall silent.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from dovetail.running.steps import Done, Teller

LOOK_SECONDS = 0.25
"""How often the clock is looked at."""

LIVE_AFTER = 1.0
"""Seconds after which a stage is shown in a terminal."""

PLAIN_AFTER, PLAIN_EVERY = 5.0, 30.0
"""Seconds after which a stage gets a line elsewhere, and between the lines of a long one."""

ERASED = "\r\x1b[K"
"""To the start of the line, and nothing behind it."""


def line_of(stage: str, done: Done | None, seconds: float) -> str:
    """A stage, how far it is, and the time to go; the time so far where that is not known.

    >>> line_of("reading train.json", None, 12.0)
    'reading train.json: 12 s so far'
    >>> line_of("annotating the sentences", Done(250, 1000), 20.0)
    'annotating the sentences: 25 %, about 1 min 0 s left'
    """
    from dovetail.showing.rendering import duration
    from dovetail.showing.visible import shown

    what = " ".join(shown(stage).split())
    if done is None or not 0 < done.done <= done.total:
        return f"{what}: {duration(seconds)} so far"
    left = seconds * (done.total - done.done) / done.done
    return f"{what}: {100 * done.done // done.total} %, about {duration(left)} left"


def being_read(path: Path) -> str:
    """The stage of reading a corpus: where it is, and how large a file of a megabyte or more."""
    try:
        size = path.stat().st_size if path.is_file() else 0
    except (OSError, ValueError):
        size = 0  # what is wrong with it is said by who reads it
    return f"reading {path}" + (f" ({size / 1e6:,.0f} MB)" if size >= 1e6 else "")


class Waiting(Teller):
    """Tells from a thread of its own, so that work that reports nothing is told of too.

    A context manager; nothing is told of work that is quick.

    Args:
        write: what takes a plain line; standard error unless told.
        live: whether to keep one line of a terminal up to date; by default where there is one.
    """

    def __init__(
        self, write: Callable[[str], None] | None = None, *, live: bool | None = None
    ) -> None:
        self._write = write or _to_standard_error
        self._live = sys.stderr.isatty() if live is None else live
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._tell, daemon=True)
        self._stage = ""
        self._done: Done | None = None
        self._since = time.monotonic()
        self._told = self._since  # when a line was told last
        self._is_new = True
        self._is_shown = False

    def stage(self, what: str) -> None:
        """Something else begins."""
        with self._lock:
            self._stage, self._done = what, None
            self._since, self._is_new = time.monotonic(), True
            self._erase()

    def progress(self, done: Done) -> None:
        """So much of the stage is done."""
        with self._lock:
            self._done = done

    def rest(self) -> None:
        """Nothing is told until the next stage begins, because results are shown."""
        self.stage("")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join()
        self._erase()

    def _tell(self) -> None:
        while not self._over.wait(LOOK_SECONDS):
            with self._lock:
                line = self._due(time.monotonic())
                if line and self._live:
                    _to_terminal(line)
                    self._is_shown = True
                elif line:
                    self._write(line)

    def _due(self, now: float) -> str:
        """The line that is to be told now, if one is."""
        seconds = now - self._since
        is_first = self._is_new and seconds >= PLAIN_AFTER
        is_due = self._live or is_first or now - self._told >= PLAIN_EVERY
        if not self._stage or not is_due or seconds < LIVE_AFTER:
            return ""
        self._told, self._is_new = now, False
        return line_of(self._stage, self._done, seconds)

    def _erase(self) -> None:
        if self._is_shown:
            _to_terminal("")
            self._is_shown = False


def _to_standard_error(line: str) -> None:
    with suppress(OSError, ValueError):  # nobody is there to be told
        sys.stderr.write(f"{line}\n")
        sys.stderr.flush()


def _to_terminal(line: str) -> None:
    """Put a line in the place of the one before, and cut it so that it stays one."""
    from rich.cells import set_cell_size
    from rich.console import Console

    width = Console(stderr=True).width - 1
    fitting = set_cell_size(line, width).rstrip()
    with suppress(OSError, ValueError):
        sys.stderr.write(ERASED + fitting)
        sys.stderr.flush()
