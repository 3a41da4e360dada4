"""A config in a few lines: what was chosen, without what stands at its default."""

from __future__ import annotations

from pydantic import BaseModel

from dovetail.config import Config, CorpusConfig

ALWAYS = ("kind", "name", "cell", "hidden_dim", "scheme", "seed")
"""Fields that are said even where they have their default."""


def config_summary(config: Config) -> list[tuple[str, str]]:
    """A heading and a line for each part of a config."""
    encoders = [
        (f"encoder {number}", _section(encoder))
        for number, encoder in enumerate(config.encoders, start=1)
    ]
    parts = [
        (
            f"training sentences of {own.name}"
            if isinstance(own, CorpusConfig)
            else "training sentences",
            own.described_part,
        )
        for own in config.sources
        if not own.is_whole
    ]
    return [
        *parts,
        *encoders,
        ("sharing", _section(config.sharing)),
        ("entity head", _section(config.entity_head)),
        ("relation head", _section(config.relation_head)),
        ("training", _section(config.training)),
        *([("committee", _section(config.committee))] if config.committee.members > 1 else []),
        ("seed", str(config.seed)),
    ]


def _section(section: BaseModel) -> str:
    said: list[str] = []
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        default = field.get_default(call_default_factory=True)
        if name == "kind":
            said.insert(0, str(value))
        elif name in ALWAYS or name.endswith("_layers") or value != default:
            said.append(f"{name.replace('_', ' ')} {_value(value)}")
    return ", ".join(said) or "defaults"


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, tuple):
        return " ".join(map(str, value)) or "none"
    if isinstance(value, dict):
        return " ".join(map(str, value)) or "none"
    return str(value)
