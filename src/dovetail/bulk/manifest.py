"""The manifest: what a run reads and writes, and which of it is done.

``manifest.jsonl`` has the run in its first line, then a line for each input, each unit, and each
input that is broken.  Behind them comes a line for each shard, once the shard is in its place.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from dovetail.bulk.addresses import Input
from dovetail.bulk.messages import Identity
from dovetail.bulk.options import BulkOptions
from dovetail.bulk.plan import Piece, Plan, Problem, Unit
from dovetail.bulk.shard import Counts, Shard
from dovetail.errors import DovetailError
from dovetail.files.writing import append_line, write_text
from dovetail.version import __version__

NAME = "manifest.jsonl"
FORMAT, VERSION = "dovetail bulk", 1
DECIDING = ("torch", "spacy", "transformers", "tokenizers", "pyarrow")
"""Packages with which the bytes of a shard may change."""


class Manifest:
    """The manifest of a folder, whose lines are read or written once.

    `done` are the digests of files and the counts of each shard, by the numbers of units.
    """

    def __init__(self, folder: Path, run: Mapping[str, Any], plan: Plan) -> None:
        self.path = folder / NAME
        self.run, self.plan = run, plan
        self.done: dict[int, tuple[Mapping[str, str], Counts]] = {}

    @classmethod
    def begun(cls, folder: Path, plan: Plan, options: BulkOptions, model: Identity) -> Manifest:
        """Write the manifest of a run that begins.

        Raises:
            OutputError: if it cannot be written.
        """
        manifest = cls(folder, _run_of(options, model), plan)
        write_text(manifest.path, "".join(f"{line}\n" for line in manifest._lines()))
        return manifest

    @classmethod
    def read(cls, folder: Path) -> Manifest | None:
        """The manifest of a folder, if it has one; a last line that is not whole is cut off.

        Raises:
            DovetailError: if it is not one of this version.
        """
        path = folder / NAME
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return None
        whole = content.rfind(b"\n") + 1
        if whole < len(content):  # the process was killed while it wrote
            os.truncate(path, whole)
        try:
            run, *lines = [json.loads(line) for line in content[:whole].splitlines()]
            manifest = cls(folder, run, Plan([]))
            if (run["format"], run["version"]) != (FORMAT, VERSION):
                raise ValueError(f"it is {run['format']} {run['version']}")
            for line in lines:
                manifest._take(line)
        except (ValueError, TypeError, KeyError) as error:
            raise DovetailError(
                f"{path} is no manifest of {FORMAT} {VERSION}: {error}; take another folder"
            ) from error
        return manifest

    def note(self, unit: Unit, shard: Shard) -> None:
        """Note that a shard is in its place.

        Raises:
            OutputError: if that cannot be written.
        """
        self.done[unit.number] = shard.digests, shard.counts
        append_line(self.path, self._line_of_done(unit.number))

    def sort(self) -> None:
        """Write the shards in their order, whatever the order was in which they were done."""
        done = map(self._line_of_done, sorted(self.done))
        write_text(self.path, "".join(f"{line}\n" for line in [*self._lines(), *done]))

    def refuse_others(self, options: BulkOptions, inputs: list[Input]) -> None:
        """Make sure that a run that goes on is the one that began, as far as that is known here.

        Raises:
            DovetailError: saying what differs.
        """
        differences = options.differences(self.run["options"])
        own = _versions()
        differences += [
            f"{name} was {known} and is {own.get(name)}"
            for name, known in self.run["versions"].items()
            if own.get(name) != known
        ]
        before = {source.address: source for source in self.plan.inputs}
        now = {source.address: source for source in inputs}
        differences += [
            f"the input {address} {_difference(before.get(address), now.get(address))}"
            for address in sorted(before.keys() | now.keys())
            if before.get(address) != now.get(address)
        ]
        self._refuse(differences)

    def refuse_other_model(self, model: Identity) -> None:
        """Make sure that a run goes on with its model.

        Raises:
            DovetailError: if it is another one.
        """
        known = self.run["model"]
        if known["sha256"] != model.sha256:
            digests = f"{known['sha256'][:12]}… and is {model.sha256[:12]}…"
            self._refuse([f"the model was {known['name']!r}, {digests}, {model.name!r}"])

    def _refuse(self, differences: list[str]) -> None:
        if differences:
            shown = [*differences[:10], *(["and more"] if len(differences) > 10 else [])]
            raise DovetailError(
                f"{self.path.parent} holds a run that cannot go on like this: {'; '.join(shown)}. "
                f"Give what it began with, or another --output"
            )

    def _lines(self) -> Iterator[str]:
        write = partial(json.dumps, ensure_ascii=False)
        yield write(self.run)
        for source in self.plan.inputs:
            yield write({"input": asdict(source)})
        for unit in self.plan.units:
            yield write({"unit": asdict(unit)})
        for problem in self.plan.problems:
            yield write({"problem": asdict(problem)})

    def _line_of_done(self, number: int) -> str:
        files, counts = self.done[number]
        shard = {"number": number, "counts": asdict(counts), "sha256": files}
        return json.dumps({"shard": shard})

    def _take(self, line: Mapping[str, Any]) -> None:
        ((kind, values),) = line.items()
        match kind:
            case "input":
                self.plan.inputs.append(Input(**values))
            case "unit":
                pieces = tuple(Piece(**own) for own in values.pop("pieces"))
                self.plan.units.append(Unit(**values, pieces=pieces))
            case "problem":
                self.plan.problems.append(Problem(**values))
            case "shard":
                self.done[values["number"]] = values["sha256"], Counts(**values["counts"])
            case _:
                raise ValueError(f"a line of the kind {kind!r}")


def _run_of(options: BulkOptions, model: Identity) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "version": VERSION,
        "model": asdict(model),
        "options": options.to_dict(),
        "versions": _versions(),
    }


def _versions() -> dict[str, str]:
    return {"dovetail": __version__, **{name: version(name) for name in DECIDING}}


def _difference(before: Input | None, now: Input | None) -> str:
    if before is None or now is None:
        return "is new" if before is None else "is not there"
    return f"had {before.size:,} bytes and has {now.size:,}"
