"""From a report's values to its page."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from dovetail.report.cards import Card, cards
from dovetail.report.charts import (
    ReliabilityChart,
    charts_of_run,
    reliability_chart,
    score_chart,
)
from dovetail.report.experiment_report import ExperimentReport
from dovetail.report.page import Made, render
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


@dataclass(frozen=True, slots=True)
class ScoresView:
    """What is shown of a corpus of which only scores may be looked at."""

    about: ScoredCorpus
    tables: list[ScoreTable]


@dataclass(frozen=True, slots=True)
class CorpusView(ScoresView):
    """What is shown of a corpus whose errors may be looked at."""

    confusion: ConfusionTable
    kinds: list[KindTable]
    cards: list[Card]
    colours: dict[str, str]
    reliability: list[tuple[ReliabilityChart, str]]
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
    """The page of a run.

    Raises:
        MissingExtraError: if Jinja2 is not installed.
    """
    return render(
        "report.html",
        made,
        name=report.name,
        run=report,
        curves=charts_of_run(report.curves) if report.curves else [],
        corpus=view_of(report.dev, report.thresholds) if report.dev else None,
        test=_scores(report.test) if report.test else None,
    )


def page_of_experiment(report: ExperimentReport, made: Made) -> str:
    """The page of an experiment.

    Raises:
        MissingExtraError: if Jinja2 is not installed.
    """
    titles = {"entity": "Entities: F1 on the dev set", "relation": "Relations: F1 on the dev set"}
    first = report.first
    return render(
        "experiment.html",
        made,
        experiment=report,
        curves=[score_chart(s, title=titles[task]) for task, s in report.scores.items() if s],
        first=first,
        first_curves=charts_of_run(first.curves) if first and first.curves else [],
        corpus=view_of(first.dev) if first and first.dev else None,
        run=None,
        test=None,
    )


def page_of_predictions(name: str, corpus: ScoredCorpus, made: Made) -> str:
    """The page of predictions that any system made.

    Raises:
        MissingExtraError: if Jinja2 is not installed.
    """
    values: dict[str, Any] = {"run": None, "curves": [], "test": None}
    return render("report.html", made, name=name, corpus=view_of(corpus), **values)


def _scores(corpus: ScoredCorpus) -> ScoresView:
    return ScoresView(corpus, score_tables(corpus.evaluation))
