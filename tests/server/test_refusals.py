"""What is too much, wrong or forbidden is refused by a status, a sentence and nothing else."""

from __future__ import annotations

import http.client
import json
from urllib.parse import urlsplit

import pytest
from tests.server.conftest import LONG_ENOUGH, wait_for

from dovetail.server.guard import Access, loopback_names
from dovetail.server.keys import is_known
from dovetail.server.limits import Limits
from dovetail.server.problems import MOST_ERRORS
from dovetail.server.routes import parsed

SLOW = "Ada Lovelace and London and " * 20_000
"""A sentence that takes seconds."""

KEY = "0123456789abcdef0123456789abcdef"


def problem(answered, status):
    """The problem of an answer, after a look at its form."""
    assert answered.status_code == status, answered.text
    assert answered.headers["content-type"] == "application/problem+json"
    values = answered.json()
    assert values["status"] == status
    assert values["detail"].endswith(".")
    assert "Traceback" not in answered.text
    assert ".py" not in answered.text
    return values


def posted(client, **options):
    return client.post("/v1/extract", **options)


JSON = {"content-type": "application/json"}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "body"),
        (b"{", "expected JSON"),
        (b"\xff\xfe", "expected JSON in UTF-8"),
        (b"[]", "valid dictionary"),
        (b"{}", "texts"),
        (b'{"texts": 3}', "texts"),
        (b'{"texts": ["a", null]}', "texts.1"),
        (b'{"texts": [{"text": "a", "more": 1}]}', "texts.0.more"),
        (b'{"texts": "a", "texst": "b"}', "texst"),
        (b'{"texts": "a", "candidates": NaN}', "candidates"),
        (b'{"texts": "a", "candidates": 0}', "candidates"),
        (b'{"texts": "a", "candidates": 0.0009}', "0.001"),
        (b'{"texts": "a", "thresholds": {"relations": {"lives_in": 0}}}', "0.001"),
        (b'{"texts": "a", "thresholds": {"relations": {"lives_in": 0.0009}}}', "0.001"),
        (b'{"texts": "a", "thresholds": {"relations": {"lives_in": 1.5}}}', "lives_in"),
        (b'{"texts": "a", "thresholds": {"relations": {"loves": 0.5}}}', "known: based_in"),
        (b'{"texts": "a", "thresholds": {"entities": {"\\ud800": 0.5}}}', "no such type"),
        (b"[" * 100_000, "within one another"),
        (b'{"texts": "a", "candidates": ' + b"9" * 5000 + b"}", "digits"),
    ],
)
def test_values_that_cannot_be_used_are_named(client, body, said):
    values = problem(posted(client, content=body, headers=JSON), 422)
    assert said in json.dumps(values)


def test_half_a_surrogate_pair_is_refused_wherever_it_stands(client):
    for item in ('"a\\ud800"', '{"id": "\\udfff", "text": "a"}'):
        body = f'{{"texts": ["a", {item}]}}'
        values = problem(posted(client, content=body, headers=JSON), 422)
        assert values["errors"][0]["where"].startswith("texts.1")
        assert "half a surrogate pair" in values["detail"]
    problem(posted(client, content='{"texts": "a", "model": "\\ud800"}', headers=JSON), 404)


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_body_of_another_type_is_refused(client, kind):
    headers = {"content-type": kind} if kind else {}
    values = problem(posted(client, content=b'{"texts": "a"}', headers=headers), 415)
    assert "application/json" in values["detail"]


def test_unknown_model_and_schema_are_named_with_those_there_are(client):
    assert "tiny, twin" in problem(posted(client, json={"texts": "a", "model": "x"}), 404)["detail"]
    assert "no schema" in problem(posted(client, json={"texts": "a", "schema": "x"}), 404)["detail"]


