"""A graph holds exactly what was found: counted, scored, and with its place."""

from __future__ import annotations

import math
from collections import defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from tests.graph_lines import EVIL_TEXT, FOUND, HOSTILE, entity, found, line, stored

from dovetail.errors import CorpusFormatError
from dovetail.graph.spelling import encoded, normalised


def test_mentions_of_one_name_are_one_entity_with_its_most_frequent_spelling():
    with stored([*FOUND, FOUND[0] | {"id": "third"}]) as store:
        nodes = {node.id: node for node in store.nodes()}
    assert set(nodes) == {"Person/ada%20lovelace", "Place/london"}
    ada = nodes["Person/ada%20lovelace"]
    assert (ada.name, ada.type, ada.mentions, ada.documents, ada.best) == (
        *("Ada Lovelace", "Person", 3, 3, 0.9),
    )


def test_an_edge_has_counts_its_best_and_its_combined_confidence():
    with stored(FOUND) as store:
        edges = {edge.type: edge for edge in store.edges()}
        evidence = list(store.evidence())
    lives = edges["lives_in"]
    assert (lives.head, lives.tail) == ("Person/ada%20lovelace", "Place/london")
    assert (lives.mentions, lives.documents, lives.best) == (2, 2, 0.8)
    assert lives.combined == pytest.approx(1 - 0.5 * 0.2)
    assert edges["born_in"].combined == 0.6
    assert [(own.document, own.head, own.tail, own.confidence) for own in evidence] == [
        ("second", "second#Person/0-13", "second#Place/27-33", 0.6),
        ("first", "first#Person/0-12", "first#Place/22-28", 0.5),
        ("second", "second#Person/0-13", "second#Place/27-33", 0.8),
    ]


def test_without_confidences_an_edge_has_none():
    text = "a b"
    ends = [entity(text, "a", "T", None), entity(text, "b", "T", None)]
    with stored([line("d", text, ends, [(0, "r", 1, None)])]) as store:
        (edge,) = store.edges()
    assert (edge.best, edge.combined) == (None, None)


def test_documents_of_one_id_are_told_apart_and_those_without_have_their_place():
    lines = [FOUND[0], FOUND[0], FOUND[1] | {"id": ""}]
    with stored(lines) as store:
        assert list(store.documents()) == ["first", "first (found.jsonl:3)", "found.jsonl:4"]
        assert store.totals.renamed == 1
        assert len({mention.id for mention in store.mentions()}) == 6


def test_an_annotation_that_a_line_has_twice_counts_once():
    twice = line(
        "d",
        "a b",
        [entity("a b", "a", "T", 0.2), entity("a b", "a", "T", 0.6), entity("a b", "b", "T")],
        [(0, "r", 2, 0.3), (1, "r", 2, 0.4)],
    )
    with stored([twice]) as store:
        assert [own.confidence for own in store.mentions()] == [0.6, 0.9]
        (edge,) = store.edges()
    assert (edge.mentions, edge.best) == (1, 0.4)


def test_every_form_of_a_line_says_the_same():
    whole = FOUND[0]
    offsets = [[0, 3], [4, 12], [13, 18], [19, 21], [22, 28], [28, 29]]
    own = {"offsets": offsets, "entities": whole["entities"], "relations": whole["relations"]}
    by_sentence = {"id": "first", "text": whole["text"], "sentences": [own]}
    tokens = {
        "id": "first",
        "tokens": ["Ada", "Lovelace", "lived", "in", "London", "."],
        "entities": [
            {"start": 0, "end": 2, "type": "Person", "confidence": 0.9},
            {"start": 4, "end": 5, "type": "Place", "confidence": 0.8},
        ],
        "relations": whole["relations"],
    }
    (first,), (second,), (third,) = found([whole]), found([by_sentence]), found([tokens])
    assert first == second
    assert (third.entities, third.relations) == (first.entities, first.relations)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"start": 3, "end": 99}, r"found.jsonl:2: entities\[0\]: \[3, 99\) is not within"),
        ({"start": 4, "end": 4}, r"\[4, 4\) is not within"),
        ({"start": 1}, r"'text' is 'Ada Lovelace', but the characters \[1, 12\)"),
        ({"confidence": 2}, "expected a number between 0 and 1"),
        ({"type": " "}, "expected the name of a type"),
        ({"start": 3, "end": 4, "text": " "}, "nothing to see in ' '"),
    ],
)
def test_what_is_wrong_with_an_entity_is_said_with_its_place(change, message):
    broken = FOUND[0] | {"entities": [FOUND[0]["entities"][0] | change, FOUND[0]["entities"][1]]}
    with pytest.raises(CorpusFormatError, match=message):
        found([broken])


