"""Extra sentences to learn from, and what keeps the sentences that scores are made on out of them.

Two sentences count as the same if they have the same letters and digits in the same order, whatever
their case, spaces and punctuation.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from dovetail.errors import TrainingError
from dovetail.text.document import ENTITY_TASK, RELATION_TASK, Sentence
from dovetail.text.schema import Schema

UNANNOTATED = "not annotated for a task of data.extra_tasks"


@dataclass(frozen=True)
class LeftOut:
    """An extra sentence that is not learned from, the field it was read for, and the reason."""

    sentence: Sentence
    field: str
    reason: str


def wording(sentence: Sentence) -> str:
    """What two sentences have in common that count as the same: letters, marks and digits.

    >>> wording(Sentence.from_tokens(["Washington", ",", "D.C.", "was"]))
    'washingtondcwas'

    A sentence without any of these has its other signs.
    """
    text = unicodedata.normalize("NFKC", "".join(sentence.tokens)).casefold()
    return "".join(sign for sign in text if unicodedata.category(sign)[0] in "LMN") or text


def wordings(sentences: Iterable[Sentence]) -> frozenset[str]:
    """The wording of each sentence."""
    return frozenset(map(wording, sentences))


def without_known(
    sentences: Sequence[Sentence], known: Mapping[str, frozenset[str]], *, field: str
) -> tuple[tuple[Sentence, ...], tuple[LeftOut, ...]]:
    """Split off the sentences that count as the same as a known one.

    `known` are wordings by the reason to leave a sentence out; the first that holds is named.
    """
    kept: list[Sentence] = []
    left_out: list[LeftOut] = []
    for sentence in sentences:
        own = wording(sentence)
        reason = next((reason for reason, others in known.items() if own in others), None)
        if reason is None:
            kept.append(sentence)
        else:
            left_out.append(LeftOut(sentence, field, reason))
    return tuple(kept), tuple(left_out)


def for_tasks(
    sentences: Sequence[Sentence], tasks: Sequence[str]
) -> tuple[tuple[Sentence, ...], tuple[LeftOut, ...]]:
    """The sentences with the annotations of some tasks alone; those without any are split off."""
    kept: list[Sentence] = []
    left_out: list[LeftOut] = []
    for sentence in sentences:
        annotated = sentence.annotated & frozenset(tasks)
        if annotated:
            relations = sentence.relations if RELATION_TASK in annotated else frozenset()
            kept.append(replace(sentence, annotated=annotated, relations=relations))
        else:
            left_out.append(LeftOut(sentence, "data.extra", UNANNOTATED))
    return tuple(kept), tuple(left_out)


def refuse_unknown_types(extra: Sequence[Sentence], train: Sequence[Sentence]) -> None:
    """Raise `TrainingError` if extra sentences have types that the training sentences lack."""
    known = Schema.from_sentences(train)
    for task, found, types in (
        (ENTITY_TASK, Counter(e.type for s in extra for e in s.entities), known.entity_types),
        (RELATION_TASK, Counter(r.type for s in extra for r in s.relations), known.relation_types),
    ):
        unknown = {type_: number for type_, number in sorted(found.items()) if type_ not in types}
        if unknown:
            listed = ", ".join(f"{type_} ({number})" for type_, number in unknown.items())
            raise TrainingError(
                f"data.extra has {task} types that data.train lacks: {listed}; expected some of "
                f"{', '.join(types)}. What the model can say comes from data.train alone: give the "
                f"types in the extra files the names that they have there"
            )


def account(field: str, number: int, left_out: Sequence[LeftOut]) -> str:
    """How many sentences were read for a field, how many of them are kept, and why not the rest."""
    reasons = Counter(item.reason for item in left_out)
    text = f"{field}: {number - len(left_out):,} of {number:,} sentences are learned from"
    listed = ", ".join(f"{count:,} {reason}" for reason, count in reasons.items())
    return f"{text}; left out, and listed in left_out.jsonl: {listed}" if listed else text
