"""What the doctor says: findings with evidence and remedies, and what was looked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

MOST_EXAMPLES = 5
"""Examples of a finding that are shown."""


class Disease(StrEnum):
    """What may be wrong, by the name that it has in JSON; rare causes of much come first."""

    REFUSED = "refused"
    """The corpora or the config are of no use for training, as training itself says."""
    SWITCHED_OFF = "switched off"
    """A task that the corpus is annotated for has no weight in training."""
    OFFSETS = "offsets"
    """Character positions that do not stand where words begin and end."""
    LANGUAGE = "language"
    """Text that is cut by the rules of another language, or read by an encoder of another."""
    UNITS = "units"
    """Heads and tails that are in different units."""
    REACH = "reach"
    """Annotations that the config lets no model find: no window, no tags, no declared types."""
    UNSEEN_LABELS = "unseen labels"
    """Types of the dev set that no training sentence has."""
    THRESHOLDS = "thresholds"
    """Thresholds with which much less is right than with others."""
    EPOCHS = "epochs"
    """Training that ended while the dev score still rose."""
    CONTRADICTIONS = "contradictions"
    """The same words annotated in different ways."""
    DRIFT = "drift"
    """Training and dev sentences that are not of one kind."""
    RARE_LABELS = "rare labels"
    """Types with too few training examples to be learned."""
    NOISE = "noise"
    """Annotations that models of the other sentences are sure are others."""
    NO_NEGATIVES = "no negatives"
    """Not one training sentence without a relation: on other text a model finds too many."""
    LEAKS = "leaks"
    """Dev sentences that are learned from: the dev score is too good, and others are lower."""


ELSEWHERE = frozenset({Disease.NO_NEGATIVES, Disease.LEAKS})
"""What explains no low score on dev, but a lower one on other text; it is told after the rest."""


@dataclass(frozen=True, slots=True)
class Example:
    """Something to look at, and its place: ``file:line``, or the name of a sentence."""

    place: str
    text: str

    def __str__(self) -> str:
        return f"{self.place}: {self.text}" if self.place else self.text


@dataclass(frozen=True, slots=True)
class Finding:
    """One disease, as it was found.

    `share` is the share of annotations, or the points of F1 as a share of one, that it may cost:
    findings are ordered by it.  `settings` are lines of a config, and `commands` are to be run.
    """

    disease: Disease
    what: str
    share: float
    evidence: tuple[str, ...]
    remedy: str
    settings: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    examples: tuple[Example, ...] = ()
    corpus: str = ""

    @property
    def likelihood(self) -> str:
        """How probably it explains a low score, in words."""
        for least, words in ((0.5, "very likely"), (0.2, "likely"), (0.05, "possible")):
            if self.share >= least and self.disease not in ELSEWHERE:
                return words
        return "to know"

    def to_dict(self) -> dict[str, Any]:
        """The finding as JSON values."""
        return {**asdict(self), "likelihood": self.likelihood}


@dataclass(frozen=True, slots=True)
class Looked:
    """Something that was looked for; `why_not` says why that was not possible, if so."""

    disease: Disease
    what: str
    why_not: str = ""


@dataclass(frozen=True)
class Diagnosis:
    """All that was found, the likeliest first, and all that was looked for.

    `scores` are lines on what a run gets right and loses; `suspects` is how many annotations
    cross-validation doubts, None where it was not asked for.
    """

    subject: str
    findings: Sequence[Finding]
    looked: Sequence[Looked]
    scores: Sequence[str] = ()
    counts: Mapping[str, Any] | None = None
    suspects: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """The diagnosis as JSON values."""
        return {
            "subject": self.subject,
            "healthy": not self.findings,
            "findings": [finding.to_dict() for finding in self.findings],
            "checked": [own.disease for own in self.looked if not own.why_not],
            "not_checked": {own.disease: own.why_not for own in self.looked if own.why_not},
            "scores": self.counts,
            "suspects": self.suspects,
        }


def by_likelihood(findings: Iterable[Finding]) -> list[Finding]:
    """The findings by what they may cost; of the same cost, as the diseases are listed."""
    order = [*Disease]
    return sorted(
        findings,
        key=lambda own: (
            own.disease in ELSEWHERE,
            -round(own.share, 3),
            order.index(own.disease),
        ),
    )


class NotCheckedError(Exception):
    """Something could not be looked for; the message says why."""
