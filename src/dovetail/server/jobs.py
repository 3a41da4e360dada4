"""The texts of requests on their way through a model, and who comes next.

Each request in turn gives a few sentences to a step, so that one of ten thousand texts holds up
none of a single one.  Nothing here knows of threads or of HTTP.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from dovetail.server.asked import Asked, Found
from dovetail.text.document import Document, Sentence

TURN_TOKENS = 256
"""Tokens that a request gives to a step before the next one's turn."""

CHARACTERS_OF_TOKEN = 4
"""About as many, for texts that are not cut yet."""

Outcome = Found | Exception


@dataclass(frozen=True, eq=False, slots=True)
class Delivery:
    """The outcome of a text of a job."""

    job: Job
    index: int
    outcome: Outcome


@dataclass(eq=False, slots=True)
class Progress:
    """A document, and its sentences as far as they are annotated."""

    index: int
    document: Document
    given: int = 0
    done: int = 0
    annotated: list[Sentence] = field(init=False)
    has_failed: bool = False

    def __post_init__(self) -> None:
        self.annotated = [*self.document.sentences]  # each until it is annotated

    def fill(self, first: int, annotated: Sequence[Sentence]) -> bool:
        """Take annotated sentences from a place on; whether these were the last ones.

        A long one may be done after those behind it.
        """
        self.annotated[first : first + len(annotated)] = annotated
        self.done += len(annotated)
        return self.done == len(self.annotated)


class Piece(NamedTuple):
    """Neighbouring sentences of a document, which one step annotates."""

    job: Job
    progress: Progress
    first: int
    sentences: Sequence[Sentence]
    tokens: int

    def deliver(self, annotated: Sequence[Sentence]) -> list[Delivery]:
        """Take the annotated sentences; the outcome, if the document is complete."""
        is_complete = self.progress.fill(self.first, annotated)
        if self.progress.has_failed or not is_complete:
            return []
        return [self.job.delivery(self.progress)]

    def fail(self, error: Exception) -> list[Delivery]:
        """Give the document up; the others of the job go on."""
        if self.progress.has_failed:
            return []
        self.progress.has_failed = True
        return [Delivery(self.job, self.progress.index, error)]


class Job:
    """The texts of one request.

    Args:
        asked: of which model, and what.
        texts: texts, or documents that have been cut into sentences already.
        indices: what the texts are called in deliveries; by default their places.
    """

    def __init__(
        self,
        asked: Asked,
        texts: Sequence[str | Document],
        indices: Sequence[int] | None = None,
    ) -> None:
        self.asked = asked
        self._indices = range(len(texts)) if indices is None else indices
        self.is_cancelled = False
        self._texts = texts
        self._next = 0
        self._current: Progress | None = None

    @property
    def expected_tokens(self) -> int:
        """About as many tokens as the texts have."""
        lengths = (len(own if isinstance(own, str) else own.text) for own in self._texts)
        return sum(lengths) // CHARACTERS_OF_TOKEN

    def delivery(self, progress: Progress) -> Delivery:
        """The outcome of a document that is complete."""
        try:
            outcome: Outcome = self.asked.found(progress.document, progress.annotated)
        except Exception as error:  # a fault of the server, of which the request is told
            outcome = error
        return Delivery(self, progress.index, outcome)

    def turn(self, at_most: int = TURN_TOKENS) -> tuple[list[Piece], list[Delivery]]:
        """Sentences that are to be annotated next, and the outcomes of texts without any.

        At least one sentence is given, however long it is; nothing at all once the job is done.
        """
        pieces: list[Piece] = []
        deliveries: list[Delivery] = []
        tokens = 0
        while tokens < at_most:
            progress = self._current or self._read(deliveries)
            if progress is None:
                break
            if progress.has_failed:
                self._current = None
                continue
            piece = self._piece(progress, at_most - tokens)
            pieces.append(piece)
            tokens += piece.tokens
            is_given = progress.given == len(progress.document.sentences)
            self._current = None if is_given else progress
        return pieces, deliveries

    def _read(self, deliveries: list[Delivery]) -> Progress | None:
        """The next document with sentences; those without are complete, a broken one fails."""
        tokenizer = self.asked.schemas.extractor.tokenizer
        while self._next < len(self._texts):
            index, text = self._indices[self._next], self._texts[self._next]
            self._next += 1
            try:
                document = tokenizer.document(text) if isinstance(text, str) else text
            except Exception as error:  # a CorpusError is the text's fault, any other the server's
                deliveries.append(Delivery(self, index, error))
                continue
            progress = Progress(index, document)
            if document.sentences:
                return progress
            deliveries.append(self.delivery(progress))
            if len(deliveries) >= TURN_TOKENS:  # a text without a word takes its time too
                return None
        return None

    @property
    def is_given(self) -> bool:
        """Whether all sentences are on their way."""
        return self._current is None and self._next == len(self._texts)

    def _piece(self, progress: Progress, at_most: int) -> Piece:
        sentences = progress.document.sentences
        first = end = progress.given
        tokens = 0
        while end < len(sentences) and (
            end == first or tokens + len(sentences[end].tokens) <= at_most
        ):
            tokens += len(sentences[end].tokens)
            end += 1
        progress.given = end
        return Piece(self, progress, first, sentences[first:end], tokens)


@dataclass(slots=True)
class Step:
    """What is annotated together, and what was done already."""

    pieces: list[Piece] = field(default_factory=list)
    long: list[Piece] = field(default_factory=list)
    """Pieces of more tokens than a step has: they are annotated beside the others, in parts."""
    deliveries: list[Delivery] = field(default_factory=list)


class Lane:
    """The jobs for one model and schema, which share batches."""

    def __init__(self) -> None:
        self._jobs: deque[Job] = deque()

    def __len__(self) -> int:
        return len(self._jobs)

    def add(self, job: Job) -> None:
        """Take a job, behind the others."""
        self._jobs.append(job)

    def step(self, at_most: int) -> Step:
        """Sentences of about so many tokens, from each job in turn."""
        step = Step()
        tokens = 0
        while self._jobs and tokens < at_most and len(step.deliveries) < at_most:
            job = self._jobs.popleft()
            if job.is_cancelled:
                continue
            pieces, deliveries = job.turn(min(TURN_TOKENS, at_most))
            step.deliveries += deliveries
            for piece in pieces:
                (step.pieces if piece.tokens <= at_most else step.long).append(piece)
                tokens += min(piece.tokens, at_most)
            if not job.is_given:
                self._jobs.append(job)
        return step
