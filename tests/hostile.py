"""What a careful program must not open: made in a temporary folder, never taken from the system."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest


def make_fifo(folder: Path, name: str = "fifo") -> Path:
    """A FIFO that nobody writes to: who opens it to read waits for ever."""
    path = folder / name
    try:
        os.mkfifo(path)
    except (AttributeError, OSError) as error:
        pytest.skip(f"no FIFO can be made here: {error}")
    return path


def make_device(folder: Path, name: str = "device") -> Path:
    """A node of the device that gives zeros without end."""
    path = folder / name
    try:
        os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 5))
    except (AttributeError, OSError) as error:
        pytest.skip(f"only a privileged user can make a node of a device: {error}")
    return path
