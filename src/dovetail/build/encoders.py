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
from dovetail.config.description import describe_value
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

_PLACES = {"name", "options", "weights", "path", "vocabulary"}
"""Fields of encoders that say where something is."""


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


def check_assets(configs: Sequence[EncoderConfig], assets: object) -> None:
    """Compare what a saved model says of its encoders with its config, which is checked.

    Paths and names may differ: whoever moved an encoder names its new place in the description.

    Raises:
        ValueError: naming the first value that differs.
    """
    if not isinstance(assets, list) or len(assets) != len(configs):
        raise ValueError(f"expected the {len(configs)} encoders of the config to be described")
    for place, (config, own) in enumerate(zip(configs, assets, strict=True)):
        if not isinstance(own, dict):
            raise ValueError(f"encoder {place} is described by no JSON object")
        for name, expected in config.model_dump(mode="json", exclude=_PLACES).items():
            found = own.get(name, expected)
            if found is None and not expected:  # no projection is a width of 0 in the config
                continue
            if found != expected or isinstance(found, bool) != isinstance(expected, bool):
                raise ValueError(
                    f"encoder {place} is described by {name} = {describe_value(found)}, and in the "
                    f"config it has {describe_value(expected)}"
                )
