"""What a bulk extraction would take, told from a part of it.

Some inputs, drawn by chance, are cut into small units; some of these, drawn by chance too, are
extracted here and now.  What they took for each byte of their records is held for what all take,
with an interval that says how much such small parts differ.
"""

from __future__ import annotations

import math
import os
import random
import time
from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace
from functools import reduce
from importlib import import_module
from operator import add
from statistics import NormalDist
from typing import NamedTuple

from dovetail.bulk.addresses import Input, inputs_of
from dovetail.bulk.messages import Setting
from dovetail.bulk.options import MEGABYTE, BulkOptions
from dovetail.bulk.plan import Plan, Unit, least_part, planned
from dovetail.bulk.shard import Counts, Shard
from dovetail.bulk.supervisor import resident_bytes
from dovetail.bulk.tables import joined_size
from dovetail.bulk.unit_work import Task, UnitWork
from dovetail.running.steps import SILENT, Done, Teller, result_of

READ_BYTES = 256 * MEGABYTE
"""Inputs are drawn until they have so many bytes, as they are stored."""

PART_BYTES = 40_000
"""Of a unit that is tried: sentences enough to fill batches as well as those of a whole one do."""

FEWEST_PARTS = 8
"""Units that are tried, if there are so many."""

LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Estimate:
    """What all inputs would take: seconds are those of one processor core.

    `tried` counts what was extracted for it, `counts` what there is in all; `spread` is half of the
    95 % interval of `seconds`, as a share of them, `start_seconds` what a worker needs before its
    first unit, `reading_seconds` what the plan needs, `worker_bytes` the memory of a worker.
    `broken` says what is wrong with inputs among those that were read.
    """

    tried: Counts
    counts: Counts
    input_bytes: int
    output_bytes: int
    units: int
    seconds: float
    spread: float
    start_seconds: float
    reading_seconds: float
    worker_bytes: int
    broken: tuple[str, ...] = ()

    @property
    def core_hours(self) -> tuple[float, float, float]:
        """Of one worker that does all: the estimate, and the ends of its 95 % interval."""
        beside = self.reading_seconds + self.start_seconds
        low, high = max(0.0, 1 - self.spread), 1 + self.spread
        value, at_least, at_most = (
            (beside + factor * self.seconds) / 3600 for factor in (1.0, low, high)
        )
        return value, at_least, at_most

    def hours(self, workers: int) -> float:
        """Of so many workers, each with a core of its own, which do units of equal length."""
        rounds = math.ceil(self.units / workers)
        each = self.seconds / max(self.units, 1)
        return (self.reading_seconds + self.start_seconds + rounds * each) / 3600


class _Tried(NamedTuple):
    """A unit that was done: its bytes, and the processor time that it took."""

    size: int
    seconds: float
    shard: Shard


def estimated(
    model: str,
    arguments: Sequence[str],
    options: BulkOptions,
    *,
    seconds: float = 60.0,
    tell: Teller = SILENT,
) -> Estimate:
    """Extract from a part of the inputs for so many seconds, and say what all would take.

    Args:
        model: what `Extractor.load` takes.
        arguments: paths, globs and addresses of inputs.
        options: what decides the output.
        seconds: of processor time, for the extraction; the model is loaded beside that.
        tell: is told what is being done.

    Raises:
        DovetailError: if the inputs or the model are not as they should be.
    """
    draw = random.Random(0)
    inputs = inputs_of(arguments, options.kind)
    chosen = _some(inputs, draw)
    tell.stage(f"reading {len(chosen):,} of {len(inputs):,} inputs")
    began = time.process_time()
    smaller = replace(options, unit_bytes=min(PART_BYTES, options.unit_bytes))
    parts = result_of(planned(chosen, smaller, fine=True), tell.progress)
    was_read = time.process_time()
    tell.stage(f"loading the model {model}")
    setting = Setting(model, options)
    extractor, _ = import_module(setting.program).load(setting)  # as a worker would
    loaded = time.process_time()
    tell.stage(f"extracting for {seconds:.0f} seconds")
    tried = _tried(UnitWork(extractor, options), parts, draw, seconds, tell)
    share = sum(own.size for own in inputs) / max(sum(own.size for own in chosen), 1)
    content = share * sum(unit.size for unit in parts.units)  # of all inputs, unpacked
    scale = content / max(sum(own.size for own in tried), 1)
    counts = reduce(add, (own.shard.counts for own in tried), Counts())
    documents = share * parts.documents
    return Estimate(
        tried=counts,
        counts=_scaled(counts, scale, documents),
        input_bytes=sum(own.size for own in inputs),
        output_bytes=round(scale * joined_size([own.shard.files for own in tried])),
        units=math.ceil(share * _units_of(parts, options)),
        seconds=scale * sum(own.seconds for own in tried),
        spread=_spread(tried, len(parts.units) if len(chosen) == len(inputs) else None),
        start_seconds=loaded - was_read,
        reading_seconds=share * (was_read - began),
        worker_bytes=resident_bytes(os.getpid()),
        broken=tuple(f"{own.place}: {own.reason}" for own in parts.problems),
    )


