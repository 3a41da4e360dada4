"""How an advice comes about: pilots, their time, what ends them, and what is recommended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dovetail.config import Config, with_changes
from dovetail.errors import TrainingError
from dovetail.lab.advice.advice import PROBABLY, Advice, judge
from dovetail.lab.advice.adviser import Adviser
from dovetail.lab.advice.candidates import (
    ALL_SHARED,
    PROPOSALS,
    Candidate,
    Proposal,
    default_of,
)
from dovetail.lab.advice.events import (
    AgreementFound,
    Begun,
    PilotEnded,
    PilotStarted,
    Planned,
    Refused,
    ToGo,
)
from dovetail.lab.advice.known import Known
from dovetail.lab.advice.pilots import HALF, WHOLE, Pilot, Pilots, part_of
from dovetail.lab.advice.posterior import Normal
from dovetail.lab.advice.schedule import FEWEST_EPOCHS, OTHERS, ROUNDS, USED, Budget, Schedule
from dovetail.lab.advice.store import Store
from dovetail.running.steps import result_of
from dovetail.training.job import Job
from dovetail.training.results import StepResult

NOTHING_KNOWN = Known(())
DEFAULT = Candidate("own", {}, "the config as it is")
BOTH = {"own": 0.5, "other": 0.6}
OTHER = Candidate("other", {"sharing": {"kind": "depth"}}, "why not")


def pilot(candidate: str, seed: int, score: float, *, share: float = WHOLE) -> Pilot:
    return Pilot(candidate, seed, 2, share, score, score, score, 100, 1.0)


class Clock:
    """A clock that goes on by a little whenever it is looked at, on any machine alike."""

    def __init__(self) -> None:
        self.time = 0.0

    def __call__(self) -> float:
        self.time += 0.01
        return self.time


def advised(
    job: Job,
    *,
    store: Store | None = None,
    rounds: int = 1,
    proposals: Sequence[Proposal] = PROPOSALS,
) -> tuple[Advice, list[Any]]:
    events: list[Any] = []
    budget = Budget(1e6, Clock())
    adviser = Adviser(job, budget, NOTHING_KNOWN, store or Store(), rounds, proposals)
    return result_of(adviser.run(), events.append), events


def of_kind(events: list[Any], kind: type) -> list[Any]:
    return [event for event in events if isinstance(event, kind)]


def test_pilots_of_a_round_have_one_seed_and_all_are_compared(job: Job) -> None:
    advice, events = advised(job, rounds=2)
    (begun,) = of_kind(events, Begun)
    (planned,) = of_kind(events, Planned)
    assert planned.epochs == planned.full_epochs == 2
    ended = [event.pilot for event in of_kind(events, PilotEnded)]
    names = [begun.default.name, *(own.name for own in begun.candidates)]
    first = [own for own in ended if own.seed == 1]
    assert [own.candidate for own in first if own.share == WHOLE] == names
    assert [own.candidate for own in first if own.share == HALF] == [begun.default.name]
    for own in advice.judged:
        assert own.differences
        by_seed = {p.seed: p.score for p in ended if p.candidate == own.candidate.name}
        of_default = {
            p.seed: p.score for p in ended if p.candidate == begun.default.name and p.share == WHOLE
        }
        expected = tuple(by_seed[seed] - of_default[seed] for seed in sorted(by_seed))
        assert own.differences == expected
    assert [own.gain.mean for own in advice.judged] == sorted(
        (own.gain.mean for own in advice.judged), reverse=True
    )
    assert len(of_kind(events, AgreementFound)) == 1
    assert advice.agreement
    assert advice.curve is not None
    left = [event.seconds for event in of_kind(events, ToGo)]
    assert all(0 <= seconds <= 1e6 for seconds in left)
    assert of_kind(events, ToGo)[-1].done == len(ended)


def test_pilot_scores_as_a_training_of_its_config_does(job: Job) -> None:
    pilots = Pilots(job, lambda: False, Clock())
    own = default_of(job.config)
    made = result_of(pilots.train(own, seed=3, epochs=2))
    again = result_of(pilots.train(own, seed=3, epochs=2))
    assert made is not None
    assert again is not None
    assert replace(made[0], seconds=0) == replace(again[0], seconds=0)
    assert made[0].score == made[1].progress.best_score
    assert (made[0].epochs, made[0].seed) == (2, 3)


def test_dev_sentences_are_the_same_on_a_part_of_the_training_sentences(job: Job) -> None:
    half = part_of(job, HALF, seed=0)
    assert len(half.splits.train) == len(job.splits.train) // 2
    assert {*half.splits.train} < {*job.splits.train}
    assert half.splits.dev == job.splits.dev
    assert part_of(job, HALF, seed=0).splits == half.splits
    assert part_of(job, HALF, seed=1).splits != half.splits


def test_part_of_several_corpora_is_a_part_of_each(several: Job) -> None:
    half = part_of(several, HALF, seed=0)
    assert [len(own.splits.train) for own in half.corpora] == [11, 6]
    assert len(half.splits.learned) == 17
    advice, _ = advised(several, proposals=PROPOSALS[:2])
    assert advice.curve is not None
    assert any(own.differences for own in advice.judged)


@pytest.mark.parametrize("seconds", [0.0, 0.5, 3.0])
def test_time_is_kept(job: Job, seconds: float) -> None:
    long = job.with_config(with_changes(job.config, {"training.epochs": 500}))
    clock, events = Clock(), list[Any]()
    advice = result_of(Adviser(long, Budget(seconds, clock), NOTHING_KNOWN).run(), events.append)
    assert clock.time < seconds + 0.2  # it is looked at some times after the end
    assert len(advice.pilots) == len(of_kind(events, PilotEnded))
    assert advice.judged
    assert advice.pilots or seconds < 1
    assert seconds or not advice.pilots
    assert all(planned.epochs < 500 for planned in of_kind(events, Planned))


def test_a_wish_to_stop_gives_the_advice_of_what_is_done(job: Job) -> None:
    seen: list[Any] = []
    budget = Budget(1e6, Clock(), lambda: len(of_kind(seen, PilotEnded)) == 3)
    advice = result_of(Adviser(job, budget, NOTHING_KNOWN).run(), seen.append)
    assert advice.interrupted
    assert len(advice.pilots) == 3
    assert [len(own.differences) for own in advice.judged].count(1) == 2


def test_a_pilot_that_is_given_up_within_its_steps_does_not_count(job: Job) -> None:
    seen: list[Any] = []
    pilots = Pilots(job, lambda: len(of_kind(seen, StepResult)) >= 3, Clock())
    assert result_of(pilots.train(default_of(job.config), seed=1, epochs=2), seen.append) is None
    assert len(of_kind(seen, StepResult)) == 3


def test_same_call_goes_on_with_the_pilots_that_are_there(job: Job, tmp_path: Path) -> None:
    first, _ = advised(job, store=Store.open(tmp_path, job), proposals=PROPOSALS[:2])
    again, events = advised(job, store=Store.open(tmp_path, job), proposals=PROPOSALS[:2])
    assert all(event.was_known for event in of_kind(events, PilotEnded))
    assert not of_kind(events, PilotStarted)
    assert again.pilots == first.pilots
    assert again.judged == first.judged
    assert again.agreement == first.agreement
    changed = job.with_config(with_changes(job.config, {"training.learning_rate": 0.02}))
    assert Store.open(tmp_path, changed).pilots == []
    assert tuple(Store.open(tmp_path, job).pilots) == tuple(first.pilots)


@pytest.mark.parametrize("damage", [b'{"pil', b"\xff\xfe\n", b"\x00" * 10])
def test_what_stands_before_a_damaged_line_is_kept(damage: bytes, job: Job, tmp_path: Path) -> None:
    kept = [pilot("own", seed, 0.5) for seed in (1, 2, 3)]
    store = Store.open(tmp_path, job)
    for own in kept[:2]:
        store.add(own)
    assert store.path is not None
    with store.path.open("ab") as file:
        file.write(damage)
    again = Store.open(tmp_path, job)
    assert again.pilots == kept[:2]
    again.add(kept[2])
    assert Store.open(tmp_path, job).pilots == kept


def test_candidate_that_is_hopeless_gets_no_further_pilots(job: Job) -> None:
    own = default_of(job.config).name
    store = Store(
        pilots=[
            *(pilot(own, seed, 0.9) for seed in range(1, 4)),
            *(pilot(ALL_SHARED, seed, 0.1) for seed in range(1, 4)),
        ]
    )
    _, events = advised(job, store=store, proposals=PROPOSALS[:2])
    trained = {event.candidate for event in of_kind(events, PilotStarted)}
    assert ALL_SHARED not in trained


def test_candidate_that_cannot_be_trained_is_left_out(
    config: Config, pretrained_folder: Path
) -> None:
    encoder = {"kind": "pretrained", "name": str(pretrained_folder)}
    job = Job.of(with_changes(config, {"encoders": [encoder]}))
    layers = {"entity_layers": 0, "relation_layers": 0, "shared_layers": 1}
    fine = Proposal("fine", "depth", "why not", layers)
    deep = {**layers, "cell": "pretrained", "shared_layers": 30}  # more than the encoder has
    proposals = (Proposal("deep", "depth", "why not", deep), fine)
    advice, events = advised(job, proposals=proposals)
    assert [own.candidate.name for own in advice.judged] == ["fine"]
    assert advice.judged[0].differences
    (refused,) = of_kind(events, Refused)
    assert (refused.name, refused.reason) == ("deep", advice.unfit[0].reason)


def test_config_over_a_base_and_one_without_dev_are_refused(config: Config) -> None:
    alone = with_changes(
        config, {"data.dev": [], "relation_head.threshold": 0.5, "training.patience_epochs": 0}
    )
    with pytest.raises(TrainingError, match=r"data\.dev_fraction"):
        advised(Job.of(alone))


@pytest.mark.parametrize(
    ("scores", "is_taken"),
    [((0.6, 0.61, 0.6), True), ((0.5, 0.5, 0.5), False), ((0.4, 0.42, 0.41), False)],
)
def test_candidate_is_recommended_where_it_is_probably_better(
    scores: tuple[float, ...], is_taken: bool
) -> None:
    pilots = [
        own
        for seed, score in enumerate(scores)
        for own in (pilot("own", seed, 0.5), pilot("other", seed, score))
    ]
    judged = judge([OTHER], DEFAULT, pilots, NOTHING_KNOWN, dev_sentences=1000, share=1.0)
    assert judged[0].is_probably_better == is_taken
    assert (judged[0].gain.above_zero >= PROBABLY) == is_taken


def test_pilots_that_learned_nothing_say_nothing() -> None:
    nothing = [pilot(name, seed, 0.0) for name in BOTH for seed in (1, 2)]
    pair = [pilot(name, 3, score) for name, score in BOTH.items()]
    one = judge([OTHER], DEFAULT, pair, NOTHING_KNOWN, dev_sentences=100, share=1.0)
    assert (
        judge([OTHER], DEFAULT, nothing + pair, NOTHING_KNOWN, dev_sentences=100, share=1.0) == one
    )
    none = judge([OTHER], DEFAULT, nothing, NOTHING_KNOWN, dev_sentences=100, share=1.0)
    assert none == judge([OTHER], DEFAULT, [], NOTHING_KNOWN, dev_sentences=100, share=1.0)


def test_pilots_that_end_while_scores_rise_say_less_if_epochs_are_missing() -> None:
    def gain(rise: float, share: float) -> Normal:
        pilots = [replace(pilot(own, 1, score), rise=rise) for own, score in BOTH.items()]
        own = judge([OTHER], DEFAULT, pilots, NOTHING_KNOWN, dev_sentences=1000, share=share)
        return own[0].gain

    assert gain(0.05, 0.1).mean < gain(0.01, 0.1).mean < gain(0.0, 0.1).mean
    assert gain(0.05, 0.1).variance > gain(0.05, 0.9).variance > gain(0.0, 0.9).variance
    assert gain(0.05, 1.0) == gain(0.0, 1.0) == gain(0.0, 0.1)


@given(st.floats(1, 1e5), st.floats(1e-3, 100), st.integers(1, 500), st.integers(2, 12))
def test_schedule_fits_into_its_time(
    seconds: float, per_epoch: float, full: int, candidates: int
) -> None:
    own = Schedule.fitting(
        seconds, seconds_per_epoch=per_epoch, full_epochs=full, candidates=candidates
    )
    assert 1 <= own.epochs <= full
    planned = own.rounds * candidates * own.epochs * per_epoch * OTHERS
    assert planned <= USED * seconds or own.rounds == 1
    assert own.epochs in (min(full, FEWEST_EPOCHS), full) or own.rounds >= ROUNDS
    assert own.epochs_of(HALF) == min(full, 2 * own.epochs)


def test_pilots_that_are_there_decide_the_length_unless_others_could_be_much_longer() -> None:
    def fitting(seconds: float) -> Schedule:
        return Schedule.fitting(
            seconds, seconds_per_epoch=1.0, full_epochs=100, candidates=5, before=(20, 2)
        )

    needed = 20 * 5 * OTHERS / USED
    assert (fitting(needed).epochs, fitting(needed).rounds) == (20, 3)
    assert fitting(2.5 * needed).epochs == 20
    longer = fitting(4 * needed)
    assert longer.epochs == 40
    assert longer.rounds == ROUNDS


def test_tasks_that_are_not_learned_are_no_tasks(config: Config) -> None:
    alone = {"training.relation_loss_weight": 0.0, "training.select": "entity"}
    advice, events = advised(Job.of(with_changes(config, alone)))
    assert advice.judged == ()
    assert advice.recommended.name == default_of(config).name
    assert not of_kind(events, PilotStarted)
