"""How an advice comes about: a generator of events, which returns it.

for event in (work := Doing(Adviser(job, budget, known, store).run())):
    show(event)
work.made   # the advice
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from typing import Any

from dovetail.errors import DovetailError, TrainingError
from dovetail.lab.advice.advice import HOPELESS, Advice, Judged, curve_of, differences_of, judge
from dovetail.lab.advice.agreement import agreement_in
from dovetail.lab.advice.candidates import (
    ALL_SHARED,
    PROPOSALS,
    Candidate,
    Proposal,
    Unfit,
    candidates,
    default_of,
)
from dovetail.lab.advice.events import (
    AdviceEvent,
    AgreementFound,
    Begun,
    PilotEnded,
    PilotStarted,
    Planned,
    Refused,
    ToGo,
)
from dovetail.lab.advice.facts import Facts
from dovetail.lab.advice.known import Known
from dovetail.lab.advice.pilots import HALF, WHOLE, Pilot, PilotEpoch, Pilots
from dovetail.lab.advice.schedule import CALIBRATION, MOST_ROUNDS, USED, Budget, Schedule
from dovetail.lab.advice.store import Store
from dovetail.running.steps import Doing
from dovetail.training.job import Job
from dovetail.training.over_base import base_of

CURVE_ROUNDS = 2
"""Rounds in which the default is trained on half of the sentences too."""


Steps = Generator[Any, None, None]


@dataclass
class Adviser:
    """Finds out which way of sharing fits a job.

    Args:
        job: the config as it is, with its sentences.
        budget: the time for all of it.
        known: other corpora.
        store: pilots that are there already, and where new ones go.
        most_rounds: rounds of pilots, however much time there is.
        proposals: the ways of sharing to choose from.
    """

    job: Job
    budget: Budget
    known: Known
    store: Store = field(default_factory=Store)
    most_rounds: int = MOST_ROUNDS
    proposals: Sequence[Proposal] = PROPOSALS

    def run(self) -> Generator[AdviceEvent, None, Advice]:
        """Measure as much as the time allows, and give the advice.

        Raises:
            TrainingError: if the config adds tasks to a base, whose layers are there already, or
                there are no dev sentences.
        """
        self._refuse()
        self._started = self.budget.now()
        self.facts = Facts.of(self.job)
        self.default = default_of(self.job.config)
        found, unfit = candidates(self.job.config, self.facts, self.proposals)
        self.unfit = [*unfit]
        self.candidates = self._ordered(found)
        self.schedule: Schedule | None = None
        self.pilots = Pilots(self.job, self.budget.is_over, self.budget.now)
        yield Begun(self.facts, self.default, tuple(self.candidates), tuple(self.unfit))
        if self.candidates and not self.budget.is_over():
            yield from self._calibrated()
            yield from self._rounds()
        return self.advice()

    def advice(self) -> Advice:
        """The advice of what is known by now."""
        return Advice(
            facts=self.facts,
            default=self.default,
            judged=self._judged(),
            unfit=tuple(self.unfit),
            pilots=tuple(self._own_pilots()),
            agreement=self.store.agreement,
            curve=curve_of(self._own_pilots(), self.default.name),
            epochs=self._epochs,
            full_epochs=self.job.config.training.epochs,
            seconds=self.budget.now() - self._started,
            interrupted=self.budget.stopped(),
        )

    def _refuse(self) -> None:
        if base_of(self.job.config.sharing) is not None:
            raise TrainingError(
                f'sharing.kind = "{self.job.config.sharing.kind}" adds tasks to a base, whose '
                f"layers are there already: advice is for a config that trains all of its tasks"
            )
        if not self.job.splits.dev:
            raise TrainingError(
                "advice compares dev scores, and there is no dev set: name files in data.dev, or "
                "set data.dev_fraction (such as 0.15)"
            )

    def _ordered(self, found: Sequence[Candidate]) -> list[Candidate]:
        """The one that gradients are compared in first, then the most promising ones."""

        def rank(candidate: Candidate) -> tuple[bool, float]:
            prior = self.known.prior(candidate.name, self.default.name)
            return candidate.name != ALL_SHARED, -prior.mean

        return sorted(found, key=rank)

    def _own_pilots(self) -> list[Pilot]:
        """The pilots of the length that is compared."""
        full = self.job.config.training.epochs
        plan = self.schedule or Schedule(self._epochs or full, full, 0, 0.0)
        return [own for own in self.store.pilots if own.epochs == plan.epochs_of(own.share)]

    @property
    def _epochs(self) -> int:
        """The length of the pilots on all sentences; 0 where there are none."""
        before = self.store.done(self.default.name)
        return self.schedule.epochs if self.schedule else before[0] if before else 0

    def _judged(self) -> tuple[Judged, ...]:
        return judge(
            self.candidates,
            self.default,
            self._own_pilots(),
            self.known,
            dev_sentences=self.facts.dev_sentences,
            share=self._epochs / self.job.config.training.epochs,
        )

    def _calibrated(self) -> Steps:
        """Time an epoch of the default, and plan."""
        seconds: list[float] = []
        timing = Doing(
            self.pilots.train(self.default, seed=self.job.config.seed, epochs=CALIBRATION)
        )
        for event in timing:
            if isinstance(event, PilotEpoch):
                seconds.append(event.seconds)
            else:
                yield event
        if timing.made is None:
            return
        number = len(self.candidates) + 1
        before = self.store.done(self.default.name)
        plan = self.schedule = Schedule.fitting(
            self.budget.left,
            seconds_per_epoch=min(seconds),  # the other one waited for something
            full_epochs=self.job.config.training.epochs,
            candidates=number,
            before=before,
        )
        plan.rounds = min(plan.rounds, self.most_rounds)
        going_on = before is not None and plan.epochs == before[0]
        yield Planned(plan.epochs, plan.full_epochs, plan.rounds, number, going_on)

    def _rounds(self) -> Steps:
        """Rounds of pilots, a seed each, without the candidates that are hopeless by then."""
        number = 0
        while self.schedule is not None and number < self.schedule.rounds:
            seed = self.job.config.seed + number
            if not (yield from self._pilot(self.default, seed)):
                return
            for candidate in [*self._worth_a_pilot()]:
                yield from self._pilot(candidate, seed)
            if number < CURVE_ROUNDS:
                yield from self._pilot(self.default, seed, share=HALF)
            if self.budget.is_over() or not self._worth_a_pilot():
                return
            number += 1
            self._extend(number)

    def _extend(self, done: int) -> None:
        """Plan a further round if those planned took less time than foreseen."""
        plan = self._plan
        names = [self.default.name, *(own.name for own in self._worth_a_pilot())]
        seconds = sum(map(plan.expected, names))
        if plan.rounds <= done < self.most_rounds and seconds <= self.budget.left * USED:
            plan.rounds = done + 1

    def _worth_a_pilot(self) -> list[Candidate]:
        """The candidates that may still be better than the default."""
        hopeless = {
            own.candidate.name
            for own in self._judged()
            if own.differences and own.gain.above_zero < HOPELESS
        }
        return [own for own in self.candidates if own.name not in hopeless]

    def _pilot(
        self, candidate: Candidate, seed: int, *, share: float = WHOLE
    ) -> Generator[Any, None, bool]:
        """Train a pilot if there is time for it; whether it is there."""
        schedule = self._plan
        epochs = schedule.epochs_of(share)
        own = self.store.get(candidate.name, seed=seed, share=share, epochs=epochs)
        if own is not None:
            yield PilotEnded(own, self._difference(own), was_known=True)
            return True
        if schedule.seconds_of(candidate.name, share) > self.budget.left:
            return False
        yield PilotStarted(candidate.name, seed, share)
        yield self._to_go()
        try:
            made = yield from self.pilots.train(candidate, seed=seed, epochs=epochs, share=share)
        except DovetailError as error:
            yield from self._refused(candidate, error, share)
            return False
        if made is None:
            return False
        own, loop = made
        self.store.add(own)
        if share == WHOLE:
            schedule.note(candidate.name, own.seconds)
        yield PilotEnded(own, self._difference(own), was_known=False)
        if not self.store.agreement and candidate.name in (ALL_SHARED, self._most_shared()):
            self.store.keep_agreement(agreement_in(loop, seed=self.job.config.seed))
            yield AgreementFound(self.store.agreement)
        yield self._to_go()
        return True

    @property
    def _plan(self) -> Schedule:
        if self.schedule is None:
            raise ValueError("pilots are planned before they are trained")
        return self.schedule

    def _most_shared(self) -> str:
        """The name of what gradients are compared in: the default where it is not a candidate."""
        return (
            ALL_SHARED if any(o.name == ALL_SHARED for o in self.candidates) else self.default.name
        )

    def _refused(self, candidate: Candidate, error: DovetailError, share: float) -> Steps:
        """Leave a candidate out that cannot be trained; without the default there is no advice."""
        if candidate is self.default and share == WHOLE:
            raise error
        if share == WHOLE:
            self.candidates = [own for own in self.candidates if own is not candidate]
            self.unfit.append(Unfit(candidate.name, str(error)))
            yield Refused(candidate.name, str(error))

    def _difference(self, pilot: Pilot) -> float | None:
        if pilot.candidate == self.default.name or pilot.share < WHOLE:
            return None
        of_seed = [own for own in self._own_pilots() if own.seed == pilot.seed]
        found = differences_of(of_seed, pilot.candidate, self.default.name)
        return found[0] if found else None

    def _to_go(self) -> ToGo:
        """The time to go: that of the rounds foreseen, and no longer than the budget."""
        schedule = self._plan
        names = [self.default.name, *(own.name for own in self._worth_a_pilot())]
        seconds, done = 0.0, len(self._own_pilots())
        total = done
        for number in range(schedule.rounds):
            seed = self.job.config.seed + number
            planned = [(name, WHOLE) for name in names]
            planned += [(self.default.name, HALF)] * (number < CURVE_ROUNDS)
            for name, share in planned:
                epochs = schedule.epochs_of(share)
                if not self.store.get(name, seed=seed, share=share, epochs=epochs):
                    total += 1
                    seconds += schedule.seconds_of(name, share)
        return ToGo(min(seconds, self.budget.left), done, total)
