"""How the model learns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from dovetail.config.section import Contradiction, Section
from dovetail.config.values import Count, Fraction, NonNegative, Positive, PositiveCount


class TrainingConfig(Section):
    """Optimisation, stopping, and what the machine may use."""

    epochs: PositiveCount = 60
    """How often the training sentences are gone through at most."""

    batch_size: PositiveCount = 16
    """Sentences in a batch; a window of a long sentence counts as one."""

    learning_rate: Positive = 1e-3
    """Highest step size of AdamW for all that is not part of a pretrained encoder."""

    encoder_learning_rate: Positive = 5e-5
    """Highest step size of AdamW for the trained layers of pretrained encoders."""

    encoder_layer_decay: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Factor of `encoder_learning_rate` from each trained layer to the one below it; the embeddings
    come last. With 1 all layers learn at the same rate."""

    weight_decay: NonNegative = 1e-2
    """Weight decay of AdamW, per unit of the step size."""

    warmup_fraction: Fraction = 0.05
    """Share of all steps in which the step size rises from 0 to its highest."""

    decay: Literal["linear", "cosine", "constant"] = "linear"
    """How the step size falls to 0 after the warm-up, or that it stays."""

    clip_norm: Positive = 5.0
    """Euclidean norm above which the gradient of a batch is scaled down to it."""

    patience_epochs: Count = 15
    """Epochs without a better dev score after which training stops; 0 never stops early."""

    select: Literal["mean", "entity", "relation"] = "mean"
    """The dev score that decides which epoch is kept: strict micro-F1 of entities, of relations,
    or the mean of both."""

    entity_loss_weight: NonNegative = 1.0
    """Factor of the entity loss in the sum that is minimised; 0 does not train the task."""

    relation_loss_weight: NonNegative = 5.0
    """Factor of the relation loss in the sum that is minimised; 0 does not train the task. Where
    the training sentences hold no relation, and this is not set, it is 0."""

    balance: Literal["fixed", "learned"] = "fixed"
    """Whether these factors stay as they are, or training learns others from there: a task whose
    loss stays large weighs less then (Kendall et al. 2018)."""

    average: Literal["none", "ema", "swa"] = "none"
    """Whether averaged weights are scored and saved instead of the last ones: `ema` is an
    exponential moving average over the steps, `swa` the plain mean from `average_start` on."""

    average_decay: Annotated[float, Field(ge=0, lt=1)] = 0.99
    """With `ema`: the share of the old average that a step keeps; the average spans about
    1 / (1 - decay) steps."""

    average_start: Annotated[float, Field(ge=0, lt=1)] = 0.5
    """With `swa`: the share of all steps after which the mean starts."""

    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """Number format of the computation; `auto` takes bf16 where the machine is fast at it."""

    cache_gigabytes: NonNegative = 4.0
    """Memory for what frozen encoders, and the frozen layers below trained ones, compute, in
    gigabytes (10⁹ bytes). What does not fit goes on disk, or is computed in each epoch anew."""

    disk_cache_gigabytes: NonNegative = 0.0
    """Room on disk for what does not fit into that memory, in gigabytes: a temporary file (in
    `$TMPDIR` if that is set) that goes when training ends."""

    threads: Count = 0
    """Threads of the computation on the CPU. 0 lets Dovetail decide: at most four of the cores, a
    batch each, for what frozen encoders compute and for dev scores, and one for the steps between,
    which are too short for several, unless pretrained layers are trained."""

    def contradictions(self) -> Iterator[Contradiction]:
        weights = {"entity": self.entity_loss_weight, "relation": self.relation_loss_weight}
        if not any(weights.values()):
            yield Contradiction(
                "entity_loss_weight",
                "relation_loss_weight is 0 too, so nothing would be learnt; set one above 0",
            )
        elif weights.get(self.select) == 0:
            yield Contradiction(
                "select",
                f'"{self.select}" would choose by a task that {self.select}_loss_weight = 0 '
                f"leaves untrained; choose by the other task, or give it a weight",
            )
