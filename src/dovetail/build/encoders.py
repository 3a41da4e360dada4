"""From the config of an encoder to the encoder."""

from __future__ import annotations

from collections.abc import Sequence

from dovetail.config import EncoderConfig
from dovetail.config.in_words import describe_value
from dovetail.encoders import Encoder, Words, encoder_of


def build_encoder(config: EncoderConfig, words: Words) -> Encoder:
    """The encoder that a config describes, for a corpus with these words."""
    return encoder_of(type(config)).build(config, words)


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
        for name, expected in config.model_dump(mode="json", exclude=set(config.places)).items():
            found = own.get(name, expected)
            if found is None and not expected:  # no projection is a width of 0 in the config
                continue
            if found != expected or isinstance(found, bool) != isinstance(expected, bool):
                raise ValueError(
                    f"encoder {place} is described by {name} = {describe_value(found)}, and in the "
                    f"config it has {describe_value(expected)}"
                )
