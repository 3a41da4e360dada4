"""Errors as a client gets them: problem details (RFC 9457), a sentence each, and never a trace."""

from __future__ import annotations

import json
import logging
import math
import secrets
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from dovetail.showing.visible import shown_message

_LOG = logging.getLogger(__name__)

PROBLEM_JSON = "application/problem+json"

MOST_ERRORS = 20
"""Errors of a request that are listed; the others are counted."""


class Fault(BaseModel):
    """One thing that is wrong with a request."""

    where: str = Field(description="The field, such as `texts.3.text`.")
    message: str


class ProblemDetails(BaseModel):
    """What went wrong (RFC 9457)."""

    type: str = "about:blank"
    title: str = Field(description="The meaning of the status.")
    status: int
    detail: str = Field(description="A sentence that says what was expected and what to do.")
    errors: list[Fault] = Field(default=[], description="All that is wrong with the request.")


class ProblemError(HTTPException):
    """A request that is not answered as asked.

    Args:
        status: of HTTP.
        detail: a sentence for whoever sent the request.
        faults: where in the request something is wrong, and what; the first of them are enough.
        of: how many of these there are, by default as many as are given.
        retry_after: seconds after which it may be sent again.
        headers: of the answer.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        faults: Sequence[Fault] = (),
        of: int | None = None,
        retry_after: float | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        again = {} if retry_after is None else {"Retry-After": str(max(1, math.ceil(retry_after)))}
        super().__init__(status, detail, {**(headers or {}), **again})
        self.faults = tuple(faults[:MOST_ERRORS])
        self.left_out = (len(faults) if of is None else of) - len(self.faults)

    def to_dict(self) -> dict[str, Any]:
        """The values of `ProblemDetails`."""
        more = f" There are {self.left_out:,} more errors." if self.left_out else ""
        return {
            "type": "about:blank",
            "title": HTTPStatus(self.status_code).phrase,
            "status": self.status_code,
            "detail": shown_message(self.detail) + more,
            "errors": [
                {"where": shown_message(fault.where), "message": shown_message(fault.message)}
                for fault in self.faults
            ],
        }

    def response(self) -> Response:
        """The answer."""
        content = json.dumps(self.to_dict(), ensure_ascii=False).encode()
        return Response(content, self.status_code, self.headers, media_type=PROBLEM_JSON)


def failed(error: BaseException) -> ProblemError:
    """A fault of the server: its log has the trace, the client the name that it has there."""
    reference = secrets.token_hex(4)
    _LOG.error("request %s failed", reference, exc_info=error)
    return ProblemError(
        500,
        f"The server failed at this request, which is a fault of the server; its log has more "
        f"under {reference}.",
    )


def faults_of(errors: Sequence[Mapping[str, Any]]) -> list[Fault]:
    """The errors of pydantic that are listed, without the values that were sent."""
    return [
        Fault(
            where=".".join(str(part) for part in error["loc"] if part != "body") or "body",
            message=str(error["msg"]).removeprefix("Value error, "),
        )
        for error in errors[:MOST_ERRORS]
    ]


def invalid(faults: Sequence[Fault], *, of: int | None = None) -> ProblemError:
    """A request whose values cannot be used, for these reasons, the first of so many."""
    first = faults[0]
    return ProblemError(
        422, f"The request cannot be used: {first.where}: {first.message}.", faults=faults, of=of
    )
