"""What scores are looked at: those of one corpus, or the mean over several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dovetail.lab.cell_scoring import DEV, TEST
from dovetail.lab.experiment_cells import Cell

Corpora = tuple[str, ...]

MEAN = "mean over the corpora"
"""Stands where the name of a corpus does; no corpus can have this name."""


@dataclass(frozen=True)
class View:
    """One of several corpora, or all: whose scores on a split are looked at, in the mean.

    `name` is that of the corpus; it is empty for all corpora, or the only one.
    """

    name: str
    by_split: Mapping[str, Corpora]

    def corpora(self, split: str) -> Corpora:
        """The corpora that are scored on a split."""
        return self.by_split[split]

    @property
    def column(self) -> str:
        """The start of the names of its columns."""
        return f"{self.name}/" if self.name else ""


def views_of(cells: Sequence[Cell]) -> tuple[View, ...]:
    """All corpora of an experiment together, and each of them if there are several."""
    known = tuple(dict.fromkeys(name for cell in cells for name in cell.corpora))
    sources = [(name, own) for cell in cells for name, own in cell.sources.items()]
    by_split = {
        DEV: {name for name, own in sources if any(source.has_dev for source in own)},
        TEST: {name for cell in cells for name in cell.test},
    }
    whole = View("", {split: _some(known, own) for split, own in by_split.items()})
    if len(known) < 2:
        return (whole,)
    return (
        whole,
        *(
            View(name, {split: _some((name,), own) for split, own in by_split.items()})
            for name in known
        ),
    )


def _some(names: Corpora, chosen: set[str]) -> Corpora:
    return tuple(name for name in names if name in chosen)
