"""From the config of an encoder to the encoder."""

from __future__ import annotations

from collections.abc import Sequence

from dovetail.config import (
    BrownEncoderConfig,
    CasingEncoderConfig,
    CharactersEncoderConfig,
    ElmoEncoderConfig,
    EncoderConfig,
    PretrainedEncoderConfig,
    StaticEncoderConfig,
)
from dovetail.encoders import (
    BrownEncoder,
    CasingEncoder,
    CharacterEncoder,
    ElmoEncoder,
    Encoder,
    PretrainedEncoder,
    StaticEncoder,
    Transformer,
    character_vocabulary,
    read_brown_paths,
    read_word_vectors,
)

Words = Sequence[Sequence[str]]


def build_encoder(config: EncoderConfig, words: Words) -> Encoder:
    """The encoder that a config describes."""
    match config:
        case PretrainedEncoderConfig():
            return PretrainedEncoder(
                Transformer.load(config.name, trained_layers=config.trained_layers),
                pooling=config.pooling,
                layers=config.layers,
                projection_dim=config.projection_dim or None,
                dropout=config.dropout,
            )
        case ElmoEncoderConfig():
            return ElmoEncoder.load(config.options, config.weights, dropout=config.dropout)
        case StaticEncoderConfig():
            vectors = read_word_vectors(
                config.path, vocabulary=config.vocabulary, max_words=config.max_words
            )
            return StaticEncoder(vectors, lowercase=config.lowercase, dropout=config.dropout)
        case BrownEncoderConfig():
            return BrownEncoder(
                read_brown_paths(config.path),
                prefixes=config.prefixes,
                whole_path=config.whole_path,
                embedding_dim=config.embedding_dim,
            )
        case CharactersEncoderConfig():
            return CharacterEncoder(
                character_vocabulary(words),
                embedding_dim=config.embedding_dim,
                hidden_dim=config.hidden_dim,
                dropout=config.dropout,
            )
        case CasingEncoderConfig():
            return CasingEncoder()
