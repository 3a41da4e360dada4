"""How many threads the computation takes, how they wait, and how many kernels they keep.

OpenMP's threads spin while they wait, by default; on a busy machine with few cores that makes two
threads slower than one by an order of magnitude.  This module imports no torch, because the setting
must be made before torch is loaded.
"""

from __future__ import annotations

import os
import sys

SETTINGS = {
    "OMP_WAIT_POLICY": "PASSIVE",
    # torch and oneDNN keep a compiled kernel for each of the last 1,024 shapes of their inputs.
    # Batches of text hardly ever repeat a shape: over 10 MB of text the kernels came to 1.2 GB, and
    # a few, enough for the steps of one batch, are as fast.
    "LRU_CACHE_CAPACITY": "16",
    "ONEDNN_PRIMITIVE_CACHE_CAPACITY": "16",
}
"""Environment variables that torch reads once, when it is loaded."""


def prepare_threads() -> None:
    """Let OpenMP threads sleep while they wait and keep few kernels, unless the user chose.

    Has an effect only before torch is first imported.
    """
    if "torch" not in sys.modules:
        for name, value in SETTINGS.items():
            os.environ.setdefault(name, value)


def available_cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def use_threads(threads: int) -> int:
    """Set the threads of torch's operators and say how many; 0 leaves the choice to Dovetail.

    Its choice is what `OMP_NUM_THREADS` says, or else at most `MOST_THREADS` of the cores: the
    layers of a small model are too narrow to feed more.  Threads that sleep while they wait gain
    on a busy machine too: beside two neighbours on two cores, two extract 1.2 times as fast as one.
    """
    import torch

    if threads == 0:
        asked = os.environ.get("OMP_NUM_THREADS", "")
        threads = int(asked) if asked.isdigit() else min(available_cores(), MOST_THREADS)
    torch.set_num_threads(max(1, threads))
    return torch.get_num_threads()


MOST_THREADS = 4
