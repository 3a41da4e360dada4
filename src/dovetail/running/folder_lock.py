"""A lock on a folder that the kernel releases when its process ends, however it ends.

Cells of experiments, runs and bulk extractions are each done by one process at a time because of
it.  Over NFS it holds between machines too.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dovetail.errors import OutputError


@contextmanager
def locked(file: Path) -> Iterator[bool]:
    """Lock a file for this block, and say whether that worked: it does not while another has it.

    The file is made, with its folder, and stays: to remove it would let two have a file of the same
    name.

    Raises:
        OutputError: if the file cannot be made.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        opened = file.open("a")
    except FileExistsError as error:
        raise OutputError(
            f"cannot write {file}: expected a folder, {file.parent} is none"
        ) from error
    except OSError as error:
        raise OutputError(f"cannot write {file}: {error.strerror}") from error
    with opened:
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
