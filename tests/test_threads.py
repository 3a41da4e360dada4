from __future__ import annotations

import os
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
