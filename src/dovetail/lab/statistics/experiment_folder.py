"""An experiment: a plan and the folder that it leaves.

runs/<name>/plan.toml         complete
runs/<name>/cells/<config>/<fold>/seed<k>/   the run of each cell, with its result
runs/<name>/cells.csv, .parquet    a row for each cell: scores and costs
runs/<name>/scores.csv, .parquet   a row for each cell, split, task, setting, average and type
runs/<name>/comparisons.csv   differences from the first config, with p-values
runs/<name>/summary.json, table.md   means and deviations, for programs and for people
runs/<name>/figures/          the same as pictures
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomli_w

from dovetail.corpora import read_corpus
from dovetail.errors import MissingExtraError
from dovetail.files.writing import make_folder, replaced, write_text
from dovetail.lab.cell_folder import write_json, writing
from dovetail.lab.cell_scoring import GOLD, SPLITS, file_of
from dovetail.lab.costs import sentences_per_second
from dovetail.lab.experiment_cells import Cell, cells_of, chosen_cells
from dovetail.lab.experiment_plan import Plan
from dovetail.lab.statistics.cell_results import (
    CellResult,
    cell_rows,
    read_results,
    score_rows,
    with_sets,
)
from dovetail.lab.statistics.differences import Compared
from dovetail.lab.statistics.experiment_tables import markdown
from dovetail.lab.statistics.figures import write_figures
from dovetail.lab.statistics.row_files import write_csv, write_parquet
from dovetail.lab.statistics.summary import comparison_rows, summarise, summary_values
from dovetail.lab.statistics.views import views_of
from dovetail.text.document import Sentence
from dovetail.text.named_schemas import ONLY

EXPORTED = ("plan.toml", "summary.json", "cells.csv", "comparisons.csv")
"""Files that a repository keeps beside figures: no predictions, scores of each type, or models."""


@dataclass(frozen=True)
class Experiment:
    """A plan, its cells, and the folder of what it leaves."""

    plan: Plan
    folder: Path
    cells: tuple[Cell, ...]

    @classmethod
    def of_plan(cls, plan: Plan, runs: Path) -> Experiment:
        """Find out what is to be done.

        Raises:
            ConfigError: if the config of a cell is wrong.
        """
        folder = runs / plan.name
        return cls(plan, folder, cells_of(plan, folder / "cells"))

    @property
    def root(self) -> Path:
        """The folder of the cells."""
        return self.folder / "cells"

    def part(self, rows: Iterable[str] | None, seeds: Iterable[int] | None) -> tuple[Cell, ...]:
        """The cells of some configs and seeds.

        Raises:
            ConfigError: if the plan has no such config or seed.
        """
        sets = {row.name: row.set_of for row in self.plan.rows if row.set_of}
        if rows is not None:
            rows = [member for row in rows for member in sets.get(row, (row,))]
        return chosen_cells(self.cells, rows=rows, seeds=seeds)

    def begin(self) -> None:
        """Make the folder and write the plan.

        Raises:
            TrainingError: if that cannot be written.
        """
        with writing(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
        values = self.plan.model_dump(mode="json", exclude_none=True)
        write_text(self.folder / "plan.toml", tomli_w.dumps(values))

    def results(self) -> list[CellResult]:
        """The results of all cells that are finished by now."""
        return read_results(self.cells, self.root)

    def write_tables(self, results: Sequence[CellResult]) -> dict[str, Any]:
        """Leave all tables of these results; the values of the summary.

        Raises:
            TrainingError: if they cannot be written.
        """
        planned = Counter(cell.row for cell in self.cells)
        sets = {row.name: row.set_of for row in self.plan.rows if row.set_of}
        planned |= {name: min(planned[own] for own in members) for name, members in sets.items()}
        compared = Compared(
            first=self.plan.first,
            planned={row.name: planned[row.name] for row in self.plan.rows},
            controls={row.name: row.control for row in self.plan.rows if row.control is not None},
            sets=sets,
        )
        views, whole = views_of(self.cells), with_sets(results, sets)
        summaries = [summarise(whole, compared, view) for view in views]
        comparisons = comparison_rows(summaries, first=compared.first)
        several = len(views) > 1
        rows = {"cells": cell_rows(results, views), "scores": score_rows(results, several=several)}
        with writing(self.folder):
            for name, own in {**rows, "comparisons": comparisons}.items():
                write_csv(self.folder / f"{name}.csv", own)
            for name, own in rows.items():
                write_parquet(self.folder / f"{name}.parquet", own)
        summary: dict[str, Any] = {"name": self.plan.name}
        summary |= summary_values(summaries, first=compared.first)
        write_json(self.folder / "summary.json", summary)
        write_text(self.folder / "table.md", markdown(self.plan.name, summary))
        with writing(self.folder / "figures"):
            write_figures(self.folder / "figures", whole, summary, views[0])
        return summary


def check_extra() -> None:
    """Say what is missing before hours of work, not after.

    Raises:
        MissingExtraError: without the libraries that tables and figures need.
    """
    try:
        import matplotlib  # noqa: F401
        import pyarrow  # noqa: F401
    except ImportError:
        raise MissingExtraError("dovetail experiment", extra="experiments") from None


def export(experiment: Path, folder: Path) -> list[Path]:
    """Copy what a repository keeps, with the figures; where the files are now.

    Raises:
        OutputError: if they cannot be written.
    """
    make_folder(folder)
    pictures = sorted((experiment / "figures").glob("*.png"))
    targets = []
    for source in (*(experiment / name for name in EXPORTED), *pictures):
        with replaced(folder / source.name) as unfinished:
            shutil.copyfile(source, unfinished)
        targets.append(folder / source.name)
    return targets


def measure_speed(results: Sequence[CellResult]) -> None:
    """Measure the first finished cell of each config, unless that was done before.

    Models of one config do the same work, so one speaks for all; a cell whose model was removed
    does not.
    """
    by_row: dict[str, list[CellResult]] = {}
    for result in results:
        if result.folder.model.is_dir() and any(result.scores.values()):
            by_row.setdefault(result.row, []).append(result)
    for own in by_row.values():
        if all(result.folder.read_speed() is None for result in own):
            _measure(own[0])


def _measure(result: CellResult) -> None:
    gold = [*_gold(result)]
    rate = sentences_per_second(result.folder.model, gold)
    write_json(result.folder.speed, {"sentences_per_second": round(rate, 1), "threads": 1})


def _gold(result: CellResult) -> Iterator[Sentence]:
    """The sentences that a cell was scored on: those of the first split of each corpus."""
    for corpus, by_split in result.scores.items():
        folder = corpus if len(result.scores) > 1 else ONLY
        for split in [split for split in SPLITS if split in by_split][:1]:
            yield from read_corpus(file_of(result.folder.path, GOLD, split, folder)).sentences
