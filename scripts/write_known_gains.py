"""Write the scores that `dovetail advise` knows of other corpora, from results of experiments.

    DOVETAIL_DATA=… python scripts/write_known_gains.py

Of each results/NAME that is listed here it takes the trainings of the ways of sharing that advice
tries, and reads the corpora of experiments/NAME.toml to count their sentences.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dovetail.lab.advice.candidates import PROPOSALS
from dovetail.lab.advice.known import FILE, KnownCell, write_known
from dovetail.lab.experiment_cells import Cell, cells_of
from dovetail.lab.experiment_plan import load_plan
from dovetail.lab.experiment_work import test_sentences
from dovetail.text.reading import Reading
from dovetail.training.job import Job

PROJECT = Path(__file__).resolve().parent.parent
TARGET = PROJECT / "src" / "dovetail" / "lab" / "advice" / FILE

EXPERIMENTS = ("conll04_depth", "strategies", "advise_crossre")
"""The experiments that compare ways of sharing and nothing else."""


def main() -> None:
    """Write the file."""
    cells = [
        cell
        for name in EXPERIMENTS
        if (PROJECT / "results" / name / "cells.csv").is_file()
        for cell in known_cells(name, PROJECT / "results" / name / "cells.csv")
    ]
    write_known(cells, TARGET)
    print(f"{TARGET.relative_to(PROJECT)}: {len(cells)} trainings")


def known_cells(name: str, results: Path) -> Iterator[KnownCell]:
    """The trainings of an experiment that tell of a way of sharing that advice may try."""
    plan = load_plan(PROJECT / "experiments" / f"{name}.toml")
    cells = {(cell.row, cell.fold, cell.seed): cell for cell in cells_of(plan, Path("cells"))}
    tried = {own.name for own in PROPOSALS} | {"depth 1+1+2"}
    numbers: dict[str, tuple[int, int]] = {}
    with results.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            cell = cells[row["config"], row["fold"], int(row["seed"])]
            if cell.config.sharing.plan not in tried or not differs_by_sharing(
                cell, cells, plan.first
            ):
                continue
            if cell.fold not in numbers:
                numbers[cell.fold] = sentences_of(cell)
            dev_sentences, scored_sentences = numbers[cell.fold]
            yield KnownCell(
                experiment=name,
                corpus=corpus_of(cell),
                plan=cell.config.sharing.plan,
                seed=int(row["seed"]),
                dev_entity=float(row["dev_entity_micro_f1"]),
                dev_relation=float(row["dev_relation_micro_f1"]),
                test_entity=float(row["test_entity_micro_f1"]),
                test_relation=float(row["test_relation_micro_f1"]),
                dev_sentences=dev_sentences,
                test_sentences=scored_sentences,
            )


def differs_by_sharing(cell: Cell, cells: dict[Any, Cell], first: str) -> bool:
    """Whether a training differs from the one that it is compared with by nothing else."""
    other = cells[first, cell.fold, cell.seed].config
    same = {"name": other.name, "sharing": other.sharing}
    return cell.config.model_copy(update=same) == other


def corpus_of(cell: Cell) -> str:
    """The name of a corpus: of its folder, and of the part where there are several."""
    folder = cell.config.data.train[0].parent.name
    return folder if cell.fold == "all" else f"{folder}/{cell.fold}"


def sentences_of(cell: Cell) -> tuple[int, int]:
    """The dev and test sentences that a cell is scored on."""
    (corpus,) = cell.corpora
    job = Job.of(cell.config)
    return len(job.splits.dev), len(test_sentences(cell, corpus, Reading()))


if __name__ == "__main__":
    main()
