"""What the lower layers of a pretrained encoder cost: `encoders.0.layers_read` from few to all.

    python benchmarks/encoder_depth.py                                  # MiniLM, 1 to 6 layers
    python benchmarks/encoder_depth.py minilm=1,3,6 mpnet=4,8,12 --json depths.json

For each number of layers a model is trained for a few epochs on one thread, what the encoder
computes cached, just long enough to find about as many entities as there are. It has the shape of
the shipped ones (`extraction.toml`), or that of another recipe (--recipe). Then all models
extract the same sentences, from tokens, in turns, so that whatever else the machine does hits them
alike. Processor seconds are counted, which on a busy machine do not include the neighbours:

    encoding    what the frozen layers compute of the training sentences, once for all epochs
    epoch       the steps of one epoch after that (the median epoch)
    sentences/s extracted in a second of processor time (medians over the turns)

The scores are those of the dev sentences after so short a training, and no result.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dovetail.config import load_config
from dovetail.threads import prepare_threads

HERE = Path(__file__).parent
DATA = Path(os.environ.get("DOVETAIL_DATA", HERE.parents[1] / "shared" / "data"))
TRAIN, DEV, TEST = (DATA / "conll04" / f"conll04_{part}.json" for part in ("train", "dev", "test"))

Depth = tuple[str, int]
"""The name of an encoder, and how many of its layers are read."""


def depths_from(text: str) -> list[Depth]:
    """Read ``mpnet=4,8``: an encoder, and numbers of layers."""
    name, _, numbers = text.rpartition("=")
    return [(name, int(number)) for number in numbers.split(",")]


def trained(depth: Depth, folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Train a model with an encoder of some depth, and return what that cost."""
    from dovetail.training import (
        EpochResult,
        RunStarted,
        StageProgress,
        StepResult,
        training_events,
    )

    name, layers = depth
    overrides = [
        f"encoders.0.name={name}",
        f"encoders.0.layers_read={layers}",
        f"name={folder.name}",
    ]
    overrides += [f"training.epochs={options.epochs}", "training.threads=1"]
    overrides += [
        f"data.train={json.dumps([str(options.train)])}",
        f"data.dev={json.dumps([str(options.dev)])}",
        *options.set,
    ]
    found: dict[str, Any] = {"encoder": name, "layers_read": layers}
    began = encoding = last = 0.0
    steps: dict[int, float] = {}
    for event in training_events(load_config(options.recipe, overrides), folder):
        now = time.process_time()
        if isinstance(event, StageProgress) and event.stage == "encoding the training sentences":
            began = began or now
            encoding = now - began
        elif isinstance(event, RunStarted):
            found |= {
                "total_parameters": event.total_parameters,
                "precision": event.precision,
                "training_sentences": len(event.splits.train),
            }
        elif isinstance(event, StepResult):
            steps[event.epoch] = steps.get(event.epoch, 0.0) + now - last
        elif isinstance(event, EpochResult) and event.dev is not None:
            scores = event.dev.entity_strict.micro.f1, event.dev.relation_strict.micro.f1
            found["dev_f1"] = [round(100 * score, 1) for score in scores]
        last = now
    found["stored_bytes"] = (folder / "model" / "weights.safetensors").stat().st_size
    return found | {
        "encoding_seconds": encoding,
        "epoch_seconds": statistics.median(steps.values()),
    }


def extracted(folders: Sequence[Path], options: argparse.Namespace) -> list[dict[str, Any]]:
    """Extract the test sentences with the models of all runs, in turns."""
    from dovetail.corpora import read_corpus
    from dovetail.extractor import Extractor

    sentences = read_corpus(options.corpus).sentences[: options.limit]
    extractors = [Extractor.load(folder / "model", threads=1) for folder in folders]
    spent: list[list[float]] = [[] for _ in folders]
    entities = [0] * len(folders)
    for turn in range(options.turns + 1):
        for place, extractor in enumerate(extractors):
            started = time.process_time()
            annotated = extractor.annotate(sentences)
            if turn:  # the first warms everything up
                spent[place].append(time.process_time() - started)
            entities[place] = sum(len(sentence.entities) for sentence in annotated)
    return [
        {"sentences_per_second": len(sentences) / statistics.median(own), "entities": number}
        for own, number in zip(spent, entities, strict=True)
    ]


def row(found: dict[str, Any]) -> str:
    """Return the line of one depth."""
    entities, relations = found.get("dev_f1", (0.0, 0.0))
    return (
        f"{found['encoder'][-10:]:10}{found['layers_read']:7}"
        f"{found['total_parameters'] / 1e6:12.1f}{found['stored_bytes'] / 1e6:10.1f}"
        f"{found['encoding_seconds']:11.1f}{found['epoch_seconds']:9.2f}"
        f"{found['sentences_per_second']:13.0f}{found['entities']:10}"
        f"{entities:8.1f} / {relations:4.1f}"
    )


def parse_options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("depths", nargs="*", type=depths_from, metavar="ENCODER=N,N,…")
    parser.add_argument("--recipe", type=Path, default=HERE / "extraction.toml")
    parser.add_argument("--train", type=Path, default=TRAIN, help="what is learned from")
    parser.add_argument("--dev", type=Path, default=DEV, help="what is scored after each epoch")
    parser.add_argument("--epochs", type=int, default=3, help="epochs of each training")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="FIELD=VALUE",
        help="override a field of the recipe; repeatable",
    )
    parser.add_argument("--corpus", type=Path, default=TEST, help="what is extracted")
    parser.add_argument("--limit", type=int, default=100, help="sentences to extract at most")
    parser.add_argument("--turns", type=int, default=7, help="how often they are extracted")
    parser.add_argument("--json", type=Path, help="write the measurements to this file too")
    return parser.parse_args()


def main() -> None:
    """Train and extract with each depth, and print a table."""
    options = parse_options()
    prepare_threads()
    depths = [own for group in options.depths for own in group]
    depths = depths or [("minilm", number) for number in range(1, 7)]
    with tempfile.TemporaryDirectory() as temporary:
        folders = [Path(temporary) / f"depth_{place}" for place in range(len(depths))]
        measured = []
        for depth, folder in zip(depths, folders, strict=True):
            measured.append(trained(depth, folder, options))
            print(f"trained {depth[0]} up to layer {depth[1]}", file=sys.stderr, flush=True)
        rates = extracted(folders, options)
    measured = [own | rate for own, rate in zip(measured, rates, strict=True)]
    print(
        f"{'encoder':10}{'layers':>7}{'parameters/M':>12}{'stored/MB':>10}{'encoding/s':>11}"
        f"{'epoch/s':>9}{'sentences/s':>13}{'entities':>10}{'dev F1':>15}"
    )
    print("\n".join(map(row, measured)), flush=True)
    if options.json:
        options.json.write_text(json.dumps(measured, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
