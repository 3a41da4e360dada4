"""The rows of a graph: nodes, edges, mentions, and the evidence of edges."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, NamedTuple

from dovetail.graph.spelling import encoded


@dataclass(slots=True)
class Totals:
    """How much was read, and what became of it."""

    documents: int = 0
    mentions: int = 0
    relations: int = 0
    nodes: int = 0
    edges: int = 0
    renamed: int = 0
    """Documents with the id of another, which got their place as well."""

    def summary(self) -> str:
        """The counts in a sentence."""
        told = (
            f"{self.nodes:,} entities and {self.edges:,} relations, from {self.mentions:,} "
            f"mentions and {self.relations:,} mentions of relations in {self.documents:,} documents"
        )
        if self.renamed:
            told += f"; {self.renamed:,} of these have the id of another, so their place is added"
        return told


class Node(NamedTuple):
    """An entity; `linked` is what an alias or a linker said that it is."""

    row: int
    id: str
    linked: str | None
    name: str
    type: str
    mentions: int
    documents: int
    best: float | None


class Edge(NamedTuple):
    """A relation between two entities, with all the mentions of it taken together."""

    row: int
    id: str
    head: str
    type: str
    tail: str
    mentions: int
    documents: int
    best: float | None
    combined: float | None


class MentionRow(NamedTuple):
    """A mention of an entity; `pieces` is empty unless it has fragments."""

    row: int
    node_row: int
    node: str
    document: str
    start: int
    end: int
    pieces: str
    type: str
    text: str
    confidence: float | None

    @property
    def id(self) -> str:
        """Its place: nothing else of the graph stands there with this type."""
        return place_id(self.document, self.type, self.start, self.end, self.pieces)


class Evidence(NamedTuple):
    """One mention of a relation, between two mentions."""

    edge_row: int
    document: str
    head: str
    tail: str
    confidence: float | None

    @classmethod
    def between(
        cls, edge: int, document: str, confidence: float | None, ends: Sequence[Any]
    ) -> Evidence:
        """The evidence between two mentions of a document, each by its type and offsets."""
        head, tail = (place_id(document, *own) for own in (ends[:4], ends[4:]))
        return cls(edge, document, head, tail, confidence)

    def id(self, edge: str) -> str:
        """Its identity, given that of its edge."""
        return digest(edge, self.head, self.tail)


def place_id(document: str, type: str, start: int, end: int, pieces: str) -> str:
    """The identity of a mention: ``DOCUMENT#TYPE/start-end``, or with all of its fragments."""
    return f"{encoded(document)}#{encoded(type)}/{pieces or f'{start}-{end}'}"


def edge_id(head: str, type: str, tail: str) -> str:
    """The identity of an edge: a digest of its ends and its type."""
    return digest(head, type, tail)


def digest(*parts: str) -> str:
    """32 hexadecimal digits for a list of texts."""
    return blake2b(json.dumps(parts).encode(), digest_size=16).hexdigest()
