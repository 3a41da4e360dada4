"""The console of the commands: rich's, but for what a text could make a terminal do."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from dovetail.showing.visible import shown


class Terminal(Console):
    """Shows all control characters and overrides of the writing direction that are printed.

    Texts are changed before they are measured.  A `rich.text.Text` is changed when it has been laid
    out; who puts one into a table makes it of a `shown` text, so that its column is wide enough.
    """

    def render_str(self, text: str, **options: Any) -> Text:
        return super().render_str(shown(text), **options)

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=shown(segment.text))
