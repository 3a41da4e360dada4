"""What an advice says, in tables and lines."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from rich import box
from rich.markup import escape
from rich.table import Table

from dovetail.config.in_words import inline_toml
from dovetail.lab.advice.advice import PROBABLY, Advice, Judged
from dovetail.lab.advice.agreement import Agreement
from dovetail.lab.advice.facts import CorpusFacts, Facts
from dovetail.lab.advice.posterior import LEVEL
from dovetail.text.document import TASKS

SHORT = 0.5
"""Pilots of less than this share of a whole training come with a warning."""

MOST_PAIRS, HALF_OF_THEM = 8, 4
"""Pairs of tasks that are shown; of more, those that agree least and most."""


def points(gain: float) -> str:
    """A difference of F1 in points, with its sign.

    >>> points(-0.0123)
    '-1.2'
    """
    return f"{100 * gain:+.1f}"


def facts_lines(facts: Facts) -> Iterator[str]:
    """A line or two for each corpus, and one for each pair of corpora."""
    for own in facts.corpora:
        name = f"[bold]{escape(own.name)}[/bold]: " if own.name else ""
        yield (
            f"{name}{own.sentences:,} sentences to learn from and {own.dev_sentences:,} dev "
            f"sentences; {own.entities:,} entities of {own.entity_types} types, "
            f"{own.relations:,} relations of {own.relation_types}"
        )
        if own.is_partly_annotated:
            yield f"  annotated for {shares_of(own)}"
    for pair in facts.overlaps:
        yield (
            f"{escape(pair.one)} and {escape(pair.other)} have in common {pair.entity_types:.0%} "
            f"of the entity types, {pair.relation_types:.0%} of the relation types, "
            f"{pair.words:.0%} of the words"
        )


def shares_of(own: CorpusFacts) -> str:
    """What share of the sentences is annotated for which task."""
    return ", ".join(f"{task} {own.annotated[task] / own.sentences:.0%}" for task in TASKS)


def judged_table(advice: Advice) -> Table:
    """A row for each candidate, the best first."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("way of sharing, and why it might help", ratio=1)
    table.add_column("pilots", justify="right")
    for heading in ("their\ngain", "expected\ngain", f"{LEVEL:.0%}\ninterval", "better\nwith"):
        table.add_column(heading, justify="right", no_wrap=True)
    for own in advice.judged:
        style = "bold" if own is advice.chosen else ""
        low, high = own.gain.interval()
        mean = sum(own.differences) / len(own.differences) if own.differences else None
        table.add_row(
            f"{escape(own.candidate.name)}\n[dim]{escape(own.candidate.reason)}[/dim]",
            str(len(own.differences)),
            "-" if mean is None else points(mean),
            points(own.gain.mean),
            f"{points(low)} to {points(high)}",
            f"{own.gain.above_zero:.0%}",
            style=style,
        )
    table.caption = (
        f"\nGains over {escape(advice.default.name)}, in points of the dev score that training "
        f"chooses an epoch by."
    )
    table.caption_justify = "left"
    return table


def agreement_table(agreement: Sequence[Agreement]) -> Table:
    """A row for each pair of tasks, a column for each layer; of many pairs the ends."""
    layers = [*dict.fromkeys(own.layer for own in agreement)]
    by_pair: dict[tuple[str, str], dict[str, Agreement]] = {}
    for own in agreement:
        by_pair.setdefault((own.one, own.other), {})[own.layer] = own
    pairs = [pair for pair in by_pair if pair[0] != pair[1]]
    pairs.sort(key=lambda pair: sum(own.mean for own in by_pair[pair].values()))
    shown = pairs if len(pairs) <= MOST_PAIRS else [*pairs[:HALF_OF_THEM], *pairs[-HALF_OF_THEM:]]
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("agreement of gradients", ratio=1)
    for layer in layers:
        table.add_column(layer, justify="right", no_wrap=True)
    for number, pair in enumerate(shown):
        if len(shown) < len(pairs) and number == HALF_OF_THEM:
            table.add_row(f"[dim]… {len(pairs) - len(shown)} more in advice.json[/dim]")
        selves = [by_pair.get((task, task), {}) for task in pair]
        table.add_row(
            f"{escape(pair[0])} and {escape(pair[1])}",
            *(
                cosine(by_pair[pair].get(layer), *(own.get(layer) for own in selves))
                for layer in layers
            ),
        )
    table.caption = (
        "\nMean cosine ± deviation over batches, of what the tasks' agreement with themselves on "
        "other sentences\nlets expect at the most: 1 is the same direction, -1 the opposite one."
    )
    table.caption_justify = "left"
    return table


