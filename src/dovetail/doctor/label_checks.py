"""Can the labels be learned: types, contradictions, sentences in two splits."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence

from dovetail.doctor.finding import MOST_EXAMPLES, Disease, Example, Finding, NotCheckedError
from dovetail.doctor.patient import Patient
from dovetail.doctor.places import said_of
from dovetail.text.document import ENTITY_TASK, RELATION_TASK, TASKS, Entity, Relation, Sentence
from dovetail.text.wording import wording

FEW_EXAMPLES = 5
"""Training examples of a type below which it is not to be expected that it is learned."""

SHORTEST = 4
"""Tokens of a sentence that says enough to count as the same as another."""

ALL_RELATED, ENOUGH_SENTENCES = 0.99, 50
"""Share of sentences with a relation that is as good as all of them, of so many or more."""

Type = tuple[str, str]
"""A task and one of its types."""

Item = Entity | Relation


def items_of(sentence: Sentence, task: str) -> Iterable[Item]:
    """The annotations of a sentence for a task."""
    return sentence.entities if task == ENTITY_TASK else sentence.relations


def types_of(sentences: Iterable[Sentence]) -> Counter[Type]:
    """How often each type occurs, what no tokens express included."""
    counts: Counter[Type] = Counter()
    for sentence in sentences:
        for task in TASKS:
            counts.update((task, item.type) for item in items_of(sentence, task))
        counts.update((item.task, item.type) for item in sentence.unaligned)
    return counts


def examine_unseen(patient: Patient) -> Finding | None:
    """Types of the dev set that no training sentence has."""
    refuse_without_dev(patient)
    train, dev = types_of(patient.train), types_of(patient.dev)
    unseen = {type_: times for type_, times in dev.items() if type_ not in train}
    if not unseen:
        return None
    evidence = []
    for (task, type_), times in sorted(unseen.items(), key=lambda item: -item[1]):
        plain = plain_name(type_)
        alike = [known for of, known in train if of == task and plain_name(known) == plain]
        hint = f"; training has {alike[0]!r}, which differs in spelling alone" if alike else ""
        evidence.append(f"{task} type {type_}: {times:,} in dev, 0 in training{hint}")
    return Finding(
        Disease.UNSEEN_LABELS,
        "The dev set has types that training lacks, and no model can learn them",
        _share_of(unseen, dev),
        tuple(evidence),
        "give a type the same name in all files, or move some of its sentences to training",
        examples=tuple(_with_types(patient.dev, unseen, patient.dev_places.example)),
    )


def plain_name(type_: str) -> str:
    """The letters and digits of a type's name, whatever their case."""
    return "".join(filter(str.isalnum, type_.casefold())) or type_


def _share_of(some: Iterable[Type], counts: Counter[Type]) -> float:
    """The share that some types have of the annotations of their task, of the task hit worse."""
    shares = [0.0]
    for task in TASKS:
        total = sum(times for (of, _), times in counts.items() if of == task)
        own = sum(counts[type_] for type_ in some if type_[0] == task)
        shares.append(own / total if total else 0.0)
    return max(shares)


def examine_rare(patient: Patient) -> Finding | None:
    """Types with hardly any training examples."""
    train, dev = types_of(patient.train), types_of(patient.dev)
    rare = {type_: times for type_, times in train.items() if times < FEW_EXAMPLES}
    if not rare:
        return None
    evidence = tuple(
        f"{task} type {type_}: {times:,} in training, {dev[task, type_]:,} in dev"
        for (task, type_), times in sorted(rare.items(), key=lambda item: (-dev[item[0]], item[0]))
    )
    return Finding(
        Disease.RARE_LABELS,
        f"There are types with fewer than {FEW_EXAMPLES} training examples ({len(rare)}), from "
        f"which nothing is learned; each lowers macro-F1 as much as a frequent type",
        _share_of(rare, dev if patient.dev else train),
        evidence,
        "annotate more of them, join them with a type that they resemble, or leave them out",
        examples=tuple(_with_types(patient.train, rare, patient.learned_places.example)),
    )


