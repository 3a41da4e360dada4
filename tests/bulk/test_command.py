"""`dovetail bulk` as a user meets it: refusals, Ctrl-C, and what memory allows."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
from tests.bulk.conftest import content_of, line_of, run
from tests.waiting import until
from typer.testing import CliRunner

from dovetail.bulk.options import BulkOptions, Running, size_of
from dovetail.bulk.run import LEAST_WORKER_BYTES, OWN_BYTES, shares_of
from dovetail.cli import app
from dovetail.errors import DovetailError

COMMAND = """
from dovetail.bulk import messages
from dovetail.cli import main
messages.WORKER = "tests.bulk.light_worker"
main()
"""


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-c", COMMAND, "bulk", "light", *map(str, arguments)]


def test_control_c_stops_with_130_and_can_be_resumed(tmp_path: Path, light: None) -> None:
    source, folder = tmp_path / "slow.jsonl", tmp_path / "out"
    lines = (line_of(number).replace("Ada", "SLOW Ada", 1) for number in range(200))
    source.write_text("".join(lines), encoding="utf-8")
    asked = [source, "-o", folder, "--unit-documents", 7, "--workers", 1]
    hears = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # also if the tests do not
    process = subprocess.Popen(command(*asked), stderr=subprocess.PIPE, text=True, preexec_fn=hears)
    until(lambda: len([*folder.glob("documents/*.parquet")]) > 2, seconds=60)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "--resume goes on" in said
    assert not (folder / "summary.json").exists()
    done = (folder / "manifest.jsonl").read_text("utf-8").count('"shard"')
    assert done > 1
    resumed = subprocess.run(
        command(*asked, "--resume"), capture_output=True, text=True, check=True
    )
    assert f"{7 * done} of them before" in resumed.stderr
    run(tmp_path / "whole", source)
    assert content_of(folder) == content_of(tmp_path / "whole")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--keep", "text"], "no column can go through as 'text'"),
        (["--memory", "much"], "'much' is no size"),
        (["--memory", "1M"], "--memory is 1,000,000 bytes; at least"),
        (["--unit-bytes", "-1"], "is no size"),
        (["--unit-bytes", "0"], "unit_bytes is 0"),
        (["--max-characters", "0"], "greater than or equal to 1"),
        (["--from", "docx"], "docx"),
    ],
)
def test_wrong_options_are_refused(
    names: Path, tmp_path: Path, options: list[str], message: str
) -> None:
    asked = ["bulk", "light", str(names), "-o", str(tmp_path / "out"), *options]
    result = CliRunner().invoke(app, asked)
    assert result.exit_code != 0
    assert message in " ".join(f"{result.output} {result.exception}".replace("│", " ").split())


def test_memory_decides_how_many_workers_there_are() -> None:
    assert shares_of(Running(workers=3)) == (3, None)
    for workers in (1, 2, 8):
        for gigabytes in (2, 4, 7, 64):
            memory = gigabytes * 10**9
            number, share = shares_of(Running(workers=workers, memory=memory))
            assert 1 <= number <= workers
            assert share is not None
            assert share >= LEAST_WORKER_BYTES
            assert number * share + OWN_BYTES <= memory
            assert number == workers or (number + 1) * LEAST_WORKER_BYTES + OWN_BYTES > memory
    with pytest.raises(DovetailError, match="at least"):
        shares_of(Running(memory=OWN_BYTES))


def test_options_survive_the_manifest_and_differences_are_named() -> None:
    options = BulkOptions(keep=("year",), max_seconds=5)
    values = json.loads(json.dumps(options.to_dict()))
    assert options.differences(values) == []
    assert BulkOptions(keep=("year",), form="jsonl", max_seconds=5).differences(values) == [
        "form was 'tables' and is 'jsonl'"
    ]
    assert [size_of(text) for text in ("1k", "2.5 MiB", "3GB")] == [1000, 2_500_000, 3 * 10**9]
