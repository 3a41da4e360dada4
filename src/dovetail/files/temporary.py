"""Temporary folders that live as long as the object that stands for them."""

from __future__ import annotations

import os
import shutil
import weakref
from pathlib import Path
from tempfile import mkdtemp


class TemporaryFolder:
    """A new folder, which is removed with this object, or when the process ends."""

    def __init__(self) -> None:
        self.path = Path(mkdtemp(prefix="dovetail-"))
        weakref.finalize(self, _remove, self.path, os.getpid())


def _remove(path: Path, process: int) -> None:
    """Remove a folder, but not on behalf of a process that was forked from its owner's."""
    if os.getpid() == process:
        shutil.rmtree(path, ignore_errors=True)
