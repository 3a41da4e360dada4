"""Search spaces: what is read, what is refused, and that every value gets into the config."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.networks import ENCODERS, tiny_config

from dovetail.config import Config, PretrainedEncoderConfig, SharingConfig, value_of
from dovetail.errors import ConfigError
from dovetail.lab.search import (
    Choices,
    Condition,
    Range,
    Space,
    default_space,
    parse_space,
    read_space,
)
from dovetail.lab.search.entries import same
from dovetail.strategies import BottomSharingConfig, DepthSharingConfig, ExitsSharingConfig

SHARINGS: list[SharingConfig] = [
    DepthSharingConfig(hidden_dim=6),
    BottomSharingConfig(hidden_dim=100),
    ExitsSharingConfig(hidden_dim=500, entity_exit=1, relation_exit=3),
    ExitsSharingConfig(entity_exit=3, relation_exit=0),
    ExitsSharingConfig(entity_exit=3, relation_exit=3),
]

CONFIGS = [
    *(tiny_config(sharing=sharing) for sharing in SHARINGS),
    tiny_config(encoders=(PretrainedEncoderConfig(trained_layers=2), *ENCODERS)),
    tiny_config(training={"relation_loss_weight": 0.0, "learning_rate": 0.123456}),
    tiny_config(relation_head={"label_dim": 0}),
    tiny_config(relation_head={"pair_hidden_dim": 77, "pair_dropout": 0.123}),
]


def sampled(space: Space, *, seed: int) -> dict[str, Any]:
    """The values of a random trial."""
    sampler = optuna.samplers.RandomSampler(seed=seed)
    study = optuna.create_study(sampler=sampler)
    return space.suggest(study.ask())


@pytest.fixture(autouse=True)
def _quiet() -> None:
    optuna.logging.set_verbosity(optuna.logging.ERROR)


@pytest.mark.parametrize("config", CONFIGS)
def test_default_space_names_fields_that_exist_and_holds_the_start(config: Config) -> None:
    space = default_space(config)
    assert not space.outside
    for field in space.entries:
        assert value_of(config, field) is not None, field
    assert space.is_start(space.values(space.stored(space.start_values)))
    assert space.config(space.start_values) is config


@pytest.mark.parametrize("config", CONFIGS)
def test_no_trial_of_the_default_space_is_refused(config: Config) -> None:
    space = default_space(config)
    for seed in range(20):
        values = sampled(space, seed=seed)
        changed = space.config(values)
        for field, value in values.items():
            assert same(value_of(changed, field), value), field


def test_default_space_tunes_what_the_config_has() -> None:
    assert "sharing.entity_layers" in default_space(CONFIGS[0]).entries
    assert "training.encoder_learning_rate" not in default_space(CONFIGS[0]).entries
    assert default_space(CONFIGS[2]).entries["sharing.entity_exit"] == Range(0, 3, whole=True)
    assert "sharing.relation_exit" not in default_space(CONFIGS[2]).entries
    assert "sharing.relation_exit" in default_space(CONFIGS[3]).entries
    assert "training.encoder_learning_rate" in default_space(CONFIGS[5]).entries
    assert "encoders.0.dropout" in default_space(CONFIGS[5]).entries
    assert "training.relation_loss_weight" not in default_space(CONFIGS[6]).entries


@pytest.mark.parametrize("config", CONFIGS)
def test_space_is_read_as_it_is_written(config: Config, tmp_path: Path) -> None:
    space = default_space(config)
    file = tmp_path / "space.toml"
    file.write_text(space.to_toml(), encoding="utf-8")
    assert read_space(file, config).entries == space.entries


def test_entries_may_stand_in_tables_of_their_section() -> None:
    text = """
    sharing.hidden_dim = {low = 64, high = 256, step = 64}
    "entity_head.scheme" = ["bio", "bilou"]
    [training]
    learning_rate = {low = 5e-4, high = 5e-3, log = true}
    [encoders.0]
    dropout = {low = 0, high = 1e-1}
    [relation_head]
    pair_hidden_dim = [0, 8]
    pair_dropout = {values = [0.1, 0.2], only_if = "relation_head.pair_hidden_dim=8"}
    """
    space = parse_space(tomllib.loads(text), tiny_config())
    assert space.entries == {
        "sharing.hidden_dim": Range(64, 256, step=64, whole=True),
        "entity_head.scheme": Choices(("bio", "bilou")),
        "training.learning_rate": Range(5e-4, 5e-3, log=True),
        "encoders.0.dropout": Range(0, 0.1),
        "relation_head.pair_hidden_dim": Choices((0, 8)),
        "relation_head.pair_dropout": Choices(
            (0.1, 0.2), Condition("relation_head.pair_hidden_dim", 8)
        ),
    }


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({}, "nothing to tune"),
        ({"sharing.shared_layer": [0, 1]}, "did you mean sharing.shared_layers?"),
        ({"sharing.dropout": {"low": 0, "high": 2}}, "at least 0 and below 1, found 2"),
        ({"sharing.hidden_dim": {"low": 8, "high": 16.5}}, "expected an integer"),
        ({"sharing.entity_exit": [0, 1]}, 'it belongs to [sharing] with kind = "exits"'),
        ({"entity_head.scheme": ["bio", "bilo"]}, 'did you mean "bilou"?'),
        ({"entity_head.scheme": ["bio"]}, "at least two values"),
        ({"entity_head.scheme": ["bio", "bio"]}, "named twice"),
        ({"entity_head.scheme": "bio"}, "expected a list of values such as"),
        ({"sharing.dropout": {"lo": 0, "high": 1}}, "unknown key lo; did you mean low?"),
        ({"sharing.dropout": {"high": 0.5}}, "low is missing"),
        ({"sharing.dropout": {"low": 0.5, "high": 0.5}}, "low has to be below high"),
        ({"sharing.dropout": {"low": "a", "high": 0.5}}, "low: expected a number, found 'a'"),
        ({"sharing.dropout": {"low": 0, "high": 0.5, "log": True}}, "low has to be above 0"),
        ({"sharing.dropout": {"low": 0, "high": 0.5, "log": 1}}, "log: expected true or false"),
        (
            {"training.learning_rate": {"low": 1e-3, "high": 1e-2, "log": True, "step": 1e-3}},
            "step and log cannot both be meant",
        ),
        ({"sharing.dropout": {"low": 0, "high": 0.5, "step": 0.6}}, "at most high - low"),
        ({"sharing.dropout": {"values": [0, 0.5], "low": 0}}, "leaves no room for low"),
        ({"relation_head.between": {"low": 0, "high": 1}}, "true or false"),
        ({"encoders.7.dropout": [0.1, 0.2]}, "encoders has 2 items"),
        ({"sharing.hidden_dim.x": [1, 2]}, "which has nothing named 'x'"),
        ({"name": ["a", "b"]}, "cannot be tuned"),
        ({"seed": [1, 2]}, "luckiest"),
        ({"data.dev_fraction": [0.1, 0.2]}, "no longer be scores of the same thing"),
        ({"training.select": ["mean", "entity"]}, "no longer be scores of the same thing"),
        ({"relation_head.threshold": [0.4, 0.5]}, "at 0.5 whatever it says"),
        (
            {"sharing.dropout": {"values": [0, 0.5], "only_if": "sharing.knd=depth"}},
            "only_if: sharing.knd: unknown key; did you mean sharing.kind?",
        ),
        (
            {"sharing.dropout": {"values": [0, 0.5], "only_if": "sharing.knd"}},
            "only_if: sharing.knd: unknown key; did you mean sharing.kind?",
        ),
        ({"sharing.dropout": {"values": [0, 0.5], "only_if": 3}}, "only_if: expected"),
        (
            {
                "sharing.dropout": {"values": [0, 0.5], "only_if": "sharing.normalise"},
                "sharing.normalise": {"values": [False, True], "only_if": "sharing.dropout"},
            },
            "sharing.dropout asks sharing.normalise asks sharing.dropout",
        ),
        (
            {"sharing.dropout": ["a", 0.1], "sharing.cell": ["gru", "lst"]},
            '2 problems\n  sharing.dropout: expected a number of at least 0 and below 1, found "a"',
        ),
    ],
)
def test_what_cannot_be_meant_is_refused(entries: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_space(entries, tiny_config(), source="space.toml")
    assert message in str(caught.value)
    assert str(caught.value).startswith("space.toml: ")


def test_file_that_is_missing_or_no_toml_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such search space"):
        read_space(tmp_path / "space.toml", tiny_config())
    (tmp_path / "space.toml").write_text("a = [", encoding="utf-8")
    with pytest.raises(ConfigError, match="not valid TOML"):
        read_space(tmp_path / "space.toml", tiny_config())


def test_field_whose_condition_fails_is_not_tuned_and_gets_its_default() -> None:
    start = tiny_config(relation_head={"pair_hidden_dim": 8, "pair_dropout": 0.3})
    space = parse_space(
        {
            # Out of order: a condition is asked before what depends on it, wherever it stands.
            "relation_head.pair_dropout": {
                "low": 0.1,
                "high": 0.5,
                "only_if": "relation_head.pair_hidden_dim",
            },
            "relation_head.pair_hidden_dim": [0, 8],
        },
        start,
    )
    assert next(iter(space.entries)) == "relation_head.pair_hidden_dim"
    heads = [space.config(sampled(space, seed=seed)).relation_head for seed in range(12)]
    assert {head.pair_hidden_dim for head in heads} == {0, 8}
    for head in heads:
        assert (head.pair_dropout == 0) == (head.pair_hidden_dim == 0)


def test_kinds_of_sharing_can_be_tuned_with_their_own_fields() -> None:
    space = parse_space(
        {
            "sharing.kind": ["depth", "exits"],
            "sharing.entity_layers": {"low": 0, "high": 2, "only_if": "sharing.kind=depth"},
            "sharing.relation_exit": {"values": [1, 2], "only_if": "sharing.kind=exits"},
            "sharing.entity_exit": {"values": [0, 1], "only_if": "sharing.kind=exits"},
            "sharing.shared_layers": [1, 2],
        },
        tiny_config(sharing=DepthSharingConfig(hidden_dim=7)),
    )
    kinds, refused = set(), 0
    for seed in range(30):
        values = sampled(space, seed=seed)
        try:
            config = space.config(values)
        except ConfigError:  # an exit that there is no layer for
            refused += 1
            continue
        kinds.add(config.sharing.kind)
        assert config.sharing.hidden_dim == 7
    assert kinds == {"depth", "exits"}
    assert 0 < refused < 15


def test_start_outside_of_the_space_is_known() -> None:
    config = tiny_config(training={"learning_rate": 0.5})
    space = parse_space({"training.learning_rate": {"low": 0.1, "high": 0.4}}, config)
    assert space.outside == {"training.learning_rate": 0.5}


def test_value_may_be_a_list_or_table() -> None:
    encoders = [[{"kind": "casing"}], [{"kind": "casing"}, {"kind": "characters"}]]
    space = parse_space({"encoders": encoders}, tiny_config())
    found = {len(space.config(sampled(space, seed=seed)).encoders) for seed in range(12)}
    assert found == {1, 2}


numbers = st.integers(0, 400)


@given(numbers, st.integers(1, 40), st.integers(1, 9), numbers)
def test_range_that_includes_a_number_still_has_its_own(
    low: int, step: int, count: int, number: int
) -> None:
    entry = Range(low, low + step * count, step=step, whole=True)
    wider = entry.including(number)
    assert wider.contains(number)
    for own in range(low, low + step * count + 1, step):
        assert wider.contains(own)
    assert entry.contains(number) == (wider == entry)


@given(st.floats(1e-6, 1e3), st.booleans())
def test_continuous_range_includes_any_number(number: float, log: bool) -> None:
    wider = Range(0.5, 2.0, log=log).including(number)
    assert wider.contains(number)
    assert wider.contains(1.0)
    assert wider.low <= wider.decode(number) <= wider.high


@pytest.mark.parametrize("number", [0.35, 0.123, 0.9])
def test_dropout_off_the_grid_is_included(number: float) -> None:
    wider = Range(0.0, 0.6, step=0.05).including(number)
    assert wider.contains(number)
    assert wider.contains(0.45)
