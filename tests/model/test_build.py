from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.corpus import SENTENCES, TRAIN
from tests.networks import ENCODERS, pretrained, tiny_config, tiny_model
from torch import nn

from dovetail.build import build_encoder, build_model, restore_model
from dovetail.config import BrownEncoderConfig, StaticEncoderConfig
from dovetail.encoders import BrownEncoder, PretrainedEncoder, StaticEncoder
from dovetail.layers.groups import layers_with_groups
from dovetail.layers.recurrent import BidirectionalLayer
from dovetail.layers.residual import Residual
from dovetail.strategies import (
    BottomSharingConfig,
    DepthSharingConfig,
    ExitsSharingConfig,
    ProbeSharingConfig,
)
from dovetail.strategies.exits.block import SharedLayersWithExits
from dovetail.strategies.stacks import OwnLayers, SharedLayers, Stack
from dovetail.text.named_schemas import ONLY
from dovetail.text.schema import Schema

WORDS = [sentence.tokens for sentence in TRAIN]


def layers(module: Any) -> list[BidirectionalLayer]:
    return [part for part in module.modules() if isinstance(part, BidirectionalLayer)]


def test_depth_config_names_the_layers_that_are_built() -> None:
    sharing = DepthSharingConfig(
        cell="lstm", hidden_dim=3, dropout=0.25, shared_layers=2, entity_layers=0, relation_layers=3
    )
    block = tiny_model(tiny_config(sharing=sharing)).sharing
    assert isinstance(block, Stack)
    below, above = block.blocks
    assert isinstance(below, SharedLayers)
    assert isinstance(above, OwnLayers)
    assert [len(layers(part)) for part in (below, above.stacks["entity"])] == [2, 0]
    assert len(layers(above.stacks["relation"])) == 3
    assert all(layer.forwards.mode == "LSTM" for layer in layers(block))
    assert {layer.dropout.p for layer in layers(block)} == {0.25}
    assert block.output_dims == {"entity": 6, "relation": 6}


def test_bottom_config_puts_own_layers_below() -> None:
    sharing = BottomSharingConfig(
        hidden_dim=3, entity_layers=1, relation_layers=2, shared_layers=1, normalise=True
    )
    block = tiny_model(tiny_config(sharing=sharing)).sharing
    assert isinstance(block, Stack)
    below, above = block.blocks
    assert isinstance(below, OwnLayers)
    assert isinstance(above, SharedLayers)
    assert [len(layers(below.stacks[task])) for task in ("entity", "relation")] == [1, 2]
    assert len(layers(above)) == 1


def test_bottom_config_projects_first_and_has_layers_at_both_ends() -> None:
    sharing = BottomSharingConfig(
        hidden_dim=3, projection_dim=6, entity_layers=0, relation_layers=1, entity_layers_above=2
    )
    block = tiny_model(tiny_config(sharing=sharing)).sharing
    assert isinstance(block, Stack)
    first, below, shared, above = block.blocks
    assert [len(layers(part)) for part in (first, below, shared, above)] == [0, 1, 1, 2]
    assert isinstance(above, OwnLayers)
    assert len(layers(above.stacks["entity"])) == 2


@pytest.mark.parametrize("cell", ["gru", "transformer"])
def test_probe_config_gives_layers_to_one_task_alone(cell: str) -> None:
    sharing = ProbeSharingConfig(cell=cell, hidden_dim=4, normalise=True, task="relation", layers=3)
    model = tiny_model(tiny_config(sharing=sharing))
    assert model.sharing.output_dims == {"entity": model.encoder.output_dim, "relation": 8}
    parts = layers_with_groups(model.sharing)
    assert len(parts) == 3
    assert not any(isinstance(part.normalise, nn.LayerNorm) for part in parts)
    assert all(model.sharing.owners(n) == {"relation"} for n, _ in model.sharing.named_parameters())