def test_addresses_and_methods_that_are_not_there(client):
    problem(client.get("/v1/nothing"), 404)
    problem(client.get("/page/../app.py"), 404)
    problem(client.get("/page/%2e%2e%2fapp.py"), 404)
    assert "POST" in client.get("/v1/extract").headers["allow"]
    problem(client.get("/v1/extract"), 405)


def test_body_that_is_too_large_is_refused_before_it_is_read(serve):
    running = serve(Limits(body_bytes=1000))
    with running.client() as client:
        problem(posted(client, json={"texts": "a" * 1000}), 413)
        problem(posted(client, content=iter([b"a" * 600] * 2), headers=JSON), 413)
        assert posted(client, json={"texts": "a" * 900}).status_code == 200
    address = urlsplit(running.address)
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=LONG_ENOUGH)
    connection.putrequest("POST", "/v1/extract")
    connection.putheader("Content-Length", str(10**15))  # and nothing of it is sent
    connection.endheaders()
    assert connection.getresponse().status == 413
    connection.close()


def test_too_many_and_too_long_texts_are_refused(serve):
    running = serve(Limits(texts=3, text_characters=10))
    with running.client() as client:
        assert (
            "at most 3 texts" in problem(posted(client, json={"texts": ["a"] * 4}), 422)["detail"]
        )
        values = problem(posted(client, json={"texts": ["a" * 10, "a" * 11]}), 422)
        assert values["errors"][0]["where"] == "texts.1"


MANY = Limits().values


