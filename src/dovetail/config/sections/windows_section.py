"""How sentences are read that are too long for a model to read at once."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from dovetail.config.section import Section

LONGEST_WINDOW = 8192
"""Tokens that a window may have at most, so that no config reads texts of any length at once."""


class WindowsConfig(Section):
    """Overlapping windows over long sentences, in training as in extraction.

    A relation is learned and found if some window holds both its entities whole; how many training
    and dev relations none holds is said before training. A sentence that fits is read as it is.
    """

    max_tokens: Annotated[int, Field(ge=1, le=LONGEST_WINDOW)] = 256
    """Tokens of a window: longer sentences are read in several. For abstracts that are read as
    one unit, 512 holds nearly all relations."""

    overlap: Annotated[float, Field(ge=0, lt=1)] = 0.5
    """Share of a window's tokens that the next one has too. Two entities that lie within so many
    tokens are together in some window; with a quarter in place of a half, long texts are read in
    two thirds of the time."""

    @property
    def overlap_tokens(self) -> int:
        """The share in tokens, fewer than a window has."""
        return int(self.overlap * self.max_tokens)
