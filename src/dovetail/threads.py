"""How many threads the computation takes, how they wait, and how many kernels they keep.

OpenMP's threads spin while they wait, by default; on a busy machine with few cores that makes two
threads slower than one by an order of magnitude.  This module imports no torch, because that must
be set before torch is loaded.  Importing it changes nothing: the command line prepares its own
process, and for others `use_threads` does what can be done later.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from dovetail.errors import DovetailError

FEW_KERNELS = {
    # torch and oneDNN keep a compiled kernel for each of the last 1,024 shapes of their inputs.
    # Batches of text hardly ever repeat a shape: over 10 MB of text the kernels came to 1.2 GB, and
    # a few, enough for the steps of one batch, are as fast.
    "LRU_CACHE_CAPACITY": "16",
    "ONEDNN_PRIMITIVE_CACHE_CAPACITY": "16",
}
"""Environment variables that torch reads when it first computes."""

SETTINGS = {"OMP_WAIT_POLICY": "PASSIVE", **FEW_KERNELS}
"""Environment variables of a process of Dovetail's own; the first is read when torch is loaded."""

KEPT_BYTES = {
    # glibc gives large blocks back to the system as soon as they are free, and the next batch has
    # the system clear new pages for the same vectors: a twentieth of the time of an extraction.
    "M_MMAP_THRESHOLD": (-3, 32 << 20),  # smaller blocks come out of what is kept
    "M_TRIM_THRESHOLD": (-1, 128 << 20),  # so much is kept of what is free
}
"""Options of glibc's allocator, by the number that `mallopt` has for each."""


def prepare_threads() -> None:
    """Let OpenMP threads sleep while they wait and keep few kernels, unless the user chose.

    For processes that are Dovetail's own, before torch is first imported; later it has no effect.
    """
    if "torch" not in sys.modules:
        for name, value in SETTINGS.items():
            os.environ.setdefault(name, value)


def _keep_freed_memory() -> None:
    """Let glibc keep some of what is freed, unless the user chose."""
    chosen = {"GLIBC_TUNABLES", *(f"MALLOC_{name[2:]}_" for name in KEPT_BYTES)}
    if sys.platform != "linux" or chosen & {*os.environ}:
        return
    import ctypes

    library = ctypes.CDLL(None)
    if hasattr(library, "mallopt"):  # musl, say, has no such function
        for option, size in KEPT_BYTES.values():
            library.mallopt(option, size)


def available_cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


_computes = False  # and so has the hook below
_forked = False  # from a process that computes


def expect_forks() -> None:
    """Let processes that are forked from this one from now on compute, each on one thread."""
    global _computes
    if not _computes and hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_after_fork_in_child)
    _computes = True


def _after_fork_in_child() -> None:
    """Go on with one thread: of OpenMP's the child has none, and would wait for them for ever."""
    global _forked
    import torch

    _forked = True
    torch.set_num_threads(1)


def use_threads(threads: int | None) -> int:
    """Set the threads of torch's operators and say how many; 0 leaves the choice to Dovetail.

    That holds for the whole process, as does that torch keeps few kernels from now on, and glibc
    some freed memory; None leaves the process as it is.  Dovetail's choice is what
    `OMP_NUM_THREADS` says, or else at most `MOST_THREADS` of the cores: the layers of a small model
    are too narrow to feed more, and what several threads predict side by side waits for one
    interpreter.  A process that was forked from one that computes has one thread.

    Raises:
        DovetailError: if such a process asks for more.
    """
    import torch

    if threads is None:
        return torch.get_num_threads()
    for name, value in FEW_KERNELS.items():
        os.environ.setdefault(name, value)
    _keep_freed_memory()
    if _forked:
        if threads > 1:
            raise DovetailError(
                f"a process forked from one that computes cannot use {threads} threads, which "
                f"would wait for each other for ever; start it with the method 'spawn', as by "
                f"multiprocessing.get_context('spawn'), or use one thread"
            )
        threads = 1
    if threads == 0:
        asked = os.environ.get("OMP_NUM_THREADS", "")
        threads = int(asked) if asked.isdigit() else min(available_cores(), MOST_THREADS)
    torch.set_num_threads(max(1, threads))
    return torch.get_num_threads()


@contextmanager
def on_one_thread(*, alone: bool = True) -> Iterator[None]:
    """Let this thread's operators run on it alone for a while, unless it is not to be."""
    import torch

    threads = torch.get_num_threads()
    if alone:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


MOST_THREADS = 4
