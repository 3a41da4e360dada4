"""Tables as rows of words, and numbers as tables show them: a terminal and Markdown alike."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from dovetail.lab.statistics.views import MEAN

Values = Mapping[str, Any]

DASH = "\N{EN DASH}"


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


def spread(values: Values | None) -> str:
    """Mean and standard deviation in percent; a dash where there is no score.

    >>> spread({"mean": 0.861, "deviation": 0.004})
    '86.1 ± 0.4'
    """
    if values is None:
        return DASH
    deviation = values["deviation"]
    shown = "" if deviation is None else f" ± {100 * deviation:.1f}"
    return f"{100 * values['mean']:.1f}{shown}"


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


def amount(number: float | None) -> str:
    """A large number in thousands, millions or billions.

    >>> amount(1_234_567), amount(45_600), amount(2.5e9), amount(12)
    ('1.23 M', '45.6 k', '2.50 G', '12')
    """
    if number is None:
        return DASH
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if number >= size:
            return f"{_digits(number / size)} {unit}"
    return f"{number:.0f}"


def _digits(number: float) -> str:
    """Three digits that count, whatever stands before the point."""
    return f"{number:.{max(0, 3 - len(str(int(number))))}f}"
