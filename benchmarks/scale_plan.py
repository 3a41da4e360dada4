"""What the process that runs the whole of `dovetail bulk` takes where units or inputs are many.

    python benchmarks/scale_plan.py --units 1000 100000 --files 1000 100000

Only its own work is done, and nothing is extracted: the inputs are listed and read for the plan,
the manifest is written, every unit is noted as done, and all is read again, as `--resume` does.
Units are of one document here, of one file or of a file each. Times are those of the processor,
each point in a process of its own; memory is the peak of that process.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

LINE = json.dumps({"text": "Ada Lovelace met Charles Babbage in London in 1833 . "}) + "\n"


def write_inputs(folder: Path, units: int, files: int) -> None:
    """One file of so many documents, or so many files of one."""
    folder.mkdir()
    if files:
        for number in range(files):
            (folder / f"{number:07}.jsonl").write_text(LINE, encoding="utf-8")
    else:
        (folder / "all.jsonl").write_text(LINE * units, encoding="utf-8")


def timed(what: Callable[[], object], spent: dict[str, float], name: str) -> object:
    """Do something, and note what it took of the processor."""
    began = time.process_time()
    made = what()
    spent[name] = time.process_time() - began
    return made


def measure(folder: Path, units: int, files: int) -> dict[str, float]:
    """List, plan, write and read again; seconds, bytes and peak memory."""
    from dovetail.bulk.addresses import inputs_of
    from dovetail.bulk.manifest import Manifest
    from dovetail.bulk.messages import Identity
    from dovetail.bulk.options import BulkOptions
    from dovetail.bulk.plan import planned
    from dovetail.bulk.shard import Counts, Shard
    from dovetail.running.steps import result_of

    spent: dict[str, float] = {}
    options = BulkOptions(unit_documents=1)
    inputs = timed(lambda: inputs_of([str(folder)], None), spent, "listing")
    plan = timed(lambda: result_of(planned(inputs, options)), spent, "planning")
    place = folder.parent / "out"
    place.mkdir()
    identity = Identity("model", "0" * 64)
    manifest = timed(lambda: Manifest.begun(place, plan, options, identity), spent, "writing")
    tables = ("documents", "entities", "relations")

    def note_all() -> None:
        for unit in plan.units:
            files_of = {f"{name}/{unit.name}.parquet": b"" for name in tables}
            manifest.note(unit, Shard(files_of, Counts(1, 1, 50, 3, 1)))

    timed(note_all, spent, "noting")
    timed(lambda: Manifest.read(place), spent, "reading again")
    status = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    peak = next(line for line in status if line.startswith("VmHWM"))
    spent["manifest MB"] = manifest.path.stat().st_size / 1e6
    spent["memory MB"] = int(peak.split()[1]) / 1024
    return spent


def main() -> None:
    """Print a table with a row for each number of units and of files."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--units", type=int, nargs="*", default=[1000, 10_000, 100_000])
    parser.add_argument("--files", type=int, nargs="*", default=[1000, 10_000, 100_000])
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        folder, units, files = options.one
        print(json.dumps(measure(Path(folder), int(units), int(files))))
        return
    points = [
        *((units, 0) for units in options.units),
        *((files, files) for files in options.files),
    ]
    for number, (units, files) in enumerate(points):
        with tempfile.TemporaryDirectory() as folder:
            inputs = Path(folder) / "inputs"
            write_inputs(inputs, units, files)
            command = [sys.executable, __file__, "--one", str(inputs), str(units), str(files)]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        spent = json.loads(done.stdout)
        if not number:
            print(f"| units | inputs | {' | '.join(spent)} |\n|{'---|' * (len(spent) + 2)}")
        values = " | ".join(f"{own:,.2f}" for own in spent.values())
        print(f"| {units:,} | {files or 1:,} | {values} |", flush=True)


if __name__ == "__main__":
    main()
