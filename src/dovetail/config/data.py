"""Which corpora a model is trained and tuned on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from dovetail.config.section import Contradiction, Section
from dovetail.config.values import Count, FilePaths, Names, Text


class DataConfig(Section):
    """The corpora: what to learn from, and what to make choices on."""

    train: Annotated[FilePaths, Field(min_length=1)]
    """Files to learn from.
    Paths are relative to the working directory, and variables such as `$HOME` are expanded;
    `$DOVETAIL_DATA` is `../shared/data` where it is not set."""

    dev: FilePaths = ()
    """Files to make choices on: when to stop, which epoch to keep, which thresholds to use.
    Never the files that the final scores are reported on."""

    dev_fraction: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of the training sentences that is set apart as the dev set where there is no `dev`."""

    dev_seed: Count = 0
    """Seed of the choice of those sentences; apart from `seed`, so that runs with different
    seeds are tuned on the same sentences."""

    format: Text | None = None
    """Name of the corpus format; recognised from the content of each file where it is not given."""

    language: Text = "en"
    """Language code (ISO 639, such as `en` or `de`) whose rules cut raw text into words."""

    symmetric: Names = ()
    """Relation types for which head and tail may be exchanged: they are learned both ways, found
    once, and scored without regard to their direction."""

    @property
    def has_dev(self) -> bool:
        """Whether there will be sentences to make choices on."""
        return bool(self.dev) or self.dev_fraction > 0

    def contradictions(self) -> Iterator[Contradiction]:
        if self.dev and self.dev_fraction > 0:
            yield Contradiction(
                "dev_fraction",
                f"{self.dev_fraction:g} of the training sentences would be set apart although "
                f"dev names files; set dev_fraction = 0, or leave dev out",
            )
        for path in self.dev:
            if path in self.train:
                yield Contradiction(
                    "dev",
                    f'"{path}" is in train too, so every choice would be made on sentences '
                    f"learnt by heart; name another file, or leave dev out and set dev_fraction",
                )
