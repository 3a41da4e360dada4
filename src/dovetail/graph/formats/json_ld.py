"""JSON-LD: the same triples as Turtle, with a context of its own, so that nothing is fetched."""

from __future__ import annotations

import json
from typing import Any, TextIO

from dovetail.graph.formats.rdf import (
    INTEGER,
    PREFIXES,
    RANGES,
    TEXT,
    Addresses,
    Resource,
    resources,
)
from dovetail.graph.store import Store

_NAMES = {name: name.partition(":")[2] for name in RANGES} | {"rdf:type": "@type"}


def context() -> dict[str, Any]:
    """What the names mean, and of which type their values are."""
    terms: dict[str, Any] = {}
    for name, range_ in RANGES.items():
        if name != "rdf:type":
            coerced = {} if range_ in (TEXT, INTEGER) else {"@type": range_}
            terms[_NAMES[name]] = {"@id": name, **coerced}
    return {**PREFIXES, **terms}


def write_json_ld(store: Store, file: TextIO, base: str) -> None:
    """Write a graph, a resource a line."""
    file.write(f'{{"@context": {json.dumps(context())},\n"@graph": [')
    between = "\n"
    for resource in resources(store, Addresses(base)):
        file.write(between + json.dumps(_values(resource), ensure_ascii=False))
        between = ",\n"
    file.write("\n]}\n")


def _values(resource: Resource) -> dict[str, Any]:
    values: dict[str, Any] = {"@id": resource.iri}
    for name, value in resource.values:
        own = int(value) if RANGES[name] == INTEGER else value
        _add(values, _NAMES[name], own)
    for relation, other in resource.relations:
        _add(values, relation, {"@id": other})
    return values


def _add(values: dict[str, Any], name: str, value: Any) -> None:
    if name in values:
        known = values[name]
        values[name] = [*(known if isinstance(known, list) else [known]), value]
    else:
        values[name] = value
