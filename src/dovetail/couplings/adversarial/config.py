"""Semi-supervised adversarial learning over corpora that are annotated for different tasks."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from dovetail.config.sections.coupling_section import CouplingConfig
from dovetail.config.values import Count, NonNegative, Positive, Width


class AdversarialCouplingConfig(CouplingConfig):
    """Outputs on sentences without a task's labels learn to pass for labelled ones (SemiMTL, 2022).

    A discriminator tells them apart and learns in steps of its own.
    """

    implementation: ClassVar[str] = "dovetail.couplings.adversarial.coupling:Adversarial"
    paper: ClassVar[str] = "after SemiMTL, arXiv 2110.07197 (2022)"
    needs: ClassVar[str] = "corpora (or data.extra) of one schema, annotated for different tasks"

    kind: Literal["adversarial"] = "adversarial"
    """A discriminator of labelled and unlabelled sentences is to be fooled."""

    weight: NonNegative = 1e-3
    """Weight in the loss of fooling the discriminator."""

    warmup_epochs: Count = 2
    """Epochs in which the weight rises from zero, while the discriminator learns already."""

    level: Literal["outputs", "features", "both"] = "outputs"
    """What the discriminator reads: the probabilities that a task gives to tags and relations, or
    the token vectors of its stream, where it tells the domains and its gradient is reversed."""

    domain_aware: bool = True
    """Whether the discriminator of outputs has a labelled and an unlabelled class for each domain,
    or one of each for all."""

    layers: Annotated[int, Field(ge=2, le=3)] = 2
    """Convolutions of the discriminator, each over three neighbouring tokens, or three times three
    pairs."""

    hidden_dim: Width = 64
    """Width of the convolutions but the last."""

    learning_rate: Positive = 1e-4
    """Step size of the discriminator's own optimiser."""
