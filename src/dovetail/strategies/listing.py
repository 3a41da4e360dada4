"""The strategies as they are listed, which needs no torch."""

from __future__ import annotations

import inspect
from dataclasses import dataclass

from dovetail.config import SharingConfig
from dovetail.config.structure import kind_of


@dataclass(frozen=True)
class Listed:
    """A strategy: what it does in a sentence, where it is from, and what it needs."""

    kind: str
    summary: str
    paper: str
    needs: str


@dataclass(frozen=True)
class Costs:
    """Numbers that a saved model holds and that training changes, and multiply-adds of a sentence.

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


def listed(section: type[SharingConfig]) -> Listed:
    """What a section says of itself."""
    summary = (inspect.getdoc(section) or "").partition("\n")[0]
    return Listed(str(kind_of(section)), summary, section.paper, section.needs)


def sections_by_kind(notes: list[str] | None = None) -> dict[str, type[SharingConfig]]:
    """The section of each kind: Dovetail's own, then those of other packages.

    What is wrong with those that are left out goes into `notes`.
    """
    return {str(kind_of(section)): section for section in SharingConfig.choices(notes)}
