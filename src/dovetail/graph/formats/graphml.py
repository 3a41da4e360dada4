"""GraphML, which Gephi, Cytoscape, yEd and networkx read: every mention is in it, as JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import attrgetter
from typing import Any, TextIO
from xml.sax.saxutils import escape, quoteattr

from dovetail.graph.rows import Edge, Evidence, MentionRow, Node
from dovetail.graph.store import Store

_KEYS = {
    "node": {
        "label": "string",
        "type": "string",
        "linked": "string",
        "mentions": "long",
        "documents": "long",
        "best": "double",
        "provenance": "string",
    },
    "edge": {
        "label": "string",
        "type": "string",
        "mentions": "long",
        "documents": "long",
        "best": "double",
        "combined": "double",
        "provenance": "string",
    },
}
_HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<graphml xmlns="http://graphml.graphdrawing.org/xmlns">
"""
# XML 1.0 cannot hold these, not even escaped.
_NOT_XML = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


def write_graphml(store: Store, file: TextIO) -> None:
    """Write a directed graph; several edges may lead from one node to another."""
    file.write(_HEAD)
    for kind, keys in _KEYS.items():
        for name, type_ in keys.items():
            file.write(
                f'<key id="{kind}-{name}" for="{kind}" attr.name="{name}" attr.type="{type_}"/>\n'
            )
    file.write('<graph id="found" edgedefault="directed">\n')
    mentions = groupby(store.mentions_by_node(), attrgetter("node_row"))
    for node, (_, own) in zip(store.nodes(), mentions, strict=True):
        _write_node(file, node, own)
    evidence = groupby(store.evidence(), attrgetter("edge_row"))
    for edge, (_, found) in zip(store.edges(), evidence, strict=True):
        _write_edge(file, edge, found)
    file.write("</graph>\n</graphml>\n")


def _write_node(file: TextIO, node: Node, mentions: Iterable[MentionRow]) -> None:
    file.write(f"<node id={_attribute(node.id)}>\n")
    values = {"label": node.name, "type": node.type, "linked": node.linked}
    counts = {"mentions": node.mentions, "documents": node.documents, "best": node.best}
    _write_data(file, "node", {**values, **counts})
    _write_provenance(file, "node", map(_of_mention, mentions))
    file.write("</node>\n")


def _write_edge(file: TextIO, edge: Edge, evidence: Iterable[Evidence]) -> None:
    ends = f"source={_attribute(edge.head)} target={_attribute(edge.tail)}"
    file.write(f"<edge id={_attribute(edge.id)} {ends}>\n")
    counts = {"mentions": edge.mentions, "documents": edge.documents}
    scores = {"best": edge.best, "combined": edge.combined}
    _write_data(file, "edge", {"label": edge.type, "type": edge.type, **counts, **scores})
    _write_provenance(file, "edge", map(_of_evidence, evidence))
    file.write("</edge>\n")


def _write_data(file: TextIO, kind: str, values: dict[str, Any]) -> None:
    for name, value in values.items():
        if value is not None:
            file.write(f'  <data key="{kind}-{name}">{text_of_xml(str(value))}</data>\n')


def _write_provenance(file: TextIO, kind: str, items: Iterator[dict[str, Any]]) -> None:
    """Write a list that may be long, an item at a time."""
    file.write(f'  <data key="{kind}-provenance">[')
    between = ""
    for item in items:
        file.write(between + text_of_xml(json.dumps(item, ensure_ascii=False)))
        between = ",\n"
    file.write("]</data>\n")


def _of_mention(mention: MentionRow) -> dict[str, Any]:
    place: dict[str, Any] = {"id": mention.id, "document": mention.document}
    place |= {"start": mention.start, "end": mention.end}
    place |= {"fragments": mention.pieces} if mention.pieces else {}
    return {**place, "text": mention.text, "confidence": mention.confidence}


def _of_evidence(evidence: Evidence) -> dict[str, Any]:
    ends = {"head": evidence.head, "tail": evidence.tail}
    return {"document": evidence.document, **ends, "confidence": evidence.confidence}


def text_of_xml(text: str) -> str:
    r"""A text as XML holds it; what XML cannot hold is shown as U+FFFD, the replacement sign.

    >>> text_of_xml("a < b\x00") == "a &lt; b\ufffd"
    True
    """
    return escape(_NOT_XML.sub("\ufffd", text), {"\r": "&#13;"})


def _attribute(text: str) -> str:
    return quoteattr(_NOT_XML.sub("\ufffd", text))
