"""An experiment's folder, read through its files alone.

table.md                          the tables that the page shows
summary.json                      the configs in their order, and the cell of each that dev chose
cells/<config>/<fold>/seed<k>/    metrics.jsonl, config.toml, and gold and predicted dev sentences
figures/                          drawings, which become part of the page
"""

from __future__ import annotations

import base64
import json
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from dovetail.config import Config, CorpusConfig, load_config
from dovetail.corpora import read_corpus
from dovetail.errors import TrainingError
from dovetail.evaluation import align
from dovetail.report.config_summary import config_summary
from dovetail.report.curves import Curves, read_curves
from dovetail.report.scored import ScoredCorpus
from dovetail.text.named_schemas import ONLY

MOST_LINES = 6
"""Configs whose curves are drawn: the first, and those with the best dev scores."""

_MEDIA = {".svg": "image/svg+xml", ".png": "image/png"}
_CELL = re.compile(r"(?<!\\)\|")
"""A border between cells of a Markdown table; one with a backslash before it is text."""


@dataclass(frozen=True, slots=True)
class TextTable:
    """Rows of words under a title and headings."""

    title: str
    headings: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class Figure:
    """A drawing as an address that holds it whole."""

    name: str
    address: str


@dataclass(frozen=True, slots=True)
class CellReport:
    """A cell to look into: its config, how it learned, and what it says of the dev sentences."""

    config: str
    folder: Path
    summary: Sequence[tuple[str, str]]
    curves: Curves | None
    dev_by_corpus: Mapping[str, ScoredCorpus]

    @property
    def command(self) -> str:
        """The command that makes a page of this cell alone."""
        return shlex.join(["dovetail", "report", str(self.folder)])


@dataclass(frozen=True)
class ExperimentReport:
    """All that a page says of an experiment.

    `scores` has for each task and config the mean dev F1 by epoch; `left_out` counts the configs
    that are not in it.
    """

    name: str
    folder: str
    explanation: str
    tables: Sequence[TextTable]
    scores: Mapping[str, Mapping[str, Mapping[int, float]]]
    left_out: int
    figures: Sequence[Figure]
    first: CellReport | None


def is_experiment(folder: Path) -> bool:
    """Whether `dovetail experiment` has been at work in it."""
    return (folder / "cells").is_dir()


def report_of_experiment(folder: Path) -> ExperimentReport:
    """Read an experiment.

    Raises:
        TrainingError: if it has no results yet, or a file of it is damaged.
        CorpusError: if the predictions of its first config cannot be read.
    """
    summary = _summary(folder)
    text = (folder / "table.md").read_text(encoding="utf-8")
    names = [str(config["name"]) for config in summary["configs"]]
    curves = {name: curves_of_config(folder / "cells" / name) for name in names}
    drawn = chosen_configs(curves)
    return ExperimentReport(
        name=str(summary["name"]),
        folder=str(folder),
        explanation=explanation_of(text),
        tables=list(tables_of(text)),
        scores={
            task: {name: means for name in drawn if (means := mean_scores(curves[name], task))}
            for task in ("entity", "relation")
        },
        left_out=sum(bool(own) for own in curves.values()) - len(drawn),
        figures=figures_of(folder / "figures"),
        # The first that has cells of its own, which a set of models has not.
        first=next(filter(None, (first_cell(folder, own) for own in summary["configs"])), None),
    )


def _summary(folder: Path) -> dict[str, Any]:
    path = folder / "summary.json"
    if not path.is_file() or not (folder / "table.md").is_file():
        raise TrainingError(
            f"{folder} has no results yet: an experiment leaves summary.json and table.md when its "
            f"first cells are finished. Wait for it, or run `dovetail experiment` again to go on"
        )
    try:
        summary: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        for config in summary["configs"]:
            config["name"], config["chosen"]["fold"], config["chosen"]["seed"]
        summary["name"]
    except (ValueError, KeyError, TypeError) as error:
        raise TrainingError(
            f"{path} is not the summary of an experiment: {error!r}; `dovetail experiment` writes "
            f"it anew"
        ) from error
    return summary


