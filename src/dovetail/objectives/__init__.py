"""Objectives: from what the model puts out for a batch to named loss terms."""

from dovetail.objectives.balanced import Balanced
from dovetail.objectives.distilled import Distilled
from dovetail.objectives.objective import Objective
from dovetail.objectives.outputs import Outputs
from dovetail.objectives.penalties import Penalties
from dovetail.objectives.supervised import Supervised

__all__ = ["Balanced", "Distilled", "Objective", "Outputs", "Penalties", "Supervised"]