def _some(inputs: Sequence[Input], draw: random.Random) -> list[Input]:
    """Inputs by chance, in their order, until they have `READ_BYTES`."""
    chosen: list[Input] = []
    size = 0
    for own in draw.sample(inputs, len(inputs)):
        if size >= READ_BYTES:
            break
        chosen.append(own)
        size += own.size
    return sorted(chosen, key=lambda own: own.address)


def _tried(
    work: UnitWork, parts: Plan, draw: random.Random, seconds: float, tell: Teller
) -> list[_Tried]:
    """Units by chance, done until the time is over."""
    tried: list[_Tried] = []
    spent = 0.0
    order = draw.sample(parts.units, len(parts.units))
    for unit in order[:1]:  # once more than counts: what is new to the model takes longer
        _try(work, unit, parts)
    for unit in order:
        if spent >= seconds and len(tried) >= FEWEST_PARTS:
            break
        tried.append(_try(work, unit, parts))
        spent += tried[-1].seconds
        tell.progress(Done(round(min(spent, seconds)), round(seconds)))
    return tried


def _try(work: UnitWork, unit: Unit, parts: Plan) -> _Tried:
    """Do a unit, with the time from its first document on.

    To get there a packed input is unpacked, the oftener the finer it is cut, and so fine it is not
    cut in a run.
    """
    began = 0.0

    def tell(first: int, last: int, size: int) -> None:
        nonlocal began
        began = began or time.process_time()

    shard = work.shard(Task(unit, parts.inputs_of(unit), {}), tell)
    return _Tried(unit.size, time.process_time() - began, shard)


def _units_of(parts: Plan, options: BulkOptions) -> float:
    """How many units of a run there are in the inputs of a fine plan."""
    sizes, documents = [0.0] * len(parts.inputs), [0] * len(parts.inputs)
    ends = [0] * len(parts.inputs)
    for unit in parts.units:
        for piece in unit.pieces:
            sizes[piece.input] += unit.size * piece.documents / unit.documents
            documents[piece.input] += piece.documents
            ends[piece.input] = piece.end
    number = 0.0
    for place, source in enumerate(parts.inputs):
        own = max(sizes[place] / options.unit_bytes, documents[place] / options.unit_documents)
        least = least_part(source) if documents[place] else 0
        number += min(own, max(1.0, ends[place] / least)) if least else own
    return number


def _scaled(tried: Counts, scale: float, documents: float) -> Counts:
    """What there is in all; the documents are counted, as far as inputs were read."""
    counts = Counts(*(round(scale * own) for own in astuple(tried)))
    return replace(counts, documents=round(documents) - counts.failed)


def _spread(tried: Sequence[_Tried], of: int | None) -> float:
    return half_width([own.seconds for own in tried], [own.size for own in tried], of=of)


def half_width(costs: Sequence[float], sizes: Sequence[float], *, of: int | None) -> float:
    """Half of the 95 % interval of costs for a size, as a share of them.

    It is that of a ratio of two sums, from how far each part is from it; a t distribution takes
    account of few parts.

    Args:
        costs: of the parts.
        sizes: of the parts.
        of: how many parts there are in all, if that is known: no doubt is left if all were tried.
    """
    number = len(costs)
    if number < 2 or not sum(costs):
        return 0.0 if number == of else math.inf
    ratio = sum(costs) / sum(sizes)
    squares = sum((cost - ratio * size) ** 2 for cost, size in zip(costs, sizes, strict=True))
    error = math.sqrt(squares / (number - 1) * number * (1 - number / of if of else 1))
    return _t_quantile(number - 1) * error / sum(costs)


def _t_quantile(freedom: int) -> float:
    """The quantile of Student's t, by its expansion about the normal one.

    Abramowitz and Stegun 26.7.5; within 1 % from 4 degrees of freedom on.
    """
    z = NormalDist().inv_cdf((1 + LEVEL) / 2)
    terms = (
        z,
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
    )
    return sum(term / freedom**power for power, term in enumerate(terms))
