"""Whether the tasks of a trained model pull its shared layers into the same direction.

    python scripts/gradient_agreement.py RUN FOLDER

RUN is the folder of a training, of several corpora say, whose tasks share layers.  FOLDER gets
agreement.csv, the mean cosine between the gradients of each two tasks in each shared layer, on
training sentences, and agreement.png, a map of them.  A task beside itself, on other sentences, is
the most that can be expected of it.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING

from dovetail.config import load_config
from dovetail.lab.advice.agreement import Agreement, agreement_on
from dovetail.lab.statistics.corpora_figure import empty_figure
from dovetail.saved.model_folder import load_model
from dovetail.showing.visible import shown_label
from dovetail.training.job import Job

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ROUNDS = 24
"""Batches of each corpus."""

FIELDS = tuple(field.name for field in fields(Agreement))


def main() -> None:
    """Measure and draw."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n", maxsplit=1)[0])
    parser.add_argument("run", type=Path, help="the folder of a training")
    parser.add_argument("folder", type=Path, help="where agreement.csv and agreement.png go")
    given = parser.parse_args()
    found = measured(given.run)
    given.folder.mkdir(parents=True, exist_ok=True)
    with (given.folder / "agreement.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, FIELDS, lineterminator="\n")
        writer.writeheader()
        for own in found:
            row = asdict(own)
            row.update(mean=round(own.mean, 4), spread=round(own.spread, 4))
            writer.writerow(row)
    agreement_figure(found).savefig(given.folder / "agreement.png", dpi=110)


def measured(run: Path) -> list[Agreement]:
    """The agreement in the final model of a run, on its training sentences."""
    job = Job.of_run(load_config(run / "config.toml"))
    model = load_model(run / "model").model
    sentences = {
        corpus.schema: [sentence for pool in corpus.splits.pools for sentence in pool.sentences]
        for corpus in job.corpora
    }
    return agreement_on(model, sentences, rounds=ROUNDS, seed=job.config.seed)


def agreement_figure(found: Sequence[Agreement]) -> Figure:
    """A map of tasks beside tasks for each shared layer."""
    layers = [*dict.fromkeys(own.layer for own in found)]
    tasks = [own.one for own in found if own.layer == layers[0] and own.one == own.other]
    side = 1.2 + 0.62 * len(tasks)
    figure = empty_figure(0.8 + side * len(layers), side)
    for plot, layer in zip(figure.subplots(1, len(layers), squeeze=False)[0], layers, strict=True):
        means = {(own.one, own.other): own.mean for own in found if own.layer == layer}
        both = means | {(other, one): mean for (one, other), mean in means.items()}
        values = [[both.get((one, other), 0.0) for other in tasks] for one in tasks]
        plot.imshow(values, cmap="RdYlBu", vmin=-1, vmax=1)
        for row, own in enumerate(values):
            for column, mean in enumerate(own):
                colour = "white" if abs(mean) > 0.75 else "#222222"
                shown = f"{round(mean, 2) + 0.0:+.2f}"  # + 0.0: no negative zero
                plot.text(column, row, shown, ha="center", va="center", color=colour, fontsize=8)
        names = [shown_label(task).replace("/", "\n") for task in tasks]
        plot.set_xticks(range(len(tasks)), names, fontsize=8)
        plot.set_yticks(range(len(tasks)), names if plot is figure.axes[0] else [], fontsize=8)
        plot.set_title(layer, loc="left", fontsize=10)
        plot.spines[:].set_visible(False)
        plot.tick_params(length=0)
    figure.suptitle("Agreement of the tasks' gradients: mean cosine", fontsize=11)
    return figure


if __name__ == "__main__":
    main()
