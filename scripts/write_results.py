"""Write the score tables of docs/results.md and README.md from the files in results/.

    python scripts/write_results.py           # rewrites the pages between their markers

Between ``<!-- experiment: NAME -->`` and ``<!-- end -->`` stand the tables of an experiment, made
of what ``dovetail experiment experiments/NAME.toml --export results/NAME`` left.  The page of
results has all of them, the README the scores alone.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from dovetail.lab.statistics.experiment_tables import (
    TextTable,
    control_tables,
    cost_table,
    explanation,
    score_tables,
)

PROJECT = Path(__file__).resolve().parent.parent
EXPERIMENT = re.compile(r"(<!-- experiment: ([\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)

README_COLUMNS = 6
"""The name of a config, its number of cells, and micro and macro F1 of both tasks."""


def main() -> None:
    """Rewrite the pages."""
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")


def pages() -> dict[Path, str]:
    """The pages as they should be, by path."""
    paths = (PROJECT / "docs" / "results.md", PROJECT / "README.md")
    return {
        path: with_experiments(
            path.read_text(encoding="utf-8"),
            PROJECT / "results",
            brief=path.name == "README.md",
        )
        for path in paths
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
    shown = (*reversed(tables), *reversed(control_tables(summary)), cost_table(summary))
    titled = [f"**{table.title}**\n\n{table.markdown()}" for table in shown]
    return "\n\n".join([f"`{command}`", explanation(summary), *titled])


def first_columns(table: TextTable, number: int) -> TextTable:
    """The table without the columns after the first so many."""
    rows = tuple(row[:number] for row in table.rows)
    return TextTable(table.title, table.headings[:number], rows)


if __name__ == "__main__":
    main()
