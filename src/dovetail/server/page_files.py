"""The files of the page, as they lie in the package."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from fastapi import APIRouter, Response

from dovetail.server.problems import ProblemError

PAGE = files("dovetail.server") / "page"

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}

page_router = APIRouter(include_in_schema=False)


@cache
def page_files() -> dict[str, bytes]:
    """All of them by name; nothing else can be asked for."""
    return {
        file.name: file.read_bytes()
        for file in PAGE.iterdir()
        if "." + file.name.rpartition(".")[2] in TYPES
    }


@page_router.get("/")
async def index() -> Response:
    """The page itself."""
    return _file("index.html")


@page_router.get("/page/{name}")
async def part(name: str) -> Response:
    """A file of the page."""
    return _file(name)


def _file(name: str) -> Response:
    content = page_files().get(name)
    if content is None:
        raise ProblemError(404, "There is nothing at this address.")
    kind = TYPES["." + name.rpartition(".")[2]]
    return Response(content, media_type=kind, headers={"Cache-Control": "no-cache"})
