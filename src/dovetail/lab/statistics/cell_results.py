"""Results of finished cells, as rows of plain values: one for each cell, and one for each score."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from dovetail.errors import MissingExtraError
from dovetail.evaluation.scores import GIVEN_ENTITIES
from dovetail.evaluation.tally import Tally
from dovetail.files.writing import open_atomically, replaced
from dovetail.lab.cell_folder import CellFolder, read_json
from dovetail.lab.cell_scoring import SPLITS, tally_from_counts
from dovetail.lab.experiment_cells import Cell
from dovetail.text.document import TASKS

Row = dict[str, Any]

SCORES = {
    "entity_micro": ("entity", "strict", "micro"),
    "entity_macro": ("entity", "strict", "macro"),
    "relation_micro": ("relation", "strict", "micro"),
    "relation_macro": ("relation", "strict", "macro"),
    "relation_boundaries": ("relation", "boundaries", "micro"),
    "relation_given_entities": ("relation", GIVEN_ENTITIES, "micro"),
}
"""The F1 that tables show: task, setting and average of each."""


@dataclass(frozen=True)
class CellResult:
    """A finished cell, its result, and the folder it is in."""

    cell: Cell
    folder: CellFolder
    values: Mapping[str, Any]

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits that it was scored on."""
        return tuple(split for split in SPLITS if split in self.values["scores"])

    def knows(self, split: str, score: str) -> bool:
        """Whether the cell was scored so; results of old versions lack some of `SCORES`."""
        task, setting, _ = SCORES[score]
        return split in self.splits and setting in self.values["scores"][split][task]

    def f1(self, split: str, score: str) -> float:
        """One of `SCORES`, from 0 to 1."""
        task, setting, average = SCORES[score]
        return float(self.values["scores"][split][task][setting][average]["f1"])

    @cached_property
    def counts(self) -> Mapping[str, Any]:
        """The strict counts of each sentence, by split."""
        remedy = f"remove {self.folder.result} to score the cell again"
        return read_json(self.folder.counts, (), remedy)

    def tally(self, split: str, task: str) -> Tally:
        """The strict counts of a task."""
        return tally_from_counts(self.counts[split][task])


def read_results(cells: Sequence[Cell], root: Path) -> list[CellResult]:
    """The results of the cells that are finished, in the order of the cells."""
    folders = [(cell, CellFolder(root, cell.key)) for cell in cells]
    return [
        CellResult(cell, folder, folder.read_result())
        for cell, folder in folders
        if folder.is_finished
    ]


def cell_rows(results: Sequence[CellResult]) -> list[Row]:
    """A row for each cell: what names it, its F1, and what it cost."""
    return [
        {
            **_names(result),
            **{
                f"{split}_{score}_f1": (
                    result.f1(split, score) if result.knows(split, score) else None
                )
                for split in SPLITS
                for score in SCORES
            },
            **calibration_errors(result.values["scores"]),
            **result.values["training"],
            **result.values["costs"],
            "sentences_per_second": result.folder.read_speed(),
            "dovetail": result.values["dovetail"],
        }
        for result in results
    ]


def calibration_errors(by_split: Mapping[str, Any]) -> Row:
    """The expected calibration errors of a cell's scores; cells of old versions have none."""
    return {
        f"{split}_{task}_calibration_error": by_split.get(split, {})
        .get(task, {})
        .get("calibration_error")
        for split in SPLITS
        for task in TASKS
    }


def score_rows(results: Sequence[CellResult]) -> list[Row]:
    """A row for each cell, split, task, setting and average; and for each type, named in `type`."""
    return [
        {**_names(result), "split": split, "task": task, "setting": setting, **row}
        for result in results
        for split in result.splits
        for task in ("entity", "relation")
        for setting in ("strict", "boundaries")
        for row in _averages(result.values["scores"][split][task][setting])
    ]


def _names(result: CellResult) -> Row:
    cell = result.cell
    return {"config": cell.row, "fold": cell.fold, "seed": cell.seed}


def _averages(scores: Mapping[str, Any]) -> Iterator[Row]:
    for average in ("micro", "macro"):
        yield {"average": average, "type": None, **_numbers(scores[average])}
    for type_, values in scores["by_type"].items():
        yield {"average": "type", "type": type_, **_numbers(values)}


def _numbers(values: Mapping[str, Any]) -> Row:
    names = ("true_positives", "false_positives", "false_negatives", "support")
    return {
        **{name: values[name] for name in ("f1", "precision", "recall")},
        **{name: values.get(name) for name in names},  # a mean over types has none
    }


def write_csv(path: Path, rows: Sequence[Row]) -> None:
    """Write rows with a line of headings; nothing is written as an empty cell."""
    with open_atomically(path) as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]) if rows else [], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def write_parquet(path: Path, rows: Sequence[Row]) -> None:
    """Write rows as Parquet, with a type for each column.

    Raises:
        MissingExtraError: without pyarrow.
    """
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise MissingExtraError("a Parquet table", extra="experiments") from None
    with replaced(path) as unfinished:
        parquet.write_table(pyarrow.Table.from_pylist(list(rows)), unfinished)
