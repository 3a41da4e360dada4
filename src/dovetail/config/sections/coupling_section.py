"""How tasks teach each other: what the sections of all couplings have in common."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import ClassVar

from dovetail.config.open_section import OpenSection
from dovetail.config.section import Contradiction


class CouplingConfig(OpenSection):
    """The settings of a coupling; `kind` says of which.

    What it means is the business of the coupling that `implementation` names.
    """

    group: ClassVar[str] = "dovetail.couplings"
    what: ClassVar[str] = "coupling"

    paper: ClassVar[str] = ""
    """Where the idea is from, in a few words."""

    needs: ClassVar[str] = ""
    """Requirements beside sentences that are annotated for the tasks."""

    @classmethod
    def own_kinds(cls) -> Sequence[type[CouplingConfig]]:
        # An arrow that runs up, as of sharing: sections stand with their couplings.
        from dovetail.couplings import SECTIONS

        return SECTIONS


def contradictions_of_couplings(couplings: Sequence[CouplingConfig]) -> Iterator[Contradiction]:
    """Yield what is listed twice: its loss terms could not be told apart."""
    for kind, count in Counter(own.kind for own in couplings).items():
        if count > 1:
            yield Contradiction(
                "couplings", f"{count} couplings are of the kind {kind!r}; list it once"
            )
