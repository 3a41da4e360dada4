"""Workers that are killed take no request with them: whoever waits for an answer is told."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import re
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from benchmarks.soak import Library, Server, Soak

pytest.importorskip("uvicorn", reason="the server needs dovetail[serve]")

from dovetail.server import orphans
from dovetail.server.linked import Stage
from dovetail.server.orphans import HeldConnections, Orphans

pytestmark = pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="reads /proc")

SECONDS = 180


@pytest.fixture
def connection():
    """A connection of a server, and the client's end of it."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        client = socket.create_connection(listening.getsockname(), timeout=SECONDS)
        own, _ = listening.accept()
    own.setblocking(False)
    with client, own:
        yield own, client


@pytest.fixture
def worker_link():
    """What a parent holds, and the link that a worker has, in one process."""
    held = HeldConnections(multiprocessing.get_context("spawn"))
    yield held, held.link
    list(held.release())
    held.link.channel.close()


def everything(client):
    """What a client reads until the connection ends."""
    return b"".join(iter(lambda: client.recv(1 << 16), b""))


def attended(orphans):
    """Attend to orphans until none is left."""
    end = time.monotonic() + SECONDS
    while orphans and time.monotonic() < end:
        orphans.attend()
        time.sleep(0.01)


def is_told(answer):
    """Whether an answer is a whole response of HTTP that says to send the request again."""
    head, _, body = answer.partition(b"\r\n\r\n")
    length = int(re.search(rb"(?i)content-length: (\d+)", head)[1])
    return (
        head.startswith(b"HTTP/1.1 503 ")
        and b"retry-after: 1" in head.lower()
        and b"connection: close" in head.lower()
        and len(body) == length
        and json.loads(body)["status"] == 503
    )


def test_who_waited_for_an_answer_is_told(connection):
    own, client = connection
    orphans = Orphans()
    assert orphans.adopt(own, Stage.ASKED)
    assert is_told(everything(client))
    client.close()
    attended(orphans)
    assert not orphans


def test_rest_of_a_long_body_does_not_take_the_answer_away(connection):
    """What comes for a connection that is closed resets it, and takes what was not read yet."""
    own, client = connection
    client.sendall(b"x" * 100_000)
    left = Orphans()
    left.adopt(own, Stage.ASKED)
    for _ in range(20):
        client.sendall(b"x" * 10_000)
        left.attend()
    assert is_told(everything(client))
    client.close()
    attended(left)


def test_request_that_crosses_the_end_of_its_worker_is_told_and_silence_ends(
    connection, monkeypatch
):
    own, client = connection
    left = Orphans()
    assert not left.adopt(own, Stage.SILENT)
    left.attend()
    client.sendall(b"GET /v1/models HTTP/1.1\r\n\r\n")
    time.sleep(0.05)
    left.attend()
    assert is_told(everything(client))
    left.close()


def test_connection_without_a_request_ends_without_a_word(connection, monkeypatch):
    monkeypatch.setattr(orphans, "CROSSING_SECONDS", 0.05)
    own, client = connection
    left = Orphans()
    left.adopt(own, Stage.SILENT)
    time.sleep(0.06)
    left.attend()
    assert everything(client) == b""
    client.close()
    attended(left)
    assert not left


