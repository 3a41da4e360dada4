"""The advice itself: what is expected of each candidate, and which one to take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any

from dovetail.config import Config, with_changes
from dovetail.lab.advice.agreement import Agreement
from dovetail.lab.advice.candidates import Candidate, Unfit
from dovetail.lab.advice.facts import Facts
from dovetail.lab.advice.known import Known
from dovetail.lab.advice.pilots import HALF, WHOLE, Pilot
from dovetail.lab.advice.posterior import Normal, measured_by, updated

PROBABLY = 0.75
"""A candidate is recommended where its gain is above zero with at least this probability."""

HOPELESS = 0.1
"""A candidate gets no further pilots where that probability is below this."""


@dataclass(frozen=True)
class Judged:
    """A candidate with the gain over the default that other corpora and its pilots let expect.

    `differences` are those of its pilots from the default's, by seed; `corpora` are those on which
    both were trained before.
    """

    candidate: Candidate
    prior: Normal
    differences: tuple[float, ...]
    gain: Normal
    corpora: tuple[str, ...] = ()

    @property
    def is_probably_better(self) -> bool:
        """Whether it is worth recommending."""
        return self.gain.mean > 0 and self.gain.above_zero >= PROBABLY


@dataclass(frozen=True)
class Curve:
    """The default's dev scores with half of the training sentences and with all, by seed."""

    half: tuple[float, ...]
    whole: tuple[float, ...]

    @property
    def gain(self) -> float:
        """The gain from half to all: about what as many sentences again bring at the most."""
        return fmean(self.whole) - fmean(self.half)


@dataclass(frozen=True)
class Advice:
    """The advice, and all that it is founded on; `judged` has the best candidate first.

    `epochs` is the length of the pilots, of `full_epochs`; 0 where there was no time for any.
    """

    facts: Facts
    default: Candidate
    judged: tuple[Judged, ...]
    unfit: tuple[Unfit, ...]
    pilots: tuple[Pilot, ...] = ()
    agreement: tuple[Agreement, ...] = ()
    curve: Curve | None = None
    epochs: int = 0
    full_epochs: int = 0
    seconds: float = 0.0
    interrupted: bool = False

    @property
    def chosen(self) -> Judged | None:
        """The candidate to take; None for the default."""
        best = self.judged[0] if self.judged else None
        return best if best is not None and best.is_probably_better else None

    @property
    def recommended(self) -> Candidate:
        """What to take, the default included."""
        return self.chosen.candidate if self.chosen else self.default

    @property
    def default_score(self) -> float | None:
        """The mean dev score of the default's pilots."""
        found = [p.score for p in self.pilots if is_whole(p, self.default.name)]
        return fmean(found) if found else None

    def config(self, start: Config) -> Config:
        """The config to train, under a name of its own."""
        changes = {**self.recommended.changes, "name": f"{start.name}-advised"}
        return with_changes(start, changes)

    def to_dict(self) -> dict[str, Any]:
        """The advice as JSON values."""
        return {
            "recommended": self.recommended.name,
            "default": self.default.name,
            "facts": self.facts.to_dict(),
            "candidates": [
                {
                    "name": own.candidate.name,
                    "reason": own.candidate.reason,
                    "changes": own.candidate.changes,
                    "prior": [own.prior.mean, own.prior.deviation],
                    "differences": own.differences,
                    "gain": own.gain.mean,
                    "interval": own.gain.interval(),
                    "above_zero": own.gain.above_zero,
                    "known_corpora": own.corpora,
                }
                for own in self.judged
            ],
            "not_tried": {own.name: own.reason for own in self.unfit},
            "pilots": [own.to_dict() for own in self.pilots],
            "agreement": [asdict(own) for own in self.agreement],
            "curve": None if self.curve is None else asdict(self.curve),
            "epochs": self.epochs,
            "full_epochs": self.full_epochs,
            "seconds": self.seconds,
            "interrupted": self.interrupted,
        }


def is_whole(pilot: Pilot, candidate: str) -> bool:
    """Whether it is a pilot of a candidate on all sentences."""
    return pilot.candidate == candidate and pilot.share == WHOLE


def differences_of(pilots: Sequence[Pilot], candidate: str, default: str) -> tuple[float, ...]:
    """The candidate's score minus the default's, for each seed that both were trained with.

    Two that learned nothing say nothing of how much the candidate gains.
    """
    own, other = (
        {pilot.seed: pilot.score for pilot in pilots if is_whole(pilot, name)}
        for name in (candidate, default)
    )
    both = sorted(own.keys() & other.keys())
    return tuple(own[seed] - other[seed] for seed in both if own[seed] or other[seed])


def rises_of(pilots: Sequence[Pilot], *candidates: str) -> float:
    """The sum of the mean squares by which the scores of some candidates still rose in the end."""
    rises = [[p.rise**2 for p in pilots if is_whole(p, name)] for name in candidates]
    return sum(fmean(own) for own in rises if own)


def judge(
    candidates: Sequence[Candidate],
    default: Candidate,
    pilots: Sequence[Pilot],
    known: Known,
    *,
    dev_sentences: int,
    share: float,
) -> tuple[Judged, ...]:
    """What is to be expected of each candidate, the largest gain first.

    Args:
        candidates: beside the default.
        default: the config as it is.
        pilots: all that are done.
        known: other corpora.
        dev_sentences: the number that pilots were scored on.
        share: how much of a whole training a pilot was; as far as epochs are missing, each of the
            two may still move by as much as it rose in the last quarter of its pilots.
    """
    noise = known.noise
    by_name: Mapping[str, tuple[float, ...]] = {
        own.name: differences_of(pilots, own.name, default.name) for own in candidates
    }
    of_seeds = noise.pooled([*by_name.values()])
    judged = []
    for own in candidates:
        prior = known.prior(own.name, default.name)
        measured = measured_by(
            by_name[own.name],
            of_seeds=of_seeds,
            of_sentences=noise.of_sentences / max(1, dev_sentences),
            of_shortness=(1 - share) * rises_of(pilots, own.name, default.name),
        )
        corpora = dict.fromkeys(gain.corpus for gain in known.gains(own.name, default.name))
        gain = updated(prior, measured)
        judged.append(Judged(own, prior, by_name[own.name], gain, tuple(corpora)))
    return tuple(sorted(judged, key=lambda own: own.gain.mean, reverse=True))


def curve_of(pilots: Sequence[Pilot], default: str) -> Curve | None:
    """The learning curve, from the seeds of which there are both points."""
    own = {
        share: {p.seed: p.score for p in pilots if p.candidate == default and p.share == share}
        for share in (HALF, WHOLE)
    }
    seeds = sorted(own[HALF].keys() & own[WHOLE].keys())
    if not seeds:
        return None
    return Curve(*(tuple(own[share][seed] for seed in seeds) for share in (HALF, WHOLE)))