def cosine(own: Agreement | None, *selves: Agreement | None) -> str:
    """A mean cosine, how far batches lie around it, and the most that can be expected.

    >>> pair = Agreement("shared layer 1", "entity", "relation", 0.1, 0.05, 8)
    >>> itself = Agreement("shared layer 1", "entity", "entity", 0.64, 0.05, 7)
    >>> cosine(pair, itself, itself)
    '+0.10 ± 0.05 of 0.64'
    """
    if own is None:
        return "-"
    text = f"{own.mean:+.2f} ± {own.spread:.2f}"
    means = [each.mean for each in selves if each is not None]
    if len(means) < 2 or min(means) <= 0:
        return f"{text} of    ?"
    return f"{text} of {math.sqrt(math.prod(means)):.2f}"


def verdict_lines(advice: Advice) -> Iterator[str]:
    """The recommendation, and what it is founded on."""
    if advice.interrupted:
        yield "[yellow]interrupted: this is the advice of what was done by then[/yellow]"
    chosen, best = advice.chosen, advice.judged[0] if advice.judged else None
    name = escape(advice.recommended.name)
    if chosen is not None:
        yield f"[bold green]Take {name}[/bold green]: {chosen.candidate.reason}."
        yield f"{expected(chosen)} over {escape(advice.default.name)};"
        yield f"{founded_on(chosen, advice)}."
        section = next(iter(chosen.candidate.changes))
        settings = (f"{own} = {inline_toml(v)}" for own, v in chosen.candidate.settings.items())
        yield f"\\[{section}] with {escape(', '.join(settings))}"
    elif best is None:
        yield f"[bold green]Keep {name}[/bold green]: there is nothing to compare it with here."
    else:
        yield (
            f"[bold green]Keep {name}[/bold green], {advice.default.reason}: nothing is better "
            f"with a probability of {PROBABLY:.0%}."
        )
        yield (
            f"Nearest is {escape(best.candidate.name)}: {expected(best).lower()}; "
            f"{founded_on(best, advice)}."
        )
    if advice.pilots and advice.epochs < SHORT * advice.full_epochs:
        yield (
            f"[yellow]Pilots of {advice.epochs} epochs, of {advice.full_epochs}, tell little: "
            f"--minutes gives them more time.[/yellow]"
        )
    yield from curve_lines(advice)


def expected(own: Judged) -> str:
    """The gain to expect, in words."""
    low, high = own.gain.interval()
    return (
        f"Expected gain {points(own.gain.mean)} points ({LEVEL:.0%} interval {points(low)} to "
        f"{points(high)}, better with a probability of {own.gain.above_zero:.0%})"
    )


def founded_on(own: Judged, advice: Advice) -> str:
    """What the gain was read off, in words."""
    listed = ", ".join(map(escape, own.corpora))
    known = f"what is known of {listed}" if listed else "no other corpus"
    number = len(own.differences)
    if not number:
        return f"from {known} alone, since there was no time for pilots"
    length = "" if advice.epochs == advice.full_epochs else f" of {advice.epochs} epochs"
    pilots = f"{number} pairs of pilots" if number > 1 else "1 pair of pilots"
    dev = f"{advice.facts.dev_sentences:,} dev sentences"
    return f"from {pilots}{length} on {dev}, and from {known}"


def curve_lines(advice: Advice) -> Iterator[str]:
    """The learning curve: what more sentences would bring; short pilots do not show that."""
    curve = advice.curve
    if curve is None or advice.epochs < SHORT * advice.full_epochs:
        return
    half, whole = (100 * sum(own) / len(own) for own in (curve.half, curve.whole))
    best = max((own.gain.mean for own in advice.judged), default=0.0)
    more = ""
    if curve.gain > 2 * max(best, 0.0):
        more = ": more annotated sentences promise more than another way of sharing"
    yield (
        f"\nWith half of the sentences the default reaches {half:.1f}, with all {whole:.1f} "
        f"({points(curve.gain)}){more}."
    )
