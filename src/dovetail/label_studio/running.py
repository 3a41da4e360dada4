"""A backend as a process: its folder is claimed, its server runs, its training ends with it."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import ExitStack

from dovetail.label_studio.backend import Backend, Learning, Say, Start
from dovetail.label_studio.routes import label_studio_router, open_label_studio_router
from dovetail.server.app import Addresses
from dovetail.server.guard import Access
from dovetail.server.routes import open_router, router
from dovetail.server.running import DrainingServer, server_of
from dovetail.server.streaming import stream_router


def backend_server(
    backend: Backend, access: Access, on_ready: Callable[[], None] | None = None
) -> DrainingServer:
    """The server of a backend, which answers as `dovetail serve` does too, but has no page."""
    routers = (open_label_studio_router, label_studio_router, router, stream_router, open_router)
    return server_of(
        backend.service,
        access,
        addresses=Addresses(routers, {"backend": backend}),
        on_ready=on_ready,
    )


def serve_backend(
    start: Start,
    learning: Learning | None,
    access: Access,
    listening: socket.socket,
    say: Say,
) -> None:
    """Load what is to be served, and serve until a signal ends it.

    Raises:
        DovetailError: if there is nothing to serve, or another backend has the folder.
    """
    with ExitStack() as stack:
        if learning is not None:
            stack.enter_context(learning.folder.claimed())
        backend = Backend(start, learning, say)
        if backend.trainer is not None:
            stack.callback(backend.trainer.stop)
        backend_server(backend, access, lambda: say("ready")).run([listening])
