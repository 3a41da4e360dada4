"""Gaussian features and classifiers of each task, whose prior the other tasks are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal

from dovetail.config.section import Contradiction
from dovetail.config.values import Count, Layers, NonNegative, Positive, PositiveCount, Width
from dovetail.strategies.layers_config import LayersConfig

MIXTURES = ("bound", "sum", "sampled")
"""The priors that are mixtures of others."""


class VariationalSharingConfig(LayersConfig):
    """Gaussian features and classifiers, drawn to those of the other tasks (after VMTL, 2021)."""

    implementation: ClassVar[str] = "dovetail.strategies.variational.strategy:Variational"
    paper: ClassVar[str] = "after VMTL, arXiv 2111.05323 (2021)"
    no_auxiliary: ClassVar[str] = ""
    needs: ClassVar[str] = "three tasks, or normal_component = true, or features = false"

    kind: Literal["variational"] = "variational"
    """The prior of a task's features and classifiers is a mixture of the other tasks'."""

    cell: Literal["gru", "lstm", "transformer"] = "gru"
    """Kind of every layer below the Gaussian features: recurrent, or a new transformer layer."""

    shared_layers: Layers = 1
    """Layers that all tasks read."""

    entity_layers: Layers = 1
    """Layers of the entity task above the shared ones; with 0 it reads these directly."""

    relation_layers: Layers = 1
    """Layers of the relation task above the shared ones; with 0 it reads these directly."""

    features: bool = True
    """Whether each task reads Gaussian features, whose prior are the other tasks' for the same
    token.  A mixture needs three tasks; further corpora and auxiliary tasks count."""

    feature_dim: Width = 256
    """Width of these features, which is that of each task's stream."""

    relation_classifiers: bool = True
    """Whether the weights by which relation types are told from the rest are Gaussian, and the
    prior of a type are the other relation types."""

    entity_classifiers: bool = True
    """The same of entity types."""

    prior: Literal["bound", "sum", "sampled", "normal", "none"] = "bound"
    """What a Gaussian is drawn to: the mixture of the others, by an upper bound of the divergence,
    as the Gaussian of their weighted sum, or by samples; a standard normal, as the control; or
    nothing, which leaves a network without Gaussians, of the same size in the end."""

    normal_component: bool = False
    """Whether each mixture has a standard normal too.  Without it a family needs three members."""

    samples: PositiveCount = 1
    """Samples that the divergence is taken from, with `prior = "sampled"`."""

    feature_weight: NonNegative = 1e-5
    """Weight in the loss of the divergence of a token's features, in nats."""

    classifier_weight: NonNegative = 1e-4
    """Weight in the loss of the divergence of a type's weights, in nats."""

    anneal_epochs: Count = 5
    """Epochs in which both weights grow from 0."""

    temperature: Positive = 1.0
    """Temperature of the Gumbel-softmax that draws the shares of a mixture, at the start."""

    lowest_temperature: Positive = 0.5
    """The temperature that it falls to."""

    cooling: NonNegative = 1e-3
    """The share of the temperature that is lost at each step."""

    noise: NonNegative = 1.0
    """Factor of the standard deviations in the samples of training; with 0 tasks read the means."""

    confidences: Literal["mean", "averaged"] = "mean"
    """What a saved model computes with: the means of the classifiers, or the average over their
    weights, which makes confidences smaller where the weights are uncertain."""

    @property
    def mixes(self) -> bool:
        """Whether priors are mixtures of others."""
        return self.prior in MIXTURES

    @property
    def form(self) -> Literal["bound", "sum", "sampled"]:
        """How a divergence is taken: of a single Gaussian all ways but samples are the same."""
        match self.prior:
            case "normal" | "none":
                return "bound"
            case form:
                return form

    @property
    def classifiers(self) -> bool:
        """Whether there are Gaussian classifiers."""
        return self.prior != "none" and (self.relation_classifiers or self.entity_classifiers)

    def contradictions(self) -> Iterator[Contradiction]:
        yield from super().contradictions()
        if not (self.features or self.relation_classifiers or self.entity_classifiers):
            yield Contradiction(
                "features",
                "neither features nor classifiers are Gaussian, so nothing is left of the "
                'strategy; switch one on, or set kind = "depth"',
            )
        if self.normal_component and not self.mixes:
            yield Contradiction(
                "normal_component",
                f'prior = "{self.prior}" is no mixture that could have a component; set prior = '
                f'"bound", "sum" or "sampled", or leave normal_component out',
            )
        if self.lowest_temperature > self.temperature:
            yield Contradiction(
                "lowest_temperature",
                f"it is above temperature = {self.temperature:g}, from which it is reached by "
                f"cooling; lower it",
            )
        if self.confidences == "averaged" and not self.classifiers:
            yield Contradiction(
                "confidences",
                "no classifier is Gaussian, so there is nothing to average over; set "
                'relation_classifiers = true (and a prior), or confidences = "mean"',
            )
