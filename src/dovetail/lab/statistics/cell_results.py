"""Results of finished cells, as rows of plain values: one for each cell, and one for each score."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import fmean
from typing import Any

from dovetail.evaluation.scores import GIVEN_ENTITIES
from dovetail.evaluation.tally import Tally
from dovetail.lab.cell_folder import (
    COUNTS_BY_CORPUS,
    SCORES_BY_CORPUS,
    CellFolder,
    read_json,
)
from dovetail.lab.cell_folder import SCORES as ONE_CORPUS
from dovetail.lab.cell_scoring import DEV, SPLITS, tally_from_counts
from dovetail.lab.experiment_cells import Cell
from dovetail.lab.statistics.row_files import Row
from dovetail.lab.statistics.views import Corpora, View
from dovetail.text.document import TASKS

SCORES = {
    "entity_micro": ("entity", "strict", "micro"),
    "entity_macro": ("entity", "strict", "macro"),
    "relation_micro": ("relation", "strict", "micro"),
    "relation_macro": ("relation", "strict", "macro"),
    "relation_boundaries": ("relation", "boundaries", "micro"),
    "relation_given_entities": ("relation", GIVEN_ENTITIES, "micro"),
}
"""The F1 that tables show: task, setting and average of each."""


class Result(ABC):
    """What a row of the table has of one fold and seed: scores of each corpus, counts, costs."""

    @property
    @abstractmethod
    def row(self) -> str: ...

    @property
    @abstractmethod
    def fold(self) -> str: ...

    @property
    @abstractmethod
    def seed(self) -> int | None: ...

    @property
    @abstractmethod
    def scores(self) -> Mapping[str, Any]:
        """The scores by corpus and split."""

    @property
    @abstractmethod
    def counts(self) -> Mapping[str, Any]:
        """The strict counts of each sentence, by corpus and split."""

    @property
    @abstractmethod
    def spent(self) -> Mapping[str, float | None]:
        """What it cost."""

    def has(self, split: str, corpora: Corpora) -> bool:
        """Whether it was scored on a split of all these corpora, if there are any."""
        return bool(corpora) and all(split in self.scores.get(name, ()) for name in corpora)

    def knows(self, split: str, score: str, corpora: Corpora) -> bool:
        """Whether it was scored so; results of old versions lack some of `SCORES`."""
        task, setting, _ = SCORES[score]
        return self.has(split, corpora) and all(
            setting in self.scores[name][split][task] for name in corpora
        )

    def annotated(self, split: str, task: str, corpora: Corpora) -> Corpora:
        """Those of the corpora whose sentences are annotated for a task."""
        return tuple(name for name in corpora if self.scores[name][split][task]["sentences"])

    def f1(self, split: str, score: str, corpora: Corpora) -> float:
        """One of `SCORES`, from 0 to 1: the mean over those of the corpora that have the task."""
        task, setting, average = SCORES[score]
        return fmean(
            float(self.scores[name][split][task][setting][average]["f1"])
            for name in self.annotated(split, task, corpora) or corpora
        )

    def calibration_error(self, split: str, task: str, corpora: Corpora) -> float | None:
        """The mean of that of each corpus; None if one has none, as results of old versions."""
        if not self.has(split, corpora):
            return None
        own = self.annotated(split, task, corpora)
        found = [self.scores[name][split][task].get("calibration_error") for name in own]
        known = [float(error) for error in found if error is not None]
        return fmean(known) if known and len(known) == len(found) else None

    def tally(self, split: str, task: str, corpus: str) -> Tally:
        """The strict counts of a task."""
        return tally_from_counts(self.counts[corpus][split][task])

    @property
    def mean_dev_f1(self) -> float:
        """The mean of both tasks on the dev sentences, over corpora; 0 without any."""
        dev = [own[DEV]["mean_f1"] for own in self.scores.values() if DEV in own]
        return fmean(dev) if dev else 0.0


@dataclass(frozen=True)
class CellResult(Result):
    """A finished cell, its result, and the folder it is in."""

    cell: Cell
    folder: CellFolder
    values: Mapping[str, Any]

    @property
    def row(self) -> str:
        return self.cell.row

    @property
    def fold(self) -> str:
        return self.cell.fold

    @property
    def seed(self) -> int | None:
        return self.cell.seed

    @property
    def scores(self) -> Mapping[str, Any]:
        several = self.values.get(SCORES_BY_CORPUS)
        return {self.cell.corpora[0]: self.values[ONE_CORPUS]} if several is None else several

    @cached_property
    def counts(self) -> Mapping[str, Any]:
        remedy = f"remove {self.folder.result} to score the cell again"
        values = read_json(self.folder.counts, (), remedy)
        return values.get(COUNTS_BY_CORPUS) or {self.cell.corpora[0]: values}

    @property
    def spent(self) -> Mapping[str, float | None]:
        speed = {"sentences_per_second": self.folder.read_speed()}
        return {**self.values["training"], **self.values["costs"], **speed}


@dataclass(frozen=True)
class SetResult(Result):
    """The cells of several configs, each of corpora of its own, as if one config had them."""

    name: str
    members: tuple[CellResult, ...]

    @property
    def row(self) -> str:
        return self.name

    @property
    def fold(self) -> str:
        return self.members[0].fold

    @property
    def seed(self) -> int | None:
        return self.members[0].seed

    @property
    def scores(self) -> Mapping[str, Any]:
        return {name: own for member in self.members for name, own in member.scores.items()}

    @property
    def counts(self) -> Mapping[str, Any]:
        return {name: own for member in self.members for name, own in member.counts.items()}

    @property
    def spent(self) -> Mapping[str, float | None]:
        """Sums, except for multiply-adds: a sentence is read by the model of its corpus alone."""
        rows = [member.spent for member in self.members]
        known: dict[str, list[float]] = {
            name: [value for row in rows if (value := row.get(name)) is not None]
            for name in rows[0]
            if name not in ("best_epoch", "sentences_per_second")
        }
        return {
            **{
                name: (fmean if name.startswith("multiply_adds") else sum)(values)
                if len(values) == len(rows)
                else None
                for name, values in known.items()
            },
            "best_epoch": None,
            "sentences_per_second": None,
        }


def read_results(cells: Sequence[Cell], root: Path) -> list[CellResult]:
    """The results of the cells that are finished, in the order of the cells."""
    folders = [(cell, CellFolder(root, cell.key)) for cell in cells]
    return [
        CellResult(cell, folder, folder.read_result())
        for cell, folder in folders
        if folder.is_finished
    ]


def with_sets(results: Sequence[CellResult], sets: Mapping[str, Sequence[str]]) -> list[Result]:
    """The results, and those of the sets, of each fold and seed that all their members have."""
    by_place = {(own.row, own.fold, own.seed): own for own in results}
    places = dict.fromkeys((own.fold, own.seed) for own in results)
    return [
        *results,
        *(
            SetResult(name, tuple(by_place[member, *place] for member in members))
            for name, members in sets.items()
            for place in places
            if all((member, *place) in by_place for member in members)
        ),
    ]


def cell_rows(results: Sequence[CellResult], views: Sequence[View]) -> list[Row]:
    """A row for each cell: what names it, its F1, and what it cost.

    Where there are several corpora, there is F1 of each and their mean.
    """
    return [
        {
            **_names(result),
            **{
                f"{view.column}{split}_{score}_f1": result.f1(split, score, view.corpora(split))
                if result.knows(split, score, view.corpora(split))
                else None
                for view in views
                for split in SPLITS
                for score in SCORES
            },
            **{
                f"{view.column}{split}_{task}_calibration_error": result.calibration_error(
                    split, task, view.corpora(split)
                )
                for view in views
                for split in SPLITS
                for task in TASKS
            },
            **result.spent,
            "dovetail": result.values["dovetail"],
        }
        for result in results
    ]


def score_rows(results: Sequence[CellResult], *, several: bool = False) -> list[Row]:
    """A row for each cell, split, task, setting and average; and for each type, named in `type`.

    The corpus is named where there are several.
    """
    return [
        {
            **_names(result),
            **({"corpus": corpus} if several else {}),
            "split": split,
            "task": task,
            "setting": setting,
            **row,
        }
        for result in results
        for corpus, by_split in result.scores.items()
        for split in SPLITS
        if split in by_split
        for task in ("entity", "relation")
        for setting in ("strict", "boundaries")
        for row in _averages(by_split[split][task][setting])
    ]


def _names(result: CellResult) -> Row:
    return {"config": result.row, "fold": result.fold, "seed": result.seed}


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
