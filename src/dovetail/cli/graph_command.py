"""`dovetail graph`: one graph of all that was extracted."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from dovetail.cli.extract_command import From
from dovetail.cli.inputs import BadItem
from dovetail.cli.left_out import LeftOut, errors_file
from dovetail.cli.output_checks import check_output
from dovetail.cli.say import say
from dovetail.cli.waiting import Waiting

Found = Annotated[
    list[str],
    typer.Argument(
        metavar="FOUND...",
        help="What `dovetail extract` wrote, or annotated corpora in any format; - for standard "
        "input.",
        show_default=False,
    ),
]
To = Annotated[
    Literal["turtle", "jsonld", "graphml", "cypher", "csv", "parquet", "html"],
    typer.Option(help="The format to write.", show_default=False),
]
Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        help="Write to this file, or for csv and parquet to this folder, instead of the screen.",
    ),
]
KeepCase = Annotated[
    list[str] | None,
    typer.Option(
        metavar="TYPE",
        help="Entities of this type are told apart by upper and lower case; may be repeated.",
        show_default=False,
    ),
]
AliasesFile = Annotated[
    Path | None,
    typer.Option(
        "--aliases",
        metavar="CSV",
        help="Which entity is meant by which name: the columns mention, entity, and if wanted "
        "type and name.",
        show_default=False,
    ),
]
LinkerName = Annotated[
    str | None,
    typer.Option(
        "--linker",
        metavar="NAME",
        help="A linker of an installed package, which says what entity a mention means.",
        show_default=False,
    ),
]
Base = Annotated[
    str | None,
    typer.Option(
        metavar="IRI",
        help="What the addresses of Turtle and JSON-LD begin with.  [default: urn:dovetail:graph:]",
        show_default=False,
    ),
]
Tables = Annotated[
    bool, typer.Option("--tables", help="Begin Cypher with the tables that LadybugDB asks for.")
]
MostNodes = Annotated[
    int, typer.Option(min=1, max=2000, help="Entities that the page holds at most.")
]
OnError = Annotated[
    Literal["refuse", "drop"],
    typer.Option(help="Stop at a line that cannot be read, or leave it out and list it."),
]


def graph_command(  # noqa: PLR0913  the options of a command, which nobody passes on
    found: Found,
    *,
    to: To,
    output: Output = None,
    from_: From = None,
    keep_case: KeepCase = None,
    aliases: AliasesFile = None,
    linker: LinkerName = None,
    base: Base = None,
    tables: Tables = False,
    most_nodes: MostNodes = 300,
    on_error: OnError = "refuse",
) -> None:
    """Make one graph of all that was extracted: entities as nodes, relations as edges.

    Mentions with the same name and type are one entity. Every edge has counts, its best and its
    combined confidence, and the place of each of its mentions.

    With --on-error drop a line that cannot be read is left out and listed in OUTPUT.errors.jsonl
    (on standard error without an output file), and the exit code is 3.
    """
    for path in filter(None, (output, errors_file(output))):
        check_output(path, *(Path(own) for own in found if own != "-"), aliases)

    from dovetail.graph.formats.rdf import BASE
    from dovetail.graph.found import BrokenLine, found_documents
    from dovetail.graph.naming import naming_of
    from dovetail.graph.writing import GraphOptions, target_of, write_found

    target_of(to, output)  # what is wrong with it is said before anything is read
    naming = naming_of(frozenset(keep_case or ()), aliases, linker)
    command = shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])
    options = GraphOptions(base or BASE, tables, most_nodes, command)
    with LeftOut.listed(output) as left_out, Waiting() as tell:

        def drop(line: BrokenLine) -> None:
            left_out.add(BadItem(line.place, left_out.count, line.message))

        tell.stage(f"reading {', '.join(found)}")
        documents = found_documents(found, drop, format=from_, refuse=on_error == "refuse")
        totals = write_found(documents, output, to, naming=naming, options=options)
    where = "" if output is None else f"{output}: "
    say(f"{where}{totals.summary()}", err=True)
    left_out.end()
