"""From a TOML file to a config and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import tomli_w
from pydantic import ValidationError

from dovetail.config.config import Config
from dovetail.config.explanation import explain
from dovetail.config.overrides import apply_overrides
from dovetail.errors import ConfigError
from dovetail.files.bounded import read_bytes, toml_values

MAX_BYTES = 1 << 20
"""What a file of settings may have; a config is a few thousand."""


def load_config(path: str | Path, overrides: Sequence[str] = ()) -> Config:
    """Read a config file.

    Args:
        path: a TOML file.
        overrides: values that replace those of the file, such as ``sharing.entity_layers=2``.

    Raises:
        ConfigError: if the file cannot be read, is not TOML, or holds what cannot be right; all
            that is wrong is said at once.
    """
    return validate(read_toml(Path(path)), overrides, source=str(path))


def parse_config(values: Mapping[str, Any], overrides: Sequence[str] = ()) -> Config:
    """Make a config of the values that a TOML file would hold.

    Raises:
        ConfigError: if they hold what cannot be right; all that is wrong is said at once.
    """
    return validate(values, overrides, source="config")


def dump_config(config: Config, *, defaults: bool = True) -> str:
    """Write a config as TOML; `load_config` reads the same back.

    Only what is not given and has no value, such as `data.format`, is left out.

    Args:
        config: what to write.
        defaults: whether fields that were not given are written too, with their defaults.
    """
    values = config.model_dump(mode="json", exclude_none=True, exclude_unset=not defaults)
    return tomli_w.dumps(values)


def validate(values: Mapping[str, Any], overrides: Sequence[str] = (), *, source: str) -> Config:
    """Make a config of values that come from a place of that name.

    Raises:
        ConfigError: as `parse_config`.
    """
    changed = apply_overrides(values, overrides, defaults=_default_encoders())
    try:
        # A context asks the sections to leave the explaining of errors to this function.
        return Config.model_validate(changed, context={})
    except ValidationError as error:
        raise ConfigError(explain(error, section=Config, source=source)) from None


def _default_encoders() -> dict[str, Any]:
    """The default list as TOML values, so that an override can reach into it."""
    encoders = Config.model_fields["encoders"].default
    return {
        "encoders": [encoder.model_dump(mode="json", exclude_none=True) for encoder in encoders]
    }


def read_toml(path: Path, *, kind: str = "config file") -> dict[str, Any]:
    """The values of a TOML file; `kind` is what a message calls it.

    Raises:
        ConfigError: if it cannot be read, is no file of at most `MAX_BYTES`, or is not TOML.
    """
    try:
        text = read_bytes(path, at_most=MAX_BYTES).decode("utf-8-sig")  # with a byte order mark
    except FileNotFoundError:
        raise ConfigError(f"{path}: there is no such {kind}") from None
    except IsADirectoryError:
        raise ConfigError(f"{path}: expected a {kind}, found a folder") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: expected TOML in UTF-8; {error}") from None
    except OSError as error:
        raise ConfigError(f"{path}: the {kind} cannot be read: {error.strerror}") from None
    try:
        return toml_values(text)
    except ValueError as error:
        raise ConfigError(f"{path}: not valid TOML: {error}") from None
