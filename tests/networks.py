"""Tiny configs and models that tests train and ask in milliseconds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from tests.corpus import DEV, SENTENCES, TRAIN
from torch import nn

from dovetail.build import build_model
from dovetail.config import (
    CasingEncoderConfig,
    CharactersEncoderConfig,
    Config,
    CrfEntityHeadConfig,
    DataConfig,
    EncoderConfig,
    EntityHeadConfig,
    PretrainedEncoderConfig,
    RelationHeadConfig,
    SharingConfig,
    TrainingConfig,
)
from dovetail.layers.recurrent import BidirectionalLayer
from dovetail.layers.transformer_layer import TransformerLayer
from dovetail.model.joint import JointModel
from dovetail.strategies import DepthSharingConfig
from dovetail.tensors.features import Batch
from dovetail.text.document import Sentence
from dovetail.text.named_schemas import ONLY
from dovetail.text.schema import Schema
from dovetail.training.dev_scores import DevSets
from dovetail.training.encoded_sentences import EncodedSentences
from dovetail.training.loop import Loop
from dovetail.training.supervision import curriculum_of

ENCODERS = (CharactersEncoderConfig(embedding_dim=6, hidden_dim=4), CasingEncoderConfig())


def tiny_config(
    data: DataConfig | None = None,
    *,
    name: str = "tiny",
    seed: int = 1,
    encoders: tuple[EncoderConfig, ...] = ENCODERS,
    sharing: SharingConfig | None = None,
    entity_head: EntityHeadConfig | None = None,
    relation_head: dict[str, Any] | None = None,
    training: dict[str, Any] | None = None,
) -> Config:
    """A config whose model has some thousand parameters, in fp32 on one thread."""
    return Config(
        name=name,
        seed=seed,
        data=data or DataConfig(train=(Path("train.jsonl"),), dev=(Path("dev.jsonl"),)),
        encoders=encoders,
        sharing=sharing or DepthSharingConfig(hidden_dim=6, dropout=0.1),
        entity_head=entity_head or CrfEntityHeadConfig(hidden_dim=8),
        relation_head=RelationHeadConfig(
            **{"label_dim": 4, "hidden_dim": 8, "dropout": 0.1, **(relation_head or {})}
        ),
        training=TrainingConfig(
            **{
                "epochs": 3,
                "batch_size": 4,
                "learning_rate": 1e-2,
                "precision": "fp32",
                "threads": 1,
                **(training or {}),
            }
        ),
    )


def pretrained(folder: object, **settings: Any) -> PretrainedEncoderConfig:
    """The encoder of a local folder."""
    return PretrainedEncoderConfig(name=str(folder), **settings)


def tiny_model(
    config: Config | None = None, *, sentences: Sequence[Sentence] = SENTENCES, seed: int = 0
) -> JointModel:
    """An untrained model of the types of some sentences."""
    torch.manual_seed(seed)
    words = [sentence.tokens for sentence in TRAIN]
    schemas = {ONLY: Schema.from_sentences(sentences)}
    return build_model(config or tiny_config(), schemas, words=words)


def tiny_loop(config: Config, model: JointModel | None = None) -> Loop:
    """The training of a tiny model on the test corpus, from the start."""
    return Loop(
        model or tiny_model(config),
        train=EncodedSentences(TRAIN),
        dev=DevSets({ONLY: EncodedSentences(DEV)}),
        curriculum=curriculum_of(config, steps_per_epoch=1),
        config=config.training,
        seed=1,
    )


def talkative_model(config: Config | None = None, *, seed: int = 0) -> JointModel:
    """An untrained model that finds something in most sentences.

    Its weights are drawn wider, without the biases that would give all tokens the same tag, and
    low thresholds let relations through.
    """
    model = tiny_model(config, seed=seed)
    with torch.no_grad():
        for name, parameter in model.trainable_parameters():
            if parameter.dim() > 1:
                parameter.normal_(std=0.7)
            elif "normalise" not in name:
                parameter.zero_()
    model.relation_head.set_thresholds([0.1] * len(model.schema.relation_types))
    return model.eval()


def batch_of(sentences: Sequence[Sentence], model: JointModel) -> Batch:
    """A batch with targets."""
    batch = Batch.from_sentences(sentences, model.encoder.featurise)
    return batch.with_targets(model.entity_head.expressible, model.schema)


def layer_factory(cell: str, hidden_dim: int = 3) -> Any:
    """A factory of layers of a cell, all equally wide."""
    if cell == "transformer":
        return lambda width: TransformerLayer(
            input_dim=width, output_dim=2 * hidden_dim, num_heads=2, normalise=True
        )
    return lambda width: BidirectionalLayer(cell, input_dim=width, hidden_dim=hidden_dim)


def reached(module: nn.Module) -> set[str]:
    """Names of the parameters that a backward pass left a gradient other than zero on."""
    return {
        name
        for name, parameter in module.named_parameters()
        if parameter.grad is not None and bool(parameter.grad.any())
    }
