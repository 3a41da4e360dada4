"""From a report's values to its page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

from dovetail.report.cards import Card, cards
from dovetail.report.charts import (
    Chart,
    ReliabilityChart,
    charts_of_run,
    reliability_chart,
    score_chart,
)
from dovetail.report.experiment_report import ExperimentReport
from dovetail.report.page import Made, render
from dovetail.report.reliability import ReliabilityRow, reliability_rows
from dovetail.report.report_tables import (
    ConfusionTable,
    KindTable,
    ScoreTable,
    confusion_table,
    kind_tables,
    score_tables,
)
from dovetail.report.run_report import RunReport
from dovetail.report.scored import ScoredCorpus
from dovetail.showing.rendering import assign_colours
from dovetail.text.document import Sentence

OF_ONE = {"at": "", "of": ""}
"""The start of the names and the headings of sections where there is one corpus."""


@dataclass(frozen=True, slots=True)
class ScoresView:
    """The content for a corpus of which only scores may be looked at."""

    about: ScoredCorpus
    tables: list[ScoreTable]


@dataclass(frozen=True, slots=True)
class CorpusView(ScoresView):
    """The content for a corpus whose errors may be looked at."""

    confusion: ConfusionTable
    kinds: list[KindTable]
    cards: list[Card]
    colours: dict[str, str]
    reliability: list[tuple[ReliabilityChart, str]]
    reliability_by_type: list[ReliabilityRow]
    thresholds: dict[str, float] = field(default_factory=dict)

    @property
    def all_errors(self) -> int:
        """Errors of all kinds."""
        return sum(table.total for table in self.kinds)

    @property
    def shown_errors(self) -> int:
        """Errors on the cards, without those that follow from others."""
        return sum(not error.follows for card in self.cards for error in card.errors)

    @property
    def following_errors(self) -> int:
        """Errors on the cards that follow from others."""
        return sum(error.follows for card in self.cards for error in card.errors)

    @property
    def lowest(self) -> float:
        """The probability from which a missed relation was considered."""
        return self.about.weighed.lowest if self.about.weighed else 0.0


def view_of(corpus: ScoredCorpus, thresholds: dict[str, float] | None = None) -> CorpusView:
    """Lay out all that is said of a corpus."""
    return CorpusView(
        about=corpus,
        tables=score_tables(corpus.evaluation),
        confusion=confusion_table(corpus.confusion),
        kinds=kind_tables(corpus),
        cards=cards(corpus),
        colours=assign_colours(_entity_types([*corpus.gold, *corpus.predicted])),
        reliability=_reliability(corpus),
        reliability_by_type=reliability_rows(corpus),
        thresholds=thresholds or {},
    )


def _entity_types(sentences: list[Sentence]) -> set[str]:
    return {entity.type for sentence in sentences for entity in sentence.entities}


def _reliability(corpus: ScoredCorpus) -> list[tuple[ReliabilityChart, str]]:
    charts = [
        (reliability_chart("Entities", corpus.entity_calibration), "right in the strict sense, %"),
        (
            reliability_chart("Relations", corpus.relation_calibration),
            "right in the strict sense, %",
        ),
    ]
    links, weighed = corpus.link_calibration, corpus.weighed
    if links is not None and weighed is not None:
        title = "Relations between right entities"
        note = f"right, %, of all given {weighed.lowest:.2f} or more"
        charts.append((reliability_chart(title, links), note))
    return charts


def page_of_run(report: RunReport, made: Made) -> str:
    """The page of a run, on one corpus.

    Raises:
        MissingExtraError: if Jinja2 is not installed.
    """
    return render(
        "report.html",
        made,
        **OF_ONE,
        name=report.name,
        run=report,
        curves=charts_of_run(report.curves) if report.curves else [],
        corpus=view_of(report.dev, report.thresholds) if report.dev else None,
        test=_scores(report.test) if report.test else None,
    )


@dataclass(frozen=True, slots=True)
class NamedView:
    """What is said of one of several corpora, and what the names of its sections start with."""

    report: RunReport
    corpus: CorpusView | None
    curves: list[Chart]

    @property
    def at(self) -> str:
        """The start of the names."""
        return f"{self.report.corpus}-"


def page_of_corpora(reports: Sequence[RunReport], made: Made) -> str:
    """The page of a run of several corpora, on all of them.

    Raises:
        MissingExtraError: if Jinja2 is not installed.
    """
    views = [
        NamedView(
            own,
            view_of(own.dev, own.thresholds) if own.dev else None,
            charts_of_run(own.curves) if own.curves else [],
        )
        for own in reports
    ]
    tables = [table for view in views if view.corpus for table in view.corpus.tables]
    tasks = dict.fromkeys(table.task for table in tables)
    return render(
        "corpora.html",
        made,
        name=reports[0].name,
        run=reports[0],
        views=views,
        means={
            task: fmean(table.rows[0].score.f1 for table in tables if table.task == task)
            for task in tasks
        },
        warnings=_warnings_of(reports),
        files=[file for own in reports for file in own.files],
    )


def _warnings_of(reports: Sequence[RunReport]) -> list[str]:
    """The warnings of all corpora, each with its name; those of the whole run once."""
    common = set.intersection(*(set(own.warnings) for own in reports))
    return [
        *(warning for warning in reports[0].warnings if warning in common),
        *(
            f"{own.corpus}: {warning}"
            for own in reports
            for warning in own.warnings
            if warning not in common
        ),
    ]


def page_of_experiment(report: ExperimentReport, made: Made) -> str:
    """The page of an experiment.

    Raises:
        MissingExtraError: if Jinja2 is not installed.
    """
    titles = {"entity": "Entities: F1 on the dev set", "relation": "Relations: F1 on the dev set"}
    first = report.first
    dev = first.dev_by_corpus if first else {}
    return render(
        "experiment.html",
        made,
        experiment=report,
        curves=[score_chart(s, title=titles[task]) for task, s in report.scores.items() if s],
        first=first,
        first_curves=charts_of_run(first.curves) if first and first.curves else [],
        views=[
            {
                "at": f"{name}-" if name else "",
                "of": f"{name}: " if name else "",
                "corpus": view_of(own),
            }
            for name, own in dev.items()
        ],
        run=None,
        test=None,
    )


def page_of_predictions(name: str, corpus: ScoredCorpus, made: Made) -> str:
    """The page of predictions that any system made.

    Raises:
        MissingExtraError: if Jinja2 is not installed.
    """
    values: dict[str, Any] = {**OF_ONE, "run": None, "curves": [], "test": None}
    return render("report.html", made, name=name, corpus=view_of(corpus), **values)


def _scores(corpus: ScoredCorpus) -> ScoresView:
    return ScoresView(corpus, score_tables(corpus.evaluation))
