"""The lines of what a bulk extraction would take."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from dovetail.showing.rendering import duration

if TYPE_CHECKING:
    from dovetail.bulk.estimate import Estimate


def estimate_lines(found: Estimate, workers: int, price: float | None) -> Iterator[str]:
    """A line for what there is, one for each thing that it would take, and one for its basis."""
    all_, tried = found.counts, found.tried
    yield (
        f"{all_.documents:,} documents, {all_.sentences:,} sentences, "
        f"{all_.characters:,} characters, {size(found.input_bytes)} of input"
    )
    yield row("found", f"{all_.entities:,} entities, {all_.relations:,} relations")
    yield row("left out", f"{all_.failed:,} documents")
    if found.broken:
        more = f", and {len(found.broken) - 1:,} more" * (len(found.broken) > 1)
        yield row("broken", f"{found.broken[0]}{more}")
    yield row("core hours", interval(found))
    yield row("time", f"{duration(3600 * found.hours(workers))} with {workers} workers")
    yield row("memory", f"{size(found.worker_bytes)} for each worker")
    yield row("output", f"{size(found.output_bytes)} in {found.units:,} shards")
    if price is not None:
        yield row("cost", interval(found, price))
    yield (
        f"told from {tried.documents + tried.failed:,} documents with {tried.sentences:,} sentences"
    )


def row(name: str, value: str) -> str:
    """A name and what it is."""
    return f"  {name:<11}{value}"


def interval(found: Estimate, factor: float = 1.0) -> str:
    """Core hours, or what they cost, with the 95 % interval where there is one."""
    value, low, high = (factor * own for own in found.core_hours)
    if math.isinf(high):
        return f"{value:.3g}, told from too little for an interval"
    return f"{value:.3g} (95 % interval {low:.3g} to {high:.3g})"


def size(count: int) -> str:
    """Bytes in the unit that leaves one to three digits before the point.

    >>> size(950_000), size(4_200_000_000)
    ('950 kB', '4.2 GB')
    """
    for unit, factor in (("TB", 10**12), ("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= factor:
            return f"{count / factor:.3g} {unit}"
    return f"{count} bytes"
