"""A model of what `dovetail bulk` costs, fitted to the rows that `scale.py` measured.

    python benchmarks/scale_model.py measurements.csv --hold-out 1000000x1:short:5000
    python benchmarks/scale_model.py measurements.csv --documents 1e9 --sentences 1 --figures out

Every cost is a sum of what each thing costs times how many there are, such as processor seconds
for the start, each unit, document, token and pair of entities. The costs of one are never negative
and are chosen so that the sum of squared relative errors is least (non-negative least squares), so
a run of a thousand documents counts as much as one of a million. A point that is held out takes no
part in the fit. With --documents costs are told for so many of the `mixed` kind.
"""

from __future__ import annotations

import argparse
import csv
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from scipy.optimize import nnls

Row = Mapping[str, float]

LAWS = {
    "worker_seconds": ("runs", "units", "documents", "tokens", "pairs"),
    "driver_seconds": ("runs", "units", "documents"),
    "worker_megabytes": ("runs",),
    "documents_bytes": ("units", "documents", "characters"),
    "entities_bytes": ("units", "entities"),
    "relations_bytes": ("units", "relations"),
    "manifest_bytes": ("runs", "units", "input_files"),
}
"""What each cost is a sum of."""

SECONDS = ("worker_seconds", "driver_seconds")
BYTES = ("documents_bytes", "entities_bytes", "relations_bytes", "manifest_bytes")

TOLD = {
    "processor": (SECONDS, "s"),
    "output": (BYTES, "bytes"),
}
"""What is held against measurements, and in which unit."""

FRESH_SENTENCES = 1100
"""Of a unit, drawn from some 5,700."""

Law = dict[str, float]


def rows_of(path: Path) -> dict[str, list[tuple[str, Row]]]:
    """The points and rows of each model."""
    found: dict[str, list[tuple[str, Row]]] = {}
    with path.open(encoding="utf-8", newline="") as file:
        for line in csv.DictReader(file):
            model, point = line.pop("model"), line.pop("point")
            row = {"runs": 1.0, **{name: float(value) for name, value in line.items()}}
            found.setdefault(model, []).append((point, row))
    return found


def fitted(cost: str, rows: Sequence[Row]) -> Law:
    """What one of each thing costs."""
    names = LAWS[cost]
    values = np.array([row[cost] for row in rows])
    counts = np.array([[row[name] for name in names] for row in rows])
    scale = counts.max(axis=0)  # the things are counted in very different numbers
    found, _ = nnls(counts / scale / values[:, None], np.ones(len(rows)))
    return dict(zip(names, (found / scale).tolist(), strict=True))


def predicted(law: Law, row: Row) -> float:
    """What so many things cost."""
    return sum(each * row[name] for name, each in law.items())


def fit(rows: Sequence[tuple[str, Row]]) -> dict[str, Law]:
    """All laws."""
    fresh = [row for point, row in rows if is_fresh(point, row)]
    every = [row for _, row in rows]
    return {cost: fitted(cost, fresh if cost in BYTES else every) for cost in LAWS}


def is_fresh(point: str, row: Row) -> bool:
    """Whether few sentences stand twice in a unit, which Parquet stores as good as once."""
    return ":mixed:" in point and row["sentences"] / row["units"] <= FRESH_SENTENCES


def total(laws: Mapping[str, Law], row: Row, costs: Sequence[str]) -> float:
    """The sum of several costs."""
    return sum(predicted(laws[cost], row) for cost in costs)


def asked(rows: Sequence[tuple[str, Row]], options: argparse.Namespace) -> Row:
    """As many documents as are asked for, with what the mixed rows have in a sentence."""
    mixed = [row for point, row in rows if ":mixed:" in point]
    sentences = options.documents * options.sentences
    known = sum(row["sentences"] for row in mixed)
    names = ("characters", "tokens", "pairs", "entities", "relations", "input_bytes")
    each = {name: sum(row[name] for row in mixed) / known for name in names}
    counts = {name: value * sentences for name, value in each.items()}
    units = math.ceil(max(options.documents / 5000, counts["input_bytes"] / 1e6))
    return {
        **counts,
        "runs": 1.0,
        "documents": options.documents,
        "sentences": sentences,
        "units": float(units),
        "input_files": options.files,
    }


def tell_laws(model: str, laws: Mapping[str, Law]) -> None:
    """Print what one of each thing costs."""
    print(f"\n{model}: the cost of one")
    for cost, law in laws.items():
        print(f"  {cost:18}" + ", ".join(f"{name} {each:.3g}" for name, each in law.items()))


def tell_errors(laws: Mapping[str, Law], rows: Sequence[tuple[str, Row]]) -> None:
    """Print how far costs are from what was measured."""
    for name, (costs, _) in TOLD.items():
        known = [own for own in rows if costs != BYTES or is_fresh(*own)]
        errors = [
            total(laws, row, costs) / sum(row[cost] for cost in costs) - 1 for _, row in known
        ]
        typical = np.sqrt(np.mean(np.square(errors)))
        worst = max(errors, key=abs)
        print(
            f"  {name}: off by {typical:.1%} (root mean square over {len(known)} runs), at most "
            f"{worst:+.1%}"
        )


