"""A config with some of its values exchanged."""

from __future__ import annotations

import pytest
from tests.networks import tiny_config

from dovetail.config import CasingEncoderConfig, Config, problem_with, value_of, with_changes
from dovetail.errors import ConfigError
from dovetail.strategies import ExitsSharingConfig

CONFIG = tiny_config()


def test_values_are_found_by_their_paths() -> None:
    assert value_of(CONFIG, "sharing.hidden_dim") == 6
    assert value_of(CONFIG, "encoders.0.embedding_dim") == 6
    assert value_of(CONFIG, "encoders.7.embedding_dim") is None
    assert value_of(CONFIG, "sharing.hidden_dim.x") is None
    assert value_of(CONFIG, "data.format") is None


def test_only_what_is_named_changes() -> None:
    changed = with_changes(CONFIG, {"encoders.0.hidden_dim": 9, "sharing.dropout": 0.25})
    assert value_of(changed, "encoders.0.hidden_dim") == 9
    assert value_of(changed, "sharing.dropout") == 0.25
    back = {"encoders.0.hidden_dim": 4, "sharing.dropout": 0.1}
    assert with_changes(changed, back) == CONFIG
    assert with_changes(CONFIG, {}) == CONFIG


def test_default_is_put_back() -> None:
    changed = with_changes(CONFIG, {}, defaults=["sharing.dropout", "relation_head.label_dim"])
    assert changed.sharing.dropout == 0.35
    assert changed.relation_head.label_dim == 25


def test_new_kind_keeps_the_fields_that_it_has_too() -> None:
    changes = {
        "sharing.relation_exit": 1,
        "sharing.kind": "exits",
        "sharing.entity_exit": 0,
        "encoders.0.kind": "casing",
    }
    changed = with_changes(CONFIG, changes)
    assert changed.sharing == ExitsSharingConfig(
        hidden_dim=6, dropout=0.1, shared_layers=1, relation_exit=1, entity_exit=0
    )
    assert changed.encoders[0] == CasingEncoderConfig()


def test_contradiction_is_refused_but_is_no_problem_of_one_value() -> None:
    changes = {"relation_head.pair_dropout": 0.5}
    with pytest.raises(ConfigError, match="no hidden layer to drop from"):
        with_changes(CONFIG, changes)
    assert problem_with(CONFIG, changes) is None


@pytest.mark.parametrize(
    ("field", "value", "problem"),
    [
        ("sharing.entity_layer", 1, "did you mean sharing.entity_layers?"),
        ("sharing.kind", "depht", 'did you mean "depth"?'),
        ("training.epochs", 0, "expected an integer of at least 1, found 0"),
        ("training.precision", "fp16", 'expected "auto", "fp32" or "bf16"'),
    ],
)
def test_problem_with_a_value_is_explained(field: str, value: object, problem: str) -> None:
    assert problem in (problem_with(CONFIG, {field: value}) or "")


def test_path_through_a_value_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"sharing\.cell is the value 'gru'"):
        problem_with(CONFIG, {"sharing.cell.x": 1})


def test_config_is_left_as_it_is() -> None:
    before = CONFIG.model_copy(deep=True)
    with_changes(CONFIG, {"encoders": [{"kind": "casing"}], "sharing.kind": "bottom"})
    assert before == CONFIG
    assert isinstance(CONFIG, Config)
