"""The facts of a job that decide which ways of sharing can help."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

from dovetail.text.document import TASKS, Sentence
from dovetail.text.named_schemas import all_tasks
from dovetail.text.stored_sentences import joined_sentences
from dovetail.training.job import Job
from dovetail.training.learned_corpora import LearnedCorpus
from dovetail.training.pools import EXTRA


@dataclass(frozen=True)
class CorpusFacts:
    """What a corpus has to learn from: sentences, and those annotated for each task.

    Types and mentions are those of all of them.  `extra` are the sentences of `data.extra`.
    """

    name: str
    sentences: int
    dev_sentences: int
    annotated: dict[str, int]
    entity_types: int
    relation_types: int
    entities: int
    relations: int
    extra: int = 0

    @classmethod
    def of(cls, corpus: LearnedCorpus) -> CorpusFacts:
        """Count the sentences that are learned from."""
        learned = joined_sentences([pool.sentences for pool in corpus.splits.pools])
        entities, relations = types_of(learned)
        return cls(
            corpus.name,
            len(learned),
            len(corpus.dev),
            {task: sum(task in sentence.annotated for sentence in learned) for task in TASKS},
            len(entities),
            len(relations),
            entities.total(),
            relations.total(),
            sum(len(own.sentences) for own in corpus.splits.pools if own.name == EXTRA),
        )

    @property
    def is_partly_annotated(self) -> bool:
        """Whether there are sentences for one task and not for the other, of those with any."""
        return len({*self.annotated.values()}) > 1


@dataclass(frozen=True)
class Overlap:
    """The share that two corpora have in common, of all that either has, without regard to case."""

    one: str
    other: str
    entity_types: float
    relation_types: float
    words: float

    @classmethod
    def between(cls, one: LearnedCorpus, other: LearnedCorpus) -> Overlap:
        """Compare the training sentences of two corpora."""
        mine, theirs = (own.splits.learned for own in (one, other))
        types = [types_of(own) for own in (mine, theirs)]
        return cls(
            one.name,
            other.name,
            common(types[0][0], types[1][0]),
            common(types[0][1], types[1][1]),
            common(words_of(mine), words_of(theirs)),
        )


@dataclass(frozen=True)
class Facts:
    """The facts of all corpora, and the tasks that one model learns of them."""

    corpora: tuple[CorpusFacts, ...]
    overlaps: tuple[Overlap, ...]
    tasks: tuple[str, ...]

    @classmethod
    def of(cls, job: Job) -> Facts:
        """Count what a job learns from."""
        weights = job.loss_weights
        return cls(
            tuple(map(CorpusFacts.of, job.corpora)),
            tuple(Overlap.between(*pair) for pair in combinations(job.corpora, 2)),
            tuple(task for task in all_tasks(job.schemas) if weights[task]),
        )

    @property
    def is_partly_annotated(self) -> bool:
        """Whether some sentences lack the annotations of a task that others have."""
        return any(own.is_partly_annotated for own in self.corpora)

    @property
    def dev_sentences(self) -> int:
        """The sentences that candidates are compared on."""
        return sum(own.dev_sentences for own in self.corpora)

    def to_dict(self) -> dict[str, Any]:
        """The facts as JSON values."""
        return asdict(self)


def types_of(sentences: Iterable[Sentence]) -> tuple[Counter[str], Counter[str]]:
    """The types of entities and of relations, each with its number."""
    entities: Counter[str] = Counter()
    relations: Counter[str] = Counter()
    for sentence in sentences:
        entities.update(entity.type for entity in sentence.entities)
        relations.update(relation.type for relation in sentence.relations)
    return entities, relations


def words_of(sentences: Iterable[Sentence]) -> set[str]:
    """The different words, in lower case."""
    return {token.casefold() for sentence in sentences for token in sentence.tokens}


def common(one: Iterable[str], other: Iterable[str]) -> float:
    """The share that two sets have in common, of both together; 0 of nothing.

    >>> common(["Person", "place"], ["Place"])
    0.5
    """
    mine, theirs = ({name.casefold() for name in own} for own in (one, other))
    return len(mine & theirs) / len(mine | theirs) if mine | theirs else 0.0
