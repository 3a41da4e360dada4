from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from dovetail.errors import OutputError
from dovetail.running.folder_lock import locked

HOLDING = """
import sys, time
from pathlib import Path
from dovetail.running.folder_lock import locked

with locked(Path(sys.argv[1])) as mine:
    print(mine, flush=True)
    time.sleep(60)
"""


def test_one_at_a_time_has_it_and_a_killed_process_lets_go(tmp_path: Path) -> None:
    file = tmp_path / "run" / "run.lock"
    command = [sys.executable, "-c", HOLDING, str(file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "True\n"
        with locked(file) as mine:
            assert not mine
        other.send_signal(signal.SIGKILL)
    with locked(file) as mine:
        assert mine
        with locked(file) as again:
            assert not again
    assert file.exists()


def test_a_place_that_cannot_be_written_is_an_output_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(OutputError, match=r"cannot write .*run\.lock: expected a folder"),
        locked(tmp_path / "file" / "run.lock"),
    ):
        pass
