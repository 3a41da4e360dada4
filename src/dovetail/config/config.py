"""The whole config of a run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator

from dovetail.config.data import DataConfig
from dovetail.config.distillation import DistillationConfig
from dovetail.config.encoders import CasingEncoderConfig, EncoderConfig, PretrainedEncoderConfig
from dovetail.config.heads import CrfEntityHeadConfig, EntityHeadConfig, RelationHeadConfig
from dovetail.config.section import Contradiction, Section
from dovetail.config.sharing import DEFAULT_KIND, SharingConfig, default_sharing
from dovetail.config.structure import KIND
from dovetail.config.training import TrainingConfig
from dovetail.config.values import FolderName
from dovetail.config.windows import WindowsConfig
from dovetail.text.reading import ModelReading

MAX_ENCODERS = 16
"""Encoders whose vectors can be put together."""

LARGEST_SEED = 2**32 - 1
"""The largest seed that torch, numpy and Python all take."""


class Config(Section):
    """All that a run depends on beside its corpora: the same config and seed give the same model.

    >>> config = Config(data=DataConfig(train=("train.json",), dev=("dev.json",)))
    >>> config.sharing.kind
    'depth'
    """

    name: FolderName = "run"
    """Name of the run, and of the folder it leaves in `runs/`."""

    seed: Annotated[int, Field(ge=0, le=LARGEST_SEED)] = 1
    """Seed of all that is drawn at random, beside the dev set (`data.dev_seed`)."""

    data: DataConfig
    """Corpora."""

    windows: WindowsConfig = WindowsConfig()
    """How long sentences are read."""

    encoders: Annotated[tuple[EncoderConfig, ...], Field(min_length=1)] = (
        PretrainedEncoderConfig(),
        CasingEncoderConfig(),
    )
    """What turns words into vectors; those of all encoders are concatenated.
    The default adds the casing, which the pretrained encoder does not see."""

    sharing: SharingConfig = Field(default_factory=default_sharing)
    """How much the tasks share."""

    entity_head: EntityHeadConfig = CrfEntityHeadConfig()
    """What finds entities."""

    relation_head: RelationHeadConfig = RelationHeadConfig()
    """What finds relations between entities."""

    training: TrainingConfig = TrainingConfig()
    """How the model learns."""

    distillation: DistillationConfig = DistillationConfig()
    """Another model to learn from."""

    @classmethod
    def load(cls, path: str | Path, overrides: Sequence[str] = ()) -> Config:
        """Read a config file; the same as `load_config`.

        Raises:
            ConfigError: if it cannot be read, or holds what cannot be right.
        """
        from dovetail.config.config_files import load_config  # which makes configs, so stands above

        return load_config(path, overrides)

    @property
    def reading(self) -> ModelReading:
        """How the model reads texts, in training and afterwards."""
        windows = self.windows
        sizes = windows.max_tokens, windows.overlap_tokens
        discontinuous: Literal["drop", "keep"] = "drop"
        if self.data.discontinuous == "keep":
            discontinuous = "keep"
        return ModelReading(self.data.known_language, *sizes, self.data.unit, discontinuous)

    @field_validator("sharing", "entity_head", mode="before")
    @classmethod
    def _default_kind(cls, value: Any, info: ValidationInfo) -> Any:
        """A table without a kind means the default kind."""
        defaults = {"sharing": DEFAULT_KIND, "entity_head": CrfEntityHeadConfig().kind}
        return {KIND: defaults[str(info.field_name)], **value} if isinstance(value, dict) else value

    def contradictions(self) -> Iterator[Contradiction]:
        if len(self.encoders) > MAX_ENCODERS:
            yield Contradiction(
                "encoders", f"expected at most {MAX_ENCODERS}, found {len(self.encoders):,}"
            )
        yield from self._contradictions_of_unlabelled()
        yield from self._contradictions_of_copies()
        yield from self._contradictions_of_fragments()
        if self.data.has_dev:
            return
        remedy = "name files in data.dev, or set data.dev_fraction (such as 0.1), or set"
        if self.training.patience_epochs > 0:
            yield Contradiction(
                "training.patience_epochs",
                f"stopping early needs a dev set, and there is none; {remedy} "
                f"training.patience_epochs = 0",
            )
        if self.relation_head.threshold == "tuned":
            yield Contradiction(
                "relation_head.threshold",
                f"tuning needs a dev set, and there is none; {remedy} "
                f"relation_head.threshold to a number (such as 0.5)",
            )

    def _contradictions_of_unlabelled(self) -> Iterator[Contradiction]:
        for path in self.distillation.unlabelled:
            for field in ("train", "dev", "extra", "held_out"):
                if path in getattr(self.data, field):
                    yield Contradiction(
                        "distillation.unlabelled",
                        f'"{path}" is in data.{field} too, so that each of its sentences would be '
                        f"left out; leave it out of one of the two",
                    )

    def _contradictions_of_fragments(self) -> Iterator[Contradiction]:
        """Where entities of several fragments are to be kept and could not be learned."""
        if self.data.discontinuous == "keep" and self.entity_head.kind != "span":
            yield Contradiction(
                "data.discontinuous",
                '"keep" needs a head that finds fragments, which may lie within other entities, '
                'and a tagger cannot; set entity_head.kind = "span", or data.discontinuous to '
                '"drop" or "cover"',
            )

    def _contradictions_of_copies(self) -> Iterator[Contradiction]:
        """Where the layers of a pretrained encoder are to be copied and cannot be."""
        if not self.sharing.copies_layers:
            return
        found = [own for own in self.encoders if isinstance(own, PretrainedEncoderConfig)]
        if len(found) != 1:
            yield Contradiction(
                "sharing.cell",
                f'"pretrained" copies the top layers of the pretrained encoder, and the list of '
                f"encoders has {len(found) or 'none'}; list one of this kind, or take another cell",
            )
        elif found[0].trained_layers:
            yield Contradiction(
                "sharing.cell",
                '"pretrained" trains copies of the top layers for the tasks, and trained_layers '
                "trains these layers themselves; set trained_layers = 0, or take another cell",
            )
