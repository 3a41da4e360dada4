"""Gated layers are trained in two phases: first everything is shared, then the gates decide.

The phases are ours, and cheap: in the paper (InterroGate, 2024) the tasks' layers start from models
that were trained for one task each.
"""

from __future__ import annotations

from dataclasses import replace

from dovetail.strategies.curriculum import Curriculum, Model, Phase
from dovetail.strategies.gates.block import GatedLayers

_SHARING = "sharing."


def with_shared_warmup(joint: Phase, epochs: int) -> Curriculum:
    """The phase that trains both tasks, and before it one in which they share all units.

    Without epochs there is no phase before it.
    """
    if not epochs:
        return (joint,)
    return (
        replace(
            joint, name="shared", epochs=epochs, trains=_trains_when_shared, begin=_begin_shared
        ),
        replace(joint, begin=_begin_gated),
    )


def _trains_when_shared(parameter: str) -> bool:
    inside = parameter.removeprefix(_SHARING)
    return inside == parameter or GatedLayers.learned_when_shared(inside)


def _begin_shared(model: Model) -> None:
    gated_layers(model).begin_shared()


def _begin_gated(model: Model) -> None:
    gated_layers(model).begin_gated()


def gated_layers(model: Model) -> GatedLayers:
    """The gated layers of a model.

    Raises:
        TypeError: if it shares in another way.
    """
    if not isinstance(model.sharing, GatedLayers):
        raise TypeError(f"expected gated layers, found {type(model.sharing).__name__}")
    return model.sharing
