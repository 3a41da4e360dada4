"""How much the tasks share: what the sections of all strategies have in common."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from dovetail.config.open_section import OpenSection
from dovetail.config.structure import KIND

DEFAULT_KIND = "depth"
"""The strategy of a config that names none."""


class SharingConfig(OpenSection):
    """The settings of a sharing strategy; `kind` says of which.

    What it means is the business of the strategy that `implementation` names.  What can be said of
    it without torch is said here.
    """

    group: ClassVar[str] = "dovetail.strategies"
    what: ClassVar[str] = "strategy"

    paper: ClassVar[str] = ""
    """Where the idea is from, in a few words."""

    needs: ClassVar[str] = ""
    """Requirements beside sentences that are annotated for the tasks."""

    no_auxiliary: ClassVar[str] = "it does not say how a task is left out of a trained model"
    """Why there can be no auxiliary tasks, which a saved model lacks; empty if there can be."""

    @classmethod
    def own_kinds(cls) -> Sequence[type[SharingConfig]]:
        # The one arrow that runs up: sections stand with their strategies, and need no torch.
        from dovetail.strategies import SECTIONS

        return SECTIONS

    @property
    def copies_layers(self) -> bool:
        """Whether the layers are copies of the pretrained encoder's own."""
        return False

    def sort_of_layers(self) -> Mapping[str, Any] | None:
        """The settings of its layers, as values of a section; None if it has no layers."""
        return None

    def asks_for(self, task: str) -> Iterator[str]:
        """The settings, dotted, that somebody chose who wants a task."""
        yield from ()


def default_sharing() -> SharingConfig:
    """The default strategy with its defaults."""
    section = SharingConfig.of_kind(DEFAULT_KIND)
    if section is None:
        raise ValueError(f"expected the kind {DEFAULT_KIND!r} to be Dovetail's own")
    return section.model_validate({KIND: DEFAULT_KIND})
