"""What is in a corpus, split by split, and what may go wrong with it in training or scoring."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from dovetail.corpora.corpus import Corpus
from dovetail.corpora.entity_head_advice import EntityHeadAdvice, advise_entity_head
from dovetail.corpora.ledger import Ledger
from dovetail.document import ENTITY_TASK, RELATION_TASK, Entity, Sentence
from dovetail.overlaps import is_nested

_EXAMPLES = 3
_EXAMPLE_TOKENS = 12
_LONG_SENTENCE_TOKENS = 300
_LONG_TOKEN_CHARS = 200

SAME_SENTENCE_IN_TWO_SPLITS = "same sentence in two splits"
REPEATED_SENTENCE = "repeated sentence"
TYPE_IN_ONE_SPLIT = "type in one split only"
OVERLAPPING_ENTITIES = "overlapping entities"
PAIR_WITH_TWO_RELATIONS = "pair with two relations"
RARE_ARGUMENT_TYPES = "rare argument types"
NO_RELATION = "no relation"
LONG_SENTENCE = "long sentence"
LONG_TOKEN = "long token"
NOT_ANNOTATED = "partly annotated"
DROPPED = "dropped in reading"


@dataclass(frozen=True, slots=True)
class Problem:
    """Something to know before training or scoring; `examples` are a few places to look at."""

    kind: str
    message: str
    count: int
    examples: tuple[str, ...] = ()


@dataclass(slots=True)
class SplitSummary:
    """The counts of one split.

    `signatures` counts relations by (relation type, head type, tail type).  `nested` are pairs of
    entities of which one lies within the other, `crossing` are pairs that overlap without that.
    """

    documents: int = 0
    sentences: int = 0
    tokens: int = 0
    longest_sentence: int = 0
    entities: Counter[str] = field(default_factory=Counter)
    relations: Counter[str] = field(default_factory=Counter)
    signatures: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    entity_lengths: Counter[int] = field(default_factory=Counter)
    relation_distances: Counter[int] = field(default_factory=Counter)
    sentences_with_overlap: int = 0
    nested: int = 0
    crossing: int = 0
    without_entities: int = 0
    without_relations: int = 0
    pairs_with_two_relations: int = 0
    tail_before_head: int = 0
    not_annotated: Counter[str] = field(default_factory=Counter)
    ledger: Ledger = field(default_factory=lambda: Ledger({}))

    @classmethod
    def of(cls, corpus: Corpus) -> SplitSummary:
        """Count a corpus."""
        summary = cls(documents=len(corpus.documents), ledger=corpus.ledger)
        for sentence in corpus.sentences:
            summary._add(sentence)
        return summary

    def _add(self, sentence: Sentence) -> None:
        self.sentences += 1
        self.tokens += len(sentence.tokens)
        self.longest_sentence = max(self.longest_sentence, len(sentence.tokens))
        self.entities.update(entity.type for entity in sentence.entities)
        self.entity_lengths.update(entity.end - entity.start for entity in sentence.entities)
        self.without_entities += not sentence.entities
        self.without_relations += not sentence.relations
        for task in (ENTITY_TASK, RELATION_TASK):
            self.not_annotated[task] += task not in sentence.annotated
        overlaps = overlapping_pairs(sentence.entities)
        nested = sum(is_nested(*pair) for pair in overlaps)
        self.sentences_with_overlap += bool(overlaps)
        self.nested += nested
        self.crossing += len(overlaps) - nested
        for relation in sentence.relations:
            head, tail = relation.head, relation.tail
            self.relations[relation.type] += 1
            self.signatures[relation.type, head.type, tail.type] += 1
            self.tail_before_head += tail < head
            self.relation_distances[max(head.start - tail.end, tail.start - head.end, 0)] += 1
        pairs = Counter((relation.head, relation.tail) for relation in sentence.relations)
        self.pairs_with_two_relations += sum(times > 1 for times in pairs.values())

    def to_dict(self) -> dict[str, Any]:
        """The counts as plain JSON values."""
        values = {
            name: dict(value) if isinstance(value, Counter) else value
            for name in self.__dataclass_fields__
            if name not in ("signatures", "ledger")
            for value in [getattr(self, name)]
        }
        values["signatures"] = [
            {"relation": type_, "head": head, "tail": tail, "count": times}
            for (type_, head, tail), times in sorted(self.signatures.items())
        ]
        return {**values, "ledger": self.ledger.to_dict()}


@dataclass(frozen=True, slots=True)
class Inspection:
    """The summaries of all splits, by name, the problems found in and between them, and advice."""

    splits: Mapping[str, SplitSummary]
    problems: tuple[Problem, ...]
    entity_head: EntityHeadAdvice

    def to_dict(self) -> dict[str, Any]:
        """The inspection as plain JSON values."""
        return {
            "splits": {name: summary.to_dict() for name, summary in self.splits.items()},
            "problems": [asdict(problem) for problem in self.problems],
            "entity_head": asdict(self.entity_head),
        }


def inspect_corpora(corpora: Mapping[str, Corpus]) -> Inspection:
    """Count the corpora, which are splits of one another, and look for problems."""
    splits = {name: SplitSummary.of(corpus) for name, corpus in corpora.items()}
    problems = [
        *_shared_sentences(corpora),
        *_types_in_one_split(splits),
        *(problem for name, corpus in corpora.items() for problem in _within(name, corpus)),
        *(problem for name, summary in splits.items() for problem in _of_summary(name, summary)),
        *_rare_signatures(splits),
    ]
    every = (sentence for corpus in corpora.values() for sentence in corpus.sentences)
    return Inspection(splits, tuple(problems), advise_entity_head(every))


def overlapping_pairs(entities: Iterable[Entity]) -> list[tuple[Entity, Entity]]:
    """The pairs of entities that share a token, in reading order."""
    pairs: list[tuple[Entity, Entity]] = []
    open_entities: list[Entity] = []
    for entity in sorted(entities):
        open_entities = [other for other in open_entities if other.end > entity.start]
        pairs.extend((other, entity) for other in open_entities)
        open_entities.append(entity)
    return pairs


def _shared_sentences(corpora: Mapping[str, Corpus]) -> Iterable[Problem]:
    """For every split, its sentences that another split has word for word."""
    words = {
        name: {sentence.tokens for sentence in corpus.sentences} for name, corpus in corpora.items()
    }
    for name, corpus in corpora.items():
        others = [other for other in corpora if other != name]
        shared = [
            sentence
            for sentence in corpus.sentences
            if any(sentence.tokens in words[other] for other in others)
        ]
        if shared:
            message = (
                f"{len(shared)} of {len(corpus.sentences)} {name} sentences also occur in "
                f"{' or '.join(others)}, word for word"
            )
            yield _problem(SAME_SENTENCE_IN_TWO_SPLITS, message, shared)


def _types_in_one_split(splits: Mapping[str, SplitSummary]) -> Iterable[Problem]:
    if len(splits) < 2:
        return
    for kind in ("entities", "relations"):
        holders: defaultdict[str, list[str]] = defaultdict(list)
        for name, summary in splits.items():
            for type_ in getattr(summary, kind):
                holders[type_].append(name)
        for type_, names in sorted(holders.items()):
            if len(names) == 1:
                times = getattr(splits[names[0]], kind)[type_]
                noun = "entity" if kind == "entities" else "relation"
                message = f"the {noun} type {type_} occurs in {names[0]} only ({times} times)"
                yield Problem(TYPE_IN_ONE_SPLIT, message, times)


def _within(name: str, corpus: Corpus) -> Iterable[Problem]:
    """Problems of single sentences."""
    overlapping, two_relations, long, long_token, repeated = [], [], [], [], []
    seen: set[tuple[str, ...]] = set()
    for sentence in corpus.sentences:
        pairs = Counter((relation.head, relation.tail) for relation in sentence.relations)
        if overlapping_pairs(sentence.entities):
            overlapping.append(sentence)
        if any(times > 1 for times in pairs.values()):
            two_relations.append(sentence)
        if len(sentence.tokens) > _LONG_SENTENCE_TOKENS:
            long.append(sentence)
        if any(len(token) > _LONG_TOKEN_CHARS for token in sentence.tokens):
            long_token.append(sentence)
        if sentence.tokens in seen:
            repeated.append(sentence)
        seen.add(sentence.tokens)
    total = len(corpus.sentences)
    for kind, found, what in (
        (
            OVERLAPPING_ENTITIES,
            overlapping,
            "have overlapping entities",
        ),
        (PAIR_WITH_TWO_RELATIONS, two_relations, "have a pair of entities with two relations"),
        (REPEATED_SENTENCE, repeated, "repeat an earlier one of the same split"),
        (LONG_SENTENCE, long, f"have more than {_LONG_SENTENCE_TOKENS} tokens"),
        (LONG_TOKEN, long_token, f"have a token of more than {_LONG_TOKEN_CHARS} characters"),
    ):
        if found:
            yield _problem(kind, f"{len(found)} of {total} {name} sentences {what}", found)


def _of_summary(name: str, summary: SplitSummary) -> Iterable[Problem]:
    """Problems that show in the counts of a split."""
    for task, missing in summary.not_annotated.items():
        if missing:
            message = (
                f"{missing} of {summary.sentences} {name} sentences are not annotated for the "
                f"{task} task: they neither teach nor test it"
            )
            yield Problem(NOT_ANNOTATED, message, missing)
    if not summary.relations:
        yield Problem(NO_RELATION, f"{name} has no relation", summary.sentences)
    for (kind, reason), times in summary.ledger.reasons().most_common():
        examples = tuple(
            str(drop) for drop in summary.ledger.drops if (drop.kind, drop.reason) == (kind, reason)
        )
        message = f"{times} x {kind} of {name} dropped: {reason}"
        yield Problem(DROPPED, message, times, examples[:_EXAMPLES])


def _rare_signatures(splits: Mapping[str, SplitSummary]) -> Iterable[Problem]:
    """Argument types that a relation has in less than one case of a hundred: often mistakes."""
    together: Counter[tuple[str, str, str]] = Counter()
    for summary in splits.values():
        together.update(summary.signatures)
    by_type: Counter[str] = Counter()
    for (type_, _, _), times in together.items():
        by_type[type_] += times
    for (type_, head, tail), times in sorted(together.items()):
        if times * 100 < by_type[type_]:
            message = (
                f"{type_} links {head} to {tail} in {times} of {by_type[type_]} cases: "
                f"a mistake in the annotation?"
            )
            yield Problem(RARE_ARGUMENT_TYPES, message, times)


def _problem(kind: str, message: str, sentences: list[Sentence]) -> Problem:
    return Problem(kind, message, len(sentences), tuple(map(_example, sentences[:_EXAMPLES])))


def _example(sentence: Sentence) -> str:
    words = " ".join(token[:40] for token in sentence.tokens[:_EXAMPLE_TOKENS])
    more = " ..." if len(sentence.tokens) > _EXAMPLE_TOKENS else ""
    return f"{sentence.id}: {words}{more}" if sentence.id else f"{words}{more}"
