"""From texts to outcomes as they are done: between the event loop and the model thread."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from types import TracebackType
from typing import Self, TypeVar

from dovetail.errors import CorpusError
from dovetail.server.asked import Asked, Found
from dovetail.server.gate import Gate, Ticket
from dovetail.server.jobs import Delivery, Job, Outcome
from dovetail.server.limits import Limits
from dovetail.server.metrics import Metrics
from dovetail.server.model_thread import ModelThread
from dovetail.server.problems import Fault, ProblemError, invalid
from dovetail.server.served_models import ServedModels
from dovetail.server.wire import TextItem
from dovetail.text.document import Document

_LINE_ENDS = {"\x85": "\\u0085", "\u2028": "\\u2028", "\u2029": "\\u2029"}
"""Those that JSON does not escape by itself."""

Value = TypeVar("Value")

LONG_TEXT = 20_000
"""Characters from which a text is cut, and its answer is written, in another thread: that takes
longer than an event loop should be busy."""


class Service:
    """Extracts for requests.

    Args:
        models: the models.
        limits: what is accepted.
    """

    def __init__(self, models: ServedModels, limits: Limits | None = None) -> None:
        self.models = models
        self.limits = limits or Limits()
        self.metrics = Metrics()
        self.gate = Gate(self.limits, self.metrics)
        self._outcomes: dict[Job, asyncio.Queue[Delivery]] = {}
        self._beside = ThreadPoolExecutor(1, thread_name_prefix="dovetail-long-texts")
        self._thread: ModelThread | None = None

    def start(self) -> None:
        """Begin to compute; called within the event loop."""
        loop = asyncio.get_running_loop()

        def tell(deliveries: list[Delivery]) -> None:
            loop.call_soon_threadsafe(self._dispatch, deliveries)

        self._thread = ModelThread(self.limits, tell, self.metrics)
        self._thread.start()

    async def stop(self) -> None:
        """End; all that was accepted has been answered."""
        if self._thread is not None:
            self._thread.stop()
            await asyncio.to_thread(self._thread.join)
        self._beside.shutdown(wait=False, cancel_futures=True)

    @property
    def is_ready(self) -> bool:
        """Whether it takes requests."""
        alive = self._thread is not None and self._thread.is_alive()
        return alive and not self.gate.is_draining

    def _dispatch(self, deliveries: Sequence[Delivery]) -> None:
        for delivery in deliveries:
            queue = self._outcomes.get(delivery.job)
            if queue is not None:  # nobody waits for it any more
                queue.put_nowait(delivery)

    def accept(self, items: Sequence[TextItem]) -> Ticket:
        """Let a request wait for its answer; whoever has the ticket leaves with it.

        Raises:
            ProblemError: if there is no room for it, or the server ends.
        """
        return self.gate.enter(characters_of(items))

    async def outcomes(
        self, asked: Asked, items: Sequence[TextItem]
    ) -> AsyncGenerator[tuple[int, Outcome], None]:
        """The index and the outcome of each text of a request that is accepted, as they are done.

        Whoever leaves before the end cancels the rest.

        Raises:
            ProblemError: if it is not answered in time.
        """
        clock = asyncio.get_running_loop()
        deadline = clock.time() + self.limits.request_seconds
        with _Waiting(self._submit, self._outcomes) as waiting:
            cutting = asyncio.ensure_future(self._submit_all(waiting, asked, items))
            try:
                for _ in items:
                    if clock.time() >= deadline:  # a queue with something in it never waits
                        raise TimeoutError
                    async with asyncio.timeout_at(deadline):
                        delivery = await waiting.queue.get()
                    self._count(asked, len(items[delivery.index].text))
                    yield delivery.index, delivery.outcome
            except TimeoutError:
                raise self._too_late() from None
            finally:
                cutting.cancel()

    async def _submit_all(self, waiting: _Waiting, asked: Asked, items: Sequence[TextItem]) -> None:
        """Submit short texts together, and each long one once it is cut into sentences."""
        places: dict[bool, list[int]] = {False: [], True: []}
        for place, item in enumerate(items):
            places[len(item.text) >= LONG_TEXT].append(place)
        waiting.submit(Job(asked, [items[place].text for place in places[False]], places[False]))
        for place in places[True]:
            try:
                document = await self._in_thread(partial(_cut, asked, items[place].text))
            except Exception as error:
                waiting.queue.put_nowait(Delivery(Job(asked, []), place, error))
            else:
                waiting.submit(Job(asked, [document], [place]))

    def _submit(self, job: Job) -> None:
        if self._thread is None:
            raise RuntimeError("the service was not started")
        self._thread.submit(job)

    async def written(self, found: Found, id: str) -> dict[str, object]:
        """The JSON values of a document."""
        if len(found.extraction.text) < LONG_TEXT:
            return found.to_dict(id)
        return await self._in_thread(partial(found.to_dict, id))

    async def encoded(self, values: object, characters: int) -> bytes:
        """JSON in UTF-8 about texts of so many characters."""
        if characters < LONG_TEXT:
            return encoded(values)
        return await self._in_thread(partial(encoded, values))

    def _in_thread(self, call: partial[Value]) -> Awaitable[Value]:
        return asyncio.get_running_loop().run_in_executor(self._beside, call)

    def _count(self, asked: Asked, characters: int) -> None:
        self.gate.answered(characters)
        self.metrics.texts.labels(asked.model).inc()
        self.metrics.characters.labels(asked.model).inc(characters)

    def _too_late(self) -> ProblemError:
        return ProblemError(
            503,
            f"The request was not answered within {self.limits.request_seconds:g} seconds; send "
            f"fewer or shorter texts at once, or send it again later.",
            retry_after=10,
        )

    def refuse_many(self, count: int) -> None:
        """Refuse too many texts.

        Raises:
            ProblemError: if there are more than may be in a request.
        """
        if count > self.limits.texts:
            message = f"expected at most {self.limits.texts:,} texts, found {count:,}"
            raise invalid([Fault(where="texts", message=message)])

    def fault_of(self, index: int, item: TextItem) -> Fault | None:
        """What is wrong with the length of a text, if anything is."""
        found, most = len(item.text), self.limits.text_characters
        if found <= most:
            return None
        message = f"expected at most {most:,} characters, found {found:,}; send it in parts"
        return Fault(where=f"texts.{index}", message=message)


class _Waiting:
    """The jobs of a request whose outcomes it waits for; they are cancelled when it leaves."""

    def __init__(
        self, submit: Callable[[Job], None], queues: dict[Job, asyncio.Queue[Delivery]]
    ) -> None:
        self.queue: asyncio.Queue[Delivery] = asyncio.Queue()
        self._submit = submit
        self._queues = queues
        self._jobs: list[Job] = []

    def submit(self, job: Job) -> None:
        """Let a job be computed."""
        self._jobs.append(job)
        self._queues[job] = self.queue
        self._submit(job)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for job in self._jobs:
            job.is_cancelled = True
            del self._queues[job]


def _cut(asked: Asked, text: str) -> Document:
    return asked.schemas.second_tokenizer.document(text)


def characters_of(items: Sequence[TextItem]) -> int:
    """How much texts count; an empty one counts too."""
    return sum(len(item.text) + 1 for item in items)


def encoded(values: object) -> bytes:
    """JSON in UTF-8, on one line whatever a reader takes for the end of one."""
    text = json.dumps(values, ensure_ascii=False, separators=(",", ":"))
    for character, escaped in _LINE_ENDS.items():
        text = text.replace(character, escaped)
    return text.encode()


def problem_of(index: int, error: Exception) -> ProblemError:
    """The problem of a text from which nothing can be extracted.

    Raises:
        Exception: the error itself, if it is no fault of the text.
    """
    if isinstance(error, CorpusError):
        return invalid([Fault(where=f"texts.{index}", message=str(error))])
    raise error
