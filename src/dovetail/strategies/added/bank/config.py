"""The base's layers as a bank of filters that each task modulates."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from dovetail.config.values import PositiveCount
from dovetail.strategies.added.config import IncrementalSharingConfig


class BankSharingConfig(IncrementalSharingConfig):
    """The base's layers as a bank of filters that each task modulates (RCM, 2020)."""

    implementation: ClassVar[str] = "dovetail.strategies.added.bank.strategy:Bank"
    paper: ClassVar[str] = "after RCM, arXiv 2007.12540 (2020)"

    kind: Literal["bank"] = "bank"
    """A frozen bank, and a modulator for each task."""

    rank: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Share of the directions of each gate or matrix that the modulators keep, at least one; with
    all of them the tasks start with the function of the base."""

    start: Literal["responses", "random"] = "responses"
    """Whether modulators start at the principal directions of the base's responses, or as a
    control at random ones."""

    calibration_sentences: PositiveCount = 256
    """Training sentences that the responses are taken from, the first so many."""
