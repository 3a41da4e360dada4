"""Write the tables of docs/results/ from the files in results/.

    python scripts/write_results.py           # rewrites the pages between their markers

Each folder results/NAME, which ``dovetail experiment experiments/NAME.toml --export results/NAME``
left, has a page docs/results/NAME.md.  Its tables stand between ``<!-- experiment: NAME -->`` and
``<!-- end -->``; what stands around them is written by hand.  A page that is missing is begun.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from dovetail.lab.statistics.experiment_tables import (
    control_tables,
    cost_table,
    explanation,
    score_tables,
)

PROJECT = Path(__file__).resolve().parent.parent
RESULTS = PROJECT / "results"
PAGES = PROJECT / "docs" / "results"
EXPERIMENT = re.compile(r"(<!-- experiment: ([\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)

DATA = {
    "plan.toml": "the plan as it ran",
    "cells.csv": "a row for each seed",
    "comparisons.csv": "each difference, with its interval",
}
"""What an experiment leaves beside the summary, and what a reader finds in it."""


def main() -> None:
    """Rewrite the pages."""
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")


def pages() -> dict[Path, str]:
    """The pages as they should be, by path: one for each folder of results."""
    names = sorted(folder.name for folder in RESULTS.iterdir() if folder.is_dir())
    paths = {name: PAGES / f"{name}.md" for name in names}
    return {
        path: with_experiments(
            path.read_text(encoding="utf-8") if path.is_file() else first_page(name), RESULTS
        )
        for name, path in paths.items()
    }


def first_page(name: str) -> str:
    """A page that has markers and no words yet."""
    return f"# {name}\n\n<!-- experiment: {name} -->\n<!-- end -->\n"


def with_experiments(page: str, results: Path) -> str:
    """The page with the tables of each experiment that it has markers for."""

    def tables(match: re.Match[str]) -> str:
        start, name, end = match.groups()
        return f"{start}\n{experiment_tables(name, results / name)}\n\n{end}"

    return EXPERIMENT.sub(tables, page)


def experiment_tables(name: str, folder: Path) -> str:
    """The command of an experiment, what came of it, and where its numbers are.

    Raises:
        FileNotFoundError: naming the command that leaves the results.
    """
    command = f"dovetail experiment experiments/{name}.toml"
    stored = folder / "summary.json"
    if not stored.is_file():
        raise FileNotFoundError(f"there is no {stored}; {command} --export results/{name}")
    summary = json.loads(stored.read_text(encoding="utf-8"))
    tables = score_tables(summary)
    shown = (*reversed(tables), *reversed(control_tables(summary)), cost_table(summary))
    titled = [f"**{table.title}**\n\n{table.markdown()}" for table in shown]
    return "\n\n".join([f"`{command}`", explanation(summary), *titled, *data_line(folder)])


def data_line(folder: Path) -> list[str]:
    """A line that links the files of the experiment; none if there are no files."""
    links = [
        f"[{file}](../../results/{folder.name}/{file}) ({words})"
        for file, words in DATA.items()
        if (folder / file).is_file()
    ]
    return [f"Numbers behind the tables: {', '.join(links)}."] if links else []


if __name__ == "__main__":
    main()
