"""`dovetail bulk`: extraction from more text than one process should read."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from dovetail.cli.extract_command import INTERRUPTED, Model
from dovetail.cli.left_out import DROPPED
from dovetail.cli.option_groups import with_group
from dovetail.cli.say import say
from dovetail.cli.waiting import Waiting
from dovetail.errors import MissingExtraError

if TYPE_CHECKING:
    from dovetail.bulk import BulkOptions, Running, Summary

Inputs = Annotated[
    list[str],
    typer.Argument(
        metavar="INPUT...",
        help="Files, folders, globs in quotes, archives (.zip, .tar), and addresses such as "
        "s3://bucket/mails/*.jsonl.gz. What a name ends in says what it holds: .txt, .jsonl, .csv, "
        ".tsv, .parquet, .wet, each also as .gz or .zst.",
        show_default=False,
    ),
]
Output = Annotated[
    Path | None,
    typer.Option(
        "--output", "-o", help="A new folder, or that of the run to go on.", show_default=False
    ),
]
Resume = Annotated[
    bool,
    typer.Option("--resume", help="Go on with a run that was stopped, killed, or had no room."),
]
From = Annotated[
    Literal["text", "lines", "jsonl", "csv", "tsv", "parquet", "wet"] | None,
    typer.Option(
        "--from",
        help="What all inputs hold, whatever their names end in; with lines, a document is a line.",
        show_default=False,
    ),
]
TextColumn = Annotated[str, typer.Option(metavar="NAME", help="The column or field of the text.")]
IdColumn = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="The column or field of a document's name.  [default: id where there is one, or else "
        "its place]",
        show_default=False,
    ),
]
Keep = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME", help="A column or field that goes through; repeatable.", show_default=False
    ),
]
To = Annotated[
    Literal["tables", "nested", "jsonl"],
    typer.Option(
        help="Parquet in tables of documents, entities and relations; or one of documents that "
        "holds them in lists; or JSON lines of the native corpus format."
    ),
]
Texts = Annotated[
    bool, typer.Option("--texts/--no-texts", help="Whether the tables hold the texts.")
]
SchemaName = Annotated[
    str | None,
    typer.Option(
        metavar="NAME", help="Extract with this schema alone, of several.", show_default=False
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(
        min=1, help="Processes of one thread each.  [default: the cores]", show_default=False
    ),
]
Memory = Annotated[
    str | None,
    typer.Option(
        metavar="SIZE",
        help="Of all processes together, such as 8G: fewer of them are started, and one that takes "
        "more than its share is started again; with --ray, of each.",
        show_default=False,
    ),
]
Ray = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS",
        help="Work on a Ray cluster: its address, auto for the one of this machine, or local.",
        show_default=False,
    ),
]


@dataclass(frozen=True)
class LimitOptions:
    """Limits of a document and of a shard; None is what `BulkOptions` says."""

    max_characters: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="A document with more of them is left out and listed.  [default: 1,000,000]",
            show_default=False,
        ),
    ] = None
    max_seconds: Annotated[
        float | None,
        typer.Option(
            min=0.1,
            help="A document that keeps a worker silent for longer is left out and listed.  "
            "[default: 300]",
            show_default=False,
        ),
    ] = None
    unit_documents: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="A shard ends with this document, or before.  [default: 5,000]",
            show_default=False,
        ),
    ] = None
    unit_bytes: Annotated[
        str | None,
        typer.Option(
            metavar="SIZE",
            help="A shard ends with the document that reaches it.  [default: 1M]",
            show_default=False,
        ),
    ] = None

    def given(self) -> dict[str, Any]:
        """Those that were given, as `BulkOptions` takes them."""
        size = None if self.unit_bytes is None else size_in(self.unit_bytes, "--unit-bytes")
        values = {**asdict(self), "unit_bytes": size}
        return {name: value for name, value in values.items() if value is not None}


@dataclass(frozen=True)
class EstimateOptions:
    """Whether to say what all would take instead of doing it."""

    estimate: Annotated[
        bool | None,
        typer.Option(
            "--estimate",
            help="Write nothing; extract from a part for about a minute, and say what all would "
            "take: time, memory, bytes of output, each with what it is told from.",
            show_default=False,
        ),
    ] = None
    price: Annotated[
        float | None,
        typer.Option(
            min=0, help="With --estimate: of a core for an hour, for the cost.", show_default=False
        ),
    ] = None

    def refuse_with(self, output: Path | None, resume: bool) -> None:
        """Raise `typer.BadParameter` if other options ask for what this cannot mean."""
        if self.estimate:
            if output is not None or resume:
                raise typer.BadParameter(
                    "it writes nothing: leave --output and --resume out", param_hint="--estimate"
                )
        elif self.price is not None:
            raise typer.BadParameter("it goes with --estimate", param_hint="--price")
        elif output is None:
            raise typer.BadParameter("name the folder to write", param_hint="--output / -o")


PARTS = ("fsspec", "pyarrow", "zstandard")
"""What the extra brings."""


@with_group(EstimateOptions, "asked")
@with_group(LimitOptions, "limits")
def bulk_command(  # noqa: PLR0913  the options of a command, which nobody passes on
    model: Model,
    inputs: Inputs,
    *,
    output: Output = None,
    resume: Resume = False,
    from_: From = None,
    text_column: TextColumn = "text",
    id_column: IdColumn = None,
    keep: Keep = None,
    to: To = "tables",
    texts: Texts = True,
    schema: SchemaName = None,
    workers: Workers = None,
    memory: Memory = None,
    ray: Ray = None,
    limits: LimitOptions,
    asked: EstimateOptions,
) -> None:
    """Extract from very much text: in parallel, exactly once, and resumable.

    The output is a folder of shards with a manifest. Whatever is killed, --resume goes on, and the
    shards have the same bytes as if nothing had happened.

    A document that cannot be extracted from never ends a run: it is listed in OUTPUT/errors.parquet
    with place and reason, and the exit code is 3.
    """
    if any(find_spec(part) is None for part in PARTS):
        raise MissingExtraError("bulk extraction", extra="bulk")
    from dovetail.bulk import BulkOptions, Running

    options = BulkOptions(
        kind=from_,
        text_column=text_column,
        id_column=id_column,
        keep=tuple(keep or ()),
        form=to,
        texts=texts,
        schema=schema,
        **limits.given(),
    )
    asked.refuse_with(output, resume)
    if asked.estimate or output is None:
        _estimate(model, inputs, options, workers, asked.price)
        return
    size = None if memory is None else size_in(memory, "--memory")
    _extract(model, inputs, output, options, Running(workers, size, ray, resume))


def _extract(
    model: str, inputs: list[str], output: Path, options: BulkOptions, running: Running
) -> None:
    """Do all, and say what it came to."""
    from dovetail.bulk import run_bulk

    try:
        with Waiting() as tell:
            summary = run_bulk(model, inputs, output, options, running, tell)
    except KeyboardInterrupt:
        say(f"stopped; what is done stays in {output}, and --resume goes on", err=True)
        raise typer.Exit(INTERRUPTED) from None
    _end(summary, output)


def _end(summary: Summary, output: Path) -> None:
    """Say what a run came to, and end with `DROPPED` if something failed."""
    say(f"{output}: {summary}", err=True)
    if summary.failed:
        say(f"{output / 'errors.parquet'} lists the {summary.failed:,} that failed", err=True)
        raise typer.Exit(DROPPED)


def _estimate(
    model: str, inputs: list[str], options: BulkOptions, workers: int | None, price: float | None
) -> None:
    """Say what all would take."""
    from dovetail.bulk.estimate import estimated
    from dovetail.cli.bulk_estimate_display import estimate_lines
    from dovetail.threads import available_cores

    with Waiting() as tell:
        found = estimated(model, inputs, options, tell=tell)
    for line in estimate_lines(found, workers or available_cores(), price):
        say(line)


def size_in(text: str, option: str) -> int:
    """The bytes that an option says.

    Raises:
        typer.BadParameter: if it says none.
    """
    from dovetail.bulk.options import size_of

    try:
        return size_of(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=option) from None
