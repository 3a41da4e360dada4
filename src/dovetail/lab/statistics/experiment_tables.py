"""The tables that people read, as rows of words: a terminal and Markdown show the same.

They are made of the values in `summary.json`, so that stored results give the same tables.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dovetail.lab.cell_scoring import SPLITS
from dovetail.lab.statistics.views import MEAN

Values = Mapping[str, Any]

DIFFERENCES = ("entity_micro", "relation_micro")
"""The F1 whose differences tables show; the file of comparisons has all."""

_SCORES = ("entity_micro", "entity_macro", "relation_micro", "relation_macro")
_DASH = "\N{EN DASH}"


@dataclass(frozen=True)
class TextTable:
    """A title, headings, and rows of words; the first column is set to the left."""

    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def markdown(self) -> str:
        """The table in Markdown, without its title."""
        rule = ["---", *["---:" for _ in self.headings[1:]]]
        return "\n".join(_line(cells) for cells in (self.headings, rule, *self.rows))


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def viewed(summary: Values) -> dict[str, Values]:
    """The summary by what its scores are of: all corpora, then each of several."""
    corpora = summary.get("corpora", ())
    if not corpora:
        return {"": summary}
    return {
        f", {MEAN}": summary,
        **{
            f", {name}": {
                **summary,
                "configs": [
                    {**own, **own["by_corpus"][name]}
                    for own in summary["configs"]
                    if name in own["by_corpus"]
                ],
            }
            for name in corpora
        },
    }


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


def spread(values: Values | None) -> str:
    """Mean and standard deviation in percent; a dash where there is no score.

    >>> spread({"mean": 0.861, "deviation": 0.004})
    '86.1 ± 0.4'
    """
    if values is None:
        return _DASH
    deviation = values["deviation"]
    shown = "" if deviation is None else f" ± {100 * deviation:.1f}"
    return f"{100 * values['mean']:.1f}{shown}"


def _chosen(chosen: Values, split: str) -> str:
    if split not in chosen["scores"]:
        return _DASH
    scores = [chosen["scores"][split].get(score) for score in DIFFERENCES]
    return " / ".join(_DASH if own is None else f"{100 * own:.1f}" for own in scores)


def _differences(own: Values, split: str, summary: Values) -> list[str]:
    if own["name"] == summary["compared_with"]:
        return [""] * (2 * len(DIFFERENCES) + 1)
    cells = _compared(own["differences"].get(split, {}))
    first = [o for o in summary["configs"] if o["name"] == summary["compared_with"]]
    change = relative_change(own, first[0], split) if first else None
    return [*cells, _DASH if change is None else signed(100 * change)]


def _compared(found: Values) -> list[str]:
    """For each score the difference and its p-value."""
    cells = []
    for score in DIFFERENCES:
        if score in found:
            difference = found[score]["comparison"]["difference"]
            cells += [signed(100 * difference), p_text(found[score]["corrected"])]
        else:
            cells += [_DASH, _DASH]
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
    """F1 and comparisons with controls, of each split, and costs."""
    return [*score_tables(summary), *control_tables(summary), cost_table(summary)]


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


def signed(number: float) -> str:
    """A number with one decimal and its sign.

    >>> signed(1.26), signed(-0.01)
    ('+1.3', '+0.0')
    """
    rounded = round(number, 1) + 0.0  # there is no -0.0
    return f"{rounded:+.1f}".replace("-", "\N{MINUS SIGN}")


def p_text(p_value: float) -> str:
    """A p-value as tables show it.

    >>> p_text(0.0004), p_text(0.0432), p_text(1.0)
    ('< 0.001', '0.043', '1')
    """
    if p_value < 0.001:
        return "< 0.001"
    return f"{p_value:.3f}" if p_value < 1 else "1"


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


def amount(number: float | None) -> str:
    """A large number in thousands, millions or billions.

    >>> amount(1_234_567), amount(45_600), amount(2.5e9), amount(12)
    ('1.23 M', '45.6 k', '2.50 G', '12')
    """
    if number is None:
        return _DASH
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if number >= size:
            return f"{_digits(number / size)} {unit}"
    return f"{number:.0f}"


def _digits(number: float) -> str:
    """Three digits that count, whatever stands before the point."""
    return f"{number:.{max(0, 3 - len(str(int(number))))}f}"


def _minutes(seconds: float | None) -> str:
    if seconds is None:
        return _DASH
    return f"{seconds / 60:.1f} min" if seconds >= 60 else f"{seconds:.0f} s"


def _number(number: float | None) -> str:
    return _DASH if number is None else f"{number:.0f}"


def explanation(summary: Values) -> str:
    """The meaning of the columns, in a few sentences."""
    controls = (
        " A control is of the same size, and chooses at random; its p is corrected for the number "
        "of controls."
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
        + (several if summary.get("corpora") else "")
        + (controls if control_tables(summary) else "")
    )


def markdown(name: str, summary: Values) -> str:
    """All tables on one page."""
    parts = [f"# {name}", explanation(summary)]
    for table in all_tables(summary):
        parts += [f"## {table.title}", table.markdown()]
    return "\n\n".join(parts) + "\n"
