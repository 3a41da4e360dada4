"""What stands before every request: hosts, keys, bounds of bodies, headers, and the last catch."""

from __future__ import annotations

import asyncio
import time
from base64 import b64decode
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dovetail.server.keys import is_known
from dovetail.server.limits import Limits
from dovetail.server.metrics import Metrics
from dovetail.server.problems import ProblemError, failed

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

SECURITY_HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""Of every answer; its policy keeps a page from asking anyone but this server."""

OPEN_PATHS = ("/", "/healthz", "/readyz", "/openapi.json")
"""What is answered without a key, and so is all below `OPEN_FOLDER`."""

OPEN_FOLDER = "/page/"

ANY_HOST = "*"

FAILED, CLIENT_GONE = 500, 499

PART_BYTES = 1 << 16
"""Of an answer that are sent at once."""


@dataclass(frozen=True)
class Access:
    """Who may ask.

    `hosts` are the names that a request may call the server by: a page of another site, whose name
    was made to lead here, is told apart by that.  With `passwords` a key may also be the password
    of basic authentication, whoever the user is.
    """

    keys: tuple[str, ...] = ()
    hosts: tuple[str, ...] = (ANY_HOST,)
    passwords: bool = False

    def check(self, path: str, headers: Headers) -> None:
        """Refuse a request.

        Raises:
            ProblemError: if it names another host, or has no key where one is needed.
        """
        if not self._is_host(headers.get("host", "")):
            raise ProblemError(
                421,
                "The server does not answer to this Host; ask for it by its own name, or start it "
                "with --allow-host.",
            )
        is_open = path in OPEN_PATHS or path.startswith(OPEN_FOLDER)
        if not self.keys or is_open:
            return
        if not is_known(self._key(headers.get("authorization", "")), self.keys):
            raise ProblemError(
                401,
                "Expected a key of this server in the header `Authorization: Bearer KEY`.",
                headers={"WWW-Authenticate": "Bearer"},
            )

    def _key(self, authorization: str) -> str:
        """The key in a header; empty if there is none."""
        scheme, _, value = authorization.partition(" ")
        if scheme.lower() == "bearer":
            return value.strip()
        if scheme.lower() == "basic" and self.passwords:
            try:
                decoded = b64decode(value.strip(), validate=True)
            except ValueError:
                return ""
            # Clients encode users in one way or another; a key is ASCII in all of them.
            return decoded.decode("latin-1").partition(":")[2]
        return ""

    def _is_host(self, given: str) -> bool:
        if ANY_HOST in self.hosts:
            return True
        try:
            name = urlsplit(f"//{given}").hostname
        except ValueError:
            return False
        return name is not None and name in self.hosts


class Guard:
    """The application with all that, around every route."""

    def __init__(self, app: ASGIApp, *, access: Access, limits: Limits, metrics: Metrics) -> None:
        self.app = app
        self._access = access
        self._limits = limits
        self._metrics = metrics
        self._held_bytes = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await _Exchange(self, scope, receive, send).run()
        elif scope["type"] == "lifespan":
            await self.app(scope, receive, send)

    def hold(self, count: int) -> None:
        """Count bytes of bodies, or with a negative number those that are not needed any more.

        Raises:
            ProblemError: if there are too many.
        """
        if count > 0 and self._held_bytes + count > self._limits.held_bytes:
            raise ProblemError(
                429,
                "Too many bytes are being received at this moment; send the request again later.",
                retry_after=1,
            )
        self._held_bytes += count


class _Exchange:
    """One request and its answer."""

    def __init__(self, guard: Guard, scope: Scope, receive: Receive, send: Send) -> None:
        self._guard = guard
        self._limits = guard._limits
        self._scope = scope
        self._receive = receive
        self._send = send
        self._size = 0
        self._has_body = False
        self._deadline = time.monotonic() + self._limits.body_seconds
        self._send_by = 0.0
        self._status = 0

    async def run(self) -> None:
        """Answer, whatever happens."""
        started = time.perf_counter()
        try:
            with suppress(ClientGoneError):
                await self._answer()
        finally:
            self._guard.hold(-self._size)
            route = getattr(self._scope.get("route"), "path", "other")
            metrics = self._guard._metrics
            metrics.requests.labels(route, str(self._status or CLIENT_GONE)).inc()
            metrics.request_seconds.labels(route).observe(time.perf_counter() - started)

    async def _answer(self) -> None:
        headers = Headers(scope=self._scope)
        try:
            self._guard._access.check(self._scope["path"], headers)
            self._refuse_length(headers.get("content-length", ""))
            await self._guard.app(self._scope, self.receive, self.send)
        except ProblemError as problem:
            await self._fail(problem)
        except ClientGoneError:
            raise
        except Exception as error:
            if self._status != FAILED:  # otherwise it has been logged and told
                await self._fail(failed(error))

    async def _fail(self, problem: ProblemError) -> None:
        if self._status:  # half an answer is out: all that is left is to break it off
            raise ClientGoneError
        await problem.response()(self._scope, self._receive, self.send)

    def _refuse_length(self, length: str) -> None:
        # Python reads signs and other digits too, which the server below has refused.
        if length.isascii() and length.isdigit() and int(length[:18]) > self._limits.body_bytes:
            self._refuse_size()

    def _refuse_size(self) -> None:
        raise ProblemError(
            413,
            f"Expected a body of at most {self._limits.body_bytes:,} bytes; send the texts in "
            f"several requests.",
            headers={"Connection": "close"},
        )

    async def receive(self) -> Message:
        """The next part of the body, within bounds of size and time."""
        if self._has_body:  # nothing but the end of the connection can come
            return await self._receive()
        try:
            async with asyncio.timeout(self._deadline - time.monotonic()):
                message = await self._receive()
        except TimeoutError:
            raise ProblemError(
                408,
                f"The body did not arrive within {self._limits.body_seconds:g} seconds.",
                headers={"Connection": "close"},
            ) from None
        if message["type"] == "http.request":
            count = len(message.get("body", b""))
            if self._size + count > self._limits.body_bytes:
                self._refuse_size()
            self._guard.hold(count)
            self._size += count
            self._has_body = not message.get("more_body", False)
        return message

    async def send(self, message: Message) -> None:
        """Send a part of the answer, with the headers of all; a client that reads none is left.

        What is sent at once would be held for the client without a limit, so it goes out in parts,
        each of which waits until the client has read nearly all before it.
        """
        if message["type"] == "http.response.start":
            self._status = message["status"]
            headers = MutableHeaders(scope=message)
            for name, value in SECURITY_HEADERS.items():
                headers.setdefault(name, value)
            headers.setdefault("Cache-Control", "no-store")
            self._send_by = time.monotonic() + self._limits.answer_seconds
        for part in _parts(message):
            left = min(self._limits.send_seconds, self._send_by - time.monotonic())
            if left <= 0:
                raise ClientGoneError
            try:
                async with asyncio.timeout(left):
                    await self._send(part)
            except TimeoutError:
                raise ClientGoneError from None


def _parts(message: Message) -> Iterator[Message]:
    """A message, as several if its body has more than `PART_BYTES`."""
    body = message.get("body", b"")
    start = 0
    while len(body) - start > PART_BYTES:
        yield {**message, "body": body[start : start + PART_BYTES], "more_body": True}
        start += PART_BYTES
    yield {**message, "body": body[start:]} if start else message


class ClientGoneError(Exception):
    """Nobody is there to be answered."""


def loopback_names(extra: Iterable[str] = ()) -> tuple[str, ...]:
    """The names by which a server on loopback may be called."""
    return ("localhost", "127.0.0.1", "::1", *(name.lower() for name in extra))
