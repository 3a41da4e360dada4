"""Relations are learned of gold entities first, then over the chain.

A tagger that has learned nothing gives an entity one in a hundred.  Over the chain a relation that
holds then raises P(r | i, j) for all pairs, and one that does not lowers it a ten-thousandth as
much: it would be near 1, where nothing moves it any more, before entities are found.
"""

from __future__ import annotations

from dataclasses import replace

from dovetail.strategies.curriculum import Curriculum, Model, Phase
from dovetail.strategies.sequential.chain import ChainedLink


def with_conditional_warmup(joint: Phase, epochs: int) -> Curriculum:
    """The phase in which the chain holds, and before it one in which it does not.

    Without epochs there is no phase before it.
    """
    if not epochs:
        return (joint,)
    return (
        replace(joint, name="conditional", epochs=epochs, begin=_begin_conditional),
        replace(joint, begin=_begin_chained),
    )


def _begin_conditional(model: Model) -> None:
    _hold(model, False)


def _begin_chained(model: Model) -> None:
    _hold(model, True)


def _hold(model: Model, holds: bool) -> None:
    for link in model.links:
        if isinstance(link, ChainedLink):
            link.hold(holds)
