"""``dovetail inspect``: what is in corpora, and what may go wrong with them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dovetail.cli.reading_options import ReadingOptions, reads_corpora
from dovetail.cli.say import say_json
from dovetail.cli.waiting import Waiting, being_read
from dovetail.showing.visible import shown
from dovetail.text.reading import Reading
from dovetail.text.wording import WHOLE, CorpusPart

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from dovetail.corpora import Ledger
    from dovetail.corpora.inspection.entity_head_advice import EntityHeadAdvice
    from dovetail.corpora.inspection.inspection import Inspection, Problem, SplitSummary

_SIGNATURES_SHOWN = 40


@reads_corpora
def inspect_command(
    paths: Annotated[
        list[Path], typer.Argument(help="Corpus files, or folders of brat files: one per split.")
    ],
    format: Annotated[
        str | None, typer.Option(help="The format's name; recognised from the content if left out.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
    *,
    part: Annotated[
        str,
        typer.Option(
            metavar="START:END",
            help="Count only this part of the first corpus, as data.part takes it for training.",
        ),
    ] = WHOLE,
    part_seed: Annotated[int, typer.Option(min=0, help="The seed that draws the part.")] = 0,
    reading: ReadingOptions,
) -> None:
    """Count what is in corpora and list what may go wrong with them."""
    first = part_named(part)
    from dovetail.corpora import read_corpus
    from dovetail.corpora.inspection.inspection import inspect_corpora, part_of

    names = split_names(paths)
    read_as = reading.over(Reading())
    corpora = {}
    with Waiting() as tell:
        for name, path in zip(names, paths, strict=True):
            tell.stage(being_read(path))
            corpora[name] = read_corpus(path, format=format, reading=read_as)
        if part != WHOLE:
            corpora[names[0]] = part_of(corpora[names[0]], first, seed=part_seed)
        tell.stage("counting, and looking for problems")
        inspection = inspect_corpora(corpora)
    if as_json:
        say_json(json.dumps(inspection.to_dict(), ensure_ascii=False, indent=2))
        return
    from dovetail.cli.terminal import Terminal

    show(inspection, Terminal())


def part_named(part: str) -> CorpusPart:
    """The part that an option names."""
    try:
        return CorpusPart.parse(part)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--part") from error


def split_names(paths: Iterable[Path]) -> list[str]:
    """A short and distinct name for each path.

    That is its stem without what all stems share in front, as ``conll04_`` of ``conll04_train``
    and ``conll04_test``; the whole path where that does not tell two apart.
    """
    paths = list(paths)
    stems = [path.resolve().name if path.is_dir() else path.stem for path in paths]
    shared = 0
    if len(paths) > 1:
        # The shared part ends behind a separator, so that no word is cut in two.
        first, last = min(stems), max(stems)
        while shared < min(len(first), len(last)) and first[shared] == last[shared]:
            shared += 1
        while shared and first[shared - 1] not in "_-. ":
            shared -= 1
    names = [stem[shared:] or stem for stem in stems]
    if len(set(names)) == len(names):
        return names
    names = [str(path) for path in paths]
    if len(set(names)) != len(names):
        raise typer.BadParameter("a path is named twice; name each split once")
    return names


def show(inspection: Inspection, console: Console) -> None:
    """Print an inspection as tables."""
    splits = inspection.splits
    for warning in inspection.warnings:
        console.print(f"! {warning}", style="bold yellow", markup=False, highlight=False)
    console.print(_overview(splits))
    console.print(_types("entity type", {name: dict(s.entities) for name, s in splits.items()}))
    if any(summary.relations for summary in splits.values()):
        relations = {name: dict(summary.relations) for name, summary in splits.items()}
        console.print(_types("relation type", relations))
        console.print(_signatures(splits))
    for name, summary in splits.items():
        show_ledger(f"{name}: read from the file", summary.ledger, console)
        if summary.cut:
            console.print(f"  {summary.cut}", markup=False, highlight=False)
    _show_problems(inspection.problems, console)
    _show_advice(inspection.entity_head, console)


def _show_problems(problems: Sequence[Problem], console: Console) -> None:
    if not problems:
        console.print("No problems found.", style="green")
        return
    things = "1 thing" if len(problems) == 1 else f"{len(problems)} things"
    console.print(f"\n{things} to know", style="bold")
    for problem in problems:
        console.print(f"- {problem.message}", style="yellow", markup=False, highlight=False)
        for example in problem.examples:
            for depth, line in enumerate(example.splitlines()):
                console.print(
                    f"    {'  ' * depth}{line}",
                    style="dim",
                    markup=False,
                    highlight=False,
                    overflow="ellipsis",
                    no_wrap=True,
                )


def _show_advice(advice: EntityHeadAdvice, console: Console) -> None:
    console.print("\nentity head", style="bold")
    style = "yellow" if advice.settings else ""
    console.print(f"  {advice.reason}", style=style, markup=False, highlight=False)
    if advice.settings:
        console.print("  in the config:", style=style)
    for line in advice.settings:
        console.print(f"    {line}", markup=False, highlight=False)


def show_ledger(title: str, ledger: Ledger, console: Console) -> None:
    """Print the account of a reading or a writing."""
    console.print(f"\n{title}", style="bold", markup=False)
    for line in ledger.summary().splitlines():
        lost = " dropped: " in line
        console.print(f"  {line}", style="yellow" if lost else "", markup=False, highlight=False)


def _table(first: str, columns: Iterable[str]) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table()
    table.add_column(Text(first))
    for column in columns:
        table.add_column(Text(shown(column)), justify="right", overflow="fold")
    return table


def _overview(splits: Mapping[str, SplitSummary]) -> Table:
    from dovetail.text.document import ENTITY_TASK, RELATION_TASK

    table = _table("", splits)
    rows: dict[str, Callable[[SplitSummary], int]] = {
        "documents": lambda s: s.documents,
        "sentences": lambda s: s.sentences,
        "tokens": lambda s: s.tokens,
        "longest sentence, tokens": lambda s: s.longest_sentence,
        "entities": lambda s: s.entities.total(),
        "entities that are not whole tokens": lambda s: s.unaligned_of(ENTITY_TASK),
        "longest entity, tokens": lambda s: max(s.entity_lengths, default=0),
        "relations": lambda s: s.relations.total(),
        "relations beyond one unit or its tokens": lambda s: s.unaligned_of(RELATION_TASK),
        "tail before head": lambda s: s.tail_before_head,
        "longest gap in a relation, tokens": lambda s: max(s.relation_distances, default=0),
        "sentences without entities": lambda s: s.without_entities,
        "sentences without relations": lambda s: s.without_relations,
        "sentences with overlapping entities": lambda s: s.sentences_with_overlap,
        "pairs of nested entities": lambda s: s.nested,
        "pairs of crossing entities": lambda s: s.crossing,
        "pairs with two relations": lambda s: s.pairs_with_two_relations,
    }
    if any(summary.discontinuous for summary in splits.values()):
        rows["entities of several fragments"] = lambda s: s.discontinuous
    for label, count in rows.items():
        table.add_row(label, *(f"{count(summary):,}" for summary in splits.values()))
    return table


def _types(title: str, counts: Mapping[str, Mapping[str, int]]) -> Table:
    from rich.text import Text

    table = _table(title, counts)
    for type_ in sorted({type_ for column in counts.values() for type_ in column}):
        cells = [f"{column.get(type_, 0):,}" for column in counts.values()]
        table.add_row(Text(shown(type_)), *cells)
    return table


def _signatures(splits: Mapping[str, SplitSummary]) -> Table:
    from rich.text import Text

    table = _table("relation: head type -> tail type", splits)
    listed = sorted({signature for summary in splits.values() for signature in summary.signatures})
    # The commonest first within a relation, and not pages of them: --json has them all.
    listed.sort(key=lambda item: (item[0], -sum(s.signatures[item] for s in splits.values())))
    for signature in listed[:_SIGNATURES_SHOWN]:
        type_, head, tail = signature
        cells = [f"{summary.signatures[signature]:,}" for summary in splits.values()]
        table.add_row(Text(shown(f"{type_}: {head} -> {tail}")), *cells)
    if len(listed) > _SIGNATURES_SHOWN:
        table.add_row(f"and {len(listed) - _SIGNATURES_SHOWN} more, listed by --json")
    return table
