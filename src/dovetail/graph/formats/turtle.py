"""Turtle: RDF that people can read."""

from __future__ import annotations

import re
from typing import TextIO

from dovetail.graph.formats.rdf import (
    DECIMAL,
    INTEGER,
    IRI,
    PREFIXES,
    RANGES,
    Addresses,
    Resource,
    resources,
)
from dovetail.graph.store import Store

_ESCAPED = re.compile(r'["\\\x00-\x1f\x7f-\x9f\u2028\u2029\ufffe\uffff]')
_SHORT = {'"': r"\"", "\\": r"\\", "\n": r"\n", "\r": r"\r", "\t": r"\t"}


def write_turtle(store: Store, file: TextIO, base: str) -> None:
    """Write a graph, a resource after another."""
    for prefix, namespace in PREFIXES.items():
        file.write(f"@prefix {prefix}: <{namespace}> .\n")
    file.write("\n")
    for resource in resources(store, Addresses(base)):
        file.write(_spelt(resource))


def _spelt(resource: Resource) -> str:
    pairs = [f"{name} {_value(name, value)}" for name, value in resource.values]
    pairs += [f"<{relation}> <{other}>" for relation, other in resource.relations]
    listed = " ;\n    ".join(pairs)
    return f"<{resource.iri}> {listed} .\n"


def _value(name: str, value: str) -> str:
    range_ = RANGES[name]
    if range_ == IRI:
        return f"<{value}>"
    return value if range_ in (INTEGER, DECIMAL) else literal(value)


def literal(text: str) -> str:
    r"""A text between quotes, with everything escaped that could end it.

    >>> print(literal('a "b" \\ c'))
    "a \"b\" \\ c"
    """
    return f'"{_ESCAPED.sub(_escape, text)}"'


def _escape(match: re.Match[str]) -> str:
    return _SHORT.get(match[0]) or f"\\u{ord(match[0]):04X}"
