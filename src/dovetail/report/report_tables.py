"""Tables of a page: scores, confusions and kinds of errors, laid out in rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from dovetail.evaluation import (
    Confusion,
    EntityError,
    EntityErrorKind,
    Evaluation,
    MacroScore,
    RelationError,
    RelationErrorKind,
    Score,
    ScoreIntervals,
    SettingScores,
)
from dovetail.report.scored import ScoredCorpus


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """A row of a table of scores; boundaries are None where they have no types."""

    name: str
    score: Score | MacroScore
    intervals: ScoreIntervals
    boundaries: float | None
    support: int
    is_average: bool


@dataclass(frozen=True, slots=True)
class ScoreTable:
    """The scores of a task on one corpus."""

    task: str
    sentences: int
    rows: Sequence[ScoreRow]


def score_tables(evaluation: Evaluation) -> list[ScoreTable]:
    """A table for each task that the corpus is annotated for."""
    tables = [
        _table(
            "Entities",
            evaluation.entity_sentences,
            evaluation.entity_strict,
            evaluation.entity_boundaries,
        ),
        _table(
            "Relations",
            evaluation.relation_sentences,
            evaluation.relation_strict,
            evaluation.relation_boundaries,
        ),
    ]
    return [table for table in tables if table.sentences]


def _table(
    task: str, sentences: int, strict: SettingScores, boundaries: SettingScores
) -> ScoreTable:
    intervals = strict.intervals
    if intervals is None:
        raise ValueError("a table of scores needs their intervals")
    support = strict.micro.support
    rows = [
        ScoreRow("micro", strict.micro, intervals.micro, boundaries.micro.f1, support, True),
        ScoreRow(
            f"macro of {strict.macro.types}",
            strict.macro,
            intervals.macro,
            boundaries.macro.f1,
            support,
            True,
        ),
    ]
    for type_, score in strict.by_type.items():
        inside = boundaries.by_type.get(type_)
        rows.append(
            ScoreRow(
                type_,
                score,
                intervals.by_type[type_],
                inside.f1 if inside else None,
                score.support,
                False,
            )
        )
    return ScoreTable(task, sentences, rows)


@dataclass(frozen=True, slots=True)
class ConfusionCell:
    """A number, its share of the gold type, and whether it is right."""

    count: int
    share: float
    is_right: bool
    title: str


@dataclass(frozen=True, slots=True)
class ConfusionTable:
    """A row for each gold type, a column for each predicted type, and "none" at both ends."""

    columns: Sequence[str]
    rows: Sequence[tuple[str, Sequence[ConfusionCell], int]]


def confusion_table(confusion: Confusion) -> ConfusionTable:
    """Lay the counts out."""
    kinds: list[str | None] = [*confusion.types, None]
    rows = []
    for gold in kinds:
        total = sum(confusion[gold, predicted] for predicted in kinds)
        cells = [
            ConfusionCell(
                confusion[gold, predicted],
                confusion[gold, predicted] / total if total else 0.0,
                gold == predicted,
                f"gold {gold or 'none'}, predicted {predicted or 'none'}",
            )
            for predicted in kinds
        ]
        rows.append((gold or "none", cells, total))
    return ConfusionTable([kind or "none" for kind in kinds], rows)


MEANINGS: dict[str, dict[EntityErrorKind | RelationErrorKind, str]] = {
    "entity": {
        EntityErrorKind.MISSED: "nothing was predicted that shares a word with it",
        EntityErrorKind.WRONG_BORDER: "the type is right, a border is not",
        EntityErrorKind.WRONG_TYPE: "both borders are right, the type is not",
        EntityErrorKind.WRONG_BORDER_AND_TYPE: "some words are right, borders and type are not",
        EntityErrorKind.SPURIOUS: "predicted where gold has nothing",
    },
    "relation": {
        RelationErrorKind.MISSED: "lost by its own: both entities are right, the link is missing",
        RelationErrorKind.LOST_BY_ENTITY: "an entity of it was missed or is wrong",
        RelationErrorKind.WRONG_TYPE: "entities and direction are right, the type is not",
        RelationErrorKind.WRONG_DIRECTION: "entities and type are right, head and tail exchanged",
        RelationErrorKind.SPURIOUS: "a link between two right entities that gold does not have",
        RelationErrorKind.SPURIOUS_BY_ENTITY: "a link with an entity that is wrong itself",
    },
}
"""What each kind means, in the order of the page."""


@dataclass(frozen=True, slots=True)
class KindRow:
    """How often a kind of error occurs, in all and by the type of the gold or predicted side."""

    key: str
    name: str
    meaning: str
    count: int
    share: float
    missed: bool
    wrong: bool
    by_type: Sequence[int]


@dataclass(frozen=True, slots=True)
class KindTable:
    """The errors of a task; `missed` and `wrong` are the false negatives and positives."""

    task: str
    types: Sequence[str]
    rows: Sequence[KindRow]
    missed: int
    wrong: int

    @property
    def total(self) -> int:
        """All errors."""
        return sum(row.count for row in self.rows)


def kind_tables(corpus: ScoredCorpus) -> list[KindTable]:
    """A table for each task that the corpus is annotated for."""
    evaluation = corpus.evaluation
    tables = []
    if evaluation.entity_sentences:
        entity_errors = [error for found in corpus.errors for error in found.entities]
        tables.append(_with_unaligned(_kinds("entity", entity_errors), corpus))
    if evaluation.relation_sentences:
        relation_errors = [error for found in corpus.errors for error in found.relations]
        tables.append(_with_unaligned(_kinds("relation", relation_errors), corpus))
    return tables


def _with_unaligned(table: KindTable, corpus: ScoredCorpus) -> KindTable:
    """The table with what the tokens of the sentences cannot express, if there is any."""
    rows = list(table.rows)
    counts = []
    for side, meaning in (
        (
            "unaligned_missed",
            "gold that is not whole tokens of one sentence: it can only be missed",
        ),
        ("unaligned_wrong", "predicted on other tokens, where gold has no such characters"),
    ):
        items = [item for found in corpus.errors for item in getattr(found, side)]
        of_task = Counter(item.type for item in items if item.task == table.task)
        counts.append(of_task.total())
        if of_task:
            missed = side == "unaligned_missed"
            name = "no tokens for it" if missed else "on other tokens"
            by_type = [of_task[type_] for type_ in table.types]
            share = of_task.total() / (table.total + of_task.total())
            rows.append(
                KindRow("", name, meaning, of_task.total(), share, missed, not missed, by_type)
            )
    return replace(table, rows=rows, missed=table.missed + counts[0], wrong=table.wrong + counts[1])


def _kinds(task: str, errors: Sequence[EntityError] | Sequence[RelationError]) -> KindTable:
    counts = Counter((error.kind, type_of(error)) for error in errors)
    types = sorted({type_ for _, type_ in counts})
    missed = sum(error.gold is not None for error in errors)
    wrong = sum(error.predicted is not None for error in errors)
    rows = []
    for kind, meaning in MEANINGS[task].items():
        of_kind = [error for error in errors if error.kind == kind]
        rows.append(
            KindRow(
                key=key_of(task, kind),
                name=kind.value,
                meaning=meaning,
                count=len(of_kind),
                share=len(of_kind) / len(errors) if errors else 0.0,
                missed=any(error.gold is not None for error in of_kind),
                wrong=any(error.predicted is not None for error in of_kind),
                by_type=[counts[kind, type_] for type_ in types],
            )
        )
    return KindTable(task, types, rows, missed, wrong)


def type_of(error: EntityError | RelationError) -> str:
    """The type of the gold side, or where there is none of the predicted one."""
    return error.entity.type if isinstance(error, EntityError) else error.relation.type


def key_of(task: str, kind: EntityErrorKind | RelationErrorKind) -> str:
    """A name for a kind of error that is one word and tells the tasks apart."""
    return f"{task}-{kind.value.replace(' ', '-')}"
