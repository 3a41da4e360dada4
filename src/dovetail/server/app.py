"""The application: routes, the service behind them, and the guard before them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from dovetail.server.guard import CLIENT_GONE, Access, ClientGoneError, Guard
from dovetail.server.limits import Limits
from dovetail.server.page_files import page_router
from dovetail.server.problems import ProblemDetails, ProblemError, failed, faults_of, invalid
from dovetail.server.routes import open_router, router
from dovetail.server.served_models import ServedModels
from dovetail.server.service import Service
from dovetail.server.streaming import Line, stream_router
from dovetail.version import __version__

DESCRIPTION = """\
Entities and the relations between them, extracted from texts.

Offsets are half-open character positions. Errors are problem details (RFC 9457)."""


def create_app(
    models: ServedModels, *, limits: Limits | None = None, access: Access | None = None
) -> ASGIApp:
    """The server as an ASGI application.

    Its service computes between the start and the end of its lifespan.
    """
    service = Service(models, limits)
    return guarded(service, access or Access())


@dataclass(frozen=True)
class Addresses:
    """What an application answers to.

    Args:
        routers: the addresses.
        state: what their handlers find in the application's state, beside the service.
    """

    routers: Sequence[APIRouter]
    state: Mapping[str, object] = field(default_factory=dict)


ALL = Addresses((router, stream_router, open_router, page_router))
"""The addresses of `dovetail serve`."""


def guarded(service: Service, access: Access, addresses: Addresses = ALL) -> Guard:
    """The application of a service."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        service.start()
        try:
            yield
        finally:
            await service.stop()

    app = _Application(
        title="Dovetail",
        version=__version__,
        description=DESCRIPTION,
        lifespan=lifespan,
        docs_url=None,  # these would fetch their scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.service = service
    for name, value in addresses.state.items():
        setattr(app.state, name, value)
    for own in addresses.routers:
        app.include_router(own)
    for kind in (ProblemError, RequestValidationError, HTTPException, Exception):
        app.add_exception_handler(kind, _refused)
    return Guard(app, access=access, limits=service.limits, metrics=service.metrics)


class _Application(FastAPI):
    def openapi(self) -> dict[str, Any]:
        """Describe the routes, with the problems that stand for FastAPI's own errors."""
        if self.openapi_schema is None:
            values = super().openapi()
            schemas = values["components"]["schemas"]
            for name in ("HTTPValidationError", "ValidationError"):
                schemas.pop(name, None)
            for model in (ProblemDetails, Line):
                own = model.model_json_schema(ref_template="#/components/schemas/{model}")
                schemas |= own.pop("$defs", {})
                schemas[model.__name__] = own
        return super().openapi()


_SENTENCES: Mapping[int, str] = {
    404: "There is nothing at this address; /openapi.json lists what there is.",
    405: "This address does not answer to this method; /openapi.json says to which it does.",
}


async def _refused(request: Request, error: Exception) -> Response:
    match error:
        case ClientGoneError():
            return Response(status_code=CLIENT_GONE)  # nobody reads it
        case ProblemError():
            return error.response()
        case RequestValidationError():
            errors = error.errors()
            return invalid(faults_of(errors), of=len(errors)).response()
        case HTTPException():
            said = _SENTENCES.get(error.status_code, "The request cannot be read.")
            return ProblemError(error.status_code, said, headers=error.headers).response()
    return failed(error).response()
