"""Write the score tables of docs/results.md from the files in results/.

python scripts/write_results.py           # rewrites the page between its markers
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from pathlib import Path
from statistics import mean, stdev
from typing import Any

PROJECT = Path(__file__).resolve().parent.parent
PAGE = PROJECT / "docs" / "results.md"
START, END = "<!-- scores: written by scripts/write_results.py -->", "<!-- end of scores -->"


def main() -> None:
    """Rewrite the page."""
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


def with_tables(page: str) -> str:
    """The page with the tables of the stored results between its markers."""
    before, rest = page.split(START)
    after = rest.split(END)[1]
    tables = "\n\n".join(table(name, records) for name, records in read_results().items())
    return f"{before}{START}\n\n{tables}\n\n{END}{after}"


def read_results() -> dict[str, list[dict[str, Any]]]:
    """The records of every recipe, by its name."""
    records = defaultdict(list)
    for file in sorted((PROJECT / "results").glob("*-seed*.json")):
        name = re.sub(r"-seed\d+$", "", file.stem)
        records[name].append(json.loads(file.read_text()))
    return dict(records)


def table(name: str, records: list[dict[str, Any]]) -> str:
    """Mean and standard deviation over the seeds, strict and boundaries, test and dev."""
    seeds = " ".join(str(record["seed"]) for record in records)
    minutes = [record["training_seconds"] / 60 for record in records]
    rows = [
        f"| {task} | {setting} | "
        + " | ".join(
            spread([record["scores"][task][setting][average]["f1"] for record in records])
            for average in ("micro", "macro")
        )
        + " | "
        + spread([record["dev"][task][setting]["micro"]["f1"] for record in records])
        + " |"
        for task in ("entity", "relation")
        for setting in ("strict", "boundaries")
    ]
    return "\n".join(
        [
            f"### {name}",
            "",
            f"`python scripts/measure_recipe.py {records[0]['recipe']} --seeds {seeds} "
            f"--test {records[0]['test']}`",
            "",
            f"Seeds {seeds}; {records[0]['scores']['sentences']} test sentences; training took "
            f"{min(minutes):.1f} to {max(minutes):.1f} minutes "
            f"({min(r['epochs'] for r in records)} to {max(r['epochs'] for r in records)} epochs).",
            "",
            "| task | setting | test micro-F1 | test macro-F1 | dev micro-F1 |",
            "|---|---|---|---|---|",
            *rows,
        ]
    )


def spread(ratios: list[float]) -> str:
    """Mean and sample standard deviation in percent."""
    values = [100 * ratio for ratio in ratios]
    deviation = f" ± {stdev(values):.1f}" if len(values) > 1 else ""
    return f"{mean(values):.1f}{deviation}"


if __name__ == "__main__":
    main()
