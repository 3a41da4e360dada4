"""``dovetail convert``: a corpus from one format to another, with an account of every loss."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand, TyperOption

from dovetail.cli.output_checks import check_output, refuse_overwriting
from dovetail.cli.reading_options import ReadingOptions, reads_corpora
from dovetail.cli.say import say
from dovetail.cli.waiting import Waiting, being_read
from dovetail.text.reading import Reading

if TYPE_CHECKING:
    from dovetail.corpora import Ledger

From = Annotated[
    str | None,
    typer.Option(
        "--from", "--format", help="The format to read; recognised from the content if left out."
    ),
]


class ConvertCommand(TyperCommand):
    """The command, whose help names the formats that there are when it is asked for."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        from rich.markup import escape

        from dovetail.corpora import known_formats

        formats, notes = known_formats()
        names = ", ".join(format.name for format in formats if format.write)
        for option in self.params:
            if isinstance(option, TyperOption) and option.name == "to":
                option.help = escape(" ".join([f"The format to write: {names}.", *notes]))
        super().format_help(ctx, formatter)


@reads_corpora
def convert_command(
    source: Annotated[Path, typer.Argument(metavar="IN", help="The corpus to read.")],
    target: Annotated[Path, typer.Argument(metavar="OUT", help="The file, or folder, to write.")],
    to: Annotated[
        str,
        typer.Option("--to", help="The format to write"),
    ],
    from_: From = None,
    ledger: Annotated[
        Path | None, typer.Option(help="A JSON file for the account, with every single drop.")
    ] = None,
    *,
    reading: ReadingOptions,
) -> None:
    """Convert a corpus and list what the new format cannot hold."""
    from dovetail.cli.inspect_command import show_ledger
    from dovetail.cli.terminal import Terminal
    from dovetail.corpora import read_corpus, write_corpus
    from dovetail.files.writing import write_text

    refuse_overwriting(target, source)
    check_output(ledger, source, target, option="--ledger")
    # Nothing is scored, so tokens are cut where entities need it, and none is lost.
    read_as = reading.over(Reading(borders="cut"))
    with Waiting() as tell:
        tell.stage(being_read(source))
        corpus = read_corpus(source, format=from_, reading=read_as)
        tell.stage(f"writing {target}")
        written = write_corpus(corpus.documents, target, format=to)
    if ledger is not None:
        account = {"read": corpus.ledger.to_dict(), "written": written.to_dict()}
        write_text(ledger, json.dumps(account, ensure_ascii=False, indent=2) + "\n")
    console = Terminal()
    show_ledger(f"Read {source}", corpus.ledger, console)
    show_ledger(f"Written to {target} ({to})", written, console)
    for line in _advice(corpus.ledger, written, read_as, target):
        say(line, err=True)


def _advice(read: Ledger, written: Ledger, reading: Reading, target: Path) -> Iterator[str]:
    """What is to be known of losses that another command would not have, or that are all."""
    from dovetail.corpora.ledger import RELATION, SENTENCE
    from dovetail.corpora.marking.assembly import CROSSES_SENTENCES

    crossing = read.reasons()[RELATION, CROSSES_SENTENCES]
    if crossing and reading.unit != "document":
        yield (
            f"{crossing:,} of {read[RELATION].read:,} relations go from one {reading.unit} to "
            "another; --unit document keeps them"
        )
    if written[SENTENCE].read and not written[SENTENCE].kept:
        yield f"warning: the format can hold nothing of this corpus; {target} has no sentence"
