"""`dovetail suggest`: which of many texts to annotate next."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from dovetail.cli.extract_command import Model, SchemaName, Threads, load
from dovetail.cli.inputs import documents_of, files_read
from dovetail.cli.left_out import LeftOut, errors_file
from dovetail.cli.output_checks import check_output
from dovetail.cli.reading_options import ReadingOptions, reads_corpora
from dovetail.cli.say import say
from dovetail.cli.waiting import Waiting, being_read
from dovetail.text.reading import Reading

if TYPE_CHECKING:
    from dovetail.suggestion import Chosen, Doubted
    from dovetail.suggestion.units import Distinct
    from dovetail.text.document import Document

SHOWN = 10
"""Texts that the terminal shows."""

Texts = Annotated[
    list[str],
    typer.Argument(
        metavar="TEXTS…",
        help="Files (.txt: a document; .jsonl: one in each line's 'text'; .json, a folder, or "
        ".jsonl with tokens: a corpus); or - for standard input, a document a line.",
        show_default=False,
    ),
]
Number = Annotated[int, typer.Option("--number", "-n", min=1, help="How many texts to suggest.")]
By = Annotated[
    Literal["sentence", "document"],
    typer.Option(help="What is annotated at once: each sentence, or each document."),
]
To = Annotated[
    str,
    typer.Option(
        metavar="FORMAT",
        help="The corpus format to write: labelstudio, doccano, brat, prodigy, dovetail (JSON "
        "lines) or another that `dovetail convert` writes.",
    ),
]
Annotated_ = Annotated[
    list[Path] | None,
    typer.Option(
        "--annotated",
        metavar="CORPUS",
        help="A corpus that is annotated already, which is not suggested again; may be repeated.",
        show_default=False,
    ),
]
Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        help="Write the texts, with predictions to correct, to this file or folder.",
        show_default=False,
    ),
]

ALIASES = {"jsonl": "dovetail", "label-studio": "labelstudio"}
"""Other names of formats."""


@reads_corpora
def suggest_command(  # noqa: PLR0913  the options of a command, which nobody passes on
    model: Model,
    texts: Texts,
    *,
    number: Number = 50,
    to: To = "dovetail",
    output: Output = None,
    by: By = "sentence",
    annotated: Annotated_ = None,
    schema: SchemaName = None,
    threads: Threads = 0,
    reading: ReadingOptions,
) -> None:
    """Suggest what to annotate next.

    Chooses the texts in which the model expects to make most mistakes, those about rare types
    counting more, and which are unlike each other, best first. With --output they are written with
    what the model predicts, to be corrected where you annotate.
    """
    for path in filter(None, (output, errors_file(output))):
        check_output(path, *files_read(texts, path), *(annotated or ()))
    extractor = load(model, threads, schema)
    corpora = reading.over(extractor.reading.of_corpora)
    from dovetail.suggestion import chosen, doubted
    from dovetail.suggestion.units import Distinct, sentences_of

    known = _read(annotated or [], corpora)
    distinct = Distinct(sentences_of(known) if by == "sentence" else known)
    with LeftOut.listed(output) as left_out, Waiting() as tell:
        drop = None if corpora.on_error == "refuse" else left_out.add
        documents = documents_of(texts, extractor.tokenizer.like(corpora), corpora, drop=drop)
        units = distinct(sentences_of(documents) if by == "sentence" else documents)
        found = chosen(doubted(extractor, _told(units, tell)), number)
    if output is not None:
        write(found, output, ALIASES.get(to, to))
    show(found, distinct)
    left_out.end()


def _told(documents: Iterator[Document], tell: Waiting) -> Iterator[Document]:
    for number, document in enumerate(documents, start=1):
        if number % 100 == 1:
            tell.stage(f"reading texts, {number:,} so far")
        yield document


def _read(corpora: list[Path], reading: Reading) -> list[Document]:
    from dovetail.corpora import read_corpus

    documents: list[Document] = []
    for path in corpora:
        with Waiting() as tell:
            tell.stage(being_read(path))
            documents += read_corpus(path, reading=reading).documents
    return documents


def write(found: Chosen, output: Path, format: str) -> None:
    """Write the suggested texts, with the predictions in them."""
    from dovetail.corpora import write_corpus

    ledger = write_corpus([text.document for text in found.texts], output, format=format)
    say(f"{output}\n{ledger.summary()}", err=True)


def show(found: Chosen, distinct: Distinct) -> None:
    """Show the first of the texts, with what is doubted in each."""
    from rich.table import Table
    from rich.text import Text

    from dovetail.cli.terminal import Terminal

    rows = [_row(text) for text in found.texts[:SHOWN]]
    # Only a column with a ratio gives way where there is no room for all.
    doubts = max((len(row[1]) for row in rows), default=0)
    table = Table(title="To annotate next", title_justify="left", expand=True)
    table.add_column("mistakes", justify="right", width=len("mistakes"))
    table.add_column("most doubted", width=max(doubts, len("most doubted")))
    table.add_column("text", ratio=1, overflow="ellipsis", no_wrap=True)
    for mistakes, words, line in rows:
        table.add_row(mistakes, Text(words), Text(line))
    Terminal().print(table)
    tokens = sum(text.tokens for text in found.texts)
    expected = sum(text.mistakes for text in found.texts)
    say(
        f"{len(found.texts):,} of {found.read:,} texts, {tokens:,} tokens; mistakes that the model "
        f"expects in them: {expected:.0f}"
    )
    for count, why in (
        (distinct.annotated, "are annotated already"),
        (distinct.repeated, "stand there more than once"),
    ):
        if count:
            say(f"left out, since they {why}: {count:,}")


def _row(text: Doubted) -> tuple[str, str, str]:
    """The mistakes of a text, what is doubted most in it, and the text."""
    from dovetail.showing.visible import shown, shown_label

    doubts = {"entities": text.entities, **text.relations}
    most = sorted(doubts, key=lambda name: -doubts[name])[:2]
    words = ", ".join(f"{name} {doubts[name]:.1f}" for name in most if doubts[name] >= 0.05)
    line = shown(" ".join(text.document.text.split()))
    return f"{text.mistakes:.1f}", shown_label(words), line
