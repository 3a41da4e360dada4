"""The config of a saved model: what rebuilds it, and the record of how it was trained.

What rebuilds it is read strictly, since a field that is not known may mean another network.  The
record is for people: a field that only a newer program knows is left out, and a value that this one
would refuse is left to its default, so that no new way to train makes a model unreadable.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomli_w

from dovetail.config.config import Config
from dovetail.config.config_files import parse_config, read_toml, validate
from dovetail.config.section import Section
from dovetail.config.sections.several_corpora import CorpusConfig
from dovetail.errors import ConfigError

_SECTIONS = ("windows", "encoders", "sharing", "entity_head", "relation_head")
_READING = ("language", "unit")
_RECORDED = ("data", "training", "distillation", "committee")
_NOT_RECORDED = "not-recorded"


def dump_network(config: Config) -> str:
    """Write what rebuilds a model as TOML; `load_saved` reads it."""
    values = config.model_dump(mode="json", exclude_none=True, include={*_SECTIONS})
    return tomli_w.dumps({"reading": _reading(config), **values})


def load_saved(network: Path, record: Path) -> Config:
    """The config of a saved model.

    Args:
        network: the file that `dump_network` wrote.
        record: the config that the model was trained with; where it is not there or cannot be read,
            the fields of training have their defaults.

    Raises:
        ConfigError: if what rebuilds the model cannot be read, or holds what this program does not
            know.
    """
    own = _network(read_toml(network), str(network))
    try:
        recorded = read_toml(record)
    except ConfigError:
        return own
    return _with_record(own, recorded)


def _network(values: Mapping[str, Any], source: str) -> Config:
    reading = values.get("reading", {})
    if not isinstance(reading, dict) or not reading.keys() <= {*_READING}:
        raise ConfigError(f"{source}: reading: expected a table with {' and '.join(_READING)}")
    corpora = {name: [f"{name}-{_NOT_RECORDED}"] for name in ("train", "dev")}
    sections = {name: value for name, value in values.items() if name != "reading"}
    return validate({**sections, "data": {**corpora, **reading}}, source=source)


def _with_record(own: Config, record: Mapping[str, Any]) -> Config:
    """The config with all that its record says and this program knows."""
    of_several = _with_corpora(own, record)
    if of_several is not None:
        return of_several
    recorded = {name: _known(getattr(own, name), record.get(name)) for name in _RECORDED}
    recorded["data"] = {**recorded["data"], **_reading(own)}
    parts = {name: record[name] for name in ("name", "seed") if name in record} | recorded
    values = own.model_dump(mode="json", exclude_none=True)
    for trial in (parts, *({name: value} for name, value in parts.items())):
        try:
            found = parse_config({**values, **trial})
        except ConfigError:
            continue
        if trial is parts:
            return found
        values |= trial
    return parse_config(values)


def _with_corpora(own: Config, record: Mapping[str, Any]) -> Config | None:
    """The same for a model of several corpora; None if it is of one, or they cannot be read."""
    entries = record.get("corpora")
    if not isinstance(entries, list) or not entries:
        return None
    values = own.model_dump(mode="json", exclude_none=True)
    del values["data"]
    values |= {name: record[name] for name in ("name", "seed") if name in record}
    for name in ("training", "mixing", "committee"):
        values[name] = _known(getattr(own, name), record.get(name))
    known = CorpusConfig.model_fields.keys()
    values["corpora"] = [
        {**{name: entry[name] for name in known & entry.keys()}, **_reading(own)}
        for entry in entries
        if isinstance(entry, dict)
    ]
    try:
        return parse_config(values)
    except ConfigError:
        return None


def _reading(own: Config) -> dict[str, Any]:
    return own.sources[0].model_dump(mode="json", exclude_none=True, include={*_READING})


def _known(section: Section, values: object) -> dict[str, Any]:
    """The values of fields that the section has."""
    if not isinstance(values, dict):
        return {}
    return {name: value for name, value in values.items() if name in type(section).model_fields}
