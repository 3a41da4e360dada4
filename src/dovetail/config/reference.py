"""The reference of the config, made from the docstrings of its fields."""

from __future__ import annotations

import inspect

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from dovetail.config.config import Config
from dovetail.config.in_words import describe, describe_value
from dovetail.config.structure import KIND, sections_below, sections_in

_INTRODUCTION = """\
# Configuration

<!-- Made from the docstrings of dovetail.config by scripts/write_configuration.py. -->

A run is described by one TOML file.
Only `[data]`, or [`[[corpora]]`](several-corpora.md) in its place, has to be there, since every
other field has a default; a file that is enough:

```toml
[data]
train = "train.json"
dev = "dev.json"
```

Unknown keys are refused, and so are values that contradict each other.
Any field can be set on the command line, as often as needed: `--set sharing.entity_layers=2`,
`--set encoders.0.pooling=mean`.
The value is read as TOML, and a bare word as a string.
Items of a list are counted from 0.
"""


def config_reference() -> str:
    """All sections and fields of the config as a Markdown page."""
    lines = _describe_section("The top of the file", Config)
    for heading, section in sections_below(Config):
        lines += _describe_section(f"`{heading}`", section)
    return "\n".join([_INTRODUCTION, *lines])


def _describe_section(heading: str, section: type[BaseModel]) -> list[str]:
    told_before = {name for base in _listed_bases(section) for name in base.model_fields}
    rows = [
        _row(name, field)
        for name, field in section.model_fields.items()
        if name != KIND and not sections_in(field.annotation) and name not in told_before
    ]
    table = ["| field | expects | default | meaning |", "|---|---|---|---|", *rows]
    return [
        f"## {heading}\n",
        f"{_summary(section)}\n",
        *(table if rows else ["No fields."]),
        "",
    ]


def _listed_bases(section: type[BaseModel]) -> list[type[BaseModel]]:
    """The sections that a section has all fields of, and that are listed themselves."""
    listed = [other for _, other in sections_below(Config)]
    return [base for base in section.__bases__ if base in listed]


def _summary(section: type[BaseModel]) -> str:
    """The first paragraph of a section's docstring; what follows is for Python."""
    return (inspect.getdoc(section) or "").split("\n\n")[0]


def _row(name: str, field: FieldInfo) -> str:
    cells = (
        f"`{name}`",
        describe(field.annotation, field.metadata),
        _default(field),
        field.description or "",
    )
    return f"| {' | '.join(' '.join(cell.split()).replace('|', '&#124;') for cell in cells)} |"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    default = field.get_default(call_default_factory=True, validated_data={})
    return "none" if default is None else f"`{describe_value(default)}`"
