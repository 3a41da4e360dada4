"""Pools: the sentences that are learned from, by kind, without those that scores are made on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

from dovetail.corpora import Ledger
from dovetail.errors import TrainingError
from dovetail.text.document import ENTITY_TASK, RELATION_TASK, Sentence, digest_of_sentences
from dovetail.text.named_schemas import ONLY
from dovetail.text.schema import Schema
from dovetail.text.stored_sentences import joined_sentences
from dovetail.text.wording import wording

TRAINING, EXTRA, UNLABELLED, NEGATIVES = "training", "extra", "unlabelled", "negatives"
TEMPLATES = "templates"

UNANNOTATED = "not annotated for a task of data.extra_tasks"


@dataclass(frozen=True)
class Pool:
    """Sentences of one kind to learn from, of which an epoch draws a number at random.

    `schema` is what they are annotated in, of a model of several schemas.  In `unrelated` ones no
    two entities are related, be they annotated or found, except where a relation is annotated.
    """

    name: str
    sentences: Sequence[Sentence]
    drawn: int
    schema: str = ONLY
    unrelated: bool = False

    @classmethod
    def of(cls, name: str, sentences: Sequence[Sentence], per_epoch: int = 0) -> Pool:
        """Some sentences, of which an epoch draws so many, or all if that is 0."""
        return cls(name, sentences, min(per_epoch or len(sentences), len(sentences)))

    def of_these(self, sentences: Sequence[Sentence]) -> Pool:
        """The pool with these sentences alone, of which an epoch draws as many if it can."""
        drawn = min(self.drawn, len(sentences)) or len(sentences)
        return replace(self, sentences=sentences, drawn=drawn)


@dataclass(frozen=True)
class LeftOut:
    """A sentence that is not learned from, the field it was read for, and the reason."""

    sentence: Sentence
    field: str
    reason: str


@dataclass(frozen=True, slots=True)
class FileAccount:
    """The account of reading one file for a split."""

    path: str
    split: str
    ledger: Ledger


@dataclass(frozen=True)
class Splits:
    """The sentences to train and choose a model on; `warnings` and `notes` are for the user.

    The first of the `pools` are the sentences of `data.train`.  `left_out` are the sentences of the
    others' files that are not learned from.  `language` is the one by whose rules raw text was cut;
    None where there was none.
    """

    pools: tuple[Pool, ...]
    dev: tuple[Sentence, ...]
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    files: tuple[FileAccount, ...] = ()
    language: str | None = None

    @property
    def train(self) -> Sequence[Sentence]:
        """The sentences of `data.train`, which decide what the model can say."""
        return self.pools[0].sentences

    @property
    def learned(self) -> Sequence[Sentence]:
        """All sentences that something is learned from, pool after pool."""
        return joined_sentences([pool.sentences for pool in self.pools])

    @property
    def digest(self) -> str:
        """A fingerprint of all sentences: a resumed run must read the data it started with."""
        others = (sentence for pool in self.pools[1:] for sentence in pool.sentences)
        return digest_of_sentences(chain(self.train, self.dev, others))


@dataclass(frozen=True)
class Source:
    """The files of a pool, the field that names them, and what is learned of their sentences.

    Without tasks their annotations are not read: a teacher says what they are.
    """

    name: str
    field: str
    paths: tuple[Path, ...]
    tasks: tuple[str, ...]
    per_epoch: int

    def pool(
        self,
        read: Iterable[Sentence],
        train: Sequence[Sentence],
        known: Mapping[str, Collection[str]],
    ) -> tuple[Pool, tuple[LeftOut, ...], str]:
        """The sentences to learn from, those that are left out, and how many there are of each.

        `known` are the wordings that are not learned from, by the reason; the first is named.

        Raises:
            TrainingError: if none is left, or one has a type that the training sentences lack.
        """
        kept: list[Sentence] = []
        left_out: list[LeftOut] = []
        for sentence in read:
            own, words = for_tasks(sentence, self.tasks), wording(sentence)
            reasons = (reason for reason, others in known.items() if words in others)
            reason = UNANNOTATED if self.tasks and not own.annotated else next(reasons, None)
            if reason is None:
                kept.append(own)
            else:
                left_out.append(LeftOut(sentence, self.field, reason))
        note = account(self.field, len(kept), left_out)
        if not kept:
            raise TrainingError(f"{note}. Leave {self.field} out, or name other files")
        for task, unknown, types in unknown_types(kept, train):
            listed = ", ".join(f"{type_} ({number})" for type_, number in unknown.items())
            raise TrainingError(
                f"{self.field} has {task} types that data.train lacks: {listed}; expected some of "
                f"{', '.join(types)}. What the model can say comes from data.train alone: give the "
                f"types in the {self.name} files the names that they have there"
            )
        return Pool.of(self.name, tuple(kept), self.per_epoch), tuple(left_out), note


def for_tasks(sentence: Sentence, tasks: Sequence[str]) -> Sentence:
    """The sentence with the annotations of some tasks alone."""
    annotated = sentence.annotated & frozenset(tasks)
    if not annotated:
        return replace(sentence.without_annotations(), annotated=annotated)
    relations = sentence.relations if RELATION_TASK in annotated else frozenset()
    return replace(sentence, annotated=annotated, relations=relations)


def unknown_types(
    sentences: Iterable[Sentence], train: Iterable[Sentence]
) -> Iterator[tuple[str, Mapping[str, int], tuple[str, ...]]]:
    """The types that training lacks by task, each with its number, and those that it has."""
    known = Schema.from_sentences(train)
    entities: Counter[str] = Counter()
    relations: Counter[str] = Counter()
    for sentence in sentences:
        entities.update(entity.type for entity in sentence.entities)
        relations.update(relation.type for relation in sentence.relations)
    for task, found, types in (
        (ENTITY_TASK, entities, known.entity_types),
        (RELATION_TASK, relations, known.relation_types),
    ):
        unknown = {type_: found[type_] for type_ in sorted(found.keys() - {*types})}
        if unknown:
            yield task, unknown, types


def account(field: str, kept: int, left_out: Sequence[LeftOut]) -> str:
    """How many sentences of a field are kept of those that were read, and why not the rest."""
    reasons = Counter(item.reason for item in left_out)
    text = f"{field}: {kept:,} of {kept + len(left_out):,} sentences are learned from"
    listed = ", ".join(f"{count:,} {reason}" for reason, count in reasons.items())
    return f"{text}; left out, and listed in left_out.jsonl: {listed}" if listed else text
