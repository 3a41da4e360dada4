"""The schemas of a model in the file that describes it: one as ever, or several by their names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dovetail.text.named_schemas import ONLY, SCHEMA_NAME, Schemas, is_only
from dovetail.text.schema import Schema

MAX_SCHEMAS = 100
"""Schemas of a model; each has heads of its own."""


def is_plain(schemas: Schemas) -> bool:
    """Whether there is one schema, without entities of several fragments."""
    return is_only(schemas) and not schemas[ONLY].discontinuous


def described_schemas(schemas: Schemas) -> dict[str, Any]:
    """One schema, or several by their names."""
    if is_only(schemas):
        return {"schema": schemas[ONLY].to_dict()}
    return {"schemas": {name: schema.to_dict() for name, schema in schemas.items()}}


def schemas_of(description: Mapping[str, Any]) -> dict[str, Schema]:
    """Return the schemas that `described_schemas` wrote.

    Raises:
        ValueError: if it is of another form.
    """
    values = description.get("schemas")
    if values is None:
        return {ONLY: Schema.from_dict(description["schema"])}
    if not isinstance(values, dict) or not 0 < len(values) <= MAX_SCHEMAS:
        raise ValueError(f"expected a schema by each of at most {MAX_SCHEMAS} names")
    if unfit := [name for name in values if not SCHEMA_NAME.fullmatch(name)]:
        raise ValueError(f"{unfit[0]!r} is no name of a schema: letters, digits, - and _")
    return {name: Schema.from_dict(schema) for name, schema in values.items()}