def tables_of(text: str) -> Iterator[TextTable]:
    """The tables of a Markdown page, each with the heading that it stands under."""
    title, rows = "", []
    for line in [*text.splitlines(), ""]:
        if line.startswith("|"):
            cells = [cell.strip().replace("\\|", "|") for cell in _CELL.split(line)]
            rows.append(cells[1:-1])
        elif rows:
            yield TextTable(title, rows[0], rows[2:])  # the second is the rule
            rows = []
        if line.startswith("#"):
            title = line.lstrip("# ")


def explanation_of(text: str) -> str:
    """The first paragraph that is neither heading nor table."""
    paragraphs = (part.strip() for part in text.split("\n\n"))
    return next((part for part in paragraphs if part and part[0] not in "#|"), "")


def curves_of_config(folder: Path) -> list[Curves]:
    """The curves of its finished cells; ensembles have none."""
    cells = sorted(result.parent for result in folder.glob("*/*/result.json"))
    read = (read_curves(cell / "metrics.jsonl") for cell in cells)
    return [curves for curves in read if curves is not None]


def mean_scores(curves: Sequence[Curves], task: str) -> dict[int, float]:
    """The mean over cells after each epoch that all of them reached."""
    by_cell = [
        {epoch.number: epoch.scores[task] for epoch in own.epochs if task in epoch.scores}
        for own in curves
    ]
    common = set.intersection(*map(set, by_cell)) if by_cell else set()
    return {number: fmean(scores[number] for scores in by_cell) for number in sorted(common)}


def chosen_configs(curves: Mapping[str, Sequence[Curves]]) -> list[str]:
    """The first config and the best others, at most `MOST_LINES`, in the order of the plan."""
    names = [name for name, own in curves.items() if own]
    others = sorted(names[1:], key=lambda name: _best(curves[name]), reverse=True)
    kept = {*names[:1], *others[: MOST_LINES - 1]}
    return [name for name in names if name in kept]


def _best(curves: Iterable[Curves]) -> float:
    """The mean over cells of the best mean F1 of both tasks."""
    return fmean(
        max((fmean(epoch.scores.values()) for epoch in own.epochs if epoch.scores), default=0.0)
        for own in curves
    )


def figures_of(folder: Path) -> list[Figure]:
    """The drawings in a folder; of one that is there twice, the one that can be enlarged."""
    paths = {path.stem: path for suffix in (".png", ".svg") for path in folder.glob(f"*{suffix}")}
    return [
        Figure(
            stem.replace("_", " ").replace("-", " "),
            f"data:{_MEDIA[path.suffix]};base64,{base64.b64encode(path.read_bytes()).decode()}",
        )
        for stem, path in sorted(paths.items())
    ]


def first_cell(folder: Path, config: Mapping[str, Any]) -> CellReport | None:
    """The cell of a config that dev chose; None if nothing of it is left."""
    chosen = config["chosen"]
    last = "ensemble" if chosen["seed"] is None else f"seed{chosen['seed']}"
    cell = folder / "cells" / str(config["name"]) / str(chosen["fold"]) / last
    if not cell.is_dir():
        return None
    settings = load_config(cell / "config.toml") if (cell / "config.toml").is_file() else None
    return CellReport(
        str(config["name"]),
        cell,
        config_summary(settings) if settings else (),
        read_curves(cell / "metrics.jsonl"),
        dev_of(cell, settings),
    )


def dev_of(cell: Path, settings: Config | None) -> dict[str, ScoredCorpus]:
    """The dev sentences of each corpus of a cell; that of an only one has no name."""
    symmetric = {
        own.name if isinstance(own, CorpusConfig) else ONLY: frozenset(own.symmetric)
        for own in (settings.sources if settings else ())
    }
    found: dict[str, ScoredCorpus] = {}
    for name in dict.fromkeys((ONLY, *symmetric)):
        gold, predicted = (cell / kind / name / "dev.jsonl" for kind in ("gold", "predictions"))
        if gold.is_file() and predicted.is_file():
            sentences = read_corpus(gold).sentences
            aligned = align(sentences, read_corpus(predicted).sentences)
            whole = frozenset(type_ for own in symmetric.values() for type_ in own)
            found[name] = ScoredCorpus(
                str(predicted), sentences, aligned, symmetric[name] if name else whole
            )
    return found
