"""A job: a config that says all it depends on, the sentences that it names, and their schema.

    Job.of(config) -> train, tune, report, strategies, experiments

It is the one way from a config to sentences: nothing else reads splits.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

from dovetail.config import Config
from dovetail.errors import TrainingError
from dovetail.text.document import Sentence
from dovetail.text.schema import Schema
from dovetail.training.over_base import with_base
from dovetail.training.pools import Splits
from dovetail.training.splits import read_splits
from dovetail.training.tasks import fitted_to, in_language_of
from dovetail.training.teacher import with_teacher


def pinned(config: Config) -> Config:
    """The config with the digests of the models it names, and with what it takes from its base.

    Raises:
        TrainingError: if a model is missing, is not the one that the config names, or cannot be
            built on.
    """
    return with_base(with_teacher(config))


@dataclass(frozen=True)
class Job:
    """What is trained, on what: a complete config, and the sentences of its one corpus."""

    config: Config
    splits: Splits

    @classmethod
    def of(cls, config: Config) -> Job:
        """Pin a config, and read what it names.

        Raises:
            CorpusError: if a file cannot be read.
            TrainingError: as `pinned` does, or if there is nothing to learn or to choose by.
        """
        return cls.of_pinned(pinned(config))

    @classmethod
    def of_pinned(cls, config: Config) -> Job:
        """Read what a pinned config names, and fit the config to it: its language, its tasks."""
        splits = read_splits(config.data, config.distillation)
        return cls(*fitted_to(splits, config))

    @classmethod
    def of_run(cls, config: Config) -> Job:
        """Read again what a run had, whose config is complete.

        Neither its teacher nor its base has to be there any more.
        """
        return cls(config, read_splits(config.data, config.distillation))

    def with_config(self, config: Config) -> Job:
        """The job of another config; sentences are read again only if it names others."""
        if _corpora_of(in_language_of(config, self.splits)) != _corpora_of(self.config):
            return Job.of(config)
        fitted, _ = fitted_to(self.splits, pinned(config))
        return Job(fitted, self.splits)

    @cached_property
    def schema(self) -> Schema:
        """Types and signatures of the training sentences, constrained as the config says.

        Raises:
            TrainingError: if the config names types that the training sentences lack.
        """
        data, head = self.config.data, self.config.relation_head
        learned = Schema.from_sentences(self.splits.train, symmetric=data.symmetric)
        arguments = {type_ for pairs in head.declared.values() for pair in pairs for type_ in pair}
        for field, named, known in (
            ("data.symmetric", data.symmetric, learned.relation_types),
            ("relation_head.declared", head.declared, learned.relation_types),
            ("relation_head.declared", arguments, learned.entity_types),
        ):
            if unknown := sorted({*named} - {*known}):
                raise TrainingError(
                    f"{field} names {', '.join(unknown)}, which no training sentence has; expected "
                    f"some of: {', '.join(sorted(known))}"
                )
        if head.signatures == "off":
            return replace(learned, signatures={})
        if head.signatures == "declared":
            declared = {type_: frozenset(pairs) for type_, pairs in head.declared.items()}
            return replace(learned, signatures=declared)
        return learned


def _corpora_of(config: Config) -> object:
    """All of a config that decides which sentences are read, and for what."""
    taught = config.distillation
    return config.data, taught.unlabelled, taught.unlabelled_per_epoch


def warnings_of_signatures(schema: Schema, sentences: Iterable[Sentence]) -> list[str]:
    """Relations to learn that the declared argument types rule out."""
    lost = Counter(
        f"{link.type} from {link.head.type} to {link.tail.type}"
        for sentence in sentences
        for link in sentence.relations
        if not schema.allows(link)
    )
    if not lost:
        return []
    listed = ", ".join(f"{count} {name}" for name, count in sorted(lost.items()))
    return [
        f"{lost.total()} training relations link types that relation_head.declared does not admit, "
        f"so they are not learned: {listed}"
    ]
