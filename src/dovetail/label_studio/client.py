"""What Dovetail asks Label Studio for: a project, and its annotated tasks.

The address is the one that the backend was started with, never one that a request names.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPException, HTTPMessage
from ipaddress import ip_address
from pathlib import Path
from typing import IO, Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from dovetail.errors import ConfigError, TrainingError
from dovetail.files.bounded import json_value, read_bytes

TOKEN_VARIABLE = "LABEL_STUDIO_API_KEY"
"""The environment variable with a token, which Label Studio's own tools read too."""

MOST_BYTES = 1 << 30
"""Of an answer of Label Studio."""

SECONDS = 300.0
"""For Label Studio to begin an answer, or to go on with it."""

_TOKEN_BYTES = 1 << 16


def read_token(path: Path | None, environment: Mapping[str, str]) -> str | None:
    """The token in a file, or else in the environment; None if there is none.

    Raises:
        ConfigError: if the file cannot be read, or what is there can be no token.
    """
    token, where = environment.get(TOKEN_VARIABLE, "").strip(), TOKEN_VARIABLE
    if path is not None:
        where = str(path)
        try:
            token = read_bytes(path, at_most=_TOKEN_BYTES).decode("ascii").strip()
        except OSError as error:
            raise ConfigError(f"the token file {path} cannot be read: {error.strerror}") from None
        except UnicodeDecodeError:
            token = " "
    elif not token:
        return None
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise ConfigError(
            f"{where}: expected one token of Label Studio (Account & Settings there) and nothing "
            f"else"
        )
    return token


def checked_url(url: str) -> str:
    """The address of Label Studio without a slash at its end.

    Raises:
        ConfigError: if it is none of http or https, or has more than a host and a path.
    """
    try:
        parts = urlsplit(url)
        is_plain = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        is_plain = False
    if not is_plain or parts.username is not None or parts.query or parts.fragment:
        raise ConfigError(
            f"--url: expected the address of Label Studio, such as http://localhost:8080, found "
            f"{url!r}"
        )
    return url.rstrip("/")


def is_overheard(url: str) -> bool:
    """Whether a token goes to another machine without encryption."""
    parts = urlsplit(url)
    if parts.scheme == "https" or parts.hostname == "localhost":
        return False
    try:
        return not ip_address(parts.hostname or "").is_loopback
    except ValueError:
        return True


class _NoRedirects(HTTPRedirectHandler):
    """A token goes to the address that was given, and to no other."""

    def redirect_request(
        self,
        req: Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> None:
        return None


@dataclass(frozen=True)
class LabelStudio:
    """A Label Studio, which a token lets in.

    Args:
        url: its address.
        token: a personal access token, or a legacy one; it is in no message and no `repr`.
    """

    url: str
    token: str = field(repr=False)

    def project(self, number: int) -> dict[str, Any]:
        """The settings of a project, its labelling config among them.

        Raises:
            TrainingError: if Label Studio does not give them.
        """
        values = self._get(f"/api/projects/{number}")
        if not isinstance(values, dict) or not isinstance(values.get("label_config"), str):
            raise self._unexpected(f"/api/projects/{number}", 'an object with "label_config"')
        return values

    def annotated_tasks(self, number: int) -> list[dict[str, Any]]:
        """The tasks of a project that somebody annotated, with their annotations.

        Raises:
            TrainingError: if Label Studio does not give them.
        """
        path = f"/api/projects/{number}/export?exportType=JSON"
        tasks = self._get(path)
        if not isinstance(tasks, list) or not all(
            isinstance(task, dict) and isinstance(task.get("id"), int) for task in tasks
        ):
            raise self._unexpected(path, "a list of tasks with numbers")
        return tasks

    def _get(self, path: str) -> Any:
        return self._asked(Request(self.url + path, headers={"Authorization": self._authority()}))

    def _authority(self) -> str:
        """The header that lets in; a personal access token is exchanged for a short-lived one."""
        if self.token.count(".") != 2:
            return f"Token {self.token}"
        values = self._asked(
            Request(
                self.url + "/api/token/refresh/",
                data=json.dumps({"refresh": self.token}).encode(),
                headers={"Content-Type": "application/json"},
            )
        )
        access = values.get("access") if isinstance(values, dict) else None
        if not isinstance(access, str):
            raise self._unexpected("/api/token/refresh/", 'an object with "access"')
        return f"Bearer {access}"

    def _asked(self, request: Request) -> Any:
        where = f"{self.url}{request.selector.partition('?')[0]}"
        try:
            with build_opener(_NoRedirects).open(request, timeout=SECONDS) as answer:
                content = answer.read(MOST_BYTES + 1)
        except HTTPError as error:
            error.close()  # it is the answer, whose body is not read
            raise TrainingError(f"{where} answered {_meaning(error)}") from None
        except (OSError, HTTPException, ValueError) as error:
            reason = getattr(error, "reason", None) or error
            raise TrainingError(
                f"{where} cannot be reached: {reason}; is --url the address of Label Studio?"
            ) from None
        if len(content) > MOST_BYTES:
            raise TrainingError(f"{where} answered with more than {MOST_BYTES:,} bytes")
        try:
            return json_value(content.decode("utf-8"))
        except ValueError as error:
            raise TrainingError(f"{where} did not answer with JSON: {error}") from None

    def _unexpected(self, path: str, expected: str) -> TrainingError:
        return TrainingError(f"{self.url}{path}: expected {expected}, and the answer is not")


def _meaning(error: HTTPError) -> str:
    """A status in a sentence; the body is not told, for it may quote what was sent."""
    hints = {
        401: "the token is not known there, or its kind is switched off for the organisation",
        403: "the token's owner may not see the project",
        404: "there is no such project, or the token's owner does not see it",
    }
    if 300 <= error.code < 400:
        return f"{error.code}: it sends on to elsewhere; give its final address as --url"
    hint = hints.get(error.code)
    return f"{error.code} {error.reason}" + (f": {hint}" if hint else "")
