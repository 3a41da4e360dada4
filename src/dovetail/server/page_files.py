"""The files of the page, as they lie in the package."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from fastapi import APIRouter, Response

from dovetail.server.problems import ProblemError
from dovetail.showing.rendering import COLOURS
from dovetail.showing.style import HOUSE_STYLE

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
    own = {file.name: file.read_bytes() for file in PAGE.iterdir() if _suffix(file.name) in TYPES}
    return own | {HOUSE_STYLE.name: HOUSE_STYLE.read_bytes(), "colours.css": _colours()}


def _colours() -> bytes:
    """Classes for the colours of entity types, which are those of the terminal."""
    lines = (f".colour-{place} {{ --tint: {colour}; }}\n" for place, colour in enumerate(COLOURS))
    return "".join(lines).encode()


def _suffix(name: str) -> str:
    return "." + name.rpartition(".")[2]


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
    return Response(content, media_type=TYPES[_suffix(name)], headers={"Cache-Control": "no-cache"})