def test_a_relation_between_entities_that_are_not_there_is_refused():
    broken = FOUND[0] | {"relations": [{"head": 0, "tail": 2, "type": "r"}]}
    with pytest.raises(CorpusFormatError, match="the entities 0 and 2 of 2, counted from 0"):
        found([broken])


def test_fragments_are_part_of_the_identity_of_a_mention():
    with stored(HOSTILE) as store:
        mentions = [own for own in store.mentions() if own.pieces]
    assert {own.pieces for own in mentions} == {"20-28,31-34"}
    assert mentions[0].id.endswith("#T/20-28,31-34")
    assert mentions[0].text == f"{EVIL_TEXT[20:28]} {EVIL_TEXT[31:34]}"


NAMES = some.sampled_from(["ada", "Ada", " ada", "bob", "Bob", "c"])
TYPES = some.sampled_from(["P", "Q"])
CONFIDENCES = some.one_of(some.none(), some.floats(0, 1).map(lambda own: round(own, 4)))


@some.composite
def lines(draw) -> dict:
    """A line of up to four mentions and some relations among them."""
    mentions = draw(some.lists(some.tuples(NAMES, TYPES, CONFIDENCES), min_size=1, max_size=4))
    text, entities = "", []
    for name, type_, confidence in mentions:
        place = {"start": len(text), "end": len(text) + len(name)}
        entities.append({**place, "type": type_, "confidence": confidence})
        text += f"{name} | "
    index = some.integers(0, len(entities) - 1)
    relation = some.tuples(index, TYPES, index, CONFIDENCES)
    links = draw(some.lists(relation, max_size=4, unique_by=lambda own: own[:3]))
    return line("", text, entities, links)


@settings(max_examples=60, deadline=None)
@given(some.lists(lines(), max_size=6))
def test_nodes_and_edges_are_those_that_a_plain_count_gives(lines):
    documents = found(lines)
    mentions: dict[str, list] = defaultdict(list)
    relations: dict[tuple, list] = defaultdict(list)
    for number, document in enumerate(documents):
        ids = [f"{own.type}/{encoded(normalised(own.text))}" for own in document.entities]
        for id, own in zip(ids, document.entities, strict=True):
            mentions[id].append((number, own.confidence))
        for own in document.relations:
            relations[ids[own.head], own.type, ids[own.tail]].append((number, own.confidence))
    with stored(lines) as store:
        nodes, edges = list(store.nodes()), list(store.edges())
        assert sum(1 for _ in store.mentions()) == sum(map(len, mentions.values()))
        assert sum(1 for _ in store.evidence()) == sum(map(len, relations.values()))
    assert {own.id for own in nodes} == mentions.keys()
    for node in nodes:
        rows = mentions[node.id]
        given_ = [score for _, score in rows if score is not None]
        assert (node.mentions, node.documents) == (len(rows), len({n for n, _ in rows}))
        assert node.best == max(given_, default=None)
    assert {(own.head, own.type, own.tail) for own in edges} == relations.keys()
    for edge in edges:
        rows = relations[edge.head, edge.type, edge.tail]
        given_ = [score for _, score in rows if score is not None]
        assert (edge.mentions, edge.documents) == (len(rows), len({n for n, _ in rows}))
        assert edge.best == max(given_, default=None)
        if given_:
            wrong = math.prod(1 - score for score in given_)
            assert edge.combined == pytest.approx(1 - wrong, abs=1e-6)
