"""OpenAPI says what the server does: schemathesis asks it everything that it describes."""

from __future__ import annotations

from inspect import iscoroutinefunction

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests.server.conftest import start

from dovetail.server.guard import Access
from dovetail.server.limits import Limits
from dovetail.server.routes import open_router, router
from dovetail.server.streaming import stream_router

schemathesis = pytest.importorskip("schemathesis", reason="pip install schemathesis")

from schemathesis.specs.openapi.checks import positive_data_acceptance  # noqa: E402

OPERATIONS = [
    ("POST", "/v1/extract"),
    ("POST", "/v1/extract/stream"),
    ("GET", "/v1/models"),
    ("GET", "/metrics"),
    ("GET", "/healthz"),
    ("GET", "/readyz"),
]


KEY = "0123456789abcdef"
HEADERS = {"Authorization": f"Bearer {KEY}"}


@pytest.fixture(scope="module")
def locked(models):
    """A server that asks for a key."""
    running = start(models, Limits(), Access((KEY,)))
    yield running
    running.end()


@pytest.fixture(scope="module")
def described(locked):
    return schemathesis.openapi.from_url(f"{locked.address}/openapi.json")


def test_no_address_is_left_out(described):
    listed = [own.ok() for own in described.get_all_operations()]
    assert sorted((own.method.upper(), own.path) for own in listed) == sorted(OPERATIONS)


ASKED = [(*own, "POSITIVE") for own in OPERATIONS] + [
    (*own, "NEGATIVE") for own in OPERATIONS if own[1] not in ("/healthz", "/readyz")
]
"""What takes no values and no key has no wrong ones."""


@pytest.mark.parametrize(("method", "path", "mode"), ASKED)
def test_every_answer_is_as_described(described, locked, method, path, mode):
    cases = described[path][method].as_strategy(generation_mode=schemathesis.GenerationMode[mode])

    @settings(
        max_examples=25 if method == "POST" else 3,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=[*HealthCheck],
        database=None,
    )
    @given(data=st.data())
    def asked(data):
        # What no schema can say is refused too: a type that the model has not, a line that is no
        # JSON.
        case = data.draw(cases)
        case.call_and_validate(
            base_url=locked.address, headers=HEADERS, excluded_checks=[positive_data_acceptance]
        )

    asked()


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
