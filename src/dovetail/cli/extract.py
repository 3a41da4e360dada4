"""`dovetail extract`: entities and relations from text, files, standard input or a corpus."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from dovetail.extractor import Extraction, Extractor

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
        help="A text, files (.txt: one document each; .jsonl: one in each line's 'text'; "
        "with --to: a corpus), or - for standard input, one document a line.",
        show_default=False,
    ),
]
To = Annotated[
    str | None,
    typer.Option(
        metavar="FORMAT",
        help="Read a corpus, keep its tokens, and write the predictions in this corpus format.",
    ),
]
From = Annotated[
    str | None,
    typer.Option(
        "--from", metavar="FORMAT", help="The format of that corpus; by default recognised."
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
    from dovetail.extractor import Extractor

    extractor = Extractor.load(model, threads=threads)
    if to is not None and output is not None:
        extract_corpora(extractor, sources, from_, to, output)
    elif output is not None:
        from dovetail.corpora.files import open_atomically

        with open_atomically(output) as file:
            for extraction in extractor.pipe(texts_of(sources)):
                file.write(line_of(extraction))
    elif sys.stdout.isatty():
        render(extractor, extractor.pipe(texts_of(sources)))
    else:
        for extraction in extractor.pipe(texts_of(sources)):
            sys.stdout.write(line_of(extraction))


def extract_corpora(
    extractor: Extractor, sources: list[str], from_: str | None, to: str, output: Path
) -> None:
    """Predict on the sentences of corpora as they stand, and write them in a corpus format."""
    from dovetail.corpora import read_corpus, write_corpus

    documents = [
        document
        for source in sources
        for document in read_corpus(Path(source), format=from_).documents
    ]
    ledger = write_corpus(extractor.pipe_documents(documents), output, format=to)
    typer.echo(f"{output}\n{ledger.summary()}", err=True)


def texts_of(sources: Iterable[str]) -> Iterator[str]:
    """The texts of the command line's arguments, one after another.

    An argument that names a file is read, whatever else it may be; any other is a text itself.
    """
    for source in sources:
        if source == "-":
            yield from texts_of_stream(sys.stdin.buffer)
        elif Path(source).suffix == ".jsonl" and Path(source).is_file():
            yield from texts_of_lines(Path(source))
        elif looks_like_file(source):
            yield read_text(Path(source))
        else:
            yield source


def texts_of_stream(stream: Iterable[bytes]) -> Iterator[str]:
    """The lines of standard input, which are UTF-8 whatever the locale is.

    Raises:
        CorpusError: naming the line that is not.
    """
    from dovetail.errors import CorpusError

    for number, line in enumerate(stream, start=1):
        try:
            yield line.decode("utf-8").rstrip("\r\n")
        except UnicodeDecodeError as error:
            raise CorpusError(
                f"line {number} of standard input is not UTF-8 text: {error}"
            ) from error


def looks_like_file(source: str) -> bool:
    """Whether the argument is a file that exists, or a name that can only be meant as one."""
    try:
        return Path(source).is_file() or Path(source).suffix in (".txt", ".jsonl", ".json")
    except (OSError, ValueError):  # too long for a name, or with a NUL in it
        return False


def read_text(path: Path) -> str:
    """The text of a file.

    Raises:
        CorpusError: if it cannot be read or is not UTF-8.
    """
    from dovetail.errors import CorpusError

    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CorpusError(f"cannot read {path} as UTF-8 text: {error}") from error


def texts_of_lines(path: Path) -> Iterator[str]:
    """The field "text" of every line of a JSON-lines file.

    Raises:
        CorpusFormatError: naming the line that has none, or is not UTF-8.
    """
    from dovetail.errors import CorpusFormatError

    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                text = json.loads(line)["text"]
            except (ValueError, KeyError, TypeError) as error:
                raise CorpusFormatError(
                    f'{path}:{number}: expected a JSON object with a "text": {error!r}'
                ) from error
            if not isinstance(text, str):
                raise CorpusFormatError(f'{path}:{number}: "text" is {text!r}, expected a string')
            yield text


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
