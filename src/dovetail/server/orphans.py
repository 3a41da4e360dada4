"""What becomes of the connections of a worker that was killed: each request is answered with 503.

No other worker takes a request up.  The one that was killed may have been killed by it, as when
memory runs out, and it would go on to kill the others; nor is its body kept anywhere else.  The
client knows, and decides.
"""

from __future__ import annotations

import ctypes
import resource
import socket
import time
from collections.abc import Iterator
from multiprocessing.context import BaseContext
from typing import NamedTuple

from dovetail.server.guard import SECURITY_HEADERS
from dovetail.server.linked import MOST_NUMBERS, NUMBER_BYTES, Link, Stage
from dovetail.server.problems import ProblemError

CROSSING_SECONDS = 1.0
"""How long a connection without a request is kept open: one may be on its way."""

LINGER_SECONDS = 5.0
"""How long the rest of a request is read after its answer, which a reset would take away."""

SWEEP_SECONDS = 1.0
"""How often handles are given back that the worker has closed."""

_READ_BYTES = 1 << 16


def _most_held() -> int:
    """Handles of connections: half of what the process may have open."""
    return min(resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2, MOST_NUMBERS)


class HeldConnections:
    """Second handles of the connections of one worker.

    Args:
        context: starts the worker.
        share: the part of all handles that this worker may have.
    """

    def __init__(self, context: BaseContext, share: float = 1.0) -> None:
        self._own, self._workers = socket.socketpair()
        self._own.setblocking(False)
        self._workers.setblocking(False)
        self._stages = context.RawArray(ctypes.c_byte, MOST_NUMBERS)
        self._held: dict[int, socket.socket] = {}
        self._most = int(share * _most_held())
        self._swept = time.monotonic()

    @property
    def link(self) -> Link:
        """What the worker is started with."""
        return Link(self._workers, self._stages)

    def started(self) -> None:
        """Give the worker's end up, once the worker has it."""
        self._workers.close()

    @property
    def incoming(self) -> Iterator[socket.socket]:
        """What is ready to read when the worker has a new connection."""
        if self._own.fileno() >= 0:
            yield self._own

    def receive(self) -> None:
        """Take what the worker has sent, and let go of what it has closed."""
        while self._own.fileno() >= 0:
            try:
                message, handles, _, _ = socket.recv_fds(self._own, NUMBER_BYTES, 1)
            except BlockingIOError:
                break
            if not message:
                self._own.close()
            for handle in handles:
                self._hold(int.from_bytes(message, "big"), socket.socket(fileno=handle))
        if time.monotonic() - self._swept >= SWEEP_SECONDS:
            self._sweep()

    def _hold(self, number: int, connection: socket.socket) -> None:
        self._let_go(number)  # of an earlier connection, whose number is used again
        if len(self._held) >= self._most:
            connection.close()
        else:
            self._held[number] = connection

    def _sweep(self) -> None:
        self._swept = time.monotonic()
        for number in [own for own in self._held if self._stages[own] == Stage.CLOSED]:
            self._let_go(number)

    def _let_go(self, number: int) -> None:
        earlier = self._held.pop(number, None)
        if earlier is not None:
            earlier.close()

    def release(self) -> Iterator[tuple[socket.socket, Stage]]:
        """Yield the connections that the worker left behind when it ended."""
        self.receive()
        self._own.close()
        while self._held:
            number, connection = self._held.popitem()
            yield connection, Stage(self._stages[number])


class _Orphan(NamedTuple):
    connection: socket.socket
    until: float
    is_told: bool


class Orphans:
    """Connections of workers that are no more, until their clients know."""

    def __init__(self) -> None:
        self._orphans: list[_Orphan] = []

    def __len__(self) -> int:
        return len(self._orphans)

    @property
    def connections(self) -> list[socket.socket]:
        """What is ready to read when `attend` has something to do."""
        return [own.connection for own in self._orphans]

    def adopt(self, connection: socket.socket, stage: Stage) -> bool:
        """Take a connection at some stage; whether its client waited for an answer."""
        if stage is Stage.ASKED:
            self._tell(connection)
        elif stage is Stage.SILENT:
            until = time.monotonic() + CROSSING_SECONDS
            self._orphans.append(_Orphan(connection, until, is_told=False))
        else:  # half an answer is out: all that is left is to break it off
            connection.close()
        return stage is Stage.ASKED

    def _tell(self, connection: socket.socket) -> None:
        try:
            connection.send(_answer())  # a few hundred bytes, for which a fresh answer has room
        except OSError:
            connection.close()
            return
        self._end(connection)

    def _end(self, connection: socket.socket) -> None:
        """Send nothing more, and read on for a while."""
        try:
            connection.shutdown(socket.SHUT_WR)
        except OSError:
            connection.close()
            return
        until = time.monotonic() + LINGER_SECONDS
        self._orphans.append(_Orphan(connection, until, is_told=True))

    def attend(self) -> None:
        """Tell those who ask now, and let go of those who have left or had their time."""
        orphans, self._orphans = self._orphans, []
        now = time.monotonic()
        for own in orphans:
            try:
                arrived: bytes | None = own.connection.recv(_READ_BYTES)
            except BlockingIOError:
                arrived = None
            except OSError:
                arrived = b""
            if arrived == b"" or (own.is_told and now >= own.until):
                own.connection.close()
            elif own.is_told:
                self._orphans.append(own)
            elif arrived:
                self._tell(own.connection)
            elif now >= own.until:
                self._end(own.connection)
            else:
                self._orphans.append(own)

    def close(self) -> None:
        """Let go of all."""
        for own in self._orphans:
            own.connection.close()
        self._orphans.clear()


def _answer() -> bytes:
    """The 503 of HTTP for a request that went with its worker."""
    response = ProblemError(
        503,
        "The process that had this request was killed before it answered; send the request again.",
        retry_after=1,
        headers={"Connection": "close", "Cache-Control": "no-store", **SECURITY_HEADERS},
    ).response()
    head = [b"HTTP/1.1 503 Service Unavailable"]
    head += [name + b": " + value for name, value in response.raw_headers]
    return b"\r\n".join([*head, b"", bytes(response.body)])
