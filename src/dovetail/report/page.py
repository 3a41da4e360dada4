"""The page itself: templates filled in, with style and script inside, and nothing to fetch."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from dovetail.errors import MissingExtraError
from dovetail.showing.rendering import duration
from dovetail.showing.style import HOUSE_STYLE
from dovetail.showing.visible import shown
from dovetail.version import __version__

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES = files("dovetail.report") / "templates"


@dataclass(frozen=True, slots=True)
class Made:
    """How a page came about: the command, and when it was run."""

    command: str
    time: datetime

    @classmethod
    def now(cls, command: str) -> Made:
        """The command has just been run."""
        return cls(command, datetime.now(UTC).astimezone())


def render(template: str, made: Made, *, script: str = "page.js", **values: Any) -> str:
    """Fill a template in, with one of the scripts.

    The page's own policy lets nothing be fetched and no script run but its own, of which it names
    the digest: should markup of a corpus ever get through, it would still do nothing.

    Raises:
        MissingExtraError: if Jinja2 is not installed.
    """
    code = (TEMPLATES / script).read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()
    return (
        environment()
        .get_template(template)
        .render(made=made, version=__version__, script=code, script_digest=digest, **values)
    )


def environment() -> Environment:
    """Templates in which everything is escaped, and a name that is not there is an error.

    Raises:
        MissingExtraError: if Jinja2 is not installed.
    """
    try:
        from jinja2 import Environment, FunctionLoader, StrictUndefined
    except ImportError as error:
        raise MissingExtraError("an HTML report", extra="report") from error
    environment = Environment(
        loader=FunctionLoader(_source),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_printable,
    )
    environment.filters.update(percent=percent, duration=duration, divided=divided)
    return environment


def _source(name: str) -> str:
    """A template, or the look that all pages have."""
    if name == HOUSE_STYLE.name:
        return HOUSE_STYLE.read_text(encoding="utf-8")
    return (TEMPLATES / name).read_text(encoding="utf-8")


def _printable(value: Any) -> Any:
    """Show control characters and what turns the writing direction, instead of sending them."""
    return shown(value) if type(value) is str else value


def percent(ratio: float, digits: int = 1) -> str:
    """A ratio in percent, without the sign."""
    return f"{100 * ratio:.{digits}f}"


def divided(text: str) -> tuple[str, str]:
    """The first line of a text, and the others."""
    first, _, rest = text.partition("\n")
    return first, rest
