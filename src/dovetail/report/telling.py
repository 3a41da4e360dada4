"""Which errors to look at first.

An error weighs its surprise plus its consequences.

* The surprise is how sure the model was of what is wrong, from 0 to 1: the confidence of a wrong
  prediction; for a missed relation between right entities one minus the probability that the model
  gave it.  It is a half where that is not known, as for a missed entity.
* The consequences are the wrong and the missed relations that an entity error has a part in.  They
  weigh nothing themselves, for they are counted there.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from dovetail.evaluation import EntityError, RelationError, RelationErrorKind, SentenceErrors
from dovetail.evaluation.facts import relation_fact
from dovetail.text.document import Relation, Sentence

UNKNOWN = 0.5
"""The surprise of an error of which the model says no probability."""

LIMIT = 100
"""Errors that a page shows, without those that follow from others."""


@dataclass(frozen=True, slots=True)
class WeighedError:
    """An error with what makes it worth a look; `probability` is that of a missed relation."""

    error: EntityError | RelationError
    surprise: float
    consequences: int = 0
    probability: float | None = None

    @property
    def weight(self) -> float:
        """What it is ranked by."""
        return self.surprise + self.consequences

    @property
    def follows(self) -> bool:
        """Whether it follows from an entity error, where it is counted."""
        return isinstance(self.error, RelationError) and bool(self.error.causes)


@dataclass(frozen=True, slots=True)
class TellingSentence:
    """A sentence with its errors, the most telling first; `number` counts from 1."""

    number: int
    gold: Sentence
    predicted: Sentence
    errors: tuple[WeighedError, ...]

    @property
    def own_errors(self) -> int:
        """The errors that do not follow from others."""
        return sum(not error.follows for error in self.errors)


@dataclass(frozen=True, slots=True)
class Weighed:
    """The relations to which a model gave at least `lowest`, each with its probability.

    `candidates` are the sentences with these relations on them, in the order of the corpus.
    """

    candidates: Sequence[Sentence]
    lowest: float


def telling_sentences(
    gold: Sequence[Sentence],
    predicted: Sequence[Sentence],
    errors: Sequence[SentenceErrors],
    *,
    weighed: Weighed | None = None,
    symmetric: frozenset[str] = frozenset(),
    limit: int = LIMIT,
) -> list[TellingSentence]:
    """The sentences of the most telling errors, until so many errors are shown.

    A sentence stands where its most telling error does, and comes with all its errors.
    """
    found = []
    for index, (truth, guess, wrong) in enumerate(zip(gold, predicted, errors, strict=True)):
        links = weighed.candidates[index].relations if weighed else None
        own = weighed_errors(wrong, links, symmetric)
        if own:
            found.append(TellingSentence(index + 1, truth, guess, own))
    found.sort(key=lambda sentence: -sentence.errors[0].weight)  # stable: in the corpus's order
    shown, count = [], 0
    for sentence in found:
        if count >= limit:
            break
        shown.append(sentence)
        count += sentence.own_errors
    return shown


def weighed_errors(
    errors: SentenceErrors,
    candidates: Collection[Relation] | None = None,
    symmetric: frozenset[str] = frozenset(),
) -> tuple[WeighedError, ...]:
    """The errors of one sentence, the heaviest first, each followed by what follows from it.

    `candidates` are the relations that the model considered, with their probabilities; None where
    that is not known.
    """
    own: list[WeighedError] = []
    for error in errors.entities:
        surprise = UNKNOWN if error.predicted is None else _sureness(error.predicted.confidence)
        own.append(WeighedError(error, surprise, len(errors.consequences(error))))
    probability_by_fact = {
        relation_fact(link, symmetric): link.confidence or 0.0 for link in candidates or ()
    }
    for wrong in errors.relations:
        if wrong.causes:
            continue
        if wrong.kind == RelationErrorKind.MISSED and candidates is not None:
            probability = probability_by_fact.get(relation_fact(wrong.relation, symmetric), 0.0)
            own.append(WeighedError(wrong, 1 - probability, probability=probability))
        else:
            sureness = _sureness(wrong.predicted.confidence if wrong.predicted else None)
            own.append(WeighedError(wrong, sureness))
    ordered: list[WeighedError] = []
    listed: set[RelationError] = set()
    for weighed in sorted(own, key=lambda weighed: -weighed.weight):
        ordered.append(weighed)
        if isinstance(weighed.error, EntityError):
            following = [link for link in errors.consequences(weighed.error) if link not in listed]
            ordered += (WeighedError(link, 0.0) for link in following)
            listed.update(following)
    return tuple(ordered)


def _sureness(confidence: float | None) -> float:
    return UNKNOWN if confidence is None else confidence
