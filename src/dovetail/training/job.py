"""A job: a config that says all it depends on, the sentences that it names, and their schema.

    Job.of(config) -> train, tune, report, strategies, experiments

It is the one way from a config to sentences: nothing else reads splits.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from dovetail.config import Config
from dovetail.errors import TrainingError
from dovetail.text.auxiliary_tasks import AuxiliaryTask
from dovetail.text.document import Sentence
from dovetail.text.named_schemas import ONLY, all_tasks, is_only, named, of_one
from dovetail.text.schema import Schema
from dovetail.text.stored_sentences import joined_sentences
from dovetail.training.auxiliary import auxiliary_of
from dovetail.training.dev_scores import Selection
from dovetail.training.learned_corpora import LearnedCorpus, joined, read_corpora, refitted
from dovetail.training.over_base import base_of, with_base
from dovetail.training.pools import Splits
from dovetail.training.splits import read_splits
from dovetail.training.supervision import loss_weights
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
    """A training to run: a complete config, and the sentences of its corpora.

    `splits` are those of its only corpus, or what several have together.
    """

    config: Config
    splits: Splits
    several: tuple[LearnedCorpus, ...] = ()

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
        if config.corpora:
            return cls._of_several(config)
        splits = read_splits(config.data, config.distillation)
        return cls._of_one(*fitted_to(splits, config))

    @classmethod
    def _of_one(cls, config: Config, splits: Splits) -> Job:
        """The job of one corpus, which has a name where it is added to that of a base."""
        added = base_of(config.sharing)
        if added is None or added.add_corpus is None:
            return cls(config, splits)
        corpus = LearnedCorpus.named(added.add_corpus, config, splits)
        return cls(config, corpus.splits, (corpus,))

    @classmethod
    def of_run(cls, config: Config) -> Job:
        """Read again what a run had, whose config is complete.

        Neither its teacher nor its base has to be there any more.
        """
        if config.corpora:
            return cls._of_several(config)
        return cls._of_one(config, read_splits(config.data, config.distillation))

    @classmethod
    def _of_several(cls, config: Config, known: Sequence[LearnedCorpus] = ()) -> Job:
        """The job of several corpora, which may be known already."""
        corpora = refitted(known, config) if known else read_corpora(config)
        return cls(config.in_language(corpora[0].config.data.language), joined(corpora), corpora)

    def with_config(self, config: Config) -> Job:
        """The job of another config; sentences are read again only if it names others."""
        if _corpora_of(in_language_of(config, self.splits)) != _corpora_of(self.config):
            return Job.of(config)
        if config.corpora:
            return Job._of_several(pinned(config), self.several)
        fitted, _ = fitted_to(self.splits, pinned(config))
        return Job._of_one(fitted, self.splits)

    @property
    def corpora(self) -> tuple[LearnedCorpus, ...]:
        """The corpora, or the only one."""
        return self.several or (LearnedCorpus(self.config, self.splits),)

    @cached_property
    def schemas(self) -> dict[str, Schema]:
        """Types and signatures of the training sentences, constrained as the config says.

        Raises:
            TrainingError: if the config names types that the training sentences lack.
        """
        by_schema: dict[str, list[LearnedCorpus]] = {}
        for corpus in self.corpora:
            by_schema.setdefault(corpus.schema, []).append(corpus)
        return {
            name: schema_of(
                _for_schema(own[0].config, name if self.config.corpora else ONLY),
                joined_sentences([corpus.splits.train for corpus in own]),
                symmetric={type_ for corpus in own for type_ in corpus.config.data.symmetric},
            )
            for name, own in by_schema.items()
        }

    @property
    def schema(self) -> Schema:
        """The only schema.

        Raises:
            TrainingError: if there are several.
        """
        if not is_only(self.schemas):
            raise TrainingError(
                f"expected one schema, and this config has {', '.join(self.schemas)}: name one "
                f"corpus in [data]"
            )
        return self.schemas[ONLY]

    @cached_property
    def auxiliary(self) -> tuple[AuxiliaryTask, ...]:
        """The tasks that are there in training alone.

        Raises:
            TrainingError: if the config asks for what no schema has.
        """
        return auxiliary_of(self.config, self.schemas)

    @property
    def loss_weights(self) -> dict[str, float]:
        """The factor of each task's loss; that of a task that no corpus has is 0.

        Auxiliary tasks come last.
        """
        weights = dict.fromkeys(all_tasks(self.schemas), 0.0)
        for corpus in self.corpora:
            for kind, weight in loss_weights(corpus.config).items():
                task = named(corpus.schema, kind)
                if task in weights:
                    weights[task] = max(weights[task], weight)
        return weights | {task.name: task.weight for task in self.auxiliary}

    @property
    def selection(self) -> Selection:
        """How an epoch is chosen."""
        by_corpus = {corpus.name: corpus.select for corpus in self.several}
        return Selection(self.config.training.select, by_corpus, self.config.mixing.select_corpus)


def schema_of(
    config: Config, train: Iterable[Sentence], *, symmetric: Collection[str] = ()
) -> Schema:
    """Return the types that a model can predict which learns from these sentences with this config.

    Raises:
        TrainingError: if the config names types that the sentences lack.
    """
    head = config.relation_head
    learned = Schema.from_sentences(train, symmetric=symmetric)
    arguments = {type_ for pairs in head.declared.values() for pair in pairs for type_ in pair}
    for field, names, known in (
        ("data.symmetric", symmetric, learned.relation_types),
        ("relation_head.declared", head.declared, learned.relation_types),
        ("relation_head.declared", arguments, learned.entity_types),
    ):
        if unknown := sorted({*names} - {*known}):
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


def _for_schema(config: Config, name: str) -> Config:
    """The config with what it declares of the relations of one of several schemas."""
    if name == ONLY:
        return config
    own = {"declared": of_one(config.relation_head.declared, name)}
    return config.model_copy(update={"relation_head": config.relation_head.model_copy(update=own)})


def _corpora_of(config: Config) -> object:
    """All of a config that decides which sentences are read, and for what."""
    taught = config.distillation
    return config.sources, config.mixing, taught.unlabelled, taught.unlabelled_per_epoch


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