@pytest.mark.parametrize(
    "body",
    [
        {"texts": [0] * MANY},
        {"texts": [[]] * MANY},
        {"texts": "a"} | {str(number): 0 for number in range(MANY)},
        {"texts": {"text": "a"} | {str(number): 0 for number in range(MANY)}},
        {"texts": "a", "thresholds": {"relations": {str(number): 0.5 for number in range(MANY)}}},
        {"texts": [[[0] * (MANY // 2)], [[0] * (MANY // 2)]]},
    ],
    ids=["texts", "lists", "fields", "fields of a text", "thresholds", "levels"],
)
def test_more_values_than_a_request_can_need_are_not_looked_at(client, body):
    values = problem(posted(client, json=body), 422)
    assert f"at most {MANY:,} JSON values" in values["detail"]
    assert len(values["errors"]) == 1


def test_as_many_texts_with_names_as_may_be_sent_are_not_too_many_values():
    limits = Limits()
    items = [{"id": str(place), "text": ""} for place in range(limits.texts)]
    body = {"texts": items, "thresholds": {"relations": {"lives_in": 0.5}}, "candidates": 0.5}
    assert parsed(json.dumps(body).encode(), limits.values) == body


def test_wrong_values_are_counted_and_the_first_listed(client):
    for body in (
        {"texts": [0] * 1000},
        {"texts": "a", "thresholds": {"relations": {str(number): 0.5 for number in range(1000)}}},
    ):
        values = problem(posted(client, json=body), 422)
        assert len(values["errors"]) == MOST_ERRORS
        assert f"{1000 - MOST_ERRORS} more errors" in values["detail"]


def test_body_that_does_not_arrive_is_not_waited_for(serve):
    running = serve(Limits(body_seconds=0.3))
    address = urlsplit(running.address)
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=LONG_ENOUGH)
    connection.putrequest("POST", "/v1/extract")
    connection.putheader("Content-Type", "application/json")
    connection.putheader("Content-Length", "100")
    connection.endheaders()
    answered = connection.getresponse()
    assert answered.status == 408
    assert "did not arrive" in json.load(answered)["detail"]
    connection.close()


def test_who_finds_no_room_is_told_when_to_come_again(serve):
    running = serve(Limits(waiting_requests=1))
    with running.service.gate.enter(1_000), running.client() as client:
        answered = posted(client, json={"texts": "a"})
        problem(answered, 429)
        assert 1 <= int(answered.headers["retry-after"]) <= 60
        assert client.get("/healthz").json() == {"status": "ok"}


def test_request_that_takes_too_long_is_ended_and_leaves_room(serve):
    running = serve(Limits(waiting_requests=1, request_seconds=2.0, step_tokens=64))
    with running.client() as client:
        assert "2 seconds" in problem(posted(client, json={"texts": SLOW}), 503)["detail"]
        wait_for(lambda: running.service.gate.is_empty)
        wait_for(lambda: posted(client, json={"texts": "Ada lives in London."}).status_code == 200)


def test_client_that_goes_away_is_computed_for_no_more(serve):
    running = serve(Limits(step_tokens=64))
    address = urlsplit(running.address)
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=LONG_ENOUGH)
    connection.request("POST", "/v1/extract", json.dumps({"texts": SLOW}), JSON)
    wait_for(lambda: not running.service.gate.is_empty)
    connection.close()
    wait_for(lambda: running.service.gate.is_empty)


def test_newcomers_are_told_that_the_server_ends(serve):
    running = serve()
    with running.client() as client:
        assert client.get("/readyz").json() == {"status": "ready"}
        running.service.gate.is_draining = True
        answered = posted(client, json={"texts": "a"})
        problem(answered, 503)
        assert int(answered.headers["retry-after"]) >= 1
        problem(client.get("/readyz"), 503)
        assert client.get("/healthz").status_code == 200


@pytest.fixture
def locked(serve):
    with serve(access=Access((KEY, "other-key-of-this-server"), loopback_names())).client() as own:
        yield own


@pytest.mark.parametrize(
    "given",
    [None, "", "Bearer", f"Bearer {KEY[:-1]}", f"Bearer {KEY}x", f"Basic {KEY}", KEY],
)
def test_without_a_key_nothing_is_answered(locked, given):
    headers = {} if given is None else {"authorization": given}
    answered = posted(locked, json={"texts": "a"}, headers=headers)
    problem(answered, 401)
    assert answered.headers["www-authenticate"] == "Bearer"
    for path in ("/v1/models", "/metrics", "/v1/nothing"):
        assert locked.get(path, headers=headers).status_code == 401


def test_each_key_opens_and_health_needs_none(locked):
    for key in (KEY, "other-key-of-this-server"):
        headers = {"authorization": f"Bearer {key}"}
        assert posted(locked, json={"texts": "a"}, headers=headers).status_code == 200
    for path in ("/healthz", "/readyz", "/", "/openapi.json"):
        assert locked.get(path).status_code == 200


def test_keys_are_compared_whole():
    assert is_known("a", ("b", "a"))
    assert not is_known("\ud800", ("a",))
    assert not is_known("", ("a",))
    assert not is_known("a", ())


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "localhost.evil", "[", ""])
def test_names_of_other_hosts_are_not_answered_to(client, host):
    problem(client.get("/v1/models", headers={"host": host}), 421)


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8000", "127.0.0.1", "[::1]:8000"])
def test_names_of_this_host_are(client, host):
    assert client.get("/v1/models", headers={"host": host}).status_code == 200


def test_every_answer_has_the_headers_of_a_careful_server(client):
    for answered in (client.get("/"), client.get("/v1/nothing"), client.get("/v1/models")):
        policy = answered.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert answered.headers["x-content-type-options"] == "nosniff"
        assert "server" not in answered.headers
        assert "access-control-allow-origin" not in answered.headers


def test_fault_of_the_server_says_nothing_of_its_inside(serve, caplog, monkeypatch):
    running = serve()

    def broken(*_):
        raise RuntimeError("a secret of the inside")

    monkeypatch.setattr(running.service.models, "describe", broken)
    with running.client() as client:
        values = problem(client.get("/v1/models"), 500)
        assert "secret" not in json.dumps(values)
        reference = values["detail"].rstrip(".").split()[-1]
        assert reference in caplog.text
        assert "a secret of the inside" in caplog.text
