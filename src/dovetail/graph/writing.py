"""Writing a graph: the formats by name, and what each of them needs."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from dovetail.corpora.source.json_records import Record
from dovetail.errors import DovetailError, OutputError
from dovetail.files.writing import open_atomically, output_errors, whole_folder
from dovetail.graph.formats.cypher import write_cypher
from dovetail.graph.formats.graphml import write_graphml
from dovetail.graph.formats.json_ld import write_json_ld
from dovetail.graph.formats.rdf import BASE
from dovetail.graph.formats.tables import TABLES, require_arrow, write_csv, write_parquet
from dovetail.graph.formats.turtle import write_turtle
from dovetail.graph.found import FoundDocument, document_of_record
from dovetail.graph.naming import Naming
from dovetail.graph.rows import Totals
from dovetail.graph.spelling import is_iri
from dovetail.graph.store import Store

if TYPE_CHECKING:
    from dovetail.text.extraction import Extraction

MOST_NODES = 300
"""Entities that a page holds unless told otherwise."""


@dataclass(frozen=True, slots=True)
class GraphOptions:
    """What some of the formats ask for.

    Args:
        base: what the addresses of RDF begin with.
        tables: whether Cypher begins with the tables that LadybugDB asks for.
        most_nodes: how many entities a page holds at most.
        made_by: the command that a page says it was made by.
    """

    base: str = BASE
    tables: bool = False
    most_nodes: int = MOST_NODES
    made_by: str = ""

    def check(self) -> None:
        """Refuse addresses that are none.

        Raises:
            DovetailError: if that is so.
        """
        if "#" in self.base:
            raise DovetailError(
                f"expected a base without #, of which an address can have one only, and that of a "
                f"mention is BASEdocument/ID#TYPE/START-END; found {self.base!r:.80}: end it in /"
            )
        if not (self.base.endswith(("/", ":")) and is_iri(f"{self.base}x")):
            raise DovetailError(
                f"expected a base that begins with http://, https:// or urn: and ends in / or :, "
                f"found {self.base!r:.80}"
            )


@dataclass(frozen=True, slots=True)
class Target:
    """A format: what writes it, and whether that is a folder of files with a certain ending."""

    file: Callable[[Store, TextIO, GraphOptions], None] | None = None
    folder: Callable[[Store, Path], None] | None = None
    suffix: str = ""
    keeps_texts: bool = False
    require: Callable[[], object] = lambda: None

    @property
    def names(self) -> set[str]:
        """The names of the files of a folder."""
        return {f"{table.name}.{self.suffix}" for table in TABLES}


def _page(store: Store, file: TextIO, options: GraphOptions) -> None:
    from dovetail.graph.page.page import write_page

    write_page(store, file, most_nodes=options.most_nodes, made_by=options.made_by)


def _require_page() -> None:
    from dovetail.graph.page.page import require_templates

    require_templates()


TARGETS = {
    "turtle": Target(lambda store, file, options: write_turtle(store, file, options.base)),
    "jsonld": Target(lambda store, file, options: write_json_ld(store, file, options.base)),
    "graphml": Target(lambda store, file, options: write_graphml(store, file)),
    "cypher": Target(lambda store, file, options: write_cypher(store, file, tables=options.tables)),
    "csv": Target(folder=write_csv, suffix="csv"),
    "parquet": Target(folder=write_parquet, suffix="parquet", require=require_arrow),
    "html": Target(_page, keeps_texts=True, require=_require_page),
}
"""The formats by name."""


def target_of(name: str, output: Path | None) -> Target:
    """The format of a name, once it is known that it can be written there.

    Raises:
        DovetailError: if there is no such format, or it needs a place to be written to.
        MissingExtraError: if it needs an optional part that is not installed.
        OutputError: if what stands there must not be replaced.
    """
    target = TARGETS.get(name)
    if target is None:
        raise DovetailError(f"there is no format {name!r}; expected one of {', '.join(TARGETS)}")
    target.require()
    if target.folder is not None:
        if output is None:
            raise DovetailError(f"{name} is a folder of files; name it with -o")
        _check_folder(output, target.names)
    return target


def _check_folder(folder: Path, names: set[str]) -> None:
    with output_errors(folder):
        there = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
        if folder.exists() and not folder.is_dir():
            raise OutputError(f"{folder} is no folder, and the tables of a graph are one")
    if others := sorted(there - names):
        raise OutputError(
            f"{folder} holds files that are not of a graph, and would be replaced: "
            f"{', '.join(others[:3])}; name another folder"
        )


def write_found(
    documents: Iterable[FoundDocument],
    output: Path | None,
    to: str,
    *,
    naming: Naming,
    options: GraphOptions,
) -> Totals:
    """Write the graph of documents; to standard output if no path is given.

    Raises:
        DovetailError: as `target_of`, or if the base is no address.
        OutputError: if it cannot be written.
    """
    options.check()
    target = target_of(to, output)
    with Store.opened(naming, keeps_texts=target.keeps_texts) as store:
        for document in documents:
            store.add(document)
        store.finish()
        if target.folder is not None and output is not None:
            with whole_folder(output) as unfinished:
                target.folder(store, unfinished)
        elif target.file is not None and output is not None:
            with open_atomically(output) as file:
                target.file(store, file, options)
        elif target.file is not None:
            target.file(store, sys.stdout, options)
    return store.totals


def write_graph(
    extractions: Iterable[Extraction],
    output: str | Path,
    to: str,
    *,
    naming: Naming | None = None,
    options: GraphOptions | None = None,
) -> Totals:
    """Write the graph of what an extractor found, as the command `dovetail graph` does.

    Args:
        extractions: such as `Extractor.pipe` gives; they are taken one after another.
        output: a file, or the folder of csv and parquet.
        to: turtle, jsonld, graphml, cypher, csv, parquet or html.
        naming: which mentions are one entity; by their names made alike unless told otherwise.
        options: what some of the formats ask for.

    Raises:
        DovetailError: if there is no such format.
        MissingExtraError: if it needs an optional part that is not installed.
        OutputError: if it cannot be written.
    """
    documents = (
        document_of_record(Record(extraction.to_dict(), f"text {number}"))
        for number, extraction in enumerate(extractions, start=1)
    )
    return write_found(
        documents,
        Path(output),
        to,
        naming=naming or Naming(),
        options=options or GraphOptions(),
    )
