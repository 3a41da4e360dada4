"""The list of what a command left out because it could not be read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Self

import typer

from dovetail.cli.inputs import BadItem
from dovetail.cli.say import say
from dovetail.files.writing import Lines, is_plain, open_lines

DROPPED = 3
"""The exit code where something was left out."""


def errors_file(output: Path | None) -> Path | None:
    """The list beside an output file; None, which is standard error, beside anything else."""
    if output is None:
        return None
    with suppress(OSError):  # what is wrong with it, whoever writes it says
        return output.with_name(f"{output.name}.errors.jsonl") if is_plain(output) else None
    return None


class LeftOut:
    """Items that are left out, listed as they come: a line of JSON for each, or a sentence."""

    def __init__(self, path: Path | None, stack: ExitStack) -> None:
        self.count = 0
        self._path = path
        self._stack = stack
        self._lines: Lines | None = None

    @classmethod
    @contextmanager
    def listed(cls, output: Path | None) -> Iterator[Self]:
        """List items beside an output file; if there are none, an old list goes."""
        path = errors_file(output)
        with ExitStack() as stack:
            left_out = cls(path, stack)
            yield left_out
        if path is not None and not left_out.count:
            with suppress(OSError):
                path.unlink(missing_ok=True)

    def add(self, item: BadItem) -> None:
        """Leave an item out."""
        self.count += 1
        if self._path is None:
            say(f"left out: {item.message}", err=True)
            return
        if self._lines is None:
            self._lines = self._stack.enter_context(open_lines(self._path))
        self._lines.write(json.dumps(asdict(item), ensure_ascii=False) + "\n")

    def end(self) -> None:
        """End the command with a sentence and `DROPPED` if anything was left out."""
        if not self.count:
            return
        where = "" if self._path is None else f"; {self._path} lists them"
        say(f"left out: {self.count} that cannot be read{where}", err=True)
        raise typer.Exit(DROPPED)
