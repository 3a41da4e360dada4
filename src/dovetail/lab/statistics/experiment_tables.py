"""The tables that people read, as rows of words: a terminal and Markdown show the same.

They are made of the values in `summary.json`, so that stored results give the same tables.
"""

from __future__ import annotations

from collections.abc import Sequence

from dovetail.lab.cell_scoring import SPLITS
from dovetail.lab.statistics.reliability_tables import reliability_tables
from dovetail.lab.statistics.text_table import (
    DASH,
    TextTable,
    Values,
    amount,
    p_text,
    signed,
    spread,
    viewed,
)

DIFFERENCES = ("entity_micro", "relation_micro")
"""The F1 whose differences tables show; the file of comparisons has all."""

_SCORES = ("entity_micro", "entity_macro", "relation_micro", "relation_macro")


def score_tables(summary: Values) -> list[TextTable]:
    """A table of F1 for each split that was scored, the split that counts last.

    Of several corpora there is one of their mean, and one of each.
    """
    tables = []
    for split in SPLITS:
        for of_corpora, own in viewed(summary).items():
            configs = [config for config in own["configs"] if split in config["scores"]]
            if configs:
                tables.append(_score_table(split, of_corpora, configs, own))
    return tables


def _score_table(
    split: str, of_corpora: str, configs: Sequence[Values], summary: Values
) -> TextTable:
    compared = any(split in own["differences"] for own in configs)
    deltas = ("Δ entities", "p", "Δ relations", "p", "Δm") if compared else ()
    return TextTable(
        f"F1 on {split}{of_corpora}",
        (
            *("config", "cells", "entities micro", "macro", "relations micro", "macro"),
            *("boundaries", "chosen on dev", *deltas),
        ),
        tuple(
            (
                own["name"],
                _cells(own),
                *(
                    spread(own["scores"][split].get(score))
                    for score in (*_SCORES, "relation_boundaries")
                ),
                _chosen(own["chosen"], split),
                *(_differences(own, split, summary) if compared else ()),
            )
            for own in configs
        ),
    )


def _cells(own: Values) -> str:
    whole = own["cells"] == own["of_cells"]
    return str(own["cells"]) if whole else f"{own['cells']} of {own['of_cells']}"


def _chosen(chosen: Values, split: str) -> str:
    if split not in chosen["scores"]:
        return DASH
    scores = [chosen["scores"][split].get(score) for score in DIFFERENCES]
    return " / ".join(DASH if own is None else f"{100 * own:.1f}" for own in scores)


def _differences(own: Values, split: str, summary: Values) -> list[str]:
    if own["name"] == summary["compared_with"]:
        return [""] * (2 * len(DIFFERENCES) + 1)
    cells = _compared(own["differences"].get(split, {}))
    first = [o for o in summary["configs"] if o["name"] == summary["compared_with"]]
    change = relative_change(own, first[0], split) if first else None
    return [*cells, DASH if change is None else signed(100 * change)]


def _compared(found: Values) -> list[str]:
    """For each score the difference and its p-value."""
    cells = []
    for score in DIFFERENCES:
        if score in found:
            difference = found[score]["comparison"]["difference"]
            cells += [signed(100 * difference), p_text(found[score]["corrected"])]
        else:
            cells += [DASH, DASH]
    return cells


def control_tables(summary: Values) -> list[TextTable]:
    """A table for each split of the configs that have a control, against it."""
    tables = []
    for split in SPLITS:
        for of_corpora, viewed_summary in viewed(summary).items():
            configs = [own for own in viewed_summary["configs"] if own.get("control")]
            if any(split in own["from_control"] for own in configs):
                tables.append(_control_table(f"{split}{of_corpora}", split, configs))
    return tables


def _control_table(on: str, split: str, configs: Sequence[Values]) -> TextTable:
    return TextTable(
        f"Against controls, on {on}",
        ("config", "control", "Δ entities", "p", "Δ relations", "p"),
        tuple(
            (own["name"], own["control"], *_compared(own["from_control"].get(split, {})))
            for own in configs
        ),
    )


def all_tables(summary: Values) -> list[TextTable]:
    """F1, comparisons with controls and reliability, of each split, and costs."""
    return [
        *score_tables(summary),
        *control_tables(summary),
        *reliability_tables(summary),
        cost_table(summary),
    ]


def relative_change(own: Values, first: Values, split: str) -> float | None:
    """By how much of itself a config changes the micro F1 of another, in the mean over both tasks.

    The measure of multi-task learning of Maninis et al. (2019); none where there is no F1 to divide
    by.
    """
    changes = []
    for score in DIFFERENCES:
        before = first["scores"].get(split, {}).get(score, {}).get("mean")
        if score not in own["scores"][split] or not before:
            return None
        changes.append(own["scores"][split][score]["mean"] / before - 1)
    return sum(changes) / len(changes)


def cost_table(summary: Values) -> TextTable:
    """The costs of each config: parameters, multiply-adds, time."""
    return TextTable(
        "Costs",
        (
            *("config", "trained", "stored", "in all", "multiply-adds", "above frozen"),
            *("training", "best epoch", "sentences/s"),
        ),
        tuple(
            (
                own["name"],
                *(
                    amount(own["costs"].get(name))
                    for name in (
                        *("trainable_parameters", "stored_parameters", "total_parameters"),
                        *("multiply_adds", "multiply_adds_above_frozen"),
                    )
                ),
                _minutes(own["costs"].get("training_seconds")),
                _number(own["costs"].get("best_epoch")),
                _number(own["costs"].get("sentences_per_second")),
            )
            for own in summary["configs"]
        ),
    )


def _minutes(seconds: float | None) -> str:
    if seconds is None:
        return DASH
    return f"{seconds / 60:.1f} min" if seconds >= 60 else f"{seconds:.0f} s"


def _number(number: float | None) -> str:
    return DASH if number is None else f"{number:.0f}"


def explanation(summary: Values) -> str:
    """The meaning of the columns, in a few sentences."""
    controls = (
        " A control is of the same size, and chooses at random; its p is corrected for the number "
        "of controls."
    )
    reliability = (
        " lost to entities: what relations lack of the F1 that they have between gold entities. "
        "calibration error: the expected one of the confidences, in percent."
    )
    several = (
        f" Corpora: {', '.join(summary.get('corpora', ()))}. Their mean has the configs that learn "
        f"all of them."
    )
    return (
        "Strict F1 in percent, mean ± standard deviation over seeds, or over the means of folds. "
        "boundaries: micro F1 of relations whatever the types of their entities. chosen on dev: "
        "micro F1 of entities and relations of the cell with the best dev scores, of each fold. "
        f"Δ: micro F1 against {summary['compared_with']!r}; p: paired bootstrap over sentences and "
        "seeds, corrected for the number of configs (Holm)."
        + (reliability if reliability_tables(summary) else "")
        + (several if summary.get("corpora") else "")
        + (controls if control_tables(summary) else "")
    )


def markdown(name: str, summary: Values) -> str:
    """All tables on one page."""
    parts = [f"# {name}", explanation(summary)]
    for table in all_tables(summary):
        parts += [f"## {table.title}", table.markdown()]
    return "\n\n".join(parts) + "\n"
