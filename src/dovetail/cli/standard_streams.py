"""The streams of the process: they take any text, and say in a sentence what goes wrong."""

from __future__ import annotations

import io
import os
import sys
from typing import TYPE_CHECKING

from dovetail.errors import OutputError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

CLOSED_PIPE = 128 + 13
"""The exit code of a program whose output nobody reads any more, as the shell counts SIGPIPE."""


class ClosedPipeError(OutputError):
    """Nobody reads the standard output any more, as after `| head`."""


class _StandardOutput(io.FileIO):
    """Standard output whose failures are ours: click and rich end the process on some of them."""

    def write(self, content: ReadableBuffer, /) -> int:
        try:
            return super().write(content)
        except BrokenPipeError as error:
            raise ClosedPipeError("standard output was closed before the end") from error
        except OSError as error:
            raise OutputError(f"standard output cannot be written: {error.strerror}") from error


class _NoOutput(io.RawIOBase):
    """What stands for a standard output that the process was started without."""

    def writable(self) -> bool:
        return True

    def write(self, content: ReadableBuffer, /) -> int:
        raise OutputError("standard output is closed; name a file to write, or open it")


def prepare_streams() -> None:
    """Let the streams take any text, and let standard output fail with an `OutputError`."""
    for stream in (sys.stdout, sys.stderr):
        _hold_all_characters(stream)
    raw: io.RawIOBase
    if sys.stdout is None:
        raw, encoding, errors = _NoOutput(), "utf-8", "backslashreplace"
    elif isinstance(sys.stdout, io.TextIOWrapper):
        raw = _StandardOutput(sys.stdout.fileno(), "w", closefd=False)
        encoding, errors = sys.stdout.encoding, sys.stdout.errors or "backslashreplace"
    else:  # a test has put something else there
        return
    sys.stdout = io.TextIOWrapper(
        io.BufferedWriter(raw), encoding=encoding, errors=errors, line_buffering=raw.isatty()
    )


def finish_output() -> None:
    """Write what standard output still holds.

    Raises:
        OutputError: if that is not possible.
    """
    if sys.stdout is not None:
        sys.stdout.flush()


def give_output_up() -> None:
    """Let Python end without another attempt to write what standard output still holds."""
    null = os.open(os.devnull, os.O_WRONLY)
    sys.stdout = os.fdopen(null, "w", encoding="utf-8")


def _hold_all_characters(stream: object) -> None:
    """Let a stream of the process take any text, whatever the locale is.

    Files and pipes get UTF-8, as standard input is read, and so does a terminal of which the locale
    says no more than ASCII.  A terminal with another encoding gets escapes for what it lacks.
    """
    if not isinstance(stream, io.TextIOWrapper):  # a test may have put something else there
        return
    says_enough = stream.isatty() and "é".encode(stream.encoding, "ignore") != b""
    encoding = stream.encoding if says_enough else "utf-8"
    stream.reconfigure(encoding=encoding, errors="backslashreplace")
