"""Which requests are accepted: as many as can wait, and none while the server ends."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from dovetail.server.limits import Limits
from dovetail.server.metrics import Metrics
from dovetail.server.problems import ProblemError

LONGEST_RETRY = 60.0
"""Seconds after which a client is told to come again, at most."""

DRAINING_RETRY = 5.0
"""The same, while the server ends: another one may be there by then."""

_KEPT = 0.8  # of the old pace, when a new one is seen


class Gate:
    """Counts what waits.  Used by the event loop alone."""

    def __init__(self, limits: Limits, metrics: Metrics) -> None:
        self._limits = limits
        self._metrics = metrics
        self._requests = 0
        self._characters = 0
        self._pace = 50_000.0  # characters in a second, until it is known
        self._last: float | None = None
        self.is_draining = False

    @property
    def is_empty(self) -> bool:
        """Whether all that was accepted is answered."""
        return self._requests == 0

    def enter(self, characters: int) -> Ticket:
        """Let a request with so many characters wait for its answer, until it leaves.

        Raises:
            ProblemError: if there is no room for it, or the server ends.
        """
        self._refuse(characters)
        self.count(1, characters)
        return Ticket(self, characters)

    def _refuse(self, characters: int) -> None:
        if self.is_draining:
            raise ProblemError(
                503,
                "The server is ending and takes no more requests; send it to another one, or "
                "later.",
                retry_after=DRAINING_RETRY,
                headers={"Connection": "close"},
            )
        is_full = self._requests >= self._limits.waiting_requests
        is_much = self._characters + characters > self._limits.waiting_characters
        if is_full or (is_much and self._requests):
            raise ProblemError(
                429,
                f"Too many requests wait: {self._requests:,} with {self._characters:,} "
                f"characters; send it again later.",
                retry_after=min(self._characters / self._pace, LONGEST_RETRY),
            )

    def answered(self, characters: int) -> None:
        """So many characters were extracted from, which says how fast the server is."""
        now = time.monotonic()
        if self._last is not None and self._requests > 1:  # otherwise it was idle
            pace = characters / max(now - self._last, 1e-4)
            self._pace = _KEPT * self._pace + (1 - _KEPT) * pace
        self._last = now

    def count(self, requests: int, characters: int) -> None:
        """Change what waits by so much."""
        self._requests += requests
        self._characters += characters
        self._metrics.waiting_requests.inc(requests)
        self._metrics.waiting_characters.inc(characters)


class Ticket:
    """The place of a request that was accepted; given up by leaving the context."""

    def __init__(self, gate: Gate, characters: int) -> None:
        self._gate = gate
        self._characters = characters
        self._has_left = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if not self._has_left:
            self._has_left = True
            self._gate.count(-1, -self._characters)
