"""The outcome of a search, and the folder that it leaves.

runs/<name>-tuning/config.toml      what it started from, complete
runs/<name>-tuning/space.toml       what was tuned; a file for `--space`
runs/<name>-tuning/study.db         the trials, unless they are in another storage
runs/<name>-tuning/best.toml        the best config, a recipe for `dovetail train`
runs/<name>-tuning/trials.csv       a row for each trial
runs/<name>-tuning/importance.csv   how much each field mattered
runs/<name>-tuning/*.png            plots
"""

from __future__ import annotations

import csv
import io
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna

from dovetail.config import dump_config, with_changes
from dovetail.config.in_words import inline_toml
from dovetail.files.writing import write_text
from dovetail.lab.search.importance import importances
from dovetail.lab.search.records import Record, best_of, records
from dovetail.lab.search.space import Space

RECIPE, TRIALS, IMPORTANCE = "best.toml", "trials.csv", "importance.csv"
START, SPACE = "config.toml", "space.toml"

OPTIMISTIC = (
    "The best of many dev scores is better than it would be on new sentences. Score the trained "
    "model once on the test set, with `dovetail evaluate`, and report that."
)

COLUMNS = (
    "number",
    "state",
    "score",
    "entity_f1",
    "relation_f1",
    "best_epoch",
    "epochs",
    "trained_parameters",
    "seconds",
    "is_start",
    "message",
)


@dataclass(frozen=True)
class Outcome:
    """The outcome of a search: its trials, the best, the first, and the importance of fields."""

    space: Space
    trials: Sequence[Record]
    importance: dict[str, float]

    @classmethod
    def of_study(cls, study: optuna.Study, space: Space) -> Outcome:
        return cls(space, records(study, space), importances(study))

    @property
    def best(self) -> Record | None:
        return best_of(self.trials)

    @property
    def start(self) -> Record | None:
        return next((trial for trial in self.trials if trial.is_start), None)

    @property
    def num_done(self) -> int:
        return sum(trial.is_done for trial in self.trials)


def write_start(folder: Path, space: Space) -> None:
    """Write what a search starts from, before it does.

    Raises:
        OutputError: if the folder cannot be written.
    """
    write_text(folder / START, dump_config(space.start))
    write_text(folder / SPACE, space.to_toml())


def write_outcome(folder: Path, outcome: Outcome) -> None:
    """Write the recipe and the tables; plots are for `dovetail.lab.search.plots`.

    Raises:
        OutputError: if the folder cannot be written.
    """
    write_text(folder / TRIALS, _csv(_trial_rows(outcome)))
    rows = [("field", "importance"), *((f, f"{v:.4f}") for f, v in outcome.importance.items())]
    write_text(folder / IMPORTANCE, _csv(rows))
    if outcome.best is not None:
        write_text(folder / RECIPE, recipe(outcome, outcome.best))


def recipe(outcome: Outcome, best: Record) -> str:
    """The config of the best trial, complete, with a head that says where it comes from."""
    space = outcome.space
    name = f"{space.start.name}-tuned"
    config = with_changes(space.config(best.values), {"name": name})
    changes = space.changes(best.values)
    lines = [
        f"The best of {outcome.num_done} trials of `dovetail tune` (trial {best.number}).",
        _dev_scores("dev F1", best),
    ]
    if outcome.start is not None and outcome.start.score is not None:
        lines.append(_dev_scores("the config that it started from", outcome.start))
    if changes:
        lines += [
            "",
            "What is not as it was:",
            *(f"  {f} = {inline_toml(v)}" for f, v in changes.items()),
        ]
    else:
        lines += ["", "It is the config that the search started from: nothing better was found."]
    lines += ["", *textwrap.wrap(OPTIMISTIC, 98)]
    head = "".join(f"# {line}".rstrip() + "\n" for line in lines)
    return f"{head}\n{dump_config(config)}"


def _dev_scores(what: str, trial: Record) -> str:
    """The dev scores of a trial in percent, in one line."""
    score = f"{what}: {100 * (trial.score or 0):.1f}"
    if trial.result is None:
        return score
    entity, relation = 100 * trial.result.entity_f1, 100 * trial.result.relation_f1
    return f"{score} (strict micro-F1: entities {entity:.1f}, relations {relation:.1f})"


def _trial_rows(outcome: Outcome) -> Iterable[Sequence[Any]]:
    fields = list(outcome.space.entries)
    yield [*COLUMNS, *fields]
    for trial in outcome.trials:
        result = trial.result
        values = {
            "number": trial.number,
            "state": trial.state,
            "score": _digits(trial.score),
            "entity_f1": _digits(result.entity_f1 if result else None),
            "relation_f1": _digits(result.relation_f1 if result else None),
            "best_epoch": result.best_epoch if result else "",
            "epochs": result.epochs if result else "",
            "trained_parameters": result.trained_parameters if result else "",
            "seconds": "" if trial.seconds is None else f"{trial.seconds:.1f}",
            "is_start": str(trial.is_start).lower(),
            "message": trial.message,
        }
        tuned = [_cell(trial.values[field]) if field in trial.values else "" for field in fields]
        yield [*(values[column] for column in COLUMNS), *tuned]


def _digits(score: float | None) -> str:
    return "" if score is None else f"{score:.4f}"


def _cell(value: Any) -> str:
    return value if isinstance(value, str) else inline_toml(value)


def _csv(rows: Iterable[Sequence[Any]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()
