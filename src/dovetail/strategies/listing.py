"""The strategies and the couplings as they are listed, which needs no torch."""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass

from dovetail.config import CouplingConfig, SharingConfig
from dovetail.config.structure import kind_of

SOURCE = re.compile(r" \([^()]*[0-9]{4}[^()]*\)\.$")
"""The source of a strategy at the end of the sentence about it, such as (Crone, 2020)."""


@dataclass(frozen=True)
class Listed:
    """A strategy or coupling: what it does in a sentence, where it is from, and what it needs."""

    kind: str
    summary: str
    paper: str
    needs: str


@dataclass(frozen=True)
class Costs:
    """Parameters that a saved model holds and that training changes; multiply-adds of a sentence.

    Multiply-adds are those up to the streams of the tasks, without frozen encoders and heads.
    """

    stored: int
    trained: int
    multiply_adds: int


@dataclass(frozen=True)
class Counted:
    """A kind of sharing with its costs, or why the config cannot have it."""

    listed: Listed
    is_configured: bool
    costs: Costs | None
    problem: str = ""

    @property
    def kind(self) -> str:
        """The word that stands in the config."""
        return self.listed.kind


def listed(section: type[SharingConfig] | type[CouplingConfig]) -> Listed:
    """Return the row of the listing for a section."""
    summary = (inspect.getdoc(section) or "").partition("\n")[0]
    if section.paper:  # which the sentence names too, for those who read it alone
        summary = SOURCE.sub(".", summary)
    return Listed(str(kind_of(section)), summary, section.paper, section.needs)


def sections_by_kind(notes: list[str] | None = None) -> dict[str, type[SharingConfig]]:
    """The section of each kind: Dovetail's own, then those of other packages.

    What is wrong with those that are left out goes into `notes`.
    """
    return {str(kind_of(section)): section for section in SharingConfig.choices(notes)}


def couplings_by_kind(notes: list[str] | None = None) -> dict[str, type[CouplingConfig]]:
    """The section of each kind of coupling, in the same order, with the same notes."""
    return {str(kind_of(section)): section for section in CouplingConfig.choices(notes)}
