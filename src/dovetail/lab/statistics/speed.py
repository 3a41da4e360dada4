"""Extraction speed, measured after all training, one model at a time and nothing beside it."""

from __future__ import annotations

from collections.abc import Sequence

from dovetail.corpora import read_corpus
from dovetail.lab.cell_folder import write_json
from dovetail.lab.statistics.cell_results import CellResult


def measure_speed(results: Sequence[CellResult]) -> None:
    """Measure the first finished cell of each config, unless that was done before.

    Models of one config do the same work, so one speaks for all; a cell whose model was removed
    does not.
    """
    by_row: dict[str, list[CellResult]] = {}
    for result in results:
        if result.folder.model.is_dir() and result.splits:
            by_row.setdefault(result.cell.row, []).append(result)
    for own in by_row.values():
        if all(result.folder.read_speed() is None for result in own):
            _measure(own[0])


def _measure(result: CellResult) -> None:
    from dovetail.lab.costs import sentences_per_second  # it needs torch

    gold = read_corpus(result.folder.path / "gold" / f"{result.splits[0]}.jsonl").sentences
    rate = sentences_per_second(result.folder.model, gold)
    write_json(result.folder.speed, {"sentences_per_second": round(rate, 1), "threads": 1})
