"""How long Dovetail takes to get ready: the import, the help, and a first extraction.

    python benchmarks/startup.py

Every start is a new process; medians are reported beside the start of Python itself, and the
fastest of all, which a busy machine disturbs least.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

DOVETAIL = str(Path(sys.executable).with_name("dovetail"))

STARTS: dict[str, tuple[list[str], float]] = {
    "python": ([sys.executable, "-c", "pass"], 0.0),
    "import dovetail": ([sys.executable, "-c", "import dovetail"], 0.3),
    "dovetail --help": ([DOVETAIL, "--help"], 0.5),
    "dovetail extract": ([DOVETAIL, "extract", "news", "Anna Berg lives in Turku."], 5.0),
}
"""The commands that are started, each with its limit in seconds (0 for none)."""


def seconds_to_run(command: Sequence[str]) -> float:
    """Wall time of a process, from start to end."""
    started = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - started


def main() -> None:
    """Start everything in turns and print the times; exits with 1 if a limit is not held."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--turns", type=int, default=9, help="how often each is started")
    options = parser.parse_args()
    times: dict[str, list[float]] = {name: [] for name in STARTS}
    for turn in range(options.turns + 1):
        for name, (command, _) in STARTS.items():
            seconds = seconds_to_run(command)
            if turn:  # the first start reads the files from the disk
                times[name].append(seconds)
    too_slow = False
    print(f"{'':18}{'median':>10}{'fastest':>10}{'limit':>10}")
    for name, (_, limit) in STARTS.items():
        median = statistics.median(times[name])
        too_slow |= 0 < limit < median
        allowed = f"{limit:.2f} s" if limit else ""
        print(f"{name:18}{median:8.2f} s{min(times[name]):8.2f} s{allowed:>10}")
    sys.exit(int(too_slow))


if __name__ == "__main__":
    main()
