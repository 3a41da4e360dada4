"""What relations lose to entities, and how far confidences can be trusted."""

from __future__ import annotations

from dovetail.lab.cell_scoring import SPLITS
from dovetail.lab.statistics.text_table import DASH, TextTable, Values, signed, spread, viewed
from dovetail.text.document import TASKS

END_TO_END, GIVEN = "relation_micro", "relation_given_entities"


def reliability_tables(summary: Values) -> list[TextTable]:
    """A table for each split, of the configs that know of it; results of old versions do not."""
    tables = []
    for split in SPLITS:
        for of_corpora, own in viewed(summary).items():
            configs = [c for c in own["configs"] if "calibration" in c and split in c["scores"]]
            if configs:
                tables.append(_table(f"{split}{of_corpora}", split, configs))
    return tables


def _table(on: str, split: str, configs: list[Values]) -> TextTable:
    return TextTable(
        f"Given entities and calibration, on {on}",
        (
            *("config", "relations", "of given entities", "lost to entities"),
            *("calibration error, entities", "relations"),
        ),
        tuple((own["name"], *_gap(own, split), *_errors(own, split)) for own in configs),
    )


def _gap(own: Values, split: str) -> tuple[str, str, str]:
    """F1 of relations end to end, between the gold entities, and what lies between."""
    scores = own["scores"][split]
    whole, given = scores.get(END_TO_END), scores.get(GIVEN)
    if not (whole and given):
        return spread(whole), spread(given), DASH
    lost = signed(100 * (given["mean"] - whole["mean"])).removeprefix("+")
    return spread(whole), spread(given), lost


def _errors(own: Values, split: str) -> list[str]:
    errors = own["calibration"].get(split, {})
    return [f"{100 * errors[task]:.1f}" if task in errors else DASH for task in TASKS]
