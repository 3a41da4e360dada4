"""Time and memory of `dovetail graph` on many generated relations, for each format.

    python benchmarks/graph.py --relations 1000000 --formats turtle csv html

Each format runs in a process of its own, whose largest resident size is the system's own account.
The names are drawn so that a few are very frequent and most are rare, as in real text.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
import time
from pathlib import Path

FORMATS = ["turtle", "jsonld", "graphml", "cypher", "csv", "parquet", "html"]
RELATIONS_PER_DOCUMENT = 4
TYPES = ["Person", "Place", "Organisation", "Ship"]
RELATION_TYPES = ["lives_in", "works_for", "based_in", "moored_in"]


def write_found(path: Path, relations: int, names: int) -> None:
    """Write what an extractor could have found: documents of four relations each."""
    draw = random.Random(0)
    with path.open("w", encoding="utf-8") as file:
        file.write('{"format": "dovetail", "version": 1}\n')
        for number in range(relations // RELATIONS_PER_DOCUMENT):
            text, entities, links = "", [], []
            for _ in range(RELATIONS_PER_DOCUMENT):
                for _ in range(2):
                    rank = int(names ** draw.random())  # frequent where the rank is low
                    name = f"Name {rank} of {rank % 97}"
                    span = {"start": len(text), "end": len(text) + len(name)}
                    confidence = round(draw.uniform(0.5, 1), 4)
                    type_ = TYPES[rank % len(TYPES)]
                    entities.append({**span, "type": type_, "text": name, "confidence": confidence})
                    text += f"{name} and some more words, "
                type_ = RELATION_TYPES[draw.randrange(len(RELATION_TYPES))]
                ends = {"head": len(entities) - 2, "tail": len(entities) - 1}
                links.append({**ends, "type": type_, "confidence": round(draw.random(), 4)})
            line = {"id": f"d{number}", "text": text, "entities": entities, "relations": links}
            file.write(json.dumps(line) + "\n")


def run(found: Path, to: str, output: Path) -> tuple[float, float, float]:
    """Seconds, seconds of the processor, and megabytes of the command for a format."""
    command = [sys.executable, "-m", "dovetail", "graph", str(found), "--to", to, "-o", str(output)]
    start = time.perf_counter()
    process = os.posix_spawn(sys.executable, command, os.environ)
    _, status, used = os.wait4(process, 0)
    if status:
        sys.exit(f"{to} failed: {status}")
    seconds = time.perf_counter() - start
    return seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def main() -> None:
    """Print a table of formats with time, memory and the size of what was written."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--relations", type=int, default=1_000_000)
    parser.add_argument("--names", type=int, default=400_000)
    parser.add_argument("--formats", nargs="+", choices=FORMATS, default=FORMATS)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = Path(folder) / "found.jsonl"
        write_found(found, options.relations, options.names)
        print(f"{options.relations:,} relations, {found.stat().st_size / 1e6:,.0f} MB read")
        print("| format | seconds | of the processor | peak memory, MB | written, MB |")
        print("|---|---|---|---|---|")
        for to in options.formats:
            output = Path(folder) / to
            seconds, processor, memory = run(found, to, output)
            files = output.iterdir() if output.is_dir() else [output]
            size = sum(file.stat().st_size for file in files) / 1e6
            measured = f"{seconds:.0f} | {processor:.0f} | {memory:.0f} | {size:,.0f}"
            print(f"| {to} | {measured} |", flush=True)


if __name__ == "__main__":
    main()
