"""Write the tables of docs/results/ from the files in results/.

    python scripts/write_results.py           # rewrites the pages between their markers

Each folder results/NAME, which ``dovetail experiment experiments/NAME.toml --export results/NAME``
left, has a page docs/results/NAME.md.  Its tables stand between ``<!-- experiment: NAME -->`` and
``<!-- end -->``; what stands around them is written by hand.  A page that is missing is begun.
docs/results/regimes.md has one table of the strategies in all regimes, after ``<!-- regimes -->``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from dovetail.lab.statistics.experiment_tables import (
    control_tables,
    cost_table,
    explanation,
    score_tables,
)
from dovetail.lab.statistics.reliability_tables import reliability_tables
from dovetail.lab.statistics.text_table import TextTable, amount, p_text, signed
from dovetail.lab.statistics.views import MEAN

PROJECT = Path(__file__).resolve().parent.parent
RESULTS = PROJECT / "results"
PAGES = PROJECT / "docs" / "results"
EXPERIMENT = re.compile(r"(<!-- experiment: ([\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)

REGIMES_PAGE = PAGES / "regimes.md"
REGIMES_TABLE = re.compile(r"(<!-- regimes -->\n).*?(<!-- end -->)", re.DOTALL)

REGIMES = {
    "strategies": ("CoNLL04, all labels", r"separate|shared|depth .*", ""),
    "regime_a_three_corpora": ("three corpora", r"hard sharing|depth .*", ""),
    "regime_a_crossre": ("six domains", r"hard sharing|depth .*", ""),
    "regime_b_few_labels": ("few labels", r"separate|hard sharing|depth .*", r"^\d+ %"),
    "regime_c_halves": ("a task each", r"masked( separate| hard sharing| depth .*)?", "90 to 10$"),
    "regime_d_dependence": ("dependence", r"depth.*", ""),
    "regime_e_new_domain": ("a domain later", "alone", r"\d+ %$"),
    "regime_e_ade": ("another corpus later", "alone", r"[\d.]+ %$"),
}
"""By experiment: the regime; the names of the configs of which the one that is best on dev is the
tuned depth; and what of a name says the share of the labels, which must be the same."""

DATA = {
    "plan.toml": "the plan as it ran",
    "cells.csv": "a row for each seed",
    "comparisons.csv": "each difference, with its interval",
}
"""What an experiment leaves beside the summary, and what a reader finds in it."""


def main() -> None:
    """Rewrite the pages."""
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")


def pages() -> dict[Path, str]:
    """The pages as they should be, by path: one for each experiment in the folder of results."""
    names = sorted(plan.parent.name for plan in RESULTS.glob("*/plan.toml"))
    paths = {name: PAGES / f"{name}.md" for name in names}
    of_experiments = {
        path: with_experiments(
            path.read_text(encoding="utf-8") if path.is_file() else first_page(name), RESULTS
        )
        for name, path in paths.items()
    }
    return {**of_experiments, REGIMES_PAGE: with_regimes(REGIMES_PAGE.read_text("utf-8"), RESULTS)}


def first_page(name: str) -> str:
    """A page that has markers and no words yet."""
    return f"# {name}\n\n<!-- experiment: {name} -->\n<!-- end -->\n"


def with_experiments(page: str, results: Path) -> str:
    """The page with the tables of each experiment that it has markers for."""

    def tables(match: re.Match[str]) -> str:
        start, name, end = match.groups()
        return f"{start}\n{experiment_tables(name, results / name)}\n\n{end}"

    return EXPERIMENT.sub(tables, page)


def experiment_tables(name: str, folder: Path) -> str:
    """The command of an experiment, what came of it, and where its numbers are.

    Raises:
        FileNotFoundError: naming the command that leaves the results.
    """
    command = f"dovetail experiment experiments/{name}.toml"
    stored = folder / "summary.json"
    if not stored.is_file():
        raise FileNotFoundError(f"there is no {stored}; {command} --export results/{name}")
    summary = json.loads(stored.read_text(encoding="utf-8"))
    tables = score_tables(summary)
    costs = cost_table(summary)
    shown = (
        *reversed(tables),
        *reversed(control_tables(summary)),
        *reversed(reliability_tables(summary)),
        costs,
    )
    if any(table.title.endswith(MEAN) for table in shown):  # a picture has each corpus
        shown = tuple(own for own in shown if own.title.endswith(MEAN) or own is costs)
    titled = [f"**{table.title}**\n\n{table.markdown()}" for table in shown]
    return "\n\n".join([f"`{command}`", explanation(summary), *titled, *data_line(folder)])


def with_regimes(page: str, results: Path) -> str:
    """The page with the table of the strategies in all regimes that there are results of."""
    rows = [
        row
        for name in REGIMES
        if (results / name / "summary.json").is_file()
        for row in rows_of_regime(
            name, json.loads((results / name / "summary.json").read_text("utf-8"))
        )
    ]
    columns = (
        *("regime", "strategy", "control", "cells", "Δ entities", "p", "Δ relations", "p"),
        *("tuned depth", "Δ entities", "Δ relations", "parameters", "multiply-adds"),
    )
    table = TextTable("", columns, tuple(rows)).markdown()
    return REGIMES_TABLE.sub(lambda match: f"{match[1]}\n{table}\n\n{match[2]}", page)


def rows_of_regime(experiment: str, summary: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """A row for each strategy that has a control, on test sentences."""
    regime, depths, share = REGIMES[experiment]
    configs = {own["name"]: own for own in summary["configs"] if own["cells"]}
    for own in configs.values():
        found = own.get("from_control", {}).get("test")
        if not found:
            continue
        compared = [
            text
            for score in ("entity_micro", "relation_micro")
            for text in (
                signed(100 * found[score]["comparison"]["difference"]),
                p_text(found[score]["corrected"]),
            )
        ]
        depth = tuned_depth(own["name"], depths, share, configs)
        gains = [
            signed(100 * (mean_of(own, "test", score) - mean_of(depth, "test", score)))
            for score in ("entity_micro", "relation_micro")
        ]
        costs = [amount(own["costs"][name]) for name in ("stored_parameters", "multiply_adds")]
        name, cells = own["name"], str(own["cells"])
        yield (regime, name, own["control"], cells, *compared, depth["name"], *gains, *costs)


def tuned_depth(
    name: str, depths: str, share: str, configs: Mapping[str, Any]
) -> Mapping[str, Any]:
    """The depth that is best on dev, with the same share of the labels."""
    wanted = re.findall(share, name) if share else []
    same = [
        own
        for other, own in configs.items()
        if (re.findall(share, other) if share else []) == wanted
        and re.fullmatch(depths, (re.sub(share, "", other) if share else other).strip())
    ]
    scores = ("entity_micro", "relation_micro")
    return max(same, key=lambda own: sum(mean_of(own, "dev", score) for score in scores))


def mean_of(own: Mapping[str, Any], split: str, score: str) -> float:
    """The mean score of a config over its cells."""
    return float(own["scores"][split][score]["mean"])


def data_line(folder: Path) -> list[str]:
    """A line that links the files of the experiment; none if there are no files."""
    links = [
        f"[{file}](../../results/{folder.name}/{file}) ({words})"
        for file, words in DATA.items()
        if (folder / file).is_file()
    ]
    return [f"Numbers behind the tables: {', '.join(links)}."] if links else []


if __name__ == "__main__":
    main()
