"""A graph as RDF: one stream of resources, which Turtle and JSON-LD spell in two ways.

A relation is a plain triple, so that a query is as simple as the fact, and what is known about it
(counts, confidences, evidence) hangs on an `rdf:Statement` beside it.  Every store reads that;
RDF-star is written in several ways that not every store reads, and names no two statements apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter
from urllib.parse import unquote

from dovetail.graph.naming import LINKED
from dovetail.graph.rows import Edge, Evidence, MentionRow, Node
from dovetail.graph.spelling import encoded, is_iri
from dovetail.graph.store import Store

BASE = "urn:dovetail:graph:"
"""What the addresses of a graph begin with unless told otherwise."""

VOCABULARY = "urn:dovetail:terms#"

PREFIXES = {
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
    "dt": VOCABULARY,
}

IRI, TEXT, INTEGER, DECIMAL = "@id", "xsd:string", "xsd:integer", "xsd:decimal"

RANGES = {
    "rdf:type": IRI,
    "rdf:subject": IRI,
    "rdf:predicate": IRI,
    "rdf:object": IRI,
    "rdfs:label": TEXT,
    "dt:mentions": INTEGER,
    "dt:documents": INTEGER,
    "dt:best": DECIMAL,
    "dt:combined": DECIMAL,
    "dt:entity": IRI,
    "dt:document": IRI,
    "dt:begin": INTEGER,
    "dt:end": INTEGER,
    "dt:fragments": TEXT,
    "dt:text": TEXT,
    "dt:confidence": DECIMAL,
    "dt:evidence": IRI,
    "dt:head": IRI,
    "dt:tail": IRI,
}
"""The predicates of the vocabulary, and what their values are; relation types have others."""


@dataclass(slots=True)
class Resource:
    """An address with its values: those of the vocabulary, and relations to other addresses."""

    iri: str
    values: list[tuple[str, str]] = field(default_factory=list)
    relations: list[tuple[str, str]] = field(default_factory=list)

    def add(self, name: str, value: object) -> None:
        """Add a value, unless it is None."""
        if isinstance(value, float):
            self.values.append((name, decimal(value)))
        elif value is not None:
            self.values.append((name, str(value)))


def decimal(value: float) -> str:
    """A number as xsd:decimal spells it, without an exponent.

    >>> decimal(0.97), decimal(1.0), decimal(1e-7)
    ('0.97', '1.0', '0.0000001')
    """
    digits = f"{value:.10f}".rstrip("0")
    return f"{digits}0" if digits.endswith(".") else digits


@dataclass(frozen=True, slots=True)
class Addresses:
    """The addresses of the things of a graph, all of which begin with `base`."""

    base: str = BASE

    def node(self, id: str) -> str:
        """That of an entity; one that a linker said to be an address is that."""
        is_whole = id.startswith(LINKED) and "~" not in id  # a long one is a digest
        linked = unquote(id.removeprefix(LINKED)) if is_whole else ""
        return linked if is_iri(linked) else f"{self.base}entity/{id}"

    def type(self, type: str) -> str:
        """That of the class of the entities of a type."""
        return f"{self.base}type/{encoded(type)}"

    def relation(self, type: str) -> str:
        """That of the property of a relation type."""
        return f"{self.base}relation/{encoded(type)}"

    def document(self, name: str) -> str:
        """That of a document."""
        return f"{self.base}document/{encoded(name)}"

    def mention(self, id: str) -> str:
        """That of a mention, a place in a document."""
        return f"{self.base}document/{id}"

    def statement(self, id: str) -> str:
        """That of what is said about an edge."""
        return f"{self.base}statement/{id}"

    def evidence(self, id: str) -> str:
        """That of one mention of a relation."""
        return f"{self.base}evidence/{id}"


def resources(store: Store, addresses: Addresses) -> Iterator[Resource]:
    """The resources of a graph: types, documents, entities, edges, mentions."""
    for type_ in store.types("mention"):
        yield _named(addresses.type(type_), "dt:EntityType", type_)
    for type_ in store.types("relation"):
        yield _named(addresses.relation(type_), "dt:RelationType", type_)
    for name in store.documents():
        yield _named(addresses.document(name), "dt:Document", name)
    for node in store.nodes():
        yield _of_node(node, addresses)
    evidence = groupby(store.evidence(), attrgetter("edge_row"))
    for edge, (_, own) in zip(store.edges(), evidence, strict=True):
        yield from _of_edge(edge, own, addresses)
    for mention in store.mentions():
        yield _of_mention(mention, addresses)


def _named(iri: str, type: str, name: str) -> Resource:
    resource = Resource(iri)
    resource.add("rdf:type", VOCABULARY + type.removeprefix("dt:"))
    resource.add("rdfs:label", name)
    return resource


def _of_node(node: Node, addresses: Addresses) -> Resource:
    resource = Resource(addresses.node(node.id))
    resource.add("rdf:type", f"{VOCABULARY}Entity")
    resource.add("rdf:type", addresses.type(node.type))
    resource.add("rdfs:label", node.name)
    resource.add("dt:mentions", node.mentions)
    resource.add("dt:documents", node.documents)
    resource.add("dt:best", node.best)
    return resource


def _of_edge(edge: Edge, evidence: Iterable[Evidence], addresses: Addresses) -> Iterator[Resource]:
    head, tail = map(addresses.node, (edge.head, edge.tail))
    relation = addresses.relation(edge.type)
    yield Resource(head, relations=[(relation, tail)])
    statement = Resource(addresses.statement(edge.id))
    statement.add("rdf:type", f"{PREFIXES['rdf']}Statement")
    statement.add("rdf:subject", head)
    statement.add("rdf:predicate", relation)
    statement.add("rdf:object", tail)
    statement.add("dt:mentions", edge.mentions)
    statement.add("dt:documents", edge.documents)
    statement.add("dt:best", edge.best)
    statement.add("dt:combined", edge.combined)
    yield statement
    for own in evidence:
        found = Resource(addresses.evidence(own.id(edge.id)))
        found.add("rdf:type", f"{VOCABULARY}RelationMention")
        found.add("dt:document", addresses.document(own.document))
        found.add("dt:head", addresses.mention(own.head))
        found.add("dt:tail", addresses.mention(own.tail))
        found.add("dt:confidence", own.confidence)
        yield found
        yield Resource(statement.iri, [("dt:evidence", found.iri)])


def _of_mention(mention: MentionRow, addresses: Addresses) -> Resource:
    resource = Resource(addresses.mention(mention.id))
    resource.add("rdf:type", f"{VOCABULARY}Mention")
    resource.add("dt:entity", addresses.node(mention.node))
    resource.add("dt:document", addresses.document(mention.document))
    resource.add("dt:begin", mention.start)
    resource.add("dt:end", mention.end)
    resource.add("dt:fragments", mention.pieces or None)
    resource.add("dt:text", mention.text)
    resource.add("dt:confidence", mention.confidence)
    return resource
