"""What `dovetail bulk` costs, measured on made inputs of real sentences: a row a run, in a CSV.

    python benchmarks/scale.py news measurements.csv
    python benchmarks/scale.py runs/fast/model measurements.csv --most-sentences 1000000

The documents are sentences of CoNLL04 and ADE, drawn with a fixed seed and put together. The
points differ in what a cost may depend on: how many documents there are, how many sentences each
has, whether these are short, long, full of entities or nearly without, and how many units there
are. Each is a run of the command itself with `--workers 1` in a process of its own, of which the
system tells processor time (user and system) and peak memory, apart for the process that runs the
whole and for its worker. Processor time does not count the neighbours of a busy machine, though
they take some of its caches; wall time and load are noted beside it.

A point that the CSV has already is not measured again, so what was stopped goes on.
`scale_model.py` fits costs to the rows.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from dovetail.threads import prepare_threads

DATA = Path(os.environ.get("DOVETAIL_DATA", Path(__file__).parents[2] / "shared" / "data"))
CORPORA = [
    *(DATA / "conll04" / f"conll04_{part}.json" for part in ("train", "dev", "test")),
    DATA / "ade" / "ade_full.json",
]
DOCUMENTS_IN_A_FILE = 100_000

CHILD = """
import json, resource, sys
from dovetail.cli import app
code = 0
try:
    app(sys.argv[2:], standalone_mode=False)
except SystemExit as end:
    code = end.code or 0
driver, worker = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
used = {
    "driver_seconds": driver.ru_utime + driver.ru_stime,
    "driver_megabytes": int(peak.split()[1]) / 1024,  # ru_maxrss would be that of who started it
    "worker_seconds": worker.ru_utime + worker.ru_stime,
    "worker_megabytes": worker.ru_maxrss / 1024,
}
with open(sys.argv[1], "w") as file:
    json.dump(used, file)
