"""How `dovetail evaluate` shows scores in a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dovetail.cli.score_table import print_whole, score_table
from dovetail.text.document import ENTITY_TASK, RELATION_TASK

if TYPE_CHECKING:
    from rich.console import Console

    from dovetail.evaluation import Evaluation, SettingScores
    from dovetail.report.false_alarms import Alarms


@dataclass(frozen=True)
class BesideScores:
    """Remarks that belong to scores, by task.

    `not_counted` are annotations that were dropped in reading, `unaligned` those that no tokens
    express, by reason, and `unknown_to_model` the types that the model does not know: both of these
    count as missed.
    """

    not_counted: Mapping[str, int]
    unaligned: Mapping[str, Mapping[str, int]]
    unknown_to_model: Mapping[str, list[str]]
    warnings: Sequence[str] = ()


def show(
    evaluation: Evaluation,
    beside: BesideScores,
    given: SettingScores | None = None,
    alarms: Alarms | None = None,
) -> None:
    """Print scores as tables, and below them what is beside them.

    `given` are the strict scores of relations given the gold entities, `alarms` the relations that
    are found where there are none.
    """
    from dovetail.cli.terminal import Terminal

    console = Terminal(highlight=False, markup=False)
    for title, strict, boundaries, sentences in (
        (
            "Entities",
            evaluation.entity_strict,
            evaluation.entity_boundaries,
            evaluation.entity_sentences,
        ),
        (
            "Relations",
            evaluation.relation_strict,
            evaluation.relation_boundaries,
            evaluation.relation_sentences,
        ),
    ):
        share = f"{sentences} of {evaluation.sentences} sentences annotated"
        console.print(f"{title}: {share}", style="bold")
        if sentences:
            print_whole(console, score_table(strict, boundaries))
    console.print(
        "In percent. Strict: borders and types right, both arguments' included.\n"
        "Boundaries: F1 if the types of entities are left out of account."
    )
    if intervals := evaluation.entity_strict.intervals:
        console.print(f"Intervals: strict F1 in {intervals.samples} draws of the sentences.")
    if given is not None:
        _show_given(console, evaluation.relation_strict, given)
    if alarms is not None:
        _show_alarms(console, evaluation, alarms)
    _show_calibration(console, evaluation)
    _show_unaligned(console, beside, evaluation)
    _show_left_out(console, beside)


def _show_given(console: Console, found: SettingScores, given: SettingScores) -> None:
    alone, both = 100 * given.micro.f1, 100 * found.micro.f1
    between = ""
    if given.intervals is not None:
        interval = given.intervals.micro.f1
        between = f" [{100 * interval.low:.1f}, {100 * interval.high:.1f}]"
    console.print(
        f"Relations given the gold entities: strict micro F1 {alone:.1f}{between}, precision "
        f"{100 * given.micro.precision:.1f}, recall {100 * given.micro.recall:.1f}. With the "
        f"entities that it finds: {both:.1f}, so {alone - both:.1f} are lost to entities."
    )


def _show_alarms(console: Console, evaluation: Evaluation, alarms: Alarms) -> None:
    of_all, interval = alarms.of_all, alarms.interval
    if interval is None:
        return
    console.print(
        f"False alarms: a relation is found in {of_all.per_thousand:.0f} of 1,000 sentences that "
        f"hold none [{interval.low:.0f}, {interval.high:.0f}] ({of_all.alarmed:,} of "
        f"{of_all.sentences:,}, {of_all.relations:,} relations)."
    )
    if alarms.at_share is not None:
        at, alone = alarms.at_share, evaluation.relation_strict.micro
        console.print(
            f"Where {100 * at.share:g} % of sentences hold none: relations, strict micro F1 "
            f"{100 * at.f1:.1f}, precision {100 * at.precision:.1f}, recall {100 * at.recall:.1f} "
            f"(in this corpus F1 {100 * alone.f1:.1f}, precision {100 * alone.precision:.1f})."
        )


def _show_calibration(console: Console, evaluation: Evaluation) -> None:
    errors = {
        "entities": evaluation.entity_calibration_error,
        "relations": evaluation.relation_calibration_error,
    }
    known = [f"{100 * error:.1f} of {what}" for what, error in errors.items() if error is not None]
    if known:
        console.print(f"Expected calibration error of the confidences: {', '.join(known)}.")


def _show_unaligned(console: Console, beside: BesideScores, evaluation: Evaluation) -> None:
    from dovetail.showing.visible import shown

    totals = {
        ENTITY_TASK: evaluation.entity_strict.micro.support,
        RELATION_TASK: evaluation.relation_strict.micro.support,
    }
    for task, reasons in beside.unaligned.items():
        if reasons:
            number = sum(reasons.values())
            nouns = {ENTITY_TASK: "entities", RELATION_TASK: "relations"}
            listed = "; ".join(f"{times:,}: {reason}" for reason, times in reasons.items())
            console.print(
                f"{number:,} of {totals[task]:,} {nouns[task]} cannot be found with the tokens of "
                f"the text, and count as missed ({listed}).",
                style="yellow",
            )
    for warning in beside.warnings:
        console.print(shown(warning), style="yellow")


def _show_left_out(console: Console, beside: BesideScores) -> None:
    from dovetail.showing.visible import shown

    unread = beside.not_counted
    for task, types in beside.unknown_to_model.items():
        if types:
            console.print(
                f"The model does not know these {task} types, so each of them counts as missed: "
                f"{shown(', '.join(types))}",
                style="yellow",
            )
    if any(unread.values()):
        console.print(
            f"Not counted: {unread[ENTITY_TASK]} entities and {unread[RELATION_TASK]} relations of "
            f"the corpus that no sentence can hold.\ndovetail inspect says which and why."
        )
