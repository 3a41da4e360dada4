"""The one thread that computes: it takes jobs, makes steps of them, and tells what is done."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass

from dovetail.extractor import Extractor
from dovetail.running.steps import Done
from dovetail.server.jobs import Delivery, Job, Lane, Piece, Step
from dovetail.server.limits import Limits
from dovetail.server.served_models import ServedSchemas
from dovetail.text.document import Sentence

_LOG = logging.getLogger(__name__)

Tell = Callable[[list[Delivery]], None]


class Watch:
    """What the metrics of a server are told; this one keeps nothing."""

    def step(self, sentences: int, tokens: int, seconds: float) -> None:
        """A step took so long."""


@dataclass(slots=True)
class _Long:
    """A sentence that is longer than a step, annotated batch by batch between steps."""

    piece: Piece
    course: Generator[Done, None, list[Sentence]]


class ModelThread(threading.Thread):
    """Annotates the texts of all requests, through the `Extractor` of their model.

    Args:
        limits: how large steps are, and how long an idle server waits for texts to share one.
        tell: called in this thread with what is done.
        watch: told of steps.
    """

    def __init__(self, limits: Limits, tell: Tell, watch: Watch | None = None) -> None:
        super().__init__(name="dovetail-model", daemon=True)
        self._limits = limits
        self._tell = tell
        self._watch = watch or Watch()
        self._changed = threading.Condition()
        self._is_stopping = False
        self._lanes: dict[ServedSchemas, Lane] = {}
        self._waiting: deque[ServedSchemas] = deque()  # the lanes with jobs, the next one first
        self._waiting_tokens = 0
        self._long: deque[_Long] = deque()

    def submit(self, job: Job) -> None:
        """Take a job; of what it leads to, `tell` is told."""
        with self._changed:
            schemas = job.asked.schemas
            lane = self._lanes.setdefault(schemas, Lane())
            lane.add(job)
            if schemas not in self._waiting:
                self._waiting.append(schemas)
            self._waiting_tokens += job.expected_tokens
            self._changed.notify()

    def stop(self) -> None:
        """End when the step that is being computed is done; what waits is not answered."""
        with self._changed:
            self._is_stopping = True
            self._changed.notify()

    def run(self) -> None:
        while (taken := self._take()) is not None:
            schemas, step = taken
            deliveries = step.deliveries
            if step.pieces:
                deliveries = deliveries + self._annotate(schemas, step.pieces)
            self._long += [_Long(piece, _course(schemas, piece)) for piece in step.long]
            if self._long:
                deliveries = deliveries + self._advance()
            if deliveries:
                self._tell(deliveries)

    def _take(self) -> tuple[ServedSchemas, Step] | None:
        """The next step, when there is one; None at the end."""
        with self._changed:
            was_idle = False
            while not self._waiting and not self._long and not self._is_stopping:
                was_idle = True
                self._changed.wait()
            if was_idle:
                self._wait_for_others()
            if self._is_stopping:
                return None
            self._waiting_tokens = 0
            if not self._waiting:
                return self._long[0].piece.job.asked.schemas, Step()
            schemas = self._waiting.popleft()
            lane = self._lanes[schemas]
        # Cutting texts into sentences takes time, in which jobs may come.
        step = lane.step(self._limits.step_tokens)
        with self._changed:
            if schemas not in self._waiting:
                if lane:
                    self._waiting.append(schemas)
                else:  # it would hold for ever a model that is not served any more
                    del self._lanes[schemas]
        return schemas, step

    def _wait_for_others(self) -> None:
        """Let a step fill, for a moment."""
        end = time.monotonic() + self._limits.batch_seconds
        full = self._limits.step_tokens
        while (left := end - time.monotonic()) > 0 and self._waiting_tokens < full:
            if self._is_stopping:
                return
            self._changed.wait(left)

    def _annotate(self, schemas: ServedSchemas, pieces: Sequence[Piece]) -> list[Delivery]:
        """Annotate pieces together; where that fails, each job's by themselves."""
        started = time.perf_counter()
        sentences = [sentence for piece in pieces for sentence in piece.sentences]
        try:
            annotated = iter(_lowered(schemas, pieces).annotate(sentences))
        except Exception as error:
            return self._apart(schemas, pieces, error)
        tokens = sum(piece.tokens for piece in pieces)
        self._watch.step(len(sentences), tokens, time.perf_counter() - started)
        return [
            delivery
            for piece in pieces
            for delivery in piece.deliver([next(annotated) for _ in piece.sentences])
        ]

    def _apart(
        self, schemas: ServedSchemas, pieces: Sequence[Piece], error: Exception
    ) -> list[Delivery]:
        jobs = {piece.job: None for piece in pieces}
        if len(jobs) == 1:
            return [delivery for piece in pieces for delivery in piece.fail(error)]
        _LOG.warning("a step failed; its %d requests are computed one by one", len(jobs))
        deliveries: list[Delivery] = []
        for job in jobs:
            own = [piece for piece in pieces if piece.job is job]
            deliveries += self._annotate(schemas, own)
        return deliveries

    def _advance(self) -> list[Delivery]:
        """Compute one batch of a long sentence, of each in turn."""
        long = self._long.popleft()
        if long.piece.job.is_cancelled:
            long.course.close()
            return []
        try:
            next(long.course)
        except StopIteration as stop:
            return long.piece.deliver(stop.value)
        except Exception as error:
            return long.piece.fail(error)
        self._long.append(long)
        return []


def _lowered(schemas: ServedSchemas, pieces: Sequence[Piece]) -> Extractor:
    """The extractor that finds what every one of the pieces asks for."""
    floors = [piece.job.asked.floor for piece in pieces]
    asked = [floor for floor in floors if floor is not None]
    return schemas.extractor.down_to(min(asked)) if asked else schemas.extractor


def _course(schemas: ServedSchemas, piece: Piece) -> Generator[Done, None, list[Sentence]]:
    return _lowered(schemas, [piece]).annotating(piece.sentences)
