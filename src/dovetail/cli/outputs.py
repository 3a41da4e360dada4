"""What is wrong with a file to write is better said before the work than after."""

from __future__ import annotations

from pathlib import Path

import typer

from dovetail.files import refuse_overwriting


def check_output(output: Path | None, *others: Path | None, option: str = "--output") -> None:
    """Check a file to write, if there is one, beside the others that a command reads or writes.

    Raises:
        typer.BadParameter: if the folder of the file does not exist.
        OutputError: if it is one of the others.
    """
    if output is None:
        return
    if not output.parent.is_dir():
        raise typer.BadParameter(f"there is no folder {output.parent}", param_hint=option)
    refuse_overwriting(output, *(other for other in others if other is not None))
