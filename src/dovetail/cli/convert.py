"""``dovetail convert``: a corpus from one format to another, with an account of every loss."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer


def convert_command(
    source: Annotated[Path, typer.Argument(metavar="IN", help="The corpus to read.")],
    target: Annotated[Path, typer.Argument(metavar="OUT", help="The file, or folder, to write.")],
    to: Annotated[
        str,
        typer.Option(
            "--to",
            help="The format to write: dovetail, spert, unified, dygie, crossre, brat, conll04, "
            "tacred, opennre, semeval2010, semeval2018, docred, conllu-plus, webanno or columns.",
        ),
    ],
    from_: Annotated[
        str | None,
        typer.Option("--from", help="The format to read; recognised from the content if left out."),
    ] = None,
    language: Annotated[str, typer.Option(help="Language of raw text, as spaCy names it.")] = "en",
    ledger: Annotated[
        Path | None, typer.Option(help="A JSON file for the account, with every single drop.")
    ] = None,
) -> None:
    """Convert a corpus and list what the new format cannot hold."""
    from rich.console import Console

    from dovetail.cli.inspect import show_ledger
    from dovetail.corpora import read_corpus, write_corpus
    from dovetail.corpora.files import write_text

    corpus = read_corpus(source, format=from_, language=language)
    written = write_corpus(corpus.documents, target, format=to)
    if ledger is not None:
        account = {"read": corpus.ledger.to_dict(), "written": written.to_dict()}
        write_text(ledger, json.dumps(account, ensure_ascii=False, indent=2) + "\n")
    console = Console()
    show_ledger(f"Read {source}", corpus.ledger, console)
    show_ledger(f"Written to {target} ({to})", written, console)
