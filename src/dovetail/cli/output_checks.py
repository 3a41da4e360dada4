"""What is wrong with a file to write is better said before the work than after."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import typer

from dovetail.errors import OutputError
from dovetail.files.writing import is_plain


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


def refuse_overwriting(output: Path, *others: Path) -> None:
    """Make sure that a file to write is none of the others that a command reads or writes.

    Raises:
        OutputError: if it is one.
    """
    with suppress(OSError, ValueError):  # what is wrong with a path, whoever opens it says
        if not is_plain(output):
            return
    for other in others:
        if _are_one(output, other):
            raise OutputError(
                f"{output} would overwrite {other}, which the same command names; name another "
                f"file to write"
            )


def _are_one(first: Path, second: Path) -> bool:
    """Whether two paths lead to one file, or would if there were one."""
    with suppress(OSError, ValueError):
        if os.path.realpath(first) == os.path.realpath(second):
            return True
        return first.samefile(second)
    return False
