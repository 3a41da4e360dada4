"""Connections of a worker that the process which started it holds too, and what they wait for.

When a process is killed, the system closes its connections, and whoever waits for an answer is met
by silence.  So a worker sends a second handle of each connection to its parent, and keeps in memory
that both share how far the answer is.  `dovetail.server.orphans` is the parent's side.
"""

from __future__ import annotations

import asyncio
import ctypes
import socket
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from uvicorn._types import ASGIReceiveCallable, ASGISendCallable, ASGISendEvent, Scope
from uvicorn.protocols.http.h11_impl import H11Protocol

NUMBER_BYTES = 4
"""Of a message: the number of a connection in the worker, big-endian; its handle goes along."""

MOST_NUMBERS = 1 << 16
"""Connections with a larger number are not held by the parent."""


class Stage(IntEnum):
    """How far a connection is."""

    CLOSED = 0
    SILENT = 1
    """Between requests; the last answer is out as a whole."""
    ASKED = 2
    """Some of a request has come, and nothing of its answer is out."""
    ANSWERING = 3
    """Some of an answer may be out, and some of it may not."""


@dataclass(frozen=True)
class Link:
    """What a worker tells its parent by; it can be sent to a process that starts."""

    channel: socket.socket
    stages: ctypes.Array[ctypes.c_byte]
    """The `Stage` of each connection by its number, in memory that both share."""

    def hold(self, connection: Any) -> int | None:
        """Have the parent hold a connection; its number, or None if that cannot be.

        The parent may be busy, and a worker does not wait for it.
        """
        number: int = connection.fileno()
        if number >= MOST_NUMBERS:
            return None
        self.stages[number] = Stage.SILENT
        try:
            socket.send_fds(self.channel, [number.to_bytes(NUMBER_BYTES, "big")], [number])
        except OSError:
            self.stages[number] = Stage.CLOSED
            return None
        return number


class LinkedProtocol(H11Protocol):
    """HTTP on one connection that the parent holds too."""

    def __init__(self, *arguments: Any, link: Link, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._link = link
        self._number: int | None = None
        self._answer = self.app
        self.app = self._noted

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._number = self._link.hold(transport.get_extra_info("socket"))
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        if self._is_idle:
            self._note(Stage.ASKED)
        super().data_received(data)

    def on_response_complete(self) -> None:
        if self.transport.get_write_buffer_size() == 0:  # or some of the answer is only in memory
            self._note(Stage.SILENT)
        super().on_response_complete()
        if not self._is_idle:  # the client sent another request before it had this answer
            self._note(Stage.ASKED)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._number is not None:
            self._note(Stage.CLOSED)
            self._number = None
            _end(self.transport.get_extra_info("socket"))
        super().connection_lost(exc)

    @property
    def _is_idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _note(self, stage: Stage) -> None:
        if self._number is not None:
            self._link.stages[self._number] = stage

    async def _noted(
        self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> None:
        """Answer, and note when that begins."""

        async def sent(message: ASGISendEvent) -> None:
            if message["type"] == "http.response.start":
                self._note(Stage.ANSWERING)
            await send(message)

        await self._answer(scope, receive, sent)


def _end(connection: Any) -> None:
    """Tell the client that a connection ends, which closing one of two handles would not."""
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:  # the client was faster
        return
