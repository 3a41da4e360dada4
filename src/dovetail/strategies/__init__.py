"""Sharing strategies: how much tasks share, and who decides it.  Each has a room, a folder.

    config.py     its section of the config, which needs no torch
    block.py      its networks: streams in, streams out, and who owns what
    strategy.py   the record: how it is built, trained, tuned, described

The sections are listed here, in the order in which people see them.  Other packages bring theirs
by entry points of the group ``dovetail.strategies``, each of which names a section; where its
strategy is, the section says itself.
"""

from dovetail.config.sections.sharing_section import SharingConfig
from dovetail.strategies.added.bank.config import BankSharingConfig
from dovetail.strategies.added.config import IncrementalSharingConfig
from dovetail.strategies.added.deltas.config import DeltasSharingConfig
from dovetail.strategies.bottom.config import BottomSharingConfig
from dovetail.strategies.context.config import ContextSharingConfig
from dovetail.strategies.depth.config import DepthSharingConfig
from dovetail.strategies.exits.config import ExitsSharingConfig
from dovetail.strategies.gates.config import GatesSharingConfig
from dovetail.strategies.layers_config import LayersConfig
from dovetail.strategies.primitives.config import PrimitivesSharingConfig
from dovetail.strategies.probe.config import ProbeSharingConfig
from dovetail.strategies.sequential.config import SequentialSharingConfig
from dovetail.strategies.variational.config import VariationalSharingConfig

SECTIONS: tuple[type[SharingConfig], ...] = (
    DepthSharingConfig,
    BottomSharingConfig,
    ExitsSharingConfig,
    GatesSharingConfig,
    PrimitivesSharingConfig,
    ContextSharingConfig,
    SequentialSharingConfig,
    VariationalSharingConfig,
    DeltasSharingConfig,
    BankSharingConfig,
    ProbeSharingConfig,
)
"""The sections of Dovetail's own strategies."""

__all__ = [
    "SECTIONS",
    "BankSharingConfig",
    "BottomSharingConfig",
    "ContextSharingConfig",
    "DeltasSharingConfig",
    "DepthSharingConfig",
    "ExitsSharingConfig",
    "GatesSharingConfig",
    "IncrementalSharingConfig",
    "LayersConfig",
    "PrimitivesSharingConfig",
    "ProbeSharingConfig",
    "SequentialSharingConfig",
    "SharingConfig",
    "VariationalSharingConfig",
]
