"""What may go wrong with corpora in training or scoring; what is of one kind is said once."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from dovetail.corpora.corpus import Corpus
from dovetail.corpora.faults import BROKEN
from dovetail.corpora.inspection.split_summary import SplitSummary, overlapping_pairs
from dovetail.corpora.ledger import DOCUMENT, ENTITY, RELATION, SENTENCE, plural
from dovetail.corpora.marking.assembly import CROSSES_SENTENCES, WIDER_UNIT
from dovetail.text.document import TASKS, Entity, Sentence

_EXAMPLES = 10
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
NEVER_HELD = "never held"
UNALIGNED = "not whole tokens"


@dataclass(frozen=True, slots=True)
class Problem:
    """Something to know before training or scoring; `examples` are a few places to look at."""

    kind: str
    message: str
    count: int
    examples: tuple[str, ...] = ()


def problems_of(
    corpora: Mapping[str, Corpus], splits: Mapping[str, SplitSummary]
) -> Iterable[Problem]:
    """The problems in and between corpora, which are splits of one another."""
    yield from _shared_sentences(corpora)
    yield from _types_in_one_split(splits)
    for name, corpus in corpora.items():
        yield from _within(name, corpus)
    for name, summary in splits.items():
        yield from _of_summary(name, summary)
        yield from _unaligned(name, summary, corpora[name])
        yield from _dropped(name, summary)
    yield from _rare_signatures(corpora, splits)


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
        alone = defaultdict(list)
        for type_, names in sorted(holders.items()):
            if len(names) == 1:
                alone[names[0]].append(type_)
        noun = "entity" if kind == "entities" else "relation"
        for name, types in alone.items():
            counts = {type_: getattr(splits[name], kind)[type_] for type_ in types}
            yield Problem(
                TYPE_IN_ONE_SPLIT, _in_one_split(noun, name, counts), sum(counts.values())
            )


def _in_one_split(noun: str, name: str, counts: Mapping[str, int]) -> str:
    if len(counts) == 1:
        [(type_, times)] = counts.items()
        return f"the {noun} type {type_} occurs in {name} only ({times} times)"
    listed = [f"{type_} ({times})" for type_, times in list(counts.items())[:_EXAMPLES]]
    more = f" and {len(counts) - _EXAMPLES} more" if len(counts) > _EXAMPLES else ""
    return f"{len(counts)} {noun} types occur in {name} only: {', '.join(listed)}{more}"


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


def _unaligned(name: str, summary: SplitSummary, corpus: Corpus) -> Iterable[Problem]:
    """Annotations that no tokens of a unit express, by task."""
    for task in TASKS:
        reasons = Counter(
            {reason: times for (of, reason), times in summary.unaligned.items() if of == task}
        )
        if not reasons:
            continue
        found = [sentence for sentence in corpus.sentences if sentence.unaligned_for(task)]
        total = (summary.entities if task == ENTITY else summary.relations).total()
        message = (
            f"{reasons.total():,} of {total:,} {name} {plural(task)} cannot be expressed by the "
            f"tokens of one unit, so they count as missed: {_by_number(reasons)}"
        )
        if CROSSES_SENTENCES in reasons:
            message += f"; {WIDER_UNIT}"
        yield Problem(UNALIGNED, message, reasons.total(), tuple(map(_example, found[:_EXAMPLES])))


def _dropped(name: str, summary: SplitSummary) -> Iterable[Problem]:
    """What was dropped: by kind, and together what Dovetail never holds."""
    reasons: defaultdict[str, Counter[str]] = defaultdict(Counter)
    never: Counter[str] = Counter()
    for (kind, reason), times in summary.ledger.reasons().items():
        if kind not in (DOCUMENT, SENTENCE, ENTITY, RELATION) and not reason.startswith(BROKEN):
            never[plural(kind)] += times
        else:
            reasons[kind][BROKEN if reason.startswith(BROKEN) else reason] += times
    for kind, counts in reasons.items():
        drops = [drop for drop in summary.ledger.drops if drop.kind == kind]
        message = (
            f"{counts.total():,} of {summary.ledger[kind].read:,} {name} {plural(kind)} dropped: "
            f"{_by_number(counts)}"
        )
        yield Problem(DROPPED, message, counts.total(), tuple(map(str, drops[:_EXAMPLES])))
    if never:
        listed = ", ".join(f"{times:,} {kind}" for kind, times in never.most_common())
        message = f"{name} has what Dovetail never holds, which was left out: {listed}"
        yield Problem(NEVER_HELD, message, never.total())


def _by_number(reasons: Counter[str]) -> str:
    if len(reasons) == 1:
        return next(iter(reasons))
    return "; ".join(f"{times:,}: {reason}" for reason, times in reasons.most_common())


def _rare_signatures(
    corpora: Mapping[str, Corpus], splits: Mapping[str, SplitSummary]
) -> Iterable[Problem]:
    """Argument types that a relation has in less than one case of a hundred: often mistakes."""
    together: Counter[tuple[str, str, str]] = Counter()
    for summary in splits.values():
        together.update(summary.signatures)
    by_type: Counter[str] = Counter()
    for (type_, _, _), times in together.items():
        by_type[type_] += times
    rare = {key: n for key, n in sorted(together.items()) if n * 100 < by_type[key[0]]}
    if not rare:
        return
    said = {
        (type_, head, tail): f"{type_} links {head} to {tail} in {times} of {by_type[type_]} cases"
        for (type_, head, tail), times in rare.items()
    }
    examples = _with_signatures(corpora, rare)
    total = sum(rare.values())
    if len(rare) == 1:
        [message] = said.values()
        [places] = examples.values()
        yield Problem(
            RARE_ARGUMENT_TYPES, f"{message}: a mistake in the annotation?", total, places
        )
        return
    types = len({type_ for type_, _, _ in rare})
    yield Problem(
        RARE_ARGUMENT_TYPES,
        f"{types} relation types have argument types seen in less than one case of a hundred "
        f"({len(rare)} combinations, {total} relations): mistakes in the annotation?",
        total,
        tuple(f"{said[key]}\n{examples[key][0]}" for key in list(rare)[:_EXAMPLES]),
    )


def _with_signatures(
    corpora: Mapping[str, Corpus], wanted: Iterable[tuple[str, str, str]]
) -> dict[tuple[str, str, str], tuple[str, ...]]:
    """Sentences that have relations with these argument types, a few for each."""
    found: dict[tuple[str, str, str], list[str]] = {key: [] for key in wanted}
    for corpus in corpora.values():
        for sentence in corpus.sentences:
            for link in sentence.sorted_relations:
                places = found.get((link.type, link.head.type, link.tail.type))
                if places is not None and len(places) < _EXAMPLES:
                    head, tail = _words(sentence, link.head), _words(sentence, link.tail)
                    places.append(f"{head} -> {tail}, in {_example(sentence)}")
    return {key: tuple(dict.fromkeys(places)) for key, places in found.items()}


def _problem(kind: str, message: str, sentences: Sequence[Sentence]) -> Problem:
    return Problem(kind, message, len(sentences), tuple(map(_example, sentences[:_EXAMPLES])))


def _words(sentence: Sentence, entity: Entity) -> str:
    pieces = (" ".join(sentence.tokens[start:end]) for start, end in entity.pieces)
    return " … ".join(pieces)[:40]


def _example(sentence: Sentence) -> str:
    words = " ".join(token[:40] for token in sentence.tokens[:_EXAMPLE_TOKENS])
    more = " ..." if len(sentence.tokens) > _EXAMPLE_TOKENS else ""
    return f"{sentence.id}: {words}{more}" if sentence.id else f"{words}{more}"
