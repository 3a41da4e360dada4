"""`dovetail extract`: entities and relations from text, files, standard input or a corpus."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dovetail.cli.inputs import documents_of, documents_of_corpora

if TYPE_CHECKING:
    from dovetail.extraction import Extraction
    from dovetail.extractor import Extractor

Model = Annotated[
    str,
    typer.Argument(
        help="A model folder, or the name of a shipped model (news, adverse-effects).",
        show_default=False,
    ),
]
Inputs = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[TEXT | FILES | -]",
        help="A text; files (.txt: a document; .jsonl: one in each line's 'text'; .json, a "
        "folder, or .jsonl with tokens: a corpus, whose tokens are kept); or - for standard "
        "input, a document a line.",
        show_default=False,
    ),
]
To = Annotated[
    str | None,
    typer.Option(
        metavar="FORMAT",
        help="Read corpora, keep their tokens, and write the predictions in this corpus format.",
    ),
]
From = Annotated[
    str | None,
    typer.Option(
        "--from",
        metavar="FORMAT",
        help="Read corpora of this format; by default recognised.",
    ),
]
Output = Annotated[
    Path | None, typer.Option("--output", "-o", help="Write to this file instead of the screen.")
]
Threads = Annotated[
    int, typer.Option(min=0, help="Threads of the computation; 0 leaves the choice to Dovetail.")
]


def extract_command(
    model: Model,
    inputs: Inputs = None,
    *,
    to: To = None,
    from_: From = None,
    output: Output = None,
    threads: Threads = 0,
) -> None:
    """Extract entities and relations.

    In a terminal the result is rendered for reading; otherwise, and into a file, it is JSON lines
    with character offsets, types and confidences.
    """
    sources = inputs or ["-"]
    if to is not None and output is None:
        raise typer.BadParameter("name the file to write with -o", param_hint="--to")
    if output is not None and not output.parent.is_dir():  # better said before the work than after
        raise typer.BadParameter(f"there is no folder {output.parent}", param_hint="--output")
    from dovetail.extractor import Extractor

    extractor = Extractor.load(model, threads=threads)
    if to is not None and output is not None:
        extract_corpora(extractor, sources, from_, to, output)
        return
    documents = (
        documents_of(sources, extractor.tokenizer)
        if from_ is None
        else documents_of_corpora(sources, from_, extractor.tokenizer.language)
    )
    extractions = extractor.pipe_documents(documents)
    if output is not None:
        from dovetail.files import open_atomically

        with open_atomically(output) as file:
            file.writelines(map(line_of, extractions))
    elif sys.stdout.isatty():
        render(extractor, extractions)
    else:
        sys.stdout.writelines(map(line_of, extractions))


def extract_corpora(
    extractor: Extractor, sources: list[str], from_: str | None, to: str, output: Path
) -> None:
    """Predict on the sentences of corpora as they stand, and write them in a corpus format."""
    from dovetail.corpora import write_corpus

    documents = documents_of_corpora(sources, from_, extractor.tokenizer.language)
    found = (extraction.document for extraction in extractor.pipe_documents(documents))
    ledger = write_corpus(found, output, format=to)
    typer.echo(f"{output}\n{ledger.summary()}", err=True)


def line_of(extraction: Extraction) -> str:
    """A line of JSON."""
    return json.dumps(extraction.to_dict(), ensure_ascii=False) + "\n"


def render(extractor: Extractor, extractions: Iterable[Extraction]) -> None:
    """Show extractions to a person."""
    from rich.console import Console

    from dovetail.rendering import render_document

    console = Console()
    for extraction in extractions:
        console.print(
            render_document(extraction.document, entity_types=extractor.schema.entity_types)
        )
        console.print()
