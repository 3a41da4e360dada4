"""Are training and dev sentences of one kind: labels, lengths, words.

What is measured is compared with what chance gives: the sentences are dealt anew to two splits of
the same sizes, many times (a permutation test; E. J. G. Pitman, 1937).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dovetail.doctor.finding import Disease, Example, Finding, NotCheckedError
from dovetail.doctor.label_checks import Type, plain_name, refuse_without_dev, types_of
from dovetail.doctor.patient import Patient
from dovetail.text.document import TASKS, Sentence

DEALS = 100
"""How often the sentences are dealt anew."""

MOST_SENTENCES = 3000
"""Sentences of a split that are looked at; more make no difference to what is said."""

ENOUGH = 20
"""Sentences that a split has to have."""

LABELS_APART, LENGTHS_APART, WORDS_APART = 0.1, 0.15, 0.1
"""Differences beyond chance that matter: of the shares of types, of lengths, of unseen words."""

Measure = Callable[[NDArray[np.bool_]], float]
"""A difference between the sentences that are chosen as dev sentences and the others."""


@dataclass(frozen=True)
class Apart:
    """A difference between splits, what chance makes of it at most, and what it is in words."""

    measured: float
    by_chance: float
    told: str

    def matters(self, least: float) -> bool:
        """Whether it is so much larger than the largest of the deals by chance."""
        return self.measured - self.by_chance >= least


def examine_drift(patient: Patient) -> Finding | None:
    """Labels, lengths or words that differ more between the splits than chance explains."""
    refuse_without_dev(patient)
    train, dev = patient.train[:MOST_SENTENCES], patient.dev[:MOST_SENTENCES]
    if min(len(train), len(dev)) < ENOUGH:
        raise NotCheckedError(f"a split has fewer than {ENOUGH} sentences")
    found = [
        (labels_apart(train, dev), LABELS_APART),
        (lengths_apart(train, dev), LENGTHS_APART),
        (words_apart(train, dev), WORDS_APART),
    ]
    told = [own for own, least in found if own.matters(least)]
    if not told:
        return None
    return Finding(
        Disease.DRIFT,
        "Training and dev sentences are not of one kind, so a model learns what it is not asked",
        max(own.measured - own.by_chance for own in told),
        tuple(own.told for own in told),
        *_remedy(patient),
        examples=tuple(_middle(patient)),
    )


def _remedy(patient: Patient) -> tuple[str, tuple[str, ...]]:
    """What to do in words, and lines of a config."""
    if patient.config.data.dev:
        return (
            "draw both splits from the same documents, such as by data.dev_fraction; or train on "
            "sentences like those that the model is for",
            ("data.dev = []", "data.dev_fraction = 0.15"),
        )
    return (
        "few documents were divided, and one kind of them went to one side: try another division, "
        "or name dev files that have documents of each kind",
        (f"data.dev_seed = {patient.config.data.dev_seed + 1}",),
    )


def _middle(patient: Patient) -> Sequence[Example]:
    """A sentence of middle length of each split."""
    return [
        places.example(sorted(split, key=lambda own: len(own.tokens))[len(split) // 2], name)
        for name, split, places in (
            ("training", patient.train, patient.learned_places),
            ("dev", patient.dev, patient.dev_places),
        )
    ]


def _against_chance(measure: Measure, train: int, dev: int, seed: int = 0) -> tuple[float, float]:
    """The difference between the splits as they are, and the largest of those dealt by chance."""
    chosen = np.zeros(train + dev, dtype=bool)
    chosen[train:] = True
    chance = np.random.default_rng(seed)
    dealt = max(measure(chance.permutation(chosen)) for _ in range(DEALS))
    return measure(chosen), dealt


def labels_apart(train: Sequence[Sentence], dev: Sequence[Sentence]) -> Apart:
    """Half the sum of the differences of the shares of types, for the task that differs more."""
    counts = [_known_types([sentence]) for sentence in (*train, *dev)]
    # What training lacks is another finding, and would be found here again.
    learned = {type_ for own in counts[: len(train)] for type_ in own}
    types: list[Type] = sorted(learned)
    if not types:
        return Apart(0.0, 0.0, "")
    table = np.array([[own[type_] for type_ in types] for own in counts], dtype=float)
    of_task = {task: np.array([of == task for of, _ in types]) for task in TASKS}

    def measure(chosen: NDArray[np.bool_]) -> float:
        return max(
            _variation(table[chosen][:, own].sum(0), table[~chosen][:, own].sum(0))
            for own in of_task.values()
        )

    measured, by_chance = _against_chance(measure, len(train), len(dev))
    one, other = (types_of(split) for split in (train, dev))
    return Apart(
        measured, by_chance, f"labels: {_most_different(one, other)}{_sizes(measured, by_chance)}"
    )


def _known_types(sentences: Sequence[Sentence]) -> Counter[Type]:
    """How often each type occurs; those that differ in spelling alone are one."""
    counts: Counter[Type] = Counter()
    for (task, type_), times in types_of(sentences).items():
        counts[task, plain_name(type_)] += times
    return counts


def _variation(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """The total variation between two distributions of counts; 0 where one has none."""
    if not one.sum() or not other.sum():
        return 0.0
    return float(np.abs(one / one.sum() - other / other.sum()).sum() / 2)


def _sizes(measured: float, by_chance: float) -> str:
    return f" (difference {measured:.2f}, by chance at most {by_chance:.2f})"


def _most_different(train: Counter[Type], dev: Counter[Type]) -> str:
    """The types whose shares differ most, with these."""
    shares: dict[Type, tuple[float, float]] = {}
    for task in TASKS:
        totals = [sum(n for (of, _), n in own.items() if of == task) for own in (train, dev)]
        for type_ in {*train, *dev}:
            if type_[0] == task and all(totals):
                shares[type_] = train[type_] / totals[0], dev[type_] / totals[1]
    ranked = sorted(shares.items(), key=lambda item: (-abs(item[1][0] - item[1][1]), item[0]))
    return "; ".join(
        f"{type_} is {one:.0%} of the {task} annotations of training and {other:.0%} of dev"
        for (task, type_), (one, other) in ranked[:3]
    )


def lengths_apart(train: Sequence[Sentence], dev: Sequence[Sentence]) -> Apart:
    """The largest distance between the shares of sentences up to a length (Kolmogorov-Smirnov)."""
    lengths = np.array([len(sentence.tokens) for sentence in (*train, *dev)])
    order = np.argsort(lengths, kind="stable")
    is_last = np.append(np.diff(lengths[order]) > 0, True)

    def measure(chosen: NDArray[np.bool_]) -> float:
        ranked = chosen[order]
        own, others = ranked.cumsum() / ranked.sum(), (~ranked).cumsum() / (~ranked).sum()
        return float(np.abs(own - others)[is_last].max())

    measured, by_chance = _against_chance(measure, len(train), len(dev))
    middle = [float(np.median([len(own.tokens) for own in split])) for split in (train, dev)]
    told = f"lengths: half of the training sentences have {middle[0]:g} tokens or fewer, half of "
    return Apart(
        measured,
        by_chance,
        f"{told}the dev sentences {middle[1]:g}{_sizes(measured, by_chance)}",
    )


def words_apart(train: Sequence[Sentence], dev: Sequence[Sentence]) -> Apart:
    """The share of the words of dev sentences that no training sentence has."""
    index: dict[str, int] = {}
    rows = [
        np.array([index.setdefault(token.casefold(), len(index)) for token in sentence.tokens])
        for sentence in (*train, *dev)
    ]

    def measure(chosen: NDArray[np.bool_]) -> float:
        known = np.zeros(len(index), dtype=bool)
        for place in np.flatnonzero(~chosen):
            known[rows[place]] = True
        asked = np.concatenate([rows[place] for place in np.flatnonzero(chosen)])
        return float(1 - known[asked].mean())

    measured, by_chance = _against_chance(measure, len(train), len(dev))
    told = f"words: {measured:.0%} of the words of dev sentences are in no training sentence"
    return Apart(measured, by_chance, f"{told}; if all were mixed it would be {by_chance:.0%}")
