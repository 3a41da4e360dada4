"""A bulk extraction from its beginning, or from where it was stopped, to its end."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from contextlib import ExitStack
from functools import reduce
from operator import add
from pathlib import Path

from dovetail.bulk.addresses import Input, inputs_of
from dovetail.bulk.bulk_folder import BulkFolder
from dovetail.bulk.manifest import Manifest
from dovetail.bulk.messages import Setting
from dovetail.bulk.options import BulkOptions, Running
from dovetail.bulk.plan import Plan, Unit, planned
from dovetail.bulk.pools import LocalPool, Outcome, Pool
from dovetail.bulk.shard import Counts, Shard
from dovetail.bulk.summary import Summary
from dovetail.bulk.supervisor import UnitError
from dovetail.bulk.unit_work import Task
from dovetail.errors import DovetailError, OutputError
from dovetail.running.steps import SILENT, Done, Teller, result_of
from dovetail.threads import available_cores

LOOK_SECONDS = 0.25
"""How often progress is told."""

OWN_BYTES = 400_000_000
"""What the process that runs the whole takes, with what it is about to write."""

LEAST_WORKER_BYTES = 1_000_000_000
"""The least share of a worker: torch, the libraries, a small model, and a batch."""


def run_bulk(
    model: str,
    arguments: Sequence[str],
    folder: Path,
    options: BulkOptions | None = None,
    running: Running | None = None,
    tell: Teller = SILENT,
) -> Summary:
    """Extract from all inputs into a folder.

    Args:
        model: what `Extractor.load` takes.
        arguments: paths, globs and addresses of inputs.
        folder: where to write; new, unless the run in it goes on.
        options: what decides the output.
        running: how it is done, and whether the run in the folder goes on.
        tell: is told what is being done.

    Raises:
        DovetailError: if the inputs, the model or the folder are not as they should be, the disk is
            full, or workers die again and again: what is done by then stays, and can be resumed.
    """
    began = time.monotonic()
    options, running = options or BulkOptions(), running or Running()
    place = BulkFolder(folder)
    _refuse_inside(folder, arguments)
    with place.claimed(), ExitStack() as stack:
        manifest = place.begun(resume=running.resume)
        inputs = inputs_of(arguments, options.kind)
        if manifest is not None:
            manifest.refuse_others(options, inputs)
        pool = pool_of(Setting(model, options), running)
        stack.callback(pool.stop)
        plan = manifest.plan if manifest is not None else _plan(inputs, options, tell)
        tell.stage(f"loading the model {model}")
        identity = pool.identity()
        if manifest is None:
            manifest = Manifest.begun(folder, plan, options, identity)
        manifest.refuse_other_model(identity)
        place.clear()
        own = _Run(place, manifest, pool, tell).all()
        place.write_errors(manifest)
        manifest.sort()
        total = reduce(add, (counts for _, counts in manifest.done.values()), Counts())
        seconds = time.monotonic() - began
        summary = Summary(total, own, len(plan.problems), seconds, pool.deaths)
        place.write_summary(summary.to_dict())
    return summary


def _refuse_inside(folder: Path, arguments: Sequence[str]) -> None:
    """Raise `OutputError` if the folder is in one of those that are read."""
    for argument in arguments:
        if Path(argument).is_dir() and folder.resolve().is_relative_to(Path(argument).resolve()):
            raise OutputError(
                f"{folder} is inside of the input {argument}, so that its shards would be inputs "
                f"when the run goes on: name a folder elsewhere"
            )


def pool_of(setting: Setting, running: Running) -> Pool:
    """Who does the units.

    With a limit of memory there are as many workers as have a share that a worker needs; each is
    ended that takes more than its share.
    """
    if running.ray is not None:
        from dovetail.bulk.ray_pool import RayPool

        return RayPool(setting, running.ray, running.memory)
    workers, share = shares_of(running)
    return LocalPool(setting, workers, share)


def shares_of(running: Running) -> tuple[int, int | None]:
    """How many workers there are, and how many bytes of memory each may take.

    Raises:
        DovetailError: if the memory is too little for one.
    """
    workers = running.workers or available_cores()
    if running.memory is None:
        return workers, None
    rest = running.memory - OWN_BYTES
    if rest < LEAST_WORKER_BYTES:
        least = OWN_BYTES + LEAST_WORKER_BYTES
        raise DovetailError(f"--memory is {running.memory:,} bytes; at least {least:,} are needed")
    workers = min(workers, rest // LEAST_WORKER_BYTES)
    return workers, rest // workers


def _plan(inputs: Sequence[Input], options: BulkOptions, tell: Teller) -> Plan:
    tell.stage(f"reading {len(inputs):,} inputs")
    return result_of(planned(inputs, options), tell.progress)


class _Run:
    """Gives units to the pool and takes shards from it."""

    def __init__(self, place: BulkFolder, manifest: Manifest, pool: Pool, tell: Teller) -> None:
        self._place, self._manifest, self._pool, self._tell = place, manifest, pool, tell
        self._open = deque(self._missing())
        self._total = sum(unit.size for unit in self._open)
        self._done = 0
        self._counts = Counts()
        self._given_up: list[str] = []

    def all(self) -> Counts:
        """Do all units that are not done; what was counted in them.

        Raises:
            DovetailError: if something is not as it should be, or units were given up.
            OutputError: if there is no room for a shard.
        """
        documents = sum(unit.documents for unit in self._open)
        self._tell.stage(f"extracting from {documents:,} documents")
        under_way = 0
        while self._open or under_way:
            while self._open and self._pool.free:
                unit = self._open.popleft()
                self._pool.start(Task(unit, self._manifest.plan.inputs_of(unit), {}))
                under_way += 1
            for outcome in self._pool.wait(LOOK_SECONDS):
                under_way -= 1
                self._take(outcome)
            self._tell.progress(Done(self._done + self._pool.size_done, max(self._total, 1)))
        if self._given_up:
            raise DovetailError(
                f"{len(self._given_up)} units were given up, all others are done: "
                f"{'; '.join(self._given_up[:3])}. With fewer --workers there is more memory for "
                f"each; --resume tries them again"
            )
        return self._counts

    def _missing(self) -> list[Unit]:
        """The units without a valid shard."""
        done = self._manifest.done
        for number in [own for own, (files, _) in done.items() if not self._place.holds(files)]:
            del done[number]
        return [unit for unit in self._manifest.plan.units if unit.number not in done]

    def _take(self, outcome: Outcome) -> None:
        unit, made = outcome.task.unit, outcome.made
        if isinstance(made, UnitError):
            self._given_up.append(f"unit {unit.number}: {made}")
        elif isinstance(made, Exception):
            raise made
        else:
            self._write(unit, made)
        self._done += unit.size

    def _write(self, unit: Unit, shard: Shard) -> None:
        try:
            self._place.write(shard)
            self._manifest.note(unit, shard)
        except OutputError as error:
            error.add_note(
                f"{len(self._manifest.done):,} of {len(self._manifest.plan.units):,} units are "
                f"done and stay: make room, and go on with --resume"
            )
            raise
        self._counts += shard.counts
