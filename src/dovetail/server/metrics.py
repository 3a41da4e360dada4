"""What Prometheus reads of a server; with several processes, of all of them together."""

from __future__ import annotations

import os

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
    multiprocess,
)

from dovetail.server.model_thread import Watch

SHARED_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""The environment variable by which prometheus_client lets processes count together."""

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_TOKENS = (16, 64, 256, 512, 1024, 2048, 4096, 8192)


class Metrics(Watch):
    """Counters, gauges and histograms in a registry of their own."""

    content_type = CONTENT_TYPE_LATEST

    def __init__(self) -> None:
        own = self.registry = CollectorRegistry()
        self.requests = Counter(
            "dovetail_requests", "Requests by route and status.", ["route", "status"], registry=own
        )
        self.request_seconds = Histogram(
            "dovetail_request_seconds",
            "From the start of a request to the end of its answer.",
            ["route"],
            buckets=_SECONDS,
            registry=own,
        )
        self.texts = Counter(
            "dovetail_texts", "Texts that were extracted from.", ["model"], registry=own
        )
        self.characters = Counter(
            "dovetail_characters", "Characters of these texts.", ["model"], registry=own
        )
        self.step_tokens = Histogram(
            "dovetail_step_tokens", "Tokens annotated together.", buckets=_TOKENS, registry=own
        )
        self.step_seconds = Histogram(
            "dovetail_step_seconds", "How long that takes.", buckets=_SECONDS, registry=own
        )
        self.sentences = Counter("dovetail_sentences", "Annotated sentences.", registry=own)
        self.waiting_requests = Gauge(
            "dovetail_waiting_requests",
            "Requests that are accepted and not answered.",
            registry=own,
            multiprocess_mode="livesum",
        )
        self.waiting_characters = Gauge(
            "dovetail_waiting_characters",
            "Characters of these requests.",
            registry=own,
            multiprocess_mode="livesum",
        )
        if SHARED_FOLDER not in os.environ:
            ProcessCollector(registry=own)
            PlatformCollector(registry=own)

    def step(self, sentences: int, tokens: int, seconds: float) -> None:
        """A step of the model took so long."""
        self.sentences.inc(sentences)
        self.step_tokens.observe(tokens)
        self.step_seconds.observe(seconds)

    def text(self) -> bytes:
        """All of it in the format of Prometheus, of all processes where there are several."""
        if SHARED_FOLDER not in os.environ:
            return generate_latest(self.registry)
        together = CollectorRegistry()
        multiprocess.MultiProcessCollector(together)  # type: ignore[no-untyped-call]
        return generate_latest(together)
