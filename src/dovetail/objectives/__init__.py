"""Objectives: from what the model puts out for a batch to named loss terms."""

from dovetail.objectives.balanced import Balanced
from dovetail.objectives.distilled import Distilled
from dovetail.objectives.supervised import Supervised
from dovetail.strategies.objective import Objective, Outputs, Penalties

__all__ = ["Balanced", "Distilled", "Objective", "Outputs", "Penalties", "Supervised"]
