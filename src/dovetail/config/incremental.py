"""Tasks that are added to a trained model, which stays as it is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from dovetail.config.layers import LayersConfig
from dovetail.config.section import Contradiction
from dovetail.config.values import (
    Count,
    FolderOrName,
    Layers,
    NonNegative,
    PositiveCount,
    Text,
)


class IncrementalSharingConfig(LayersConfig):
    """Fields of a run that adds tasks to a base.

    Of the fields that all layers have, only dropout is a choice: the others are the base's, and a
    run writes them into its config.
    """

    base: FolderOrName | None = None
    """The trained model that tasks are added to: a folder, or the name of a shipped model.
    `dovetail train --base` sets it. Its sharing is `depth` or `exits`."""

    base_sha256: Text | None = None
    """SHA-256 of the base; a run writes it into its own config. Where it is given, another base is
    refused."""

    add_tasks: tuple[Literal["entity", "relation"], ...] = ()
    """The tasks that are added, which `dovetail train --add-task` sets: `["relation"]` keeps the
    base's entities as they are, `["entity", "relation"]` learns both of another corpus."""

    cell: Literal["gru", "lstm", "transformer", "pretrained"] = "gru"
    """Kind of every layer of the base; a run writes it. The layers of a base of the cell
    `pretrained` are copies of its encoder's own top layers."""

    shared_layers: Layers = 0
    """Layers of the base that both tasks run; a run writes it."""

    entity_layers: Layers = 0
    """Layers above them that the entity task runs; a run writes it."""

    relation_layers: Layers = 0
    """Layers above them that the relation task runs; a run writes it. A base that was not trained
    for relations has none: there the relation task runs the layers of the entity task."""

    def contradictions(self) -> Iterator[Contradiction]:
        if self.base is None:
            yield Contradiction(
                "base",
                "this strategy adds tasks to a trained model, and none is named; name one by "
                "--base MODEL --add-task relation, or train one with another kind of sharing",
            )
        elif not self.add_tasks:
            yield Contradiction(
                "add_tasks",
                'no task would be added to the base; set ["relation"] (--add-task relation), or '
                '["entity", "relation"] for another corpus',
            )
        elif "relation" not in self.add_tasks:
            yield Contradiction(
                "add_tasks",
                "the base's relation task reads which entities its entity task finds, so new "
                "entities under it would change what it says; add both tasks (--add-task entity "
                "--add-task relation)",
            )


class DeltasSharingConfig(IncrementalSharingConfig):
    """Differences from the base's layers, where a learned score says that they pay (TAPS, 2022)."""

    kind: Literal["deltas"] = "deltas"
    """A frozen base, and differences from some of its layers."""

    threshold: NonNegative = 0.1
    """The score from which a layer's differences are on."""

    initial_score: NonNegative = 0.15
    """Initial value of every score."""

    penalty: NonNegative = 0.3
    """Weight of the scores' mean size in the loss: with more, fewer layers become a task's own."""

    penalty_after_epochs: Count = 2
    """Epochs before the penalty starts, in which differences show whether they are of use."""

    scores: Literal["layers", "matrices"] = "layers"
    """Whether each layer has a score, or each matrix of it with its bias."""

    layers: Literal["learned", "random"] = "learned"
    """Whether scores are learned, or as a control `random_layers` are on, drawn by the seed."""

    random_layers: Count = 1
    """With `layers = "random"`: how many layers, or matrices, of each task are on."""

    def contradictions(self) -> Iterator[Contradiction]:
        yield from super().contradictions()
        if self.initial_score < self.threshold:
            yield Contradiction(
                "initial_score",
                f"all layers would be off at the start, and without differences no score learns; "
                f"take at least the threshold, {self.threshold}",
            )


class BankSharingConfig(IncrementalSharingConfig):
    """The base's layers as a bank of filters that each task modulates (RCM, 2020)."""

    kind: Literal["bank"] = "bank"
    """A frozen bank, and a modulator for each task."""

    rank: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Share of the directions of each gate or matrix that the modulators keep, at least one; with
    all of them the tasks start with the function of the base."""

    start: Literal["responses", "random"] = "responses"
    """Whether modulators start at the principal directions of the base's responses, or as a
    control at random ones."""

    calibration_sentences: PositiveCount = 256
    """Training sentences that the responses are taken from, the first so many."""
