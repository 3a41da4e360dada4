"""The record of `variational`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from torch import nn
from torch.optim import Optimizer

from dovetail.heads.parts import HeadParts
from dovetail.strategies.block import SharingBlock
from dovetail.strategies.curriculum import Curriculum, Model, Phase
from dovetail.strategies.depth.block import depth
from dovetail.strategies.layer_factory import layer_factory
from dovetail.strategies.objective import Objective, Penalties
from dovetail.strategies.strategy import Ground, SearchSpace, Strategy
from dovetail.strategies.variational.block import GaussianStreams, VariationalLayers, means
from dovetail.strategies.variational.config import VariationalSharingConfig
from dovetail.strategies.variational.divergence import Price
from dovetail.strategies.variational.heads import make_gaussian, refuse_few, temperatures_of
from dovetail.strategies.variational.mixing import Mixing, TaskMixing
from dovetail.strategies.variational.objective import Divergences


class Variational(Strategy[VariationalSharingConfig]):
    """Gaussian features and classifiers, whose prior is a mixture of the other tasks'."""

    def build(self, section: VariationalSharingConfig, ground: Ground) -> SharingBlock:
        """Layers as in `depth`, and above them Gaussians, or the means of their final form.

        Raises:
            ModelError: if there are too few tasks for mixtures.
        """
        below = depth(
            layer_factory(section),
            input_dim=ground.encoder.output_dim,
            shared=section.shared_layers,
            own=ground.for_each(entity=section.entity_layers, relation=section.relation_layers),
        )
        if not section.features:
            return below
        dims, width = below.output_dims, section.feature_dim
        if ground.chosen is not None or section.prior == "none":
            return VariationalLayers([below, means(dims, width)])
        mixing = _mixing(section, ground) if section.mixes else None
        top = GaussianStreams(dims, width, mixing=mixing, noise=section.noise)
        return VariationalLayers([below, top])

    def heads(
        self, section: VariationalSharingConfig, parts: Mapping[str, HeadParts]
    ) -> Mapping[str, HeadParts]:
        """The same heads with Gaussian classifiers."""
        if section.classifiers:
            make_gaussian(section, parts, learns=True)
        return parts

    def final_heads(
        self, section: VariationalSharingConfig, parts: Mapping[str, HeadParts]
    ) -> Mapping[str, HeadParts]:
        """The heads of the means, or those that average over the weights."""
        if section.confidences == "averaged":
            make_gaussian(section, parts, learns=False)
        return parts

    def objectives(
        self, section: VariationalSharingConfig, *, steps_per_epoch: int
    ) -> tuple[Objective, ...]:
        """The divergences from the priors."""
        if section.prior == "none":
            return (Penalties(),)
        return (
            Divergences(
                Price(section.feature_weight, section.form, section.samples),
                anneal_steps=section.anneal_epochs * steps_per_epoch,
                standard=section.normal_component,
            ),
        )

    def curriculum(self, section: VariationalSharingConfig, joint: Phase) -> Curriculum:
        """The joint phase, in which what draws the shares cools down."""
        return (replace(joint, after_step=cool),) if section.mixes else (joint,)

    def search_space(self, section: VariationalSharingConfig) -> SearchSpace:
        space: dict[str, Any] = {
            name: {"low": 0, "high": 2}
            for name in ("shared_layers", "entity_layers", "relation_layers")
        }
        if section.features and section.prior != "none":
            space["feature_weight"] = {"low": 1e-7, "high": 1e-2, "log": True}
        if section.classifiers:
            space["classifier_weight"] = {"low": 1e-6, "high": 1e-2, "log": True}
        return {**space, **super().search_space(section)}

    def card_lines(
        self, section: VariationalSharingConfig, block: SharingBlock, *, num_new: int
    ) -> list[str]:
        """The nearest neighbours of each task."""
        return lines_on(block.learned())

    def card_lines_of_heads(
        self, section: VariationalSharingConfig, learned: Mapping[str, Any]
    ) -> list[str]:
        """The nearest neighbours of each type."""
        return lines_on(learned)


def _mixing(section: VariationalSharingConfig, ground: Ground) -> TaskMixing:
    if not ground.awaits_tasks:
        refuse_few(ground.tasks, section, what="tasks", switch="features")
    return TaskMixing(
        ground.tasks,
        ground.tasks,
        standard=section.normal_component,
        temperatures=temperatures_of(section),
    )


NEIGHBOURS = 2
"""So many of the components of a prior are named on a card, those with the largest shares."""


def lines_on(learned: Mapping[str, Mapping[str, Mapping[str, float]]]) -> list[str]:
    """A line on each family: whose shares in the prior of each member are the largest."""
    lines = []
    for family, shares in learned.items():
        nearest = [f"{member} from {_largest(own)}" for member, own in shares.items()]
        what = family.replace("_", " ")
        lines.append(f"Priors of {what}, their largest shares: {'; '.join(nearest)}")
    return lines


def _largest(shares: Mapping[str, float]) -> str:
    ordered = sorted(shares.items(), key=lambda item: -item[1])
    return ", ".join(f"{other} {share:.0%}" for other, share in ordered[:NEIGHBOURS])


def cool(model: Model, optimiser: Optimizer) -> None:
    """Lower the temperature of all that draws shares.

    Raises:
        TypeError: if the model is no network.
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f"expected a network, found {type(model).__name__}")
    for part in model.modules():
        if isinstance(part, Mixing):
            part.cool()
