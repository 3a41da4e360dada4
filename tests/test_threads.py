from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

from dovetail.threads import MOST_THREADS, SETTINGS, available_cores


def run(program: str, **environment: str) -> str:
    """What a Python program prints in a new process without settings of threads but these."""
    kept = {name: value for name, value in os.environ.items() if name not in SETTINGS}
    kept.pop("OMP_NUM_THREADS", None)
    command = [sys.executable, "-c", f"import os\n{program}"]
    finished = subprocess.run(
        command, env=kept | environment, capture_output=True, text=True, check=True
    )
    return finished.stdout.strip()


@pytest.mark.parametrize("name", list(SETTINGS))
def test_what_the_user_chose_stays(name: str) -> None:
    program = "from dovetail.threads import prepare_threads\nprepare_threads()\n"
    assert run(f"{program}print(os.environ[{name!r}])", **{name: "chosen"}) == "chosen"


def test_nothing_is_set_once_torch_is_loaded() -> None:
    program = (
        "import torch\nfrom dovetail.threads import SETTINGS, prepare_threads\nprepare_threads()\n"
        "print(sorted(SETTINGS.keys() & os.environ.keys()))"
    )
    assert run(program) == "[]"


USE_THREADS = "from dovetail.threads import use_threads\nprint(use_threads({}))"


def test_threads_that_are_asked_for_are_used() -> None:
    assert run(USE_THREADS.format(3), OMP_NUM_THREADS="1") == "3"


def test_without_a_number_openmps_own_variable_decides() -> None:
    assert run(USE_THREADS.format(0), OMP_NUM_THREADS="3") == "3"


def test_without_any_choice_every_core_gets_a_thread_up_to_the_most_that_pay() -> None:
    assert int(run(USE_THREADS.format(0))) == min(available_cores(), MOST_THREADS)


FREED = """
from dovetail.threads import use_threads
use_threads(1)

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

block = bytearray(os.urandom(1)) * (16 << 20)
held = resident()
del block
print(held - resident() < 8 << 20)
"""


def test_freed_memory_is_kept_for_the_next_batch_unless_the_user_chose() -> None:
    if sys.platform != "linux" or "glibc" not in platform.libc_ver():
        pytest.skip("only glibc has such options")
    assert run(FREED) == "True"
    assert run(FREED, MALLOC_MMAP_THRESHOLD_="131072", MALLOC_TRIM_THRESHOLD_="131072") == "False"
