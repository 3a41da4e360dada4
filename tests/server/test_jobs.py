"""Who comes next: every sentence once, and nobody waits for another's thousand texts."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dovetail.server.asked import Asked
from dovetail.server.jobs import TURN_TOKENS, Job, Lane

WORDS = st.integers(min_value=0, max_value=12).map(lambda count: "word " * count)
TEXTS = st.lists(st.lists(WORDS, max_size=4).map(". ".join), max_size=5)


@pytest.fixture(scope="module")
def asked(models):
    return Asked.of(models)


def drained(lane, at_most):
    """All steps of a lane, each annotated by nobody."""
    while lane:
        step = lane.step(at_most)
        deliveries = list(step.deliveries)
        for piece in step.pieces + step.long:
            deliveries += piece.deliver(piece.sentences)
        yield step, deliveries


@settings(max_examples=25, deadline=None)
@given(st.lists(TEXTS, max_size=5), st.integers(min_value=1, max_value=60))
def test_every_text_is_delivered_once_with_its_sentences(asked, requests, at_most):
    jobs = [Job(asked, texts) for texts in requests]
    lane = Lane()
    for job in jobs:
        lane.add(job)
    delivered = {job: {} for job in jobs}
    for step, deliveries in drained(lane, at_most):
        assert all(piece.tokens <= at_most for piece in step.pieces)
        assert all(piece.tokens > at_most for piece in step.long)
        assert sum(piece.tokens for piece in step.pieces) < at_most + TURN_TOKENS + 256
        for delivery in deliveries:
            assert delivery.index not in delivered[delivery.job]
            delivered[delivery.job][delivery.index] = delivery.outcome
    for job, texts in zip(jobs, requests, strict=True):
        assert sorted(delivered[job]) == [*range(len(texts))]
        for index, text in enumerate(texts):
            document = asked.schemas.extractor.tokenizer.document(text)
            assert delivered[job][index].extraction.document.sentences == document.sentences


def test_small_request_is_in_the_next_step_whatever_waits(asked):
    lane = Lane()
    for _ in range(3):
        lane.add(Job(asked, ["Ada lives in London."] * 1000))
    lane.step(1024)
    small = Job(asked, ["Ida lives in Berlin."])
    lane.add(small)
    assert any(piece.job is small for piece in lane.step(2048).pieces)
    assert small.is_given


def test_requests_share_a_step_evenly(asked):
    jobs = [Job(asked, ["Ada lives in London."] * 1000) for _ in range(4)]
    lane = Lane()
    for job in jobs:
        lane.add(job)
    step = lane.step(2048)
    tokens = [sum(p.tokens for p in step.pieces if p.job is job) for job in jobs]
    assert min(tokens) > 0
    assert max(tokens) - min(tokens) <= TURN_TOKENS + 10


def test_broken_text_fails_alone(asked):
    lane = Lane()
    lane.add(Job(asked, ["a", "\ud800", "b"]))
    ((_, deliveries),) = drained(lane, 100)
    outcomes = {own.index: own.outcome for own in deliveries}
    assert "half a surrogate pair" in str(outcomes.pop(1))
    assert sorted(outcomes) == [0, 2]


def test_cancelled_requests_are_left_out(asked):
    lane = Lane()
    job = Job(asked, ["a"] * 10)
    lane.add(job)
    job.is_cancelled = True
    assert not lane.step(100).pieces
    assert not lane


def test_document_that_failed_is_given_up_and_the_next_one_goes_on(asked):
    job = Job(asked, ["word. " * 500, "another."])
    (piece, *_), _ = job.turn(50)
    (failed,) = piece.fail(ValueError("broken"))
    assert failed.index == 0
    assert piece.deliver(piece.sentences) == []
    pieces, _ = job.turn(50)
    assert [own.progress.index for own in pieces] == [1]
