"""Streams: a line for each text, as soon as it is done."""

from __future__ import annotations

import json
import time

import pytest
from tests.corpus import SENTENCES
from tests.server.conftest import wait_for
from tests.server.test_extract import near

from dovetail.server.limits import Limits

TEXTS = [" ".join(sentence.tokens) for sentence in SENTENCES]
NDJSON = {"content-type": "application/x-ndjson"}


def lines_of(answered):
    assert answered.status_code == 200, answered.text
    assert answered.headers["content-type"] == "application/x-ndjson"
    return [json.loads(line) for line in answered.text.split("\n")[:-1]]


def streamed(client, body, **options):
    return client.post("/v1/extract/stream", **{"content": body, "headers": NDJSON, **options})


@pytest.mark.parametrize("form", ["lines", "array"])
def test_every_text_has_its_line_with_what_the_library_gives(client, extractor, form):
    items = [{"id": str(place), "text": text} for place, text in enumerate(TEXTS)]
    answered = (
        streamed(client, "\n".join(map(json.dumps, items)) + "\n\n")
        if form == "lines"
        else client.post("/v1/extract/stream", json=items)
    )
    found = {line["index"]: line["document"] for line in lines_of(answered)}
    assert [own["id"] for own in map(found.get, range(len(TEXTS)))] == [*map(str, range(30))]
    for place, expected in enumerate(extractor.extract(TEXTS)):
        assert found[place] | {"id": ""} == near(expected.to_dict())


def test_options_stand_in_the_address(client):
    answered = streamed(client, '"a"', params={"model": "twin", "candidates": 0.5})
    assert lines_of(answered)[0]["document"]["candidates"] == []
    assert streamed(client, '"a"', params={"model": "none"}).status_code == 404
    assert streamed(client, '"a"', params={"candidates": 7}).status_code == 422
    assert streamed(client, '"a"', params={"modle": "twin"}).status_code == 422


def test_short_texts_do_not_wait_for_a_long_one(serve):
    long = "Ada Lovelace lived in London . " * 1000
    with serve(Limits(step_tokens=256)).client() as client:
        answered = client.post("/v1/extract/stream", json=[long, *TEXTS[:3]])
    assert [line["index"] for line in lines_of(answered)] == [1, 2, 3, 0]


def test_lines_come_while_others_are_computed(serve):
    long = "Ada Lovelace lived in London . " * 4_000
    with (
        serve(Limits(step_tokens=256, request_seconds=15)).client() as client,
        client.stream("POST", "/v1/extract/stream", json=[TEXTS[0], long]) as answered,
    ):
        lines = answered.iter_lines()
        assert json.loads(next(lines))["document"]["text"] == TEXTS[0]
        began = time.monotonic()
        assert json.loads(next(lines))["index"] == 1
        assert time.monotonic() - began > 0.05


def test_client_that_leaves_a_stream_leaves_its_place(serve):
    running = serve(Limits(step_tokens=64))
    with running.client() as client:
        long = "Ada Lovelace lived in London . " * 4_000
        with client.stream("POST", "/v1/extract/stream", json=[TEXTS[0], long]) as answered:
            lines = answered.iter_lines()  # which closes the connection when it is let go
            next(lines)
            assert not running.service.gate.is_empty
    wait_for(lambda: running.service.gate.is_empty)


def test_body_that_is_no_list_of_texts_is_refused(client):
    assert client.post("/v1/extract/stream", json={"texts": []}).status_code == 422
    assert streamed(client, "", headers={"content-type": "text/csv"}).status_code == 415
    assert lines_of(streamed(client, "\n \n")) == []


def test_line_with_more_values_than_a_text_has_is_wrong_and_the_others_go_on(client):
    broken = json.dumps({"text": "a"} | {str(number): 0 for number in range(100_000)})
    first, second = sorted(
        lines_of(streamed(client, f"{broken}\n{json.dumps(TEXTS[0])}")),
        key=lambda line: line["index"],
    )
    assert "JSON values" in first["error"]["detail"]
    assert len(first["error"]["errors"]) == 1
    assert second["document"]["text"] == TEXTS[0]
