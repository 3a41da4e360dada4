"""How much memory a long stream of raw text takes: it has to stay flat.

    python benchmarks/memory.py --model runs/conll04/model

Streams every document of some JSON-lines files (a string under "text" on each line) through
`Extractor.pipe`, throws the result away, and samples the resident memory of the process.
Reports it after loading and after a first part that warms everything up, at its peak, and how many
megabytes it grows for each megabyte of text afterwards (least squares over the samples).
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from dovetail import Extractor

DATA = Path(os.environ.get("DOVETAIL_DATA", Path(__file__).parents[2] / "shared" / "data"))
TEXTS = [DATA / "raw" / "news_documents.jsonl", DATA / "raw" / "medical_abstracts.jsonl"]
MEGABYTE = 10**6


def resident_bytes() -> int:
    """The memory of this process that is in RAM (Linux)."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def read_texts(paths: Iterable[Path]) -> Iterator[str]:
    """The texts of JSON-lines files, one document at a time."""
    for path in paths:
        with path.open(encoding="utf-8") as lines:
            for line in lines:
                yield json.loads(line)["text"]


def sampled(
    extractor: Extractor, texts: Iterable[str], *, every_bytes: int
) -> Iterator[tuple[int, int]]:
    """Extract from all texts; yields (bytes of text done, resident bytes) now and then."""
    done = sampled_at = 0
    for extraction in extractor.pipe(texts):
        done += len(extraction.document.text.encode())
        if done - sampled_at >= every_bytes:
            sampled_at = done
            yield done, resident_bytes()
    yield done, resident_bytes()


def growth(samples: Sequence[tuple[int, int]]) -> float:
    """Bytes of memory for each byte of text, by least squares; 0 for a single sample."""
    return statistics.linear_regression(*zip(*samples, strict=True)).slope if samples[1:] else 0.0


def main() -> None:
    """Stream, sample, and print what the memory did."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("texts", type=Path, nargs="*", default=TEXTS)
    parser.add_argument("--model", default="news", help="a model folder, or a shipped model's name")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--warm-up", type=float, default=2.0, help="megabytes of text to leave out")
    parser.add_argument("--json", type=Path, help="write the samples to this file too")
    options = parser.parse_args()
    extractor = Extractor.load(options.model, threads=options.threads)
    loaded, started = resident_bytes(), time.perf_counter()
    samples = []
    for done, resident in sampled(extractor, read_texts(options.texts), every_bytes=MEGABYTE // 4):
        samples.append((done, resident))
        print(f"{done / MEGABYTE:6.2f} MB of text: {resident / MEGABYTE:6.0f} MB", flush=True)
    seconds, done = time.perf_counter() - started, samples[-1][0]
    warm = [sample for sample in samples if sample[0] >= options.warm_up * MEGABYTE] or samples
    print(
        f"loaded {loaded / MEGABYTE:.0f} MB, warm {warm[0][1] / MEGABYTE:.0f} MB, "
        f"peak {max(resident for _, resident in samples) / MEGABYTE:.0f} MB, "
        f"growth {growth(warm):+.2f} MB for each MB of text after {options.warm_up:g} MB; "
        f"{done / MEGABYTE:.1f} MB in {seconds:.0f} s, {done / 1000 / seconds:.0f} kB/s"
    )
    if options.json:
        values = {"loaded": loaded, "samples": samples, "seconds": seconds}
        options.json.write_text(json.dumps(values) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
