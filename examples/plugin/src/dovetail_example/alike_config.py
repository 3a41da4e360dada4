"""The section of the coupling."""

from __future__ import annotations

from typing import ClassVar, Literal

from dovetail.config import CouplingConfig
from dovetail.config.values import NonNegative


class AlikeCouplingConfig(CouplingConfig):
    """Tokens alike for one task are to be alike for the other (after Tung and Mori, 2019)."""

    implementation: ClassVar[str] = "dovetail_example.alike:Alike"
    paper: ClassVar[str] = "after Tung and Mori, arXiv 1907.09682 (2019)"

    kind: Literal["alike"] = "alike"
    """The tasks' streams find the same tokens alike."""

    weight: NonNegative = 0.1
    """Weight in the loss of the difference between their likenesses."""
