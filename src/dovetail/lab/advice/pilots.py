"""Pilots: short trainings of a candidate on the data itself, scored on its dev sentences alone."""

from __future__ import annotations

import random
from collections.abc import Callable, Generator, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from dovetail.config import Config, with_changes
from dovetail.evaluation import Evaluation
from dovetail.lab.advice.candidates import Candidate
from dovetail.running.steps import Doing
from dovetail.text.document import ENTITY_TASK, RELATION_TASK
from dovetail.text.stored_sentences import held_as
from dovetail.threads import use_threads
from dovetail.training.job import Job
from dovetail.training.learned_corpora import joined
from dovetail.training.loop import Loop
from dovetail.training.pools import Splits
from dovetail.training.preparation import prepare_one
from dovetail.training.results import EpochResult
from dovetail.training.selection import score_of
from dovetail.training.states_cache import StatesCache

WHOLE, HALF = 1.0, 0.5
"""Shares of the training sentences."""


@dataclass(frozen=True)
class Pilot:
    """A finished one: what was trained, and its dev scores, strict micro-F1 from 0 to 1.

    `score` is the one that training chooses an epoch by; `relation_f1` is 0 without relations.
    `rise` is what the score gained in the last quarter of the epochs: little where it has arrived.
    """

    candidate: str
    seed: int
    epochs: int
    share: float
    score: float
    entity_f1: float
    relation_f1: float
    parameters: int
    seconds: float
    rise: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """The pilot as JSON values."""
        return asdict(self)


@dataclass(frozen=True)
class PilotEpoch:
    """A pilot is under way: its epoch, of how many, its best score, and the epoch's seconds."""

    epoch: int
    epochs: int
    score: float
    seconds: float


@dataclass
class Pilots:
    """Trains pilots one after another; what frozen encoders compute is computed once.

    Args:
        job: the config as it is, with its sentences.
        should_stop: is called after each step; where it says so, the pilot is given up.
        now: tells the time.
    """

    job: Job
    should_stop: Callable[[], bool]
    now: Callable[[], float]
    cache: StatesCache = field(default_factory=StatesCache)

    def config_of(self, candidate: Candidate, *, seed: int, epochs: int) -> Config:
        """The config of a pilot; thresholds stay as they are, since scores are without them.

        Raises:
            ConfigError: if the changes contradict the config.
        """
        changes = {**candidate.changes, "seed": seed, "training.epochs": epochs}
        return with_changes(self.job.config, changes)

    def train(
        self, candidate: Candidate, *, seed: int, epochs: int, share: float = WHOLE
    ) -> Generator[Any, None, tuple[Pilot, Loop] | None]:
        """Train one, and yield each epoch and what is done beside; None if it was given up.

        The model that comes back has the weights of its best epoch.

        Raises:
            DovetailError: if the candidate cannot be trained on these data.
        """
        started = self.now()
        config = self.config_of(candidate, seed=seed, epochs=epochs)
        job = self.job.with_config(config)
        if share < WHOLE:
            job = part_of(job, share, seed=config.data.dev_seed)
        use_threads(config.training.threads)
        steps = prepare_one(job, self.cache)
        loop = yield from self._unless_stopped(steps)
        if loop is None:
            return None
        best: EpochResult | None = None
        scores: list[float] = []
        for event in loop.run():
            if isinstance(event, EpochResult):
                best = event if event.is_best or best is None else best
                scores.append(best.score)
                yield PilotEpoch(event.epoch, event.epochs, best.score, event.seconds)
            else:
                yield event
            if self.should_stop() and not loop.is_done:
                return None
        if best is None:
            return None
        loop.use_best()
        seconds = self.now() - started
        pilot = _pilot(candidate, config, share, best, loop)
        return replace(pilot, seconds=seconds, rise=rise_of(scores)), loop

    def _unless_stopped(
        self, steps: Generator[Any, None, Loop]
    ) -> Generator[Any, None, Loop | None]:
        """Go through the preparation, or give it up."""
        work = Doing(steps)
        for event in work:
            yield event
            if self.should_stop():
                return None
        return work.made


def rise_of(best_by_epoch: Sequence[float]) -> float:
    """What the best score gained in the last quarter of the epochs.

    >>> rise_of([0.25, 0.5, 0.5, 0.75])
    0.25
    """
    before = best_by_epoch[: int(len(best_by_epoch) * 3 / 4)]
    return best_by_epoch[-1] - (before[-1] if before else 0.0)


def _pilot(
    candidate: Candidate, config: Config, share: float, best: EpochResult, loop: Loop
) -> Pilot:
    evaluations = [*best.dev_by_corpus.values()]
    return Pilot(
        candidate=candidate.name,
        seed=config.seed,
        epochs=config.training.epochs,
        share=share,
        score=best.score,
        entity_f1=_mean(evaluations, ENTITY_TASK),
        relation_f1=_mean(evaluations, RELATION_TASK),
        parameters=sum(parameter.numel() for parameter in loop.parameters),
        seconds=0.0,
    )


def _mean(evaluations: list[Evaluation], task: str) -> float:
    """The mean over the corpora that are annotated for a task; 0 where none is."""
    counted = [own for own in evaluations if getattr(own, f"{task}_sentences")]
    return sum(score_of(own, task) for own in counted) / len(counted) if counted else 0.0


def part_of(job: Job, share: float, *, seed: int) -> Job:
    """The job with a random share of its training sentences, the same for the same seed."""
    corpora = tuple(
        replace(own, splits=_part_of(own.splits, share, random.Random(f"{seed} {own.name}")))
        for own in job.corpora
    )
    if job.several:
        return replace(job, splits=joined(corpora), several=corpora)
    return replace(job, splits=corpora[0].splits)


def _part_of(splits: Splits, share: float, chance: random.Random) -> Splits:
    """At least one sentence of each pool stays, in the order in which they stand."""
    pools = []
    for pool in splits.pools:
        number = max(1, round(share * len(pool.sentences)))
        places = sorted(chance.sample(range(len(pool.sentences)), number))
        kept = held_as(pool.sentences, (pool.sentences[place] for place in places))
        drawn = max(1, round(share * pool.drawn))
        pools.append(replace(pool, sentences=kept, drawn=drawn))
    return replace(splits, pools=tuple(pools))
