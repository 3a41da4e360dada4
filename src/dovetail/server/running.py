"""A server as a process, or several: sockets, signals, and an end that loses no request.

SIGTERM and Ctrl-C let it answer what it has accepted, and tell newcomers that it ends.
"""

from __future__ import annotations

import math
import signal
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from ipaddress import ip_address
from multiprocessing import parent_process
from types import FrameType

import uvicorn

from dovetail.errors import DovetailError
from dovetail.running.parents import end_with_parent
from dovetail.server.app import ALL, Addresses, guarded
from dovetail.server.guard import Access
from dovetail.server.limits import Limits
from dovetail.server.linked import Link, LinkedProtocol
from dovetail.server.served_models import ServedModels
from dovetail.server.service import Service
from dovetail.threads import MOST_THREADS, available_cores

BACKLOG = 2048
"""Connections that wait to be looked at."""

KEEP_ALIVE_SECONDS = 75
"""For a client's next request on the same connection."""


SWITCH_SECONDS = 0.0005
"""How long a thread that runs Python may keep others from it.  The model thread gives way at each
step of a network, hundreds of times for a batch, and by default would wait for 5 ms each time."""


@dataclass(frozen=True)
class Settings:
    """What a server is started with; another process can be sent it."""

    models: tuple[str, ...]
    workers: int = 1
    threads: int = 0
    limits: Limits = field(default_factory=Limits)
    access: Access = field(default_factory=Access)
    drain_seconds: float = 0.0
    """How long newcomers are told that it ends before it does, at least."""

    @property
    def threads_of_worker(self) -> int:
        """The threads that each process computes with; 0 leaves the choice to Dovetail."""
        if self.threads or self.workers == 1:
            return self.threads
        return max(1, min(available_cores() // self.workers, MOST_THREADS))


def bind(host: str, port: int) -> socket.socket:
    """A socket that listens.

    Raises:
        DovetailError: if the address cannot be had.
    """
    try:
        family, address = _resolved(host, port)
        return socket.create_server((address, port), family=family, backlog=BACKLOG)
    except (OSError, OverflowError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DovetailError(
            f"cannot listen at {host}, port {port}: {reason}; name another --host or --port"
        ) from None


def loopback_address(host: str) -> str | None:
    """The address of a host that only programs on this machine reach, however it is written."""
    try:
        _, address = _resolved(host, 0)
        return address if ip_address(address).is_loopback else None
    except (OSError, ValueError):
        return None  # `bind` says what is wrong with it


def _resolved(host: str, port: int) -> tuple[socket.AddressFamily, str]:
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    return family, str(address[0])


def address_of(listening: socket.socket) -> str:
    """The URL of a socket that listens."""
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def serve_here(
    settings: Settings,
    listening: socket.socket,
    on_ready: Callable[[], None] | None = None,
    link: Link | None = None,
) -> None:
    """Load the models and serve in this process, until a signal ends it.

    With a link, the process that started this one can answer for it if it is killed.

    Raises:
        ModelError: if a model cannot be loaded.
    """
    models = ServedModels.load(settings.models, threads=settings.threads_of_worker)
    service = Service(models, settings.limits)
    end_with_parent()
    server = server_of(
        service, settings.access, drain_seconds=settings.drain_seconds, on_ready=on_ready
    )
    if link is not None:
        server.config.http = partial(LinkedProtocol, link=link)  # type: ignore[assignment]
        server.config.backlog = 1  # connections that are taken at once: the others take some too
    server.run([listening])


def server_of(
    service: Service,
    access: Access,
    *,
    addresses: Addresses = ALL,
    drain_seconds: float = 0.0,
    on_ready: Callable[[], None] | None = None,
) -> DrainingServer:
    """The server of a service, which has not begun."""
    limits = service.limits
    config = uvicorn.Config(
        guarded(service, access, addresses),
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        http="h11",  # which bounds the lines of a request
        ws="none",
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=math.ceil(limits.answer_seconds),
    )
    return DrainingServer(config, service, drain_seconds, on_ready)


class DrainingServer(uvicorn.Server):
    """Ends when what was accepted is answered, or time is up; at a second signal at once."""

    def __init__(
        self,
        config: uvicorn.Config,
        service: Service,
        drain_seconds: float,
        on_ready: Callable[[], None] | None,
    ) -> None:
        super().__init__(config)
        self._service = service
        self._drain_seconds = drain_seconds
        self._on_ready = on_ready
        self._ends_from: float | None = None
        self._ends_by = math.inf

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin; from now on the threads of this process take turns more often."""
        sys.setswitchinterval(SWITCH_SECONDS)
        for listening in sockets or ():
            _drop_unread(listening, self._service.limits.send_seconds)
        await super().startup(sockets)
        for listening in sockets or ():
            listening.listen(BACKLOG)  # which asyncio has set to what it takes at once
        if self._on_ready is not None:
            self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End, and the service too when there is no time for requests any more."""
        await super().shutdown(sockets)
        if self.force_exit:  # uvicorn leaves it out then, and the end of the loop shows a traceback
            await self.lifespan.shutdown()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to end.  The signal is not raised again afterwards: it was obeyed."""
        if sig == signal.SIGINT and parent_process() is not None:
            return  # Ctrl-C reaches all processes, and the parent passes on what it means
        if self._ends_from is None:
            self._service.gate.is_draining = True
            now = time.monotonic()
            self._ends_from = now + self._drain_seconds
            self._ends_by = now + max(self._drain_seconds, self._service.limits.answer_seconds)
        else:
            self.should_exit = self.force_exit = True

    async def on_tick(self, counter: int) -> bool:
        now = time.monotonic()
        is_due = self._ends_from is not None and now >= self._ends_from
        if (is_due and self._service.gate.is_empty) or now >= self._ends_by:
            self.should_exit = True
        return await super().on_tick(counter)


def _drop_unread(listening: socket.socket, seconds: float) -> None:
    """Have the system end connections whose client takes nothing for so long.

    An answer that was given up leaves bytes behind, which only the system can stop waiting with.
    """
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # not on macOS, where they stay until the server ends
        milliseconds = math.ceil(1000 * seconds)
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)
