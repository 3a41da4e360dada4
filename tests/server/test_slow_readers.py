"""Clients that read answers slowly, or not at all, hold neither memory nor the end up."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest
from tests.server.conftest import LONG_ENOUGH, wait_for

from dovetail.server.asked import Asked
from dovetail.server.guard import PART_BYTES
from dovetail.server.limits import Limits
from dovetail.server.problems import ProblemError
from dovetail.server.service import Service
from dovetail.server.wire import TextItem

SMALL = 4096
"""Bytes of the system's own buffers, which otherwise take megabytes before anybody waits."""

BLANK = " " * 1_000_000
"""A text without a word, whose answer is large and done at once."""


def asked_slowly(running, path, body, kind="application/json"):
    """A connection over which a request was sent, and nothing is read."""
    running.listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SMALL)
    address = urlsplit(running.address)
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL)
    connection.settimeout(LONG_ENOUGH)
    connection.connect((address.hostname, address.port))
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\n"
    connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
    return connection


def connections(running):
    """Those that the server holds."""
    return running.server.server_state.connections


@pytest.mark.skipif(
    not hasattr(socket, "TCP_USER_TIMEOUT"), reason="this system keeps what nobody reads"
)
def test_connection_whose_client_reads_nothing_is_not_kept(serve):
    running = serve(Limits(send_seconds=0.3))
    body = json.dumps({"texts": BLANK}).encode()
    with asked_slowly(running, "/v1/extract", body):
        wait_for(lambda: connections(running))
        wait_for(lambda: not connections(running))
        wait_for(lambda: running.service.gate.is_empty)


@pytest.mark.parametrize(
    "size", [0, 1, PART_BYTES - 200, PART_BYTES, 3 * PART_BYTES + 1, 1_000_000]
)
def test_answer_that_is_read_is_whole_whatever_its_size(client, size):
    answered = client.post("/v1/extract", json={"texts": " " * size})
    assert answered.json()["documents"][0]["text"] == " " * size
    assert len(answered.content) == int(answered.headers["content-length"])


def test_stream_that_is_read_in_drops_ends_in_time(serve):
    running = serve(Limits(request_seconds=0.5, send_seconds=1.0))
    body = json.dumps([" " * 1000] * 3000).encode()
    began = time.monotonic()
    with asked_slowly(running, "/v1/extract/stream", body) as connection:
        wait_for(lambda: not running.service.gate.is_empty)
        read = 0
        while not running.service.gate.is_empty:
            read += len(connection.recv(2000))  # so often that no part takes long
            time.sleep(0.01)
        assert time.monotonic() - began > 1
        assert read < len(body) / 2


def test_outcomes_that_are_taken_too_late_are_refused_though_they_are_there(models):
    async def taken():
        service = Service(models, Limits(request_seconds=2))
        service.start()
        try:
            outcomes = service.outcomes(Asked.of(models), [TextItem(text="")] * 3)
            await anext(outcomes)
            await asyncio.sleep(2.1)
            with pytest.raises(ProblemError, match="within 2 seconds"):
                await anext(outcomes)
        finally:
            await service.stop()

    # In a thread of its own: the one of the tests may drive a browser, which has a loop in it.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(lambda: asyncio.run(taken())).result()


def test_server_ends_though_a_client_reads_nothing(serve):
    running = serve(Limits(request_seconds=0.5, send_seconds=0.5))
    body = b"0\n" * 10_000
    with asked_slowly(running, "/v1/extract/stream", body, "application/x-ndjson"):
        running.end()  # fails if it takes long


def test_server_ends_though_something_is_never_answered(serve):
    running = serve(Limits(request_seconds=0.3, send_seconds=0.3))
    running.service.gate.enter(1)
    running.end()
    assert not running.service.gate.is_empty
