"""A stand-in for Label Studio on loopback: a project and its tasks, as the real one gives them."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN = "0123456789abcdef0123456789abcdef01234567"
PERSONAL, ACCESS = "aa.bb.cc", "short.lived.one"


@dataclass
class StandIn:
    config: str
    tasks: list[dict[str, Any]] = field(default_factory=list)
    url: str = ""
    asked: list[tuple[str, str]] = field(default_factory=list)  # paths, and who asked
    answers: dict[str, tuple[int, bytes]] = field(default_factory=dict)  # in place of its own
    moved_to: str = ""
    holds: threading.Event = field(default_factory=threading.Event)  # set: answers come

    def __post_init__(self) -> None:
        self.holds.set()


class Handler(BaseHTTPRequestHandler):
    label_studio: StandIn

    def log_message(self, *_: object) -> None:
        """Tests look at `StandIn.asked`."""

    def answer(self, status: int, content: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def do_POST(self) -> None:
        own = self.label_studio
        sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        own.asked.append((self.path, ""))
        known = self.path == "/api/token/refresh/" and sent == {"refresh": PERSONAL}
        values = {"access": ACCESS} if known else {"detail": "Token is invalid"}
        self.answer(200 if known else 401, json.dumps(values).encode())

    def do_GET(self) -> None:
        own = self.label_studio
        own.holds.wait(60)
        own.asked.append((self.path, self.headers.get("Authorization", "")))
        if own.moved_to:
            self.answer(302, b"", Location=own.moved_to + self.path)
        elif self.path in own.answers:
            self.answer(*own.answers[self.path])
        elif own.asked[-1][1] not in (f"Token {TOKEN}", f"Bearer {ACCESS}"):
            self.answer(401, b"{}")
        elif self.path == "/api/projects/1":
            self.answer(200, json.dumps({"id": 1, "label_config": own.config}).encode())
        elif self.path == "/api/projects/1/export?exportType=JSON":
            self.answer(200, json.dumps(own.tasks).encode())
        else:
            self.answer(404, b"{}")


@contextmanager
def standing_in(config: str, tasks: list[dict[str, Any]] | None = None) -> Iterator[StandIn]:
    """One that runs."""
    own = StandIn(config, tasks or [])
    handler = type("OwnHandler", (Handler,), {"label_studio": own})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        own.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield own
        own.holds.set()
        server.shutdown()
        thread.join()
