"""The events of an advice on its way, as plain values: displays are functions of them."""

from __future__ import annotations

from dataclasses import dataclass

from dovetail.lab.advice.agreement import Agreement
from dovetail.lab.advice.candidates import Candidate, Unfit
from dovetail.lab.advice.facts import Facts
from dovetail.lab.advice.pilots import Pilot, PilotEpoch
from dovetail.training.results import StageProgress, StepResult
from dovetail.training.teacher import TeachingProgress


@dataclass(frozen=True)
class Begun:
    """What is in the corpora, what will be compared, and what not."""

    facts: Facts
    default: Candidate
    candidates: tuple[Candidate, ...]
    unfit: tuple[Unfit, ...]


@dataclass(frozen=True)
class Planned:
    """How long the pilots are, and how many rounds are foreseen."""

    epochs: int
    full_epochs: int
    rounds: int
    candidates: int
    is_continued: bool


@dataclass(frozen=True)
class PilotStarted:
    """A pilot begins."""

    candidate: str
    seed: int
    share: float


@dataclass(frozen=True)
class PilotEnded:
    """A pilot is over; its difference from the default's of the same seed, if there is one."""

    pilot: Pilot
    difference: float | None
    was_known: bool


@dataclass(frozen=True)
class Refused:
    """A candidate cannot be trained on these data, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class AgreementFound:
    """The agreement of gradients was measured."""

    agreement: tuple[Agreement, ...]


@dataclass(frozen=True)
class ToGo:
    """The seconds that are left, of how many; pilots that are over, of those foreseen."""

    seconds: float
    done: int
    total: int


AdviceEvent = (
    Begun
    | Planned
    | PilotStarted
    | PilotEpoch
    | PilotEnded
    | Refused
    | AgreementFound
    | ToGo
    | StageProgress
    | StepResult
    | TeachingProgress
)
