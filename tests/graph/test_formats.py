"""Each format is read by those that it is for, and says the same there."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from tests.graph_lines import EVIL_TEXT, FOUND, HOSTILE, entity, line, stored

from dovetail.errors import OutputError
from dovetail.graph import Naming, write_graph
from dovetail.graph.aliases import Alias, Aliases
from dovetail.graph.formats.cypher import literal, write_cypher
from dovetail.graph.formats.graphml import write_graphml
from dovetail.graph.formats.json_ld import write_json_ld
from dovetail.graph.formats.rdf import BASE
from dovetail.graph.formats.tables import TABLES, write_csv, write_parquet
from dovetail.graph.formats.turtle import write_turtle
from dovetail.graph.writing import target_of

PREFIXES = """PREFIX dt: <urn:dovetail:terms#> PREFIX g: <urn:dovetail:graph:>
PREFIX rdf: <http://www.w3.org/1999/02/22-rdf-syntax-ns#>
PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#>
"""
LONDON = Naming(aliases=Aliases({("london", ""): Alias("https://example.org/London", "")}))
CASES = {"plain": (FOUND, Naming()), "linked": (FOUND, LONDON), "hostile": (HOSTILE, Naming())}


@pytest.fixture(params=CASES)
def store(request):
    lines, naming = CASES[request.param]
    with stored(lines, naming) as store:
        yield store


def turtle(store) -> str:
    file = io.StringIO()
    write_turtle(store, file, BASE)
    return file.getvalue()


def rdf(store):
    """A store that answers SPARQL, with the graph in it."""
    ox = pytest.importorskip("pyoxigraph")
    own = ox.Store()
    own.load(turtle(store).encode(), ox.RdfFormat.TURTLE)
    return own


def asked(store, query: str) -> list[tuple]:
    rows = rdf(store).query(PREFIXES + query)
    return [tuple(value.value for value in row) for row in rows]


def test_sparql_finds_relations_as_plain_triples():
    with stored(FOUND) as store:
        rows = asked(
            store,
            "SELECT ?who ?where WHERE { ?h <urn:dovetail:graph:relation/lives_in> ?t . "
            "?h rdfs:label ?who . ?t rdfs:label ?where }",
        )
    assert rows == [("Ada Lovelace", "London")]


def test_sparql_finds_the_confidence_and_the_places_of_a_relation():
    with stored(FOUND) as store:
        rows = asked(
            store,
            "SELECT ?combined ?document ?begin ?end ?text WHERE { "
            "?s rdf:predicate <urn:dovetail:graph:relation/lives_in> ; dt:combined ?combined ; "
            "dt:evidence ?e . ?e dt:head ?m . ?m dt:begin ?begin ; dt:end ?end ; dt:text ?text ; "
            "dt:document/rdfs:label ?document } ORDER BY ?document",
        )
    assert rows == [
        ("0.9", "first", "0", "12", "Ada Lovelace"),
        ("0.9", "second", "0", "13", "ADA  LOVELACE"),
    ]


def test_an_entity_that_was_linked_to_an_address_has_that():
    with stored(FOUND, LONDON) as store:
        rows = asked(store, "SELECT ?m WHERE { ?m dt:entity <https://example.org/London> }")
    assert len(rows) == 2


@pytest.mark.parametrize(("length", "is_kept"), [(319, True), (1_500, True), (2_001, False)])
def test_a_long_address_of_a_linker_is_that_address_unless_it_is_very_long(length, is_kept):
    address = ("https://example.org/" + "a/~" * 120).ljust(length, "x")[:length]
    naming = Naming(aliases=Aliases({("london", ""): Alias(address, "")}))
    with stored(FOUND, naming) as store:
        text = turtle(store)
        assert {node.linked for node in store.nodes()} == {None, address}
    assert (f"<{address}> " in text) is is_kept
    assert ("urn:dovetail:graph:entity/@/https%3A%2F%2F" in text) is not is_kept


def test_turtle_and_json_ld_are_the_same_triples(store):
    ox = pytest.importorskip("pyoxigraph")
    file = io.StringIO()
    write_json_ld(store, file, BASE)
    one = {own.triple for own in ox.parse(turtle(store).encode(), ox.RdfFormat.TURTLE)}
    other = {own.triple for own in ox.parse(file.getvalue().encode(), ox.RdfFormat.JSON_LD)}
    assert one == other
    assert len(one) > 40
    assert "http" not in json.dumps(json.loads(file.getvalue())["@graph"]).replace(
        "https://example.org", ""
    ).replace("http://www.w3.org/1999/02/22-rdf-syntax-ns#Statement", "")


def test_rdf_gives_back_texts_as_they_are(store):
    texts = Counter(own.text for own in store.mentions())
    assert Counter(text for (text,) in asked(store, "SELECT ?t WHERE { ?m dt:text ?t }")) == texts


def test_every_predicate_of_the_vocabulary_is_on_its_page():
    page = (Path(__file__).parents[2] / "docs" / "graph.md").read_text("utf-8")
    with stored(HOSTILE) as store:
        used = {own for (own,) in asked(store, "SELECT DISTINCT ?p WHERE { ?s ?p ?o }")}
        used |= {own for (own,) in asked(store, "SELECT DISTINCT ?t WHERE { ?s a ?t }")}
    own = {name.partition("#")[2] for name in used if name.startswith("urn:dovetail:terms#")}
    assert len(own) > 15
    assert [name for name in sorted(own) if f"`dt:{name}`" not in page] == []


def test_networkx_reads_graphml_with_all_mentions(store):
    networkx = pytest.importorskip("networkx")
    file = io.StringIO()
    write_graphml(store, file)
    graph = networkx.read_graphml(io.BytesIO(file.getvalue().encode()), force_multigraph=True)
    assert graph.is_directed()
    nodes = {own.id: own for own in store.nodes()}
    assert set(graph) == set(nodes)
    for id, values in graph.nodes(data=True):
        assert values["mentions"] == nodes[id].mentions == len(json.loads(values["provenance"]))
    edges = {own.id: own for own in store.edges()}
    for head, tail, id, values in graph.edges(data=True, keys=True):
        own = edges.pop(id)
        assert (head, tail, values["mentions"]) == (own.head, own.tail, own.mentions)
        assert values.get("combined") == own.combined
        assert len(json.loads(values["provenance"])) == own.mentions
    assert not edges


@pytest.fixture
def loaded(store, tmp_path):
    """A graph database into which the Cypher of a graph was loaded, twice."""
    ladybug = pytest.importorskip("ladybug")
    file = io.StringIO()
    write_cypher(store, file, tables=True)
    connection = ladybug.Connection(ladybug.Database(str(tmp_path / "graph.lbug")))
    statements = file.getvalue().splitlines()
    for statement in statements:
        connection.execute(statement)
    for statement in statements:
        if not statement.startswith("CREATE "):
            connection.execute(statement)
    return connection


def test_a_graph_database_loads_cypher_and_nothing_in_it_is_obeyed(store, loaded):
    """Names and types with quotes, escapes and whole statements come back as they are."""

    def ask(query: str) -> list[tuple]:
        return sorted(map(tuple, loaded.execute(query).get_all()), key=repr)

    assert ask("MATCH (n:Entity) RETURN n.id, n.type, n.mentions, n.best") == sorted(
        ((own.id, own.type, own.mentions, own.best) for own in store.nodes()), key=repr
    )
    assert ask("MATCH (a:Entity)-[r]->(b:Entity) RETURN a.id, r.type, b.id, r.combined") == sorted(
        ((own.head, own.type, own.tail, own.combined) for own in store.edges()), key=repr
    )
    bare = {0: "\ufffd", 1: "\ufffd", 0x2028: "\ufffd"}  # what is no character to look at
    mentions = [(own.id, own.text.translate(bare), own.node) for own in store.mentions()]
    assert ask("MATCH (m:Mention)-[:MENTION_OF]->(e:Entity) RETURN m.id, m.text, e.id") == sorted(
        mentions, key=repr
    )
    evidence = [(own.head, own.tail, own.confidence) for own in store.evidence()]
    assert ask(
        "MATCH (h:Mention)<-[:EVIDENCE_HEAD]-(v:Evidence)-[:EVIDENCE_TAIL]->(t:Mention) "
        "RETURN h.id, t.id, v.confidence"
    ) == sorted(evidence, key=repr)


@pytest.mark.parametrize("text", [EVIL_TEXT, "\\u0027", "\\\\u005c'", "'", "\\", "\\\\u'"])
def test_no_escape_of_a_text_can_be_read_as_another_sign(text):
    """Some readers replace Unicode escapes before they look for the end of a string."""
    spelt = literal(text)
    assert "\\u" not in spelt
    assert "\n" not in spelt


def test_tables_are_the_same_in_csv_and_parquet_and_join(store, tmp_path):
    duckdb = pytest.importorskip("duckdb")
    write_csv(store, tmp_path)
    write_parquet(store, tmp_path)
    database = duckdb.connect()
    for table in TABLES:
        kinds = {"text": "VARCHAR", "integer": "BIGINT", "number": "DOUBLE"}
        columns = {name: kinds[kind] for name, kind in table.columns.items()}
        csv = f"read_csv('{tmp_path}/{table.name}.csv', header=true, columns={columns})"
        parquet = f"'{tmp_path}/{table.name}.parquet'"
        rows = database.sql(f"SELECT * FROM {parquet}").fetchall()
        assert rows == list(map(tuple, table.rows(store)))
        assert database.sql(f"SELECT * FROM {csv}").fetchall() == rows
    (orphans,) = database.sql(
        f"SELECT count(*) FROM '{tmp_path}/evidence.parquet' v "
        f"ANTI JOIN '{tmp_path}/mentions.parquet' m ON v.head = m.id"
    ).fetchall()[0]
    assert orphans == 0
    (missing,) = database.sql(
        f"SELECT count(*) FROM '{tmp_path}/edges.parquet' e "
        f"ANTI JOIN '{tmp_path}/nodes.parquet' n ON e.tail = n.id"
    ).fetchall()[0]
    assert missing == 0


TROUBLE = some.text(some.sampled_from("a \r\n\t\0,;\"'\\\u2028\x85\x1c#"), max_size=8).map(
    lambda own: f"x{own}x"
)


@settings(deadline=None)
@given(texts=some.lists(some.tuples(TROUBLE, TROUBLE), min_size=1, max_size=4))
def test_csv_gives_back_every_text_as_it_is(texts):
    lines = [line(id, f"{own}.", [entity(f"{own}.", own, id)]) for own, id in texts]
    with stored(lines) as store, TemporaryDirectory() as folder:
        write_csv(store, Path(folder))
        for table in TABLES:
            with (Path(folder) / f"{table.name}.csv").open(encoding="utf-8", newline="") as file:
                header, *rows = csv.reader(file)
            assert header == [*table.columns]
            assert rows == [
                ["" if value is None else str(value) for value in row] for row in table.rows(store)
            ]


def test_the_folder_of_tables_takes_no_others_place(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match=r"files that are not of a graph.*notes\.txt"):
        target_of("csv", tmp_path)
    file = tmp_path / "notes.txt"
    with pytest.raises(OutputError, match="is no folder"):
        target_of("csv", file)


def test_extractions_make_a_graph_in_python(tmp_path):
    from dovetail.text.document import Document, Entity, Relation, Sentence
    from dovetail.text.extraction import Extraction

    ada, london = Entity(0, 1, "Person", 0.9), Entity(2, 3, "Place", 0.8)
    sentence = Sentence.from_tokens(
        ["Ada", "in", "London"],
        entities=[ada, london],
        relations=[Relation(ada, london, "in", 0.5)],
    )
    extraction = Extraction(Document.from_sentence(sentence), {})
    totals = write_graph([extraction] * 2, tmp_path / "graph.ttl", "turtle")
    assert (totals.nodes, totals.edges, totals.mentions, totals.relations) == (2, 1, 4, 2)
    assert "0.75" in (tmp_path / "graph.ttl").read_text("utf-8")
