"""`/v1/extract/stream`: texts as lines, and lines of answers as they are done."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.security import HTTPBearer
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.types import Receive, Scope, Send

from dovetail.server.asked import Asked
from dovetail.server.gate import Ticket
from dovetail.server.jobs import Outcome
from dovetail.server.problems import (
    Fault,
    ProblemDetails,
    ProblemError,
    failed,
    faults_of,
    invalid,
)
from dovetail.server.routes import (
    ALWAYS,
    JSON,
    OF_BODIES,
    Serving,
    parsed,
    problems,
    refuse_other_types,
    while_connected,
)
from dovetail.server.service import Service, encoded, problem_of
from dovetail.server.wire import ITEM, FoundDocument, ProbabilityOfRelation, TextItem

NDJSON = "application/x-ndjson"

MOST_VALUES_OF_LINE = 5
"""JSON values of a line: the object, its `text` and `id`, and some that should not be there."""

stream_router = APIRouter(dependencies=[Depends(HTTPBearer(auto_error=False))])


class LinesResponse(Response):
    """Sends lines as they are made, and leaves with its ticket, whatever becomes of the client."""

    media_type = NDJSON

    def __init__(self, ticket: Ticket, lines: AsyncGenerator[bytes, None]) -> None:
        self.status_code = 200
        self.background = None
        self.init_headers()
        self._ticket = ticket
        self._lines = lines

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._ticket:
            await while_connected(receive, self._sent(send))

    async def _sent(self, send: Send) -> None:
        start = {"status": self.status_code, "headers": self.raw_headers}
        async with aclosing(self._lines) as lines:
            await send({"type": "http.response.start", **start})
            async for line in lines:
                await send({"type": "http.response.body", "body": line, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})


class Line(BaseModel):
    """A line of the answer: a document, or why there is none."""

    index: int = Field(description="The place of the text in the request, from 0.")
    document: FoundDocument | None = None
    error: ProblemDetails | None = None


_BODY = {
    "required": True,
    "content": {
        NDJSON: {
            "schema": {"type": "string"},
            "example": '"Ada Lovelace lived in London."\n'
            '{"id": "b", "text": "The Boeing Company is based in Seattle."}\n',
        },
        JSON: {
            "schema": {
                "type": "array",
                "description": f"Texts, each a string or a `{TextItem.__name__}`; the line of "
                f"anything else says what is wrong with it.",
                "items": {},
            },
            "example": ["Ada Lovelace lived in London."],
        },
    },
}


_LINES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "A `Line` for each text, in the order in which they are done.",
        "content": {NDJSON: {"schema": {"type": "string"}}},
    }
}


class StreamOptions(BaseModel):
    """The options of a stream, which stand in its address."""

    model_config = ConfigDict(extra="forbid")

    model: str | None = Field(default=None, description="The name of a model in `/v1/models`.")
    schema_: str | None = Field(default=None, alias="schema")
    candidates: ProbabilityOfRelation | None = None


@stream_router.post(
    "/v1/extract/stream",
    response_class=Response,
    responses={**_LINES, **problems(*ALWAYS, *OF_BODIES)},
    openapi_extra={"requestBody": _BODY},
)
async def stream(
    request: Request, service: Serving, options: Annotated[StreamOptions, Query()]
) -> LinesResponse:
    """Entities and relations of many texts, each as soon as it is done.

    A text that nothing can be extracted from has a line that says why; the others go on.
    """
    asked = Asked.of(
        service.models,
        model=options.model,
        schema=options.schema_,
        candidates=options.candidates,
    )
    kind = refuse_other_types(request, (NDJSON, JSON))
    content = await request.body()
    values = parsed(content, service.limits.values) if kind == JSON else _not_empty(content)
    if not isinstance(values, list):
        raise invalid([Fault(where="body", message="expected an array of texts")])
    service.refuse_many(len(values))
    lines = [_read(service, index, value) for index, value in enumerate(values)]
    items = {index: line for index, line in enumerate(lines) if isinstance(line, TextItem)}
    broken = {index: line for index, line in enumerate(lines) if isinstance(line, ProblemError)}
    return LinesResponse(service.accept([*items.values()]), _lines(service, asked, items, broken))


def _not_empty(content: bytes) -> list[bytes]:
    return [line for line in content.split(b"\n") if line.strip()]


def _read(service: Service, index: int, value: Any) -> TextItem | ProblemError:
    """The text of a line, or what is wrong with it."""
    where = f"texts.{index}"
    try:
        read = parsed(value, MOST_VALUES_OF_LINE, where) if isinstance(value, bytes) else value
        item = ITEM.validate_python(read)
    except ProblemError as problem:
        return problem
    except ValidationError as error:
        errors = error.errors(include_url=False, include_input=False)
        own = [Fault(where=where, message=fault.message) for fault in faults_of(errors)]
        return invalid(own, of=len(errors))
    fault = service.fault_of(index, item)
    return item if fault is None else invalid([fault])


async def _lines(
    service: Service,
    asked: Asked,
    items: Mapping[int, TextItem],
    broken: Mapping[int, ProblemError],
) -> AsyncGenerator[bytes, None]:
    """The lines of the answer, as they are done."""
    for index, problem in broken.items():
        yield _line({"index": index, "error": problem.to_dict()})
    left = [*items]  # by the index among these the service knows them
    done: set[int] = set()
    try:
        async with aclosing(service.outcomes(asked, [*items.values()])) as outcomes:
            async for place, outcome in outcomes:
                index = left[place]
                done.add(index)
                yield _line(await _values(service, index, items[index], outcome))
    except ProblemError as problem:  # it took too long
        for index in left:
            if index not in done:
                yield _line({"index": index, "error": problem.to_dict()})


async def _values(
    service: Service, index: int, item: TextItem, outcome: Outcome
) -> dict[str, object]:
    if not isinstance(outcome, Exception):
        return {"index": index, "document": await service.written(outcome, item.id)}
    try:
        problem = problem_of(index, outcome)
    except Exception as error:
        problem = failed(error)
    return {"index": index, "error": problem.to_dict()}


def _line(values: object) -> bytes:
    return encoded(values) + b"\n"