def _with_types(
    sentences: Sequence[Sentence],
    types: Iterable[Type],
    example: Callable[[Sentence, str], Example],
) -> Iterator[Example]:
    """Some sentences that have one of the types."""
    wanted, number = {*types}, 0
    for sentence in sentences:
        for task in TASKS:
            for item in sorted(items_of(sentence, task), key=repr):
                if number < MOST_EXAMPLES and (task, item.type) in wanted:
                    number += 1
                    yield example(sentence, said_of(sentence, item))


def refuse_without_dev(patient: Patient) -> None:
    """Raise `NotCheckedError` if there is nothing to compare training sentences with."""
    if not patient.dev:
        raise NotCheckedError("there are no dev sentences; set data.dev or data.dev_fraction")


def examine_leaks(patient: Patient) -> Finding | None:
    """Dev sentences that are learned from too."""
    refuse_without_dev(patient)
    learned: dict[str, Sentence] = {}
    for sentence in patient.train:
        learned.setdefault(wording(sentence), sentence)
    known = [
        sentence
        for sentence in patient.dev
        if len(sentence.tokens) >= SHORTEST and wording(sentence) in learned
    ]
    if not known:
        return None
    examples = (
        patient.dev_places.example(
            sentence, f"also at {patient.learned_places.of(learned[wording(sentence)])}"
        )
        for sentence in known[:MOST_EXAMPLES]
    )
    return Finding(
        Disease.LEAKS,
        "Dev sentences are training sentences too, so dev scores are too good, and thresholds and "
        "the epoch are chosen by what was learned by heart",
        len(known) / len(patient.dev),
        (
            f"{len(known):,} of {len(patient.dev):,} dev sentences have the words of a training "
            f"sentence, whatever their case, spaces and punctuation",
        ),
        "leave them out of one of the two files; score on sentences that nothing was learned from",
        examples=tuple(examples),
    )


def examine_contradictions(patient: Patient) -> Finding | None:
    """Equal sentences with different annotations."""
    groups: defaultdict[tuple[str, ...], list[Sentence]] = defaultdict(list)
    for sentence in patient.sentences:
        groups[tuple(token.casefold() for token in sentence.tokens)].append(sentence)
    contradictory = [group for group in groups.values() if _differ(group)]
    if not contradictory:
        return None
    number = sum(map(len, contradictory))
    return Finding(
        Disease.CONTRADICTIONS,
        "The same words are annotated in different ways, so one of the two is always wrong",
        number / len(patient.sentences),
        (
            f"{len(contradictory):,} sentences occur several times with different annotations, "
            f"{number:,} of {len(patient.sentences):,} sentences in all",
        ),
        "decide which annotation holds, and write it down for those who annotate",
        examples=tuple(
            example
            for group in contradictory[:MOST_EXAMPLES]
            for example in _contradiction(patient, group)
        ),
    )


def _differ(group: Sequence[Sentence]) -> bool:
    """Whether two of the sentences that are annotated for a task differ in it."""
    return any(
        len({frozenset(items_of(own, task)) for own in group if task in own.annotated}) > 1
        for task in TASKS
    )


def _contradiction(patient: Patient, group: Sequence[Sentence]) -> Iterator[Example]:
    """Two of the sentences, each with what the other lacks."""
    first = group[0]
    place, other = next(
        (place, own) for place, own in enumerate(group) if place and _differ((first, own))
    )
    for occurrence, own, against in ((0, first, other), (place, other, first)):
        alone = [
            said_of(own, item)
            for task in (ENTITY_TASK, RELATION_TASK)
            for item in sorted(
                {*items_of(own, task)} - {*items_of(against, task)},
            )
        ]
        yield patient.places.example(own, "; ".join(alone) or "none of these", occurrence)


def examine_negatives(patient: Patient) -> Finding | None:
    """A training set in which every sentence has a relation."""
    if patient.config.data.negatives:
        return None
    asked = [own for own in patient.train if RELATION_TASK in own.annotated]
    related = [own for own in asked if own.relations or own.unaligned_for(RELATION_TASK)]
    if len(asked) < ENOUGH_SENTENCES or len(related) < ALL_RELATED * len(asked):
        return None
    return Finding(
        Disease.NO_NEGATIVES,
        "Every training sentence has a relation, so a model expects one everywhere; in text where "
        "most sentences have none, precision is lower than on these dev sentences",
        0.0,
        (f"{len(related):,} of {len(asked):,} training sentences have a relation",),
        "name sentences without any in data.negatives, as they occur in the text that the model is "
        "for",
    )
