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
START, END = "<!-- scores: written by scripts/write_results.py -->", "<!-- end of scores -->"

Records = list[dict[str, Any]]


def main() -> None:
    """Rewrite the pages."""
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")


def pages() -> dict[Path, str]:
    """The pages as they should be, by path."""
    results = read_results()
    tables = "\n\n".join(table(name, records) for name, records in results.items())
    summary = "\n".join([*SUMMARY_HEAD, *(summary_row(*result) for result in results.items())])
    texts = {PROJECT / "docs" / "results.md": tables, PROJECT / "README.md": summary}
    return {path: between_markers(path.read_text(), text) for path, text in texts.items()}


def between_markers(page: str, text: str) -> str:
    """The page with a text in place of what stands between its markers."""
    before, rest = page.split(START)
    after = rest.split(END)[1]
    return f"{before}{START}\n\n{text}\n\n{END}{after}"


SUMMARY_HEAD = (
    "| recipe | seeds | entities, micro | macro | relations, micro | macro | training |",
    "|---|---|---|---|---|---|---|",
)


def summary_row(name: str, records: Records) -> str:
    """Strict test F1 of a recipe, and how long it trained, in a row."""
    scores = " | ".join(
        spread([record["scores"][task]["strict"][average]["f1"] for record in records])
        for task in ("entity", "relation")
        for average in ("micro", "macro")
    )
    minutes = mean(record["training_seconds"] for record in records) / 60
    return f"| {name} | {len(records)} | {scores} | {minutes:.0f} min |"


def read_results() -> dict[str, Records]:
    """The records of every recipe, by its name."""
    records: defaultdict[str, Records] = defaultdict(list)
    for file in sorted((PROJECT / "results").glob("*-seed*.json")):
        name = re.sub(r"-seed\d+$", "", file.stem)
        records[name].append(json.loads(file.read_text()))
    return dict(records)


def table(name: str, records: Records) -> str:
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
