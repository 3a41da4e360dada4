"""The addresses of the server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import aclosing
from itertools import chain
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Body, Depends, Request, Response
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer
from starlette.types import Receive

from dovetail.files.bounded import json_value
from dovetail.server.asked import Asked
from dovetail.server.guard import ClientGoneError
from dovetail.server.problems import PROBLEM_JSON, Fault, ProblemDetails, ProblemError, invalid
from dovetail.server.service import Service, characters_of, problem_of
from dovetail.server.wire import EXAMPLES, Answer, ExtractRequest, ModelList, Status, TextItem
from dovetail.version import __version__

JSON = "application/json"

Result = TypeVar("Result")

_MEANINGS = {
    401: "There is no key, or another one.",
    404: "There is no such model or schema.",
    408: "The body did not arrive in time.",
    409: "The server cannot do that as it was started.",
    413: "The body is too large.",
    415: "The body is of another type.",
    421: "The server does not answer to this Host.",
    422: "The request cannot be used.",
    429: "Too much waits; `Retry-After` says when to come again.",
    500: "The server failed.",
    503: "The server ends, or did not answer in time.",
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The answers of a route that are problems, for OpenAPI."""
    return {
        status: {
            "description": _MEANINGS[status],
            "content": {
                PROBLEM_JSON: {"schema": {"$ref": f"#/components/schemas/{PROBLEM_SCHEMA}"}}
            },
        }
        for status in sorted(statuses)
    }


PROBLEM_SCHEMA = ProblemDetails.__name__
ALWAYS = (401, 421, 500)
OF_BODIES = (404, 408, 413, 415, 422, 429, 503)


class _BoundedRequest(Request):
    """A request whose JSON is read under the limits of all that Dovetail reads."""

    async def json(self) -> Any:
        return parsed(await self.body(), service_of(self).limits.values)


class BoundedRoute(APIRoute):
    """A route whose body is JSON, and says so."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler of FastAPI, given such a request."""
        handler = super().get_route_handler()

        async def handled(request: Request) -> Response:
            if self.body_field is not None:
                refuse_other_types(request, (JSON,))
            return await handler(_BoundedRequest(request.scope, request.receive))

        return handled


def refuse_other_types(request: Request, expected: tuple[str, ...]) -> str:
    """Return the type of the body.

    Raises:
        ProblemError: if it is none of those that are expected.
    """
    found = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if found not in expected:
        raise ProblemError(415, f"Expected a body with the Content-Type {' or '.join(expected)}.")
    return found


def parsed(content: bytes, at_most: int, where: str = "body") -> Any:
    """The value of JSON in UTF-8, with at most so many values in it.

    Raises:
        ProblemError: if it is none, or has more: each may be wrong, and so an error to describe.
    """
    try:
        value = json_value(content.decode("utf-8"))
    except ValueError as error:
        raise invalid([Fault(where=where, message=f"expected JSON in UTF-8: {error}")]) from None
    if not _has_at_most(at_most, value):
        message = f"expected at most {at_most:,} JSON values, found more; send fewer texts at once"
        raise invalid([Fault(where=where, message=message)])
    return value


def _has_at_most(count: int, value: Any) -> bool:
    level: list[dict[str, Any] | list[Any]] = [{"": value}]
    while level and count >= 0:
        count -= sum(map(len, level))
        inside = chain.from_iterable(
            own.values() if isinstance(own, dict) else own for own in level
        )
        level = [own for own in inside if isinstance(own, dict | list)]
    return count >= 0


def service_of(request: Request) -> Service:
    """The service of the application."""
    service: Service = request.app.state.service
    return service


async def _serving(request: Request) -> Service:
    return service_of(request)  # what is not async is run in another thread, at every request


Serving = Annotated[Service, Depends(_serving)]

router = APIRouter(
    route_class=BoundedRoute,
    dependencies=[Depends(HTTPBearer(auto_error=False, description="A key of the server."))],
)
"""What may need a key."""

open_router = APIRouter()
"""What never needs one."""


@router.post("/v1/extract", response_model=Answer, responses=problems(*ALWAYS, *OF_BODIES))
async def extract(
    request: Request,
    service: Serving,
    asked_for: Annotated[ExtractRequest, Body(openapi_examples=EXAMPLES)],
) -> Response:
    """Entities and relations of one text or several."""
    asked = Asked.of(
        service.models,
        model=asked_for.model,
        schema=asked_for.schema_,
        thresholds=asked_for.thresholds,
        candidates=asked_for.candidates,
    )
    items = asked_for.texts
    service.refuse_many(len(items))
    faults = [service.fault_of(index, item) for index, item in enumerate(items)]
    if found := [fault for fault in faults if fault is not None]:
        raise invalid(found)
    with service.accept(items):
        content = await while_connected(request.receive, _answer(service, asked, items))
    return Response(content, media_type=JSON)


async def _answer(service: Service, asked: Asked, items: list[TextItem]) -> bytes:
    """The values of `Answer`, written."""
    documents: list[dict[str, object]] = [{}] * len(items)
    async with aclosing(service.outcomes(asked, items)) as outcomes:
        async for index, outcome in outcomes:
            if isinstance(outcome, Exception):
                raise problem_of(index, outcome)
            documents[index] = await service.written(outcome, items[index].id)
    answer = {"model": asked.model, "thresholds": asked.thresholds, "documents": documents}
    return await service.encoded(answer, characters_of(items))


async def while_connected(receive: Receive, work: Coroutine[Any, Any, Result]) -> Result:
    """The result of work for a client, which is given up when the client goes away.

    Raises:
        ClientGoneError: if it does.
    """

    async def gone() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    working, watching = asyncio.ensure_future(work), asyncio.ensure_future(gone())
    try:
        await asyncio.wait((working, watching), return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ClientGoneError
        return working.result()
    finally:
        watching.cancel()
        working.cancel()
        await asyncio.wait((working,))


@router.get("/v1/models", response_model=ModelList, responses=problems(*ALWAYS))
async def models(service: Serving) -> dict[str, Any]:
    """The models, their types and thresholds."""
    return {"dovetail": __version__, "models": service.models.describe()}


@router.get(
    "/metrics",
    response_class=Response,
    responses={
        200: {"content": {"text/plain": {"schema": {"type": "string"}}}},
        **problems(*ALWAYS),
    },
)
async def metrics(service: Serving) -> Response:
    """What Prometheus reads."""
    return Response(service.metrics.text(), media_type=service.metrics.content_type)


@open_router.get("/healthz", response_model=Status, responses=problems(421, 500))
async def healthz() -> dict[str, str]:
    """Whether the process answers."""
    return {"status": "ok"}


@open_router.get("/readyz", response_model=Status, responses=problems(421, 500, 503))
async def readyz(service: Serving) -> dict[str, str]:
    """Whether it takes requests: not while it ends."""
    if not service.is_ready:
        raise ProblemError(503, "The server takes no requests now.", retry_after=5)
    return {"status": "ready"}
