"""How fast Dovetail extracts, beside the bare encoder on the same sentences in the same run.

    python benchmarks/extraction.py                         # trains a small model first
    python benchmarks/extraction.py --model runs/conll04/model --json rates.json

Four things are timed in turns, so that whatever else the machine does hits them alike:

    library    the layers of the pretrained encoder alone, as the transformers library runs them in
               its eager form, over pieces that are ready, in batches with next to no padding;
               nothing is pooled, kept or read
    encoder    the same layers as Dovetail runs them
    tokens     `Extractor.annotate`: sentences with their tokens in, entities and relations out
    text       `Extractor.pipe`: the same sentences as raw text

Each thread count runs in a process of its own, because OpenMP's settings hold for a whole process.
Medians over the turns are reported: sentences per second of wall time, which on a busy machine
includes the neighbours, and per second of processor time, which does not.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dovetail.threads import prepare_threads

HERE = Path(__file__).parent
DATA = Path(os.environ.get("DOVETAIL_DATA", HERE.parents[1] / "shared" / "data"))
CORPUS = DATA / "conll04" / "conll04_train.json"


def trained_model(corpus: Path, overrides: Sequence[str], folder: Path) -> Path:
    """A model trained just long enough to find about as many entities as there are."""
    command = [str(Path(sys.executable).with_name("dovetail")), "train"]
    command += [str(HERE / "extraction.toml"), "--runs", str(folder)]
    for override in (f"data.train={json.dumps([str(corpus)])}", *overrides):
        command += ["--set", override]
    subprocess.run(command, stdout=sys.stderr, check=True)
    return folder / "benchmark" / "model"


def measure_apart(model: Path, threads: int, options: argparse.Namespace) -> dict[str, Any]:
    """Return the measurements of `extraction_rates.py` with so many threads."""
    command = [sys.executable, str(HERE / "extraction_rates.py"), str(model), str(options.corpus)]
    for name, value in (("threads", threads), ("turns", options.turns), ("limit", options.limit)):
        command += [f"--{name}", str(value)]
    finished = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    measured: dict[str, Any] = json.loads(finished.stdout)
    return measured


def table(measured: Mapping[str, Any]) -> str:
    """Return the measurements of one process, as text."""
    lines = [
        f"{measured['threads']} thread(s): {measured['sentences']} sentences with "
        f"{measured['tokens']} tokens, {measured['entities']} entities and "
        f"{measured['relations']} relations found",
        f"  {'':10}{'sentences/s':>12}{'per CPU second':>16}{'of the library':>16}",
    ]
    for name, rate in measured["sentences_per_second"].items():
        per_processor_second = measured["sentences_per_processor_second"][name]
        share = measured["share_of_library"][name]
        lines.append(f"  {name:10}{rate:12.0f}{per_processor_second:16.0f}{share:16.0%}")
    return "\n".join(lines)


def parse_options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, help="a model folder; trains a small one if left out")
    parser.add_argument("--corpus", type=Path, default=CORPUS, help="an annotated corpus")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="FIELD=VALUE",
        help="override a field of extraction.toml for the model that is trained; repeatable",
    )
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--turns", type=int, default=7, help="how often everything is timed")
    parser.add_argument("--limit", type=int, default=10**9, help="sentences to read at most")
    parser.add_argument("--json", type=Path, help="write the measurements to this file too")
    return parser.parse_args()


def main() -> None:
    """Measure with each thread count and print a table."""
    options = parse_options()
    prepare_threads()  # the processes started below inherit it
    measurements = []
    with tempfile.TemporaryDirectory() as folder:
        model = options.model or trained_model(options.corpus, options.set, Path(folder))
        for threads in options.threads:
            measurements.append(measure_apart(model, threads, options))
            print(table(measurements[-1]), flush=True)
    if options.json:
        options.json.write_text(json.dumps(measurements, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
