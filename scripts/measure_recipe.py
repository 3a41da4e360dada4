r"""Train a recipe with some seeds, score each model on a test set, and keep what came out.

    python scripts/measure_recipe.py recipes/conll04.toml --seeds 1 2 3 \
        --test ../shared/data/conll04/conll04_test.json

Leaves `results/<name>-seed<seed>.json`, which `scripts/write_results.py` makes tables of.  A run
that was interrupted goes on; one whose result is there is not repeated.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

from dovetail.config import load_config

PROJECT = Path(__file__).resolve().parent.parent
RESULTS = PROJECT / "results"


def main() -> None:
    """Measure every seed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--test", required=True)
    arguments = parser.parse_args()
    RESULTS.mkdir(exist_ok=True)
    name = load_config(arguments.recipe).name
    for seed in arguments.seeds:
        result = RESULTS / f"{name}-seed{seed}.json"
        if not result.exists():
            measure(arguments.recipe, f"{name}-seed{seed}", seed, arguments.test, result)


def measure(recipe: Path, name: str, seed: int, test: str, result: Path) -> None:
    """Train and score one seed through the command line, as anybody would."""
    run = Path("runs") / name
    train = ["train", str(recipe), "--set", f"name={name}", "--set", f"seed={seed}"]
    dovetail(*train, *(["--resume"] if (run / "config.toml").exists() else []))
    scores = run / "test.json"
    dovetail("evaluate", str(run / "model"), test, "--output", str(scores))
    epochs = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    best = max(epochs, key=lambda epoch: epoch["score"])
    record = {
        "recipe": str(recipe),
        "seed": seed,
        "test": test,
        "epochs": len(epochs),
        "best_epoch": best["epoch"],
        "training_seconds": round(sum(epoch["seconds"] for epoch in epochs), 1),
        "dev": best["dev"],
        "scores": json.loads(scores.read_text()),
    }
    result.write_text(json.dumps(record, indent=1) + "\n")


def dovetail(*arguments: str) -> None:
    """Run the command line and stop if it fails."""
    subprocess.run([sys.executable, "-m", "dovetail", *arguments], check=True)


if __name__ == "__main__":
    main()