def test_answer_that_has_begun_is_broken_off(connection):
    own, client = connection
    own.send(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf")
    left = Orphans()
    assert not left.adopt(own, Stage.ANSWERING)
    assert not left
    assert everything(client).endswith(b"\r\n\r\nhalf")


def test_parent_holds_what_a_worker_has_open_and_nothing_else(connection, worker_link, monkeypatch):
    monkeypatch.setattr(orphans, "SWEEP_SECONDS", 0.0)
    own, client = connection
    held, link = worker_link
    number = link.hold(own)
    assert number == own.fileno()
    held.receive()
    link.stages[number] = Stage.ASKED
    own.close()  # as the system does when the worker is killed
    ((released, stage),) = held.release()
    assert stage is Stage.ASKED
    left = Orphans()
    left.adopt(released, stage)
    assert is_told(everything(client))
    left.close()


def test_connection_that_the_worker_closed_is_let_go(connection, worker_link, monkeypatch):
    monkeypatch.setattr(orphans, "SWEEP_SECONDS", 0.0)
    own, client = connection
    held, link = worker_link
    number = link.hold(own)
    held.receive()
    link.stages[number] = Stage.CLOSED
    own.close()
    held.receive()
    assert everything(client) == b""  # no handle of it is left
    assert list(held.release()) == []


def test_parent_keeps_half_of_its_handles_for_other_things(connection, monkeypatch):
    monkeypatch.setattr(orphans, "_most_held", lambda: 1)
    own, _ = connection
    held = HeldConnections(multiprocessing.get_context("spawn"))
    copies = [own.dup() for _ in range(3)]
    for copy in copies:
        held.link.hold(copy)
    held.receive()
    released = [left for left, _ in held.release()]
    assert len(released) == 1
    for left in (*released, *copies):
        left.close()
    held.link.channel.close()


def is_answered(client):
    """Read one answer; whether it is 200."""
    with client.makefile("rb") as file:
        lines = iter(file.readline, b"\r\n")
        status, *headers = lines
        (length,) = (int(line[15:]) for line in headers if line.startswith(b"content-length:"))
        assert len(file.read(length)) == length
    return status.startswith(b"HTTP/1.1 200")


def request_of(text, sent=None):
    """A request, or so many bytes of its body."""
    body = json.dumps({"texts": text}).encode()
    head = f"POST /v1/extract HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n"
    head += "Content-Type: application/json\r\n\r\n"
    return head.encode() + body[:sent]


@pytest.fixture(scope="module")
def served(trained_model):
    server = Server(str(trained_model), workers=2)
    yield server
    assert server.end() == 0
    assert "Traceback" not in "".join(server.said)


def test_requests_of_killed_workers_are_answered_with_503_and_new_workers_go_on(served):
    clients = [socket.create_connection(("127.0.0.1", served.port), SECONDS) for _ in range(8)]
    for client in clients:  # answered once, so that a worker has each of them
        client.sendall(request_of("Ada"))
        assert is_answered(client)
    half, whole = clients[:4], clients[4:]
    for client in half:
        client.sendall(request_of("Ada Lovelace lives in London .", sent=10))
    time.sleep(0.3)
    workers = served.workers()
    for pid in workers:
        os.kill(pid, signal.SIGSTOP)
    for client in whole:  # which nobody reads any more
        client.sendall(request_of("Ada Lovelace lives in London ."))
    for pid in workers:
        os.kill(pid, signal.SIGKILL)
    assert all(is_told(everything(client)) for client in clients)
    for client in clients:
        client.close()
    with socket.create_connection(("127.0.0.1", served.port), SECONDS) as client:
        client.sendall(request_of("Ada"))
        assert is_answered(client)
    assert "which were answered with 503" in "".join(served.said)


def test_what_the_soak_takes_for_a_right_answer(extractor):
    texts = ["Ada Lovelace lives in London .", "Acme hired Bob . Bob met Ada in Rome ."]
    library = Library(extractor, texts)
    relations = 0
    for index, found in enumerate(extractor.pipe(texts)):
        document = json.loads(json.dumps(found.to_dict()))
        assert library.may_answer(index, document)
        assert not library.may_answer(1 - index, document)
        assert not library.may_answer(index, {**document, "entities": document["entities"][1:]})
        for place, relation in enumerate(document["relations"]):
            others = document["relations"][:place] + document["relations"][place + 1 :]
            limit = extractor.thresholds[relation["type"]] + 0.02
            is_sure = relation["confidence"] >= limit
            assert library.may_answer(index, {**document, "relations": others}) != is_sure
            less = {**relation, "confidence": relation["confidence"] - 0.03}
            assert not library.may_answer(index, {**document, "relations": [*others, less]})
            relations += 1
    assert relations


def test_under_load_and_random_kills_nothing_is_lost_or_wrong(served, extractor):
    """The short form of benchmarks/soak.py."""
    texts = ["Ada Lovelace lives in London .", "Paris", "Acme hired Bob . Bob met Ada in Rome ."]
    soak = Soak(served, Library(extractor, texts))
    with ThreadPoolExecutor(1) as other:  # the browser of other tests leaves a loop running in this
        other.submit(lambda: asyncio.run(soak.run(6, clients=8, kill_every=2, seed=3))).result()
    assert soak.outcome.kills
    assert soak.outcome.counts["answered"] > 10
    assert not soak.outcome.counts.keys() - {"answered", "told", "cut"}
    assert soak.outcome.unanswered == 0
