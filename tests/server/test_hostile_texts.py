"""Texts that were made to harm: each gets an answer or a problem, never a fault of the server."""

from __future__ import annotations

import json
from functools import partial

import pytest
from tests.server.conftest import wait_for

TEXTS = {
    "NUL": "Ada\0 lives in \0London\0.",
    "empty": "",
    "white space": " \t\r\n\u00a0\u2003\u200b\ufeff" * 50,
    "a line of a megabyte": "Ada lives in London and " * 40_000,
    "a word of a megabyte": "a" * 999_999,
    "punctuation": "((((([" * 20_000,
    "emoji": "👩‍👩‍👧 lives in 🇫🇷 and 🏴󠁧󠁢󠁥󠁮󠁧󠁿 " * 200,
    "marks": "e" + "\u0301" * 10_000,
    "from right to left": "\u202eAda\u2066 lives in שלום\u202c",
    "markup": "<script>alert(1)</script> & {{7*7}} ${7*7} %s %n",
    "controls": "".join(map(chr, range(32))) + "\x7f\x85\u2028\u2029",
    "not a character": "\ufffe\uffff\U0010ffff",
}


@pytest.fixture(scope="module")
def patient(models):
    """A server that gives long texts little time, and looks at others between."""
    from tests.server.conftest import start

    from dovetail.server.guard import Access
    from dovetail.server.limits import Limits

    running = start(models, Limits(request_seconds=1.5, step_tokens=256), Access())
    with running.client() as client:
        yield client
    running.end()


@pytest.mark.parametrize("name", TEXTS)
def test_text_is_answered_or_refused(patient, name):
    answered = patient.post("/v1/extract", json={"texts": TEXTS[name]})
    assert answered.status_code in (200, 503), answered.text  # 503: it would take too long
    if answered.status_code == 200:
        (document,) = answered.json()["documents"]
        assert document["text"] == TEXTS[name]
        for entity in document["entities"]:
            assert document["text"][entity["start"] : entity["end"]] == entity["text"]


def test_all_of_them_in_one_stream_break_none_of_the_others(patient):
    lines = [json.dumps(text) for text in TEXTS.values() if len(text) < 50_000]
    lines[2:2] = ['"a\\ud800"', "{", "[]", '{"text": 1}', "\x00", "null"]
    answered = patient.post(
        "/v1/extract/stream",
        content="\n".join(lines).encode(),
        headers={"content-type": "application/x-ndjson"},
    )
    assert answered.status_code == 200
    found = sorted(map(json.loads, answered.text.split("\n")[:-1]), key=lambda line: line["index"])
    assert [line["index"] for line in found] == [*range(len(lines))]
    assert all(line["error"]["status"] == 422 for line in found[2:8])
    assert all(
        "document" in line or line["error"]["status"] == 503 for line in found[:2] + found[8:]
    )


def test_server_is_well_afterwards(patient):
    body = {"texts": "Ada Lovelace lives in London ."}
    ask = partial(patient.post, "/v1/extract", json=body)
    wait_for(lambda: ask().status_code == 200)  # the last of them may still be computed
    assert ask().json()["documents"][0]["entities"]
