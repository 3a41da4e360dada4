"""Frozen states that one run leaves to the next."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.corpus import DEV, TRAIN
from tests.networks import ENCODERS, pretrained, tiny_config

from dovetail.config import CharactersEncoderConfig, Config, EncoderConfig
from dovetail.training.job import Job
from dovetail.training.loop import Loop
from dovetail.training.pools import Pool, Splits
from dovetail.training.preparation import prepare_one
from dovetail.training.results import EpochResult, StageProgress
from dovetail.training.states_cache import StatesCache

SPLITS = Splits((Pool.of("training", TRAIN),), DEV)


def config_with(*encoders: EncoderConfig) -> Config:
    return tiny_config(encoders=encoders, training={"epochs": 1})


def prepared(config: Config, cache: StatesCache | None) -> tuple[Loop, int]:
    """A loop, and how often something was encoded for it."""
    steps = prepare_one(Job(config, SPLITS), cache)
    encoded = 0
    while True:
        try:
            assert isinstance(next(steps), StageProgress)
            encoded += 1
        except StopIteration as finished:
            loop: Loop = finished.value
            return loop, encoded


def results(loop: Loop) -> list[tuple[Any, ...]]:
    events = [event for event in loop.run() if isinstance(event, EpochResult)]
    return [(event.losses, event.score, event.dev) for event in events]


def test_run_with_states_of_a_run_before_is_the_same(pretrained_folder: Path) -> None:
    config = config_with(pretrained(pretrained_folder, dropout=0.1), *ENCODERS)
    alone, encoded = prepared(config, None)
    assert encoded > 0
    cache = StatesCache()
    _, first = prepared(config, cache)
    second, again = prepared(config, cache)
    assert (first, again) == (encoded, 0)
    assert results(second) == results(alone)


@pytest.mark.parametrize(
    ("settings", "is_shared"),
    [
        ({"dropout": 0.3}, True),
        ({"projection_dim": 5}, True),
        ({"pooling": "mean"}, False),
        ({"layers": "last"}, False),
    ],
)
def test_states_are_shared_if_the_frozen_part_is_the_same(
    pretrained_folder: Path, settings: dict[str, Any], is_shared: bool
) -> None:
    cache = StatesCache()
    prepared(config_with(pretrained(pretrained_folder), *ENCODERS), cache)
    # Encoders without a frozen part have no share in it.
    others = (CharactersEncoderConfig(embedding_dim=3, hidden_dim=3), ENCODERS[1])
    changed = config_with(pretrained(pretrained_folder, **settings), *others)
    _, encoded = prepared(changed, cache)
    assert (encoded == 0) == is_shared
    _, alone = prepared(changed, None)
    assert alone > 0


def test_cache_lets_the_oldest_go(pretrained_folder: Path) -> None:
    first = config_with(pretrained(pretrained_folder))
    second = config_with(pretrained(pretrained_folder, pooling="mean"))
    cache = StatesCache()
    prepared(first, cache)
    room = 1.5 * cache.num_bytes / 1e9
    small = {"training": first.training.model_copy(update={"cache_gigabytes": room})}
    first, second = (own.model_copy(update=small) for own in (first, second))
    assert prepared(second, cache)[1] > 0
    assert cache.num_bytes <= room * 1e9
    assert prepared(second, cache)[1] == 0
    assert prepared(first, cache)[1] > 0
