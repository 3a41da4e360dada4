"""A real server on a loopback port, in a thread of the tests, and clients."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx
import pytest
from tests import waiting

pytest.importorskip("fastapi", reason="the server needs dovetail[serve]")
pytest.importorskip("uvicorn", reason="the server needs dovetail[serve]")

from dovetail.extractor import Extractor
from dovetail.server.guard import Access, loopback_names
from dovetail.server.limits import Limits
from dovetail.server.running import DrainingServer, address_of, bind, server_of
from dovetail.server.served_models import ServedModels
from dovetail.server.service import Service

LONG_ENOUGH = 60
"""Seconds that a test waits for anything."""

wait_for = partial(waiting.until, seconds=LONG_ENOUGH)


@dataclass
class Running:
    """A server that runs, and what it is made of."""

    address: str
    service: Service
    server: DrainingServer
    thread: threading.Thread
    listening: socket.socket

    def client(self, **options) -> httpx.Client:
        """A client of it."""
        return httpx.Client(base_url=self.address, timeout=LONG_ENOUGH, **options)

    def end(self) -> None:
        """End it as a signal does, and wait."""
        if self.thread.is_alive():
            self.server.handle_exit(15, None)
            self.thread.join(LONG_ENOUGH)
        assert not self.thread.is_alive()


def load_exactly(folder: Path) -> Extractor:
    """Load as on a machine without bf16 units: their rounding depends on the size of a batch."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("dovetail.encoders.precision.fast_bfloat16", lambda device=None: False)
        return Extractor.load(folder, threads=1)


@pytest.fixture(scope="session")
def extractor(trained_model: Path) -> Extractor:
    """What the library says."""
    return load_exactly(trained_model)


@pytest.fixture(scope="session")
def models(trained_model: Path) -> ServedModels:
    """A tiny model under two names."""
    return ServedModels({name: load_exactly(trained_model) for name in ("tiny", "twin")})


def start(models: ServedModels, limits: Limits, access: Access) -> Running:
    """Serve models in a thread."""
    listening = bind("127.0.0.1", 0)
    service = Service(models, limits)
    ready = threading.Event()
    server = server_of(service, access, on_ready=ready.set)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve([listening])), daemon=True)
    thread.start()
    assert ready.wait(LONG_ENOUGH)
    return Running(address_of(listening), service, server, thread, listening)


@pytest.fixture
def serve(models: ServedModels) -> Iterator[Callable[..., Running]]:
    """Start servers with limits and access of their own; they end with the test."""
    running: list[Running] = []

    def started(limits: Limits | None = None, access: Access | None = None) -> Running:
        own = start(models, limits or Limits(), access or Access(hosts=loopback_names()))
        running.append(own)
        return own

    yield started
    for own in running:
        own.end()


@pytest.fixture(scope="session")
def server(models: ServedModels) -> Iterator[Running]:
    """One server for all tests that change nothing about it."""
    running = start(models, Limits(), Access(hosts=loopback_names()))
    yield running
    running.end()


@pytest.fixture(scope="session")
def client(server: Running) -> Iterator[httpx.Client]:
    with server.client() as client:
        yield client