@pytest.mark.parametrize("entity_exit", [0, 1])
def test_residual_exits_stand_on_a_projection_that_no_task_at_0_reads(entity_exit: int) -> None:
    sharing = ExitsSharingConfig(
        hidden_dim=3, shared_layers=2, entity_exit=entity_exit, relation_exit=2, residual=True
    )
    model = tiny_model(tiny_config(sharing=sharing))
    block = model.sharing
    read = 6 if entity_exit else model.encoder.output_dim
    assert block.output_dims == {"entity": read, "relation": 6}
    assert len(layers(block)) == 2
    assert sum(isinstance(part, Residual) for part in block.modules()) == 2


def test_exits_config_says_where_each_task_leaves() -> None:
    sharing = ExitsSharingConfig(hidden_dim=3, shared_layers=2, entity_exit=2, relation_exit=0)
    model = tiny_model(tiny_config(sharing=sharing))
    assert isinstance(model.sharing, SharedLayersWithExits)
    assert model.sharing.exits == {"entity": 2, "relation": 0}
    assert model.sharing.output_dims == {"entity": 6, "relation": model.encoder.output_dim}


@pytest.mark.parametrize("scheme", ["bio", "bilou"])
def test_heads_are_of_the_schema_and_the_scheme(scheme: str) -> None:
    config = tiny_config()
    head = config.entity_head.model_copy(update={"scheme": scheme})
    model = tiny_model(config.model_copy(update={"entity_head": head}))
    assert model.schema == Schema.from_sentences(SENTENCES)
    assert len(model.entity_head.tag_set) == 1 + 3 * len(model.entity_head.tag_set.scheme.prefixes)
    assert model.relation_head.label_embedding.weight.shape == (len(model.entity_head.tag_set), 4)
    assert model.relation_head.thresholds.tolist() == [0.5] * 3


def test_encoders_are_concatenated_in_their_order(pretrained_folder: Path) -> None:
    config = tiny_config(encoders=(pretrained(pretrained_folder, projection_dim=5), *ENCODERS))
    model = tiny_model(config)
    widths = [encoder.output_dim for encoder in model.encoder]
    assert widths == [5, 8, 7]
    assert model.encoder.output_dim == 20
    first = next(iter(model.encoder))
    assert isinstance(first, PretrainedEncoder)
    assert first.transformer.is_frozen


def test_file_based_encoders_take_what_their_files_hold(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("ada 1 2 3\nlondon 4 5 6\n", encoding="utf-8")
    np.save(tmp_path / "words.npy", np.ones((2, 4), dtype=np.float32))
    (tmp_path / "vocabulary.txt").write_text("ada\nlondon\n", encoding="utf-8")
    (tmp_path / "paths.txt").write_text("0110\tada\t5\n1011\tlondon\t7\n", encoding="utf-8")
    text = build_encoder(StaticEncoderConfig(path=tmp_path / "words.txt"), WORDS)
    array = build_encoder(
        StaticEncoderConfig(path=tmp_path / "words.npy", vocabulary=tmp_path / "vocabulary.txt"),
        WORDS,
    )
    brown = build_encoder(
        BrownEncoderConfig(path=tmp_path / "paths.txt", prefixes=(2,), embedding_dim=3), WORDS
    )
    assert isinstance(text, StaticEncoder)
    assert isinstance(brown, BrownEncoder)
    assert [encoder.output_dim for encoder in (text, array, brown)] == [3, 4, 6]


def test_restored_model_has_the_same_shapes(pretrained_folder: Path) -> None:
    config = tiny_config(encoders=(pretrained(pretrained_folder), *ENCODERS))
    schemas = {ONLY: Schema.from_sentences(SENTENCES)}
    model = build_model(config, schemas, words=WORDS)
    restored = restore_model(config, schemas, model.encoder.assets(), {})
    assert {name: tensor.shape for name, tensor in restored.stored_state().items()} == {
        name: tensor.shape for name, tensor in model.stored_state().items()
    }
