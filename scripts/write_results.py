"""Write the score tables of docs/results.md and README.md from the files in results/.

    python scripts/write_results.py           # rewrites the pages between their markers

Between ``<!-- experiment: NAME -->`` and ``<!-- end -->`` stand the tables of an experiment, made
of what ``dovetail experiment experiments/NAME.toml --export results/NAME`` left.  The page of
results has all of them, the README the scores alone.  The other markers hold single recipes.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from dovetail.experiments.tables import TextTable, cost_table, explanation, score_tables

PROJECT = Path(__file__).resolve().parent.parent
START, END = "<!-- scores: written by scripts/write_results.py -->", "<!-- end of scores -->"

EXPERIMENT = re.compile(r"(<!-- experiment: ([\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)

README_COLUMNS = 6
"""The name of a config, its number of cells, and micro and macro F1 of both tasks."""

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
    return {
        path: with_experiments(
            between_markers(path.read_text(encoding="utf-8"), text),
            PROJECT / "results",
            brief=path.name == "README.md",
        )
        for path, text in texts.items()
    }


def with_experiments(page: str, results: Path, *, brief: bool) -> str:
    """The page with the tables of each experiment that it has markers for."""

    def tables(match: re.Match[str]) -> str:
        start, name, end = match.groups()
        return f"{start}\n{experiment_tables(name, results / name, brief=brief)}\n\n{end}"

    return EXPERIMENT.sub(tables, page)


def experiment_tables(name: str, folder: Path, *, brief: bool) -> str:
    """The command of an experiment, and what came of it.

    Raises:
        FileNotFoundError: naming the command that leaves the results.
    """
    command = f"dovetail experiment experiments/{name}.toml"
    stored = folder / "summary.json"
    if not stored.is_file():
        raise FileNotFoundError(f"there is no {stored}; {command} --export results/{name}")
    summary = json.loads(stored.read_text(encoding="utf-8"))
    tables = score_tables(summary)
    if brief:
        (*_, last) = tables  # of the split that counts: test, where there is one
        return f"`{command}`\n\n{first_columns(last, README_COLUMNS).markdown()}"
    titled = [f"**{table.title}**\n\n{table.markdown()}" for table in reversed(tables)]
    titled.append(f"**Costs**\n\n{cost_table(summary).markdown()}")
    return "\n\n".join([f"`{command}`", explanation(summary), *titled])


def first_columns(table: TextTable, number: int) -> TextTable:
    """The table without the columns after the first so many."""
    rows = tuple(row[:number] for row in table.rows)
    return TextTable(table.title, table.headings[:number], rows)


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
