"""What a server accepts: how much, how many, and for how long."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one process of a server."""

    body_bytes: int = 4 << 20
    """Bytes of the body of a request."""

    texts: int = 10_000
    """Texts of a request."""

    text_characters: int = 1_000_000
    """Characters of a text."""

    waiting_requests: int = 1_000
    """Requests that are accepted and not answered."""

    waiting_characters: int = 8_000_000
    """Characters of the texts of these; a single request is accepted whatever it has."""

    request_seconds: float = 60.0
    """From a request's acceptance to its answer."""

    body_seconds: float = 20.0
    """For the body of a request to arrive."""

    send_seconds: float = 30.0
    """For a client to take a part of its answer."""

    batch_seconds: float = 0.003
    """How long texts that come to an idle server wait for others to share a batch with."""

    step_tokens: int = 4096
    """Tokens that are annotated before new requests are looked at."""

    @property
    def answer_seconds(self) -> float:
        """From the acceptance of a request until its client has the whole answer."""
        return self.request_seconds + self.send_seconds

    @property
    def values(self) -> int:
        """JSON values of a body: what its texts can have, and thresholds."""
        return 3 * self.texts + 10_000

    @property
    def held_bytes(self) -> int:
        """Bytes of all bodies together that are being read."""
        return 16 * self.body_bytes
