"""Which errors to look at first.

An error weighs its surprise plus its consequences.

* The surprise is how sure the model was of what is wrong, from 0 to 1: the confidence of a wrong
  prediction; for a missed relation between right entities one minus the probability that the model
  gave it.  It is a half where that is not known, as for a missed entity.
* The consequences are the wrong and the missed relations that an entity error has a part in.  They
  weigh nothing themselves, for they are counted there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dovetail.document import Sentence
from dovetail.evaluation import EntityError, RelationError, SentenceErrors
from dovetail.evaluation.facts import Fact, relation_fact

UNKNOWN = 0.5
"""The surprise of an error of which the model says no probability."""

LIMIT = 100
"""Errors that a page shows."""


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


@dataclass(frozen=True, slots=True)
class TellingSentence:
    """A sentence with its errors, the most telling first; `number` counts from 1."""

    number: int
    gold: Sentence
    predicted: Sentence
    errors: tuple[WeighedError, ...]


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
        probabilities = (
            {
                relation_fact(link, symmetric): link.confidence or 0.0
                for link in weighed.candidates[index].relations
            }
            if weighed
            else None
        )
        lowest = weighed.lowest if weighed else 0.0
        own = weighed_errors(wrong, _Probabilities(probabilities, lowest, symmetric))
        if own:
            found.append(TellingSentence(index + 1, truth, guess, own))
    found.sort(key=lambda sentence: -sentence.errors[0].weight)  # stable: in the corpus's order
    shown, count = [], 0
    for sentence in found:
        if count >= limit:
            break
        shown.append(sentence)
        count += len(sentence.errors)
    return shown


@dataclass(frozen=True, slots=True)
class _Probabilities:
    """What the model gave the relations of a sentence; None where that is not known."""

    by_fact: dict[Fact, float] | None
    lowest: float
    symmetric: frozenset[str]

    def of_missed(self, error: RelationError) -> float | None:
        if self.by_fact is None or error.gold is None or error.predicted or error.causes:
            return None
        return self.by_fact.get(relation_fact(error.gold, self.symmetric), 0.0)


def weighed_errors(
    errors: SentenceErrors, probabilities: _Probabilities
) -> tuple[WeighedError, ...]:
    """The errors of one sentence, the heaviest first, consequences behind what they follow from."""
    weighed: list[WeighedError] = []
    for error in errors.entities:
        surprise = UNKNOWN if error.predicted is None else _sureness(error.predicted.confidence)
        weighed.append(WeighedError(error, surprise, len(errors.consequences(error))))
    for link in errors.relations:
        probability = probabilities.of_missed(link)
        if link.causes:
            surprise = 0.0
        elif link.predicted is not None:
            surprise = _sureness(link.predicted.confidence)
        elif probability is not None:
            surprise = 1 - probability
        else:
            surprise = UNKNOWN
        weighed.append(WeighedError(link, surprise, probability=probability))
    return tuple(sorted(weighed, key=lambda error: -error.weight))


def _sureness(confidence: float | None) -> float:
    return UNKNOWN if confidence is None else confidence
