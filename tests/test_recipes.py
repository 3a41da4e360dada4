"""The recipes that show a strategy differ from the one they are based on by nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.markdown import PROJECT

from dovetail.config import PretrainedEncoderConfig, load_config

RECIPES = PROJECT / "recipes"


@pytest.mark.parametrize("name", ["bottom", "exits", "variational"])
def test_recipe_of_a_strategy_differs_by_its_sharing_alone(name: str) -> None:
    based_on, recipe = (load_config(RECIPES / f"{own}.toml") for own in ("conll04", name))
    assert recipe.name == recipe.sharing.kind == name
    back = {"name": based_on.name, "sharing": based_on.sharing}
    assert recipe.model_copy(update=back) == based_on
    for field in ("hidden_dim", "dropout", "normalise"):
        assert getattr(recipe.sharing, field) == getattr(based_on.sharing, field)


def test_the_control_of_the_chain_learns_from_gold_entities() -> None:
    based_on, recipe = (load_config(RECIPES / f"{own}.toml") for own in ("conll04", "sequential"))
    assert recipe.relation_head.candidates == "gold"
    head = recipe.relation_head.model_copy(update={"candidates": based_on.relation_head.candidates})
    back = {"name": based_on.name, "sharing": based_on.sharing, "relation_head": head}
    assert recipe.model_copy(update=back) == based_on


@pytest.mark.parametrize("name", ["conll04", "ade", "scierc"])
def test_recipe_of_base_size_differs_by_its_pretrained_encoder_alone(
    name: str, tmp_path: Path
) -> None:
    small, base = (load_config(RECIPES / f"{own}.toml") for own in (name, f"{name}_base"))
    minilm, *others = small.encoders
    mpnet = PretrainedEncoderConfig(name="mpnet", dropout=0.2)
    assert minilm == PretrainedEncoderConfig(dropout=0.2)
    assert base.encoders == (mpnet, *others)
    assert base.model_copy(update={"name": small.name, "encoders": small.encoders}) == small
    text = (RECIPES / f"{name}_base.toml").read_text(encoding="utf-8")
    (tmp_path / "both.toml").write_text(uncommented(text), encoding="utf-8")
    both = load_config(tmp_path / "both.toml")
    assert both.encoders == (mpnet, minilm, *others)
    assert both.model_copy(update={"encoders": base.encoders}) == base


def uncommented(recipe: str) -> str:
    """A recipe with the encoder that it has as a comment."""
    return "".join(
        line.removeprefix("# ") if line.startswith(("# [[", "# kind", "# name", "# drop")) else line
        for line in recipe.splitlines(keepends=True)
    )


def test_the_recipe_with_negatives_differs_by_its_data_epochs_and_threshold_alone() -> None:
    based_on, recipe = (load_config(RECIPES / f"{own}.toml") for own in ("ade", "adverse_effects"))
    data = recipe.data
    assert [path.name for path in data.negatives] == ["ADE-NEG.txt"]
    assert data.negatives_held_out == ("*7",)
    assert [path.name for path in data.documents] == ["DRUG-AE.rel"]
    tested = data.train[0].name.replace("train", "test")
    assert [path.name for path in data.held_out] == [tested]
    epochs = {"training": recipe.training.model_copy(update={"epochs": based_on.training.epochs})}
    head = {"entity_head": recipe.entity_head.model_copy(update={"threshold": 0.0})}
    same = recipe.model_copy(update={"name": based_on.name, "data": based_on.data} | epochs | head)
    assert same == based_on
    bare = {"negatives": (), "negatives_held_out": (), "documents": (), "held_out": ()}
    bare |= {"negatives_for": "relations", "negatives_per_epoch": 0, "negatives_in_dev": 0}
    assert data.model_copy(update=bare) == based_on.data
