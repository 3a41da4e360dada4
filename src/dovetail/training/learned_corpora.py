"""The corpora of a job: each read as if it were the only one, and what they have together."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from dovetail.config import Config, CorpusConfig
from dovetail.errors import TrainingError
from dovetail.text.document import Sentence
from dovetail.text.named_schemas import ONLY
from dovetail.text.reading import DEFAULT_LANGUAGE
from dovetail.text.stored_sentences import held_as
from dovetail.text.wording import wording, wordings
from dovetail.training.mixing import shares
from dovetail.training.pools import TRAINING, LeftOut, Splits, for_tasks
from dovetail.training.splits import read_splits
from dovetail.training.tasks import fitted_to


@dataclass(frozen=True)
class LearnedCorpus:
    """One corpus of a job: the config of a model of it alone, and its sentences.

    Of a job of one corpus, neither it nor its schema has a name.
    """

    config: Config
    splits: Splits
    name: str = ONLY
    schema: str = ONLY

    @classmethod
    def named(cls, name: str, config: Config, splits: Splits) -> LearnedCorpus:
        """The corpus of a schema of its own, both of this name."""
        pools = tuple(replace(pool, schema=name) for pool in splits.pools)
        return cls(config, replace(splits, pools=pools), name, name)

    @property
    def dev(self) -> tuple[Sentence, ...]:
        """The sentences to make choices on."""
        return self.splits.dev

    @property
    def select(self) -> str:
        """The dev score that counts: that of the task it is annotated for, where it is one."""
        tasks = {task for sentence in self.dev for task in sentence.annotated}
        return tasks.pop() if len(tasks) == 1 else self.config.training.select


def read_corpora(config: Config) -> tuple[LearnedCorpus, ...]:
    """The corpora that a config lists, in one language, each with its share of an epoch.

    Raises:
        CorpusError: if a file cannot be read.
        TrainingError: if a corpus has nothing to learn from, or is in another language.
    """
    splits = without_others(
        config.corpora, [for_tasks_of(own, _read(config, own)) for own in config.corpora]
    )
    scored = {sentence.tokens for read in splits for sentence in read.dev}
    learned_by = {
        own.name: {sentence.tokens for sentence in read.learned if sentence.tokens in scored}
        for own, read in zip(config.corpora, splits, strict=True)
    }
    splits = [
        replace(read, warnings=(*read.warnings, *seen_elsewhere(read.dev, own.name, learned_by)))
        for own, read in zip(config.corpora, splits, strict=True)
    ]
    splits = [
        replace(read, notes=(*read.notes, *learned_twice(number, config.corpora, splits)))
        for number, read in enumerate(splits)
    ]
    language = language_of(config.corpora, splits)
    sizes = [len(own.train) for own in splits]
    drawn = shares(
        sizes,
        temperature=config.mixing.temperature,
        weights=[own.weight for own in config.corpora],
        fixed=[own.per_epoch for own in config.corpora],
    )
    schemas = {own.of_schema for own in config.corpora}
    learned = []
    for own, read, number in zip(config.in_language(language).corpora, splits, drawn, strict=True):
        name = own.of_schema if len(schemas) > 1 else ONLY
        fitted, read = fitted_to(read, config.of_corpus(own), asked=False)
        pools = tuple(
            replace(pool, schema=name, drawn=number if pool.name == TRAINING else pool.drawn)
            for pool in read.pools
        )
        learned.append(LearnedCorpus(fitted, replace(read, pools=pools), own.name, name))
    return tuple(learned)


def refitted(corpora: Sequence[LearnedCorpus], config: Config) -> tuple[LearnedCorpus, ...]:
    """The same sentences for another config that lists the same corpora."""
    listed = config.in_language(corpora[0].config.data.language).corpora
    return tuple(
        replace(own, config=fitted_to(own.splits, config.of_corpus(entry), asked=False)[0])
        for own, entry in zip(corpora, listed, strict=True)
    )


def _read(config: Config, corpus: CorpusConfig) -> Splits:
    try:
        return read_splits(corpus.data)
    except TrainingError as error:
        raise TrainingError(f"the corpus {corpus.name}: {error}") from error


def for_tasks_of(corpus: CorpusConfig, splits: Splits) -> Splits:
    """The sentences with the annotations of the tasks that the corpus is for."""
    tasks = corpus.tasks

    def annotated(sentences: Sequence[Sentence]) -> Sequence[Sentence]:
        chosen = (for_tasks(sentence, tasks) for sentence in sentences)
        return held_as(sentences, (sentence for sentence in chosen if sentence.annotated))

    pools = []
    for pool in splits.pools:
        kept = annotated(pool.sentences)
        pools.append(pool.of_these(kept))
    dev = tuple(annotated(splits.dev))
    for kind, read, kept in (
        ("training", splits.train, pools[0].sentences),
        ("dev", splits.dev, dev),
    ):
        if read and not kept:
            raise TrainingError(
                f"the corpus {corpus.name} has no {kind} sentence that is annotated for "
                f"{' or '.join(tasks)}: name other tasks, or check its files (`dovetail inspect` "
                f"shows what was read)"
            )
    return replace(splits, pools=tuple(pools), dev=dev)


def without_others(corpora: Sequence[CorpusConfig], splits: Sequence[Splits]) -> list[Splits]:
    """The splits without further sentences that are training or dev sentences of others.

    These are others of the same schema, as where one has the sentences that another lacks labels
    for, and is to lack them.

    Raises:
        TrainingError: if that leaves no further sentence of a corpus.
    """
    return [
        _without(own, splits[number], _known(number, corpora, splits))
        if len(splits[number].pools) > 1
        else splits[number]
        for number, own in enumerate(corpora)
    ]


def _known(
    number: int, corpora: Sequence[CorpusConfig], splits: Sequence[Splits]
) -> dict[str, Collection[str]]:
    """The wordings of the other corpora of its schema, by what they are there."""
    known: dict[str, Collection[str]] = {}
    for other, read in zip(corpora, splits, strict=True):
        if other is not corpora[number] and other.of_schema == corpora[number].of_schema:
            known[f"in the training data of {other.name}"] = wordings(read.train)
            known[f"in the dev set of {other.name}"] = wordings(read.dev)
    return known


def _without(corpus: CorpusConfig, splits: Splits, known: Mapping[str, Collection[str]]) -> Splits:
    pools, left_out = [splits.pools[0]], [*splits.left_out]
    for pool in splits.pools[1:]:
        kept = []
        for sentence in pool.sentences:
            words = wording(sentence)
            reason = next((reason for reason, own in known.items() if words in own), None)
            if reason is None:
                kept.append(sentence)
            else:
                left_out.append(LeftOut(sentence, f"corpora.{corpus.name}.{pool.name}", reason))
        if not kept:
            raise TrainingError(
                f"the corpus {corpus.name}: all sentences of {pool.name} are sentences of other "
                f"corpora of its schema. Leave {pool.name} out, or name other files"
            )
        pools.append(pool.of_these(tuple(kept)))
    number = len(left_out) - len(splits.left_out)
    notes = splits.notes
    if number:
        names = " and ".join(pool.name for pool in splits.pools[1:])
        notes = (
            *notes,
            f"{number:,} sentences of {names} are left out, and listed in left_out.jsonl, since "
            f"they are sentences of other corpora of the schema",
        )
    return replace(splits, pools=tuple(pools), left_out=tuple(left_out), notes=notes)


def seen_elsewhere(
    dev: Sequence[Sentence], corpus: str, learned_by: Mapping[str, Collection[tuple[str, ...]]]
) -> Iterator[str]:
    """Warnings of dev sentences of a corpus that others learn from, whose tokens are given."""
    for name, learned in learned_by.items():
        if name == corpus:
            continue
        number = sum(sentence.tokens in learned for sentence in dev)
        if number:
            yield (
                f"{number} of {len(dev)} dev sentences are in the training data of {name} word for "
                f"word, so dev scores are too good where the two teach the same"
            )


def learned_twice(
    number: int, corpora: Sequence[CorpusConfig], splits: Sequence[Splits]
) -> Iterator[str]:
    """Notes on training sentences of a corpus that one before it has too, of the same schema."""
    own = splits[number].train
    for before in range(number):
        if corpora[before].of_schema == corpora[number].of_schema:
            known = wordings(splits[before].train)
            common = sum(wording(sentence) in known for sentence in own)
            if common:
                yield (
                    f"{common:,} of {len(own):,} training sentences are learned from in "
                    f"{corpora[before].name} too"
                )


def language_of(corpora: Sequence[CorpusConfig], splits: Sequence[Splits]) -> str:
    """The one language of all texts.

    Raises:
        TrainingError: if there are several.
    """
    known: dict[str, str] = {}
    for corpus, read in zip(corpora, splits, strict=True):
        language = corpus.language or read.language
        if language is not None:
            known.setdefault(language, corpus.name)
    if len(known) > 1:
        listed = ", ".join(f"{language} ({name})" for language, name in known.items())
        raise TrainingError(
            f"a model reads texts of one language, and these corpora are in {listed}: set the "
            f"language of each, or train a model for each"
        )
    return next(iter(known), DEFAULT_LANGUAGE)


def joined(corpora: Sequence[LearnedCorpus]) -> Splits:
    """Join the splits of several corpora; each warning and note names its corpus."""

    def told(name: str, lines: Sequence[str]) -> list[str]:
        return [f"{name}: {line}" for line in lines]

    splits = [own.splits for own in corpora]
    return Splits(
        tuple(pool for own in splits for pool in own.pools),
        tuple(sentence for own in splits for sentence in own.dev),
        tuple(line for own in corpora for line in told(own.name, own.splits.warnings)),
        tuple(line for own in corpora for line in told(own.name, own.splits.notes)),
        tuple(item for own in splits for item in own.left_out),
        tuple(item for own in splits for item in own.files),
        corpora[0].config.data.language,
    )