def tell_held_out(laws: Mapping[str, Law], point: str, row: Row) -> None:
    """Print a point that took no part in the fit beside what was measured."""
    for name, (costs, unit) in TOLD.items():
        if costs != BYTES or is_fresh(point, row):
            guess, known = total(laws, row, costs), sum(row[cost] for cost in costs)
            print(
                f"  held out {point}: {name} {guess:,.1f} {unit}, measured {known:,.1f} "
                f"({guess / known - 1:+.1%})"
            )


def tell_prediction(laws: Mapping[str, Law], row: Row, options: argparse.Namespace) -> None:
    """Print what was asked for."""
    hours = total(laws, row, SECONDS) / 3600
    driver = predicted(laws["driver_seconds"], row) / 3600
    start = laws["worker_seconds"]["runs"] / 3600
    wall = max((hours - driver) / options.cores + start, driver)
    print(f"  {row['documents']:,.0f} documents, {row['sentences']:,.0f} sentences:")
    print(f"    {row['units']:,.0f} units, {row['input_bytes'] / 1e9:,.1f} GB of input")
    print(f"    {hours:,.1f} core hours, {driver:,.2f} of them of the driver")
    print(f"    {wall:,.1f} hours on {options.cores:,} cores")
    print(f"    {total(laws, row, BYTES) / 1e9:,.1f} GB of output")
    print(f"    {predicted(laws['manifest_bytes'], row) / 1e6:,.1f} MB of manifest")
    print(f"    {laws['worker_megabytes']['runs']:,.0f} MB for a worker")
    print(f"    cost {hours * options.price:,.2f} at {options.price} for a core hour")


def draw(
    models: Mapping[str, Sequence[tuple[str, Row]]],
    laws: Mapping[str, Mapping[str, Law]],
    held_out: Sequence[str],
    folder: Path,
) -> None:
    """Draw costs against documents, and how far the fit is from each run."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4.2), layout="constrained")
    costs, errors = figure.subplots(1, 2)
    for model, colour in zip(models, ("#1f6f8b", "#c8553d", "#5b4b8a"), strict=False):
        for is_held_out in (False, True):
            rows = [row for point, row in models[model] if (point in held_out) == is_held_out]
            look = {"facecolors": "none" if is_held_out else colour, "edgecolors": colour}
            label = f"{model}, held out" if is_held_out else model
            if not rows:
                continue
            known = [sum(row[cost] for cost in SECONDS) for row in rows]
            guess = [total(laws[model], row, SECONDS) for row in rows]
            off = [100 * (one / other - 1) for one, other in zip(guess, known, strict=True)]
            costs.scatter(guess, known, s=34, label=label, **look)
            documents = [row["documents"] for row in rows]
            errors.scatter(documents, off, s=34, label=label, **look)
    ends = costs.get_xlim()
    costs.plot((3, ends[1]), (3, ends[1]), color="#c9ced6", zorder=0)
    costs.set(xscale="log", yscale="log", xlabel="processor seconds, fitted", ylabel="measured")
    errors.axhline(0, color="#c9ced6", zorder=0)
    for edge in (-15, 15):
        errors.axhline(edge, color="#c9ced6", linestyle="--", zorder=0)
    errors.set(xscale="log", xlabel="documents", ylabel="fitted over measured, %")
    costs.legend(frameon=False)
    for axes in (costs, errors):
        axes.spines[["top", "right"]].set_visible(False)
    folder.mkdir(parents=True, exist_ok=True)
    figure.savefig(folder / "scale.png", dpi=160)


def parse_options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("csv", type=Path, help="what scale.py wrote")
    parser.add_argument("--hold-out", nargs="+", default=[], metavar="POINT")
    parser.add_argument("--documents", type=float, help="tell what so many would cost")
    parser.add_argument("--sentences", type=float, default=1.0, help="of each document")
    parser.add_argument("--files", type=float, default=1000.0, help="of the input")
    parser.add_argument("--cores", type=int, default=1000)
    parser.add_argument("--price", type=float, default=0.04, help="of a core for an hour")
    parser.add_argument("--figures", type=Path, metavar="DIR", help="where to draw")
    return parser.parse_args()


def main() -> None:
    """Fit, and tell."""
    options = parse_options()
    models = rows_of(options.csv)
    laws = {}
    for model, rows in models.items():
        kept = [(point, row) for point, row in rows if point not in options.hold_out]
        laws[model] = fit(kept)
        tell_laws(model, laws[model])
        tell_errors(laws[model], kept)
        for point, row in rows:
            if point in options.hold_out:
                tell_held_out(laws[model], point, row)
        if options.documents:
            tell_prediction(laws[model], asked(rows, options), options)
    if options.figures:
        draw(models, laws, options.hold_out, options.figures)


if __name__ == "__main__":
    main()