sys.exit(code)
"""


class Source(NamedTuple):
    """A sentence to draw: its text, and what the model makes of it."""

    text: str
    tokens: int
    entities: int

    @property
    def pairs(self) -> int:
        """Ordered pairs of its entities, which the relation head scores."""
        return self.entities * (self.entities - 1)


KINDS = {
    "mixed": lambda own: True,
    "short": lambda own: own.tokens <= 15,
    "long": lambda own: own.tokens >= 35,
    "rich": lambda own: own.entities >= 4,
    "poor": lambda own: own.entities <= 1,
}


@dataclass(frozen=True)
class Point:
    """So many documents, of so many sentences of a kind; a unit has so many documents."""

    documents: int
    sentences: int = 1
    kind: str = "mixed"
    unit_documents: int = 5000

    @classmethod
    def read(cls, text: str) -> Point:
        """Read ``1000x10:long:500``; kind and size of units may be left out."""
        match = re.fullmatch(r"(\d+)x(\d+)(?::(\w+))?(?::(\d+))?", text)
        if match is None or (match[3] or "mixed") not in KINDS:
            raise argparse.ArgumentTypeError(f"{text!r} is no point such as 1000x10:long:500")
        return cls(int(match[1]), int(match[2]), match[3] or "mixed", int(match[4] or 5000))

    def __str__(self) -> str:
        return f"{self.documents}x{self.sentences}:{self.kind}:{self.unit_documents}"


POINTS = [
    *(Point(documents, 1) for documents in (1000, 3000, 10_000)),
    *(Point(documents, 1, "short") for documents in (1000, 10_000, 100_000, 1_000_000)),
    *(Point(3000, 1, kind) for kind in KINDS if kind != "mixed"),
    *(Point(documents, 10) for documents in (300, 1000, 3000)),
    *(Point(documents, 50) for documents in (60, 200, 600)),
    *(Point(3000, 1, "mixed", documents) for documents in (30, 100, 500)),
    Point(10_000, 1, "mixed", 30),
]


def sources(model: str) -> list[Source]:
    """The sentences of the corpora, and what a model makes of each."""
    from dovetail.corpora import read_corpus
    from dovetail.extractor import Extractor

    texts = [own.text for path in CORPORA for own in read_corpus(path).documents]
    found = []
    for extraction in Extractor.load(model, threads=1).pipe(texts):
        tokens = sum(len(own.tokens) for own in extraction.document.sentences)
        found.append(Source(extraction.text, tokens, len(extraction.entities)))
    return found


def drawn(point: Point, known: Sequence[Source]) -> Iterator[list[Source]]:
    """The documents of a point, each as its sentences."""
    draw = random.Random(str(point))
    own = [source for source in known if KINDS[point.kind](source)]
    for _ in range(point.documents):
        yield draw.choices(own, k=point.sentences)


def write_inputs(point: Point, known: Sequence[Source], folder: Path) -> dict[str, int]:
    """Write the documents of a point; what is in them."""
    folder.mkdir()
    counts = dict.fromkeys(("tokens", "pairs", "input_bytes", "input_files"), 0)
    lines: list[str] = []
    for number, sentences in enumerate(drawn(point, known), start=1):
        lines.append(json.dumps({"text": " ".join(own.text for own in sentences)}) + "\n")
        counts["tokens"] += sum(own.tokens for own in sentences)
        counts["pairs"] += sum(own.pairs for own in sentences)
        if number in (point.documents, *range(0, number + 1, DOCUMENTS_IN_A_FILE)):
            path = folder / f"{counts['input_files']:03}.jsonl"
            path.write_text("".join(lines), encoding="utf-8")
            counts["input_bytes"] += path.stat().st_size
            counts["input_files"] += 1
            lines = []
    return counts


def measured(model: str, point: Point, known: Sequence[Source], place: Path) -> dict[str, Any]:
    """Run a point; its row."""
    inputs, output, used = place / "inputs", place / "found", place / "used.json"
    counts = write_inputs(point, known, inputs)
    command = [sys.executable, "-c", CHILD, str(used), "bulk", model, str(inputs), "-o"]
    command += [str(output), "--workers", "1", "--unit-documents", str(point.unit_documents)]
    began = time.monotonic()
    subprocess.run(command, check=True, stderr=subprocess.PIPE)
    seconds = time.monotonic() - began
    summary = json.loads((output / "summary.json").read_text(encoding="utf-8"))
    kept = ("documents", "sentences", "characters", "entities", "relations", "failed")
    sizes = {
        f"{name}_bytes": sum(own.stat().st_size for own in (output / name).iterdir())
        for name in ("documents", "entities", "relations")
    }
    return {
        "model": Path(model).name,
        "point": str(point),
        **{name: summary[name] for name in kept},
        **counts,
        "units": len(list((output / "documents").iterdir())),
        **json.loads(used.read_text(encoding="utf-8")),
        **sizes,
        "manifest_bytes": (output / "manifest.jsonl").stat().st_size,
        "wall_seconds": seconds,
        "load": os.getloadavg()[0],
    }


def rows_of(path: Path) -> list[dict[str, str]]:
    """The rows that were measured before."""
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def add(path: Path, row: dict[str, Any]) -> None:
    """Add a row to the CSV."""
    is_new = not path.exists()
    with path.open("a", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [*row], lineterminator="\n")
        if is_new:
            writer.writeheader()
        rounded = {k: round(v, 3) if isinstance(v, float) else v for k, v in row.items()}
        writer.writerow(rounded)


def main() -> None:
    """Measure the points that the CSV lacks."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", help="a model by name or folder")
    parser.add_argument("csv", type=Path, help="where the rows go")
    parser.add_argument("--points", type=Point.read, nargs="+", default=POINTS)
    parser.add_argument(
        "--most-sentences", type=int, default=10_000, help="of the points, those of so many"
    )
    options = parser.parse_args()
    prepare_threads()
    name = Path(options.model).name
    before = {(row["model"], row["point"]) for row in rows_of(options.csv)}
    asked = [
        own for own in options.points if own.documents * own.sentences <= options.most_sentences
    ]
    points = [own for own in asked if (name, str(own)) not in before]
    known = sources(options.model) if points else []
    for point in sorted(points, key=lambda own: own.documents * own.sentences):
        with tempfile.TemporaryDirectory() as folder:
            row = measured(options.model, point, known, Path(folder))
        add(options.csv, row)
        cpu = row["driver_seconds"] + row["worker_seconds"]
        rate = row["sentences"] / cpu
        print(f"{name} {point}: {cpu:.1f} s of the processor, {rate:.0f} sentences/s", flush=True)


if __name__ == "__main__":
    main()
