"""The whole config of a run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    Field,
    SerializerFunctionWrapHandler,
    ValidationInfo,
    field_validator,
    model_serializer,
)

from dovetail.config.section import Contradiction, Section
from dovetail.config.sections.auxiliary_section import (
    AuxiliaryConfig,
    contradictions_of_auxiliary,
    task_of_word,
)
from dovetail.config.sections.committee_section import CommitteeConfig, seeds_of_members
from dovetail.config.sections.coupling_section import (
    CouplingConfig,
    contradictions_of_couplings,
)
from dovetail.config.sections.data_section import DataConfig
from dovetail.config.sections.distillation_section import DistillationConfig
from dovetail.config.sections.encoder_sections import (
    CasingEncoderConfig,
    EncoderConfig,
    PretrainedEncoderConfig,
)
from dovetail.config.sections.head_sections import (
    CrfEntityHeadConfig,
    EntityHeadConfig,
    RelationHeadConfig,
)
from dovetail.config.sections.negatives_checks import contradictions_of_taught_negatives
from dovetail.config.sections.several_corpora import (
    NO_DATA,
    CorpusConfig,
    MixingConfig,
    contradictions_of_corpora,
    schema_has_dev,
)
from dovetail.config.sections.sharing_section import DEFAULT_KIND, SharingConfig, default_sharing
from dovetail.config.sections.training_section import TrainingConfig
from dovetail.config.sections.windows_section import WindowsConfig
from dovetail.config.structure import KIND
from dovetail.config.values import FolderName
from dovetail.text.named_schemas import SEPARATOR, named
from dovetail.text.reading import ModelReading

MAX_ENCODERS = 16
"""Encoders whose vectors can be put together."""

LARGEST_SEED = 2**32 - 1
"""The largest seed that torch, numpy and Python all take."""


class Config(Section):
    """All that a run depends on beside its corpora: the same config and seed give the same model.

    Examples:
        >>> config = Config(data=DataConfig(train=("train.json",), dev=("dev.json",)))
        >>> config.sharing.kind
        'depth'
    """

    name: FolderName = "run"
    """Name of the run, and of the folder it leaves in `runs/`."""

    seed: Annotated[int, Field(ge=0, le=LARGEST_SEED)] = 1
    """Seed of all that is drawn at random, beside the dev set (`data.dev_seed`)."""

    data: DataConfig = NO_DATA
    """The corpus."""

    corpora: tuple[CorpusConfig, ...] = ()
    """Several corpora in place of one."""

    mixing: MixingConfig = MixingConfig()
    """How several corpora are learned together."""

    windows: WindowsConfig = WindowsConfig()
    """How long sentences are read."""

    encoders: Annotated[tuple[EncoderConfig, ...], Field(min_length=1)] = (
        PretrainedEncoderConfig(),
        CasingEncoderConfig(),
    )
    """The encoders, which turn words into vectors; the vectors of all are concatenated.
    The default adds the casing, which the pretrained encoder does not see."""

    sharing: SharingConfig = Field(default_factory=default_sharing)
    """How much the tasks share."""

    couplings: tuple[CouplingConfig, ...] = ()
    """Losses by which the tasks teach each other, whatever they share."""

    auxiliary: tuple[AuxiliaryConfig, ...] = ()
    """Tasks that are learned beside the model's own, and are not part of it; a list of words is
    short for tables with nothing but the task: `auxiliary = ["boundary", "related"]`."""

    entity_head: EntityHeadConfig = CrfEntityHeadConfig()
    """The head that predicts entities."""

    relation_head: RelationHeadConfig = RelationHeadConfig()
    """The head that predicts relations between entities."""

    training: TrainingConfig = TrainingConfig()
    """How the model learns."""

    committee: CommitteeConfig = CommitteeConfig()
    """Several models in the place of one."""

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
        windows, first = self.windows, self.sources[0]
        sizes = windows.max_tokens, windows.overlap_tokens
        kept = any(own.discontinuous == "keep" for own in self.sources)
        discontinuous: Literal["drop", "keep"] = "keep" if kept else "drop"
        return ModelReading(first.known_language, *sizes, first.unit, discontinuous)

    @property
    def sources(self) -> tuple[DataConfig, ...]:
        """The corpora, or the only one."""
        return self.corpora or (self.data,)

    def in_language(self, language: str | None) -> Config:
        """The config with the language of all its texts."""
        known = {"language": language}
        return self.model_copy(
            update={
                "data": self.data.model_copy(update=known),
                "corpora": tuple(own.model_copy(update=known) for own in self.corpora),
            }
        )

    def of_corpus(self, corpus: CorpusConfig) -> Config:
        """The config of a model of one of several corpora alone."""
        return self.model_copy(update={"data": corpus.data, "corpora": ()})

    @property
    def of_members(self) -> tuple[Config, ...]:
        """The config of each member of the committee, of a model that is alone then."""
        seeds = seeds_of_members(self.seed, self.committee.members)
        return tuple(
            self.alone.model_copy(update={"seed": seed, "name": f"{self.name}-{number}"})
            for number, seed in enumerate(seeds, start=1)
        )

    @property
    def alone(self) -> Config:
        """The config of a single model in place of a committee."""
        return self.model_copy(update={"committee": CommitteeConfig()})

    @model_serializer(mode="wrap")
    def _without_the_other(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """A config has one corpus or several, and says nothing of the other."""
        values: dict[str, Any] = write(self)
        for name in ("data",) if self.corpora else ("corpora", "mixing"):
            values.pop(name, None)
        for name in (name for name in ("couplings", "auxiliary") if not getattr(self, name)):
            values.pop(name, None)
        if self.committee == CommitteeConfig():
            values.pop("committee", None)
        return values

    @field_validator("sharing", "entity_head", mode="before")
    @classmethod
    def _default_kind(cls, value: Any, info: ValidationInfo) -> Any:
        """A table without a kind means the default kind."""
        defaults = {"sharing": DEFAULT_KIND, "entity_head": CrfEntityHeadConfig().kind}
        return {KIND: defaults[str(info.field_name)], **value} if isinstance(value, dict) else value

    @field_validator("auxiliary", mode="before")
    @classmethod
    def _words_as_tables(cls, value: Any) -> Any:
        """A word among the auxiliary tasks is a table."""
        return tuple(map(task_of_word, value)) if isinstance(value, tuple) else value

    def contradictions(self) -> Iterator[Contradiction]:
        if len(self.encoders) > MAX_ENCODERS:
            yield Contradiction(
                "encoders", f"expected at most {MAX_ENCODERS}, found {len(self.encoders):,}"
            )
        yield from contradictions_of_corpora(self.data, self.corpora, self.mixing)
        yield from contradictions_of_couplings(self.couplings)
        if not any(own.is_there for own in self.sources):
            return
        yield from self._contradictions_of_several()
        schemas = {own.of_schema: None for own in self.corpora}
        named = schemas if len(schemas) > 1 else {}
        yield from contradictions_of_auxiliary(self.auxiliary, self.sharing, named)
        yield from self._contradictions_of_unlabelled()
        yield from contradictions_of_taught_negatives(self.sources, self.distillation)
        yield from self._contradictions_of_copies()
        yield from self._contradictions_of_fragments()
        if all(schema_has_dev(self.sources)):
            return
        place = "corpora" if self.corpora else "data"
        remedy = f"name files in {place}.dev, or set {place}.dev_fraction (such as 0.1), or set"
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

    def _contradictions_of_several(self) -> Iterator[Contradiction]:
        """Yield the settings that work with one corpus only."""
        if not self.corpora:
            return
        if self.distillation.unlabelled:
            yield Contradiction(
                "distillation.unlabelled",
                "a teacher says what is in sentences of a corpus, and these are of none of several "
                "corpora; leave them out, or name one corpus in [data]",
            )
        names = {own.of_schema for own in self.corpora}
        for name in self.relation_head.declared if len(names) > 1 else ():
            if name.partition(SEPARATOR)[0] not in names or SEPARATOR not in name:
                yield Contradiction(
                    "relation_head.declared",
                    f"{name!r} names no schema of several: write it before the type, such as "
                    f"{named(min(names), name.rpartition(SEPARATOR)[2])!r}",
                )

    def _contradictions_of_unlabelled(self) -> Iterator[Contradiction]:
        # What is left of a file by data.part may be learned from without its annotations.
        for path in self.distillation.unlabelled:
            for field in (*("train",) * self.data.is_whole, "dev", "extra", "held_out"):
                if path in getattr(self.data, field):
                    yield Contradiction(
                        "distillation.unlabelled",
                        f'"{path}" is in data.{field} too, so that each of its sentences would be '
                        f"left out; leave it out of one of the two",
                    )

    def _contradictions_of_fragments(self) -> Iterator[Contradiction]:
        """Where entities of several fragments are to be kept and could not be learned."""
        kept = any(own.discontinuous == "keep" for own in self.sources)
        if kept and self.entity_head.kind != "span":
            yield Contradiction(
                "corpora" if self.corpora else "data.discontinuous",
                '"keep" needs a head that finds fragments, which may lie within other entities, '
                'and a tagger cannot; set entity_head.kind = "span", or discontinuous to "drop" '
                'or "cover"',
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
