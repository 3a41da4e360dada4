"""A tiny corpus of entities of several fragments, and the config of a model that learns it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tests.corpus import save_corpus
from tests.networks import tiny_config

from dovetail.config import (
    CasingEncoderConfig,
    CharactersEncoderConfig,
    Config,
    DataConfig,
    SpanEntityHeadConfig,
)
from dovetail.strategies import DepthSharingConfig
from dovetail.text.document import Entity, Relation, Sentence


def pains_of(person: str, *parts: str) -> Sentence:
    """As "Ada has hip and knee pain": the last word is part of every pain."""
    words = [person, "has"]
    for place, part in enumerate(parts):
        words += ["and"] * (0 < place == len(parts) - 1) + [part] + [","] * (place < len(parts) - 2)
    words.append("pain")
    last = len(words) - 1
    who = Entity(0, 1, "Person")
    pains = [
        Entity.of_pieces([(words.index(part), words.index(part) + 1), (last, last + 1)], "Pain")
        for part in parts
    ]
    return Sentence.from_tokens(
        [*words, "."],
        entities=[who, *pains],
        relations=[Relation(who, pain, "has") for pain in pains],
    )


def limbs(limb: str) -> Sentence:
    """As "the left and right arm hurt"."""
    both = [Entity.of_pieces([(1, 2), (4, 5)], "Part"), Entity(3, 5, "Part")]
    return Sentence.from_tokens(["the", "left", "and", "right", limb, "hurt", "."], entities=both)


HURT = (
    pains_of("Ada", "hip", "knee"),
    pains_of("Ida", "back", "neck"),
    pains_of("Otto", "neck", "hip", "back"),
    pains_of("Eva", "knee"),
    limbs("arm"),
    limbs("leg"),
    Sentence.from_tokens(["Nobody", "was", "there", "."]),
)
SPANS = SpanEntityHeadConfig(hidden_dim=16, max_width=4)


def config_of(data: DataConfig | None = None, **training: object) -> Config:
    return tiny_config(
        data or DataConfig(train=(Path("a.jsonl"),), dev=(Path("b.jsonl"),), discontinuous="keep"),
        encoders=(CharactersEncoderConfig(embedding_dim=16, hidden_dim=16), CasingEncoderConfig()),
        sharing=DepthSharingConfig(hidden_dim=16, dropout=0.0, relation_layers=1),
        entity_head=SPANS,
        relation_head={"dropout": 0.0, "hidden_dim": 16},
        training={"epochs": 60, "learning_rate": 2e-2, "patience_epochs": 0, **training},
    )


def data_of(sentences: Sequence[Sentence], folder: Path) -> DataConfig:
    path = save_corpus(sentences, folder / "train.jsonl")
    dev = save_corpus(sentences[:6], folder / "dev.jsonl")
    return DataConfig(train=(path,), dev=(dev,), discontinuous="keep", language="en")
