"""Couplings: losses by which tasks and corpora teach each other, whatever they share.

    config.py     its section of the config, which needs no torch
    objective.py  its loss
    coupling.py   the record: its objectives, search space and description

The sections are listed here, in the order in which people see them.  Other packages bring theirs
by entry points of the group ``dovetail.couplings``, each of which names a section.
"""

from dovetail.config.sections.coupling_section import CouplingConfig
from dovetail.couplings.adversarial.config import AdversarialCouplingConfig
from dovetail.couplings.matching.config import MatchingCouplingConfig

SECTIONS: tuple[type[CouplingConfig], ...] = (
    MatchingCouplingConfig,
    AdversarialCouplingConfig,
)
"""The sections of Dovetail's own couplings."""

__all__ = ["SECTIONS", "AdversarialCouplingConfig", "CouplingConfig", "MatchingCouplingConfig"]
