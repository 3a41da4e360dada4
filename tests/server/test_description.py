"""OpenAPI says what the server does: schemathesis asks it everything that it describes."""

from __future__ import annotations

from inspect import iscoroutinefunction

import pytest
from tests.descriptions import KEY, check_answers, described_at, operations_of
from tests.server.conftest import start

from dovetail.server.guard import Access
from dovetail.server.limits import Limits
from dovetail.server.routes import open_router, router
from dovetail.server.streaming import stream_router

OPERATIONS = [
    ("POST", "/v1/extract"),
    ("POST", "/v1/extract/stream"),
    ("GET", "/v1/models"),
    ("GET", "/metrics"),
    ("GET", "/healthz"),
    ("GET", "/readyz"),
]


@pytest.fixture(scope="module")
def locked(models):
    """A server that asks for a key."""
    running = start(models, Limits(), Access((KEY,)))
    yield running
    running.end()


@pytest.fixture(scope="module")
def described(locked):
    return described_at(locked.address)


def test_no_address_is_left_out(described):
    assert sorted(operations_of(described)) == sorted(OPERATIONS)


ASKED = [(*own, "POSITIVE") for own in OPERATIONS] + [
    (*own, "NEGATIVE") for own in OPERATIONS if own[1] not in ("/healthz", "/readyz")
]
"""What takes no values and no key has no wrong ones."""


@pytest.mark.parametrize(("method", "path", "mode"), ASKED)
def test_every_answer_is_as_described(described, locked, method, path, mode):
    most = 25 if method == "POST" else 3
    check_answers(described, locked.address, method, path, mode, most)


def test_description_has_examples_and_problems(client):
    described = client.get("/openapi.json").json()
    operation = described["paths"]["/v1/extract"]["post"]
    content = operation["requestBody"]["content"]["application/json"]
    for example in content["examples"].values():
        answered = client.post("/v1/extract", json=example["value"])
        assert answered.status_code == 200, answered.text
    assert {"401", "413", "422", "429", "503"} <= operation["responses"].keys()
    assert "HTTPValidationError" not in described["components"]["schemas"]
    assert operation["security"]


def test_nothing_before_a_route_needs_another_thread():
    """A thread pool would hand over each request, and hold it when its threads are busy."""

    def calls(dependant):
        yield dependant.call
        for own in dependant.dependencies:
            yield from calls(own)

    routes = [route for own in (router, stream_router, open_router) for route in own.routes]
    assert routes
    for route in routes:
        for call in calls(route.dependant):
            assert iscoroutinefunction(call) or iscoroutinefunction(type(call).__call__), call
