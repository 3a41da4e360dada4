"""`dovetail extract`: entities and relations from text, files, standard input or a corpus."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dovetail.cli.inputs import documents_of, documents_of_corpora, files_read
from dovetail.cli.left_out import LeftOut, errors_file
from dovetail.cli.output_checks import check_output
from dovetail.cli.reading_options import ReadingOptions, reads_corpora
from dovetail.cli.say import say
from dovetail.cli.waiting import Waiting
from dovetail.errors import DovetailError
from dovetail.files.writing import Lines, open_lines

if TYPE_CHECKING:
    from dovetail.extractor import Extractor
    from dovetail.text.document import Document
    from dovetail.text.extraction import Extraction

INTERRUPTED = 130
"""The exit code after Ctrl-C, as the shell counts it."""


Model = Annotated[
    str,
    typer.Argument(
        help="A model folder, that of a run, the name of a shipped model (news, "
        "adverse-effects), or one on a hub (owner/name).",
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
        "--format",
        metavar="FORMAT",
        help="The format of the corpora; by default told from their content.",
    ),
]
SchemaName = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Extract with this schema alone, where the model has several; its types are then "
        "written without its name.",
        show_default=False,
    ),
]
Output = Annotated[
    Path | None, typer.Option("--output", "-o", help="Write to this file instead of the screen.")
]
Threads = Annotated[
    int, typer.Option(min=0, help="Threads of the computation; 0 leaves the choice to Dovetail.")
]


@reads_corpora
def extract_command(  # noqa: PLR0913  the options of a command, which nobody passes on
    model: Model,
    inputs: Inputs = None,
    *,
    to: To = None,
    from_: From = None,
    schema: SchemaName = None,
    output: Output = None,
    threads: Threads = 0,
    reading: ReadingOptions,
) -> None:
    """Extract entities and relations.

    In a terminal the result is shown in colour. Otherwise, and with --output, it is JSON lines of
    the native corpus format, with character offsets, types and confidences.

    A line or file that cannot be read ends the command; results before it are kept. With
    --on-error drop it is left out and listed in OUTPUT.errors.jsonl (on standard error without an
    output file), and the exit code is 3.
    """
    sources = inputs or ["-"]
    if to is not None and output is None:
        raise typer.BadParameter("name the file to write with -o", param_hint="--to")
    for path in filter(None, (output, errors_file(output))):
        check_output(path, *files_read(sources, path))
    extractor = load(model, threads, schema)
    corpora = reading.over(extractor.reading.of_corpora)
    with LeftOut.listed(output) as left_out:
        drop = None if corpora.on_error == "refuse" else left_out.add
        documents = (
            documents_of(sources, extractor.tokenizer.like(corpora), corpora, drop=drop)
            if from_ is None and to is None
            else documents_of_corpora(sources, from_, corpora, drop=drop)
        )
        extractions = extractor.pipe_documents(documents)
        if to is not None and output is not None:
            write_as(to, extractions, output)
        elif output is not None:
            write_lines(extractor, extractions, output)
        elif sys.stdout.isatty():
            render(extractor, extractions)
        else:
            print_lines(extractor, extractions)
    left_out.end()


def load(model: str, threads: int, schema: str | None) -> Extractor:
    """The extractor of a model, or that of one of its schemas.

    Raises:
        ModelError: if there is no such model, or it has no such schema.
    """
    with Waiting() as tell:
        tell.stage(f"loading the model {model}")
        from dovetail.extractor import Extractor

        extractor = Extractor.load(model, threads=threads)
    return extractor if schema is None else extractor.of_schema(schema)


def write_as(format: str, extractions: Iterable[Extraction], output: Path) -> None:
    """Write predictions in a corpus format; those before an error too, and then raise it."""
    from dovetail.corpora import write_corpus

    documents: list[Document] = []
    failure: DovetailError | None = None
    try:
        documents.extend(extraction.document for extraction in extractions)
    except DovetailError as error:
        failure = error
    if documents or failure is None:
        ledger = write_corpus(documents, output, format=format)
        say(f"{output}\n{ledger.summary()}", err=True)
    if failure is not None:
        _note_results(failure, len(documents), output)
        raise failure


def write_lines(extractor: Extractor, extractions: Iterable[Extraction], output: Path) -> None:
    """Write extractions to a file as they come."""
    with open_lines(output) as lines, _said_if_it_ends_early(lines):
        lines.write_heading(_line(extractor.header()))
        for extraction in extractions:
            lines.write(_line(extraction.to_dict()))


@contextmanager
def _said_if_it_ends_early(lines: Lines) -> Iterator[None]:
    try:
        yield
    except DovetailError as error:
        _note_results(error, lines.count, lines.path)
        raise
    except KeyboardInterrupt:
        say(f"stopped; {lines.path} has the results so far: {lines.count}", err=True)
        raise typer.Exit(INTERRUPTED) from None


def _note_results(error: DovetailError, count: int, output: Path) -> None:
    if count:
        error.add_note(f"{output} has the results before it: {count}.")


def print_lines(extractor: Extractor, extractions: Iterable[Extraction]) -> None:
    """Print extractions for another program, as they come; nothing if the first one fails."""
    stream = iter(extractions)
    first = list(islice(stream, 1))
    sys.stdout.write(_line(extractor.header()))
    for extraction in chain(first, stream):
        sys.stdout.write(_line(extraction.to_dict()))
        sys.stdout.flush()


def _line(values: object) -> str:
    return json.dumps(values, ensure_ascii=False) + "\n"


def render(extractor: Extractor, extractions: Iterable[Extraction]) -> None:
    """Show extractions to a person."""
    from rich.console import Console

    from dovetail.showing.rendering import render_document

    console = Console()
    for extraction in extractions:
        console.print(
            render_document(extraction.document, entity_types=extractor.schema.entity_types)
        )
        console.print()
