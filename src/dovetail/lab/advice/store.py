"""What was measured for an advice, kept in a file, so that the same command goes on with it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from dovetail.config import dump_config, with_changes
from dovetail.files.writing import append_line, make_folder, write_text
from dovetail.lab.advice.agreement import Agreement
from dovetail.lab.advice.pilots import WHOLE, Pilot
from dovetail.training.job import Job

FILE = "pilots-{}.jsonl"
"""Each job has one of its own, by the beginning of its digest."""


def digest_of(job: Job) -> str:
    """A fingerprint of all that pilots of a job depend on, beside what they change."""
    config = with_changes(job.config, {"name": "advice"})
    text = f"{dump_config(config)}\n{job.splits.digest}"
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass
class Store:
    """The pilots of a job by candidate, seed, share and epochs, and the agreement.

    Without a path they are kept in memory alone.
    """

    path: Path | None = None
    pilots: list[Pilot] = field(default_factory=list)
    agreement: tuple[Agreement, ...] = ()

    @classmethod
    def open(cls, folder: Path, job: Job) -> Store:
        """Go on with what is in a folder of the same job, or begin anew.

        Raises:
            OutputError: if it cannot be written.
        """
        make_folder(folder)
        digest = digest_of(job)
        path = folder / FILE.format(digest[:8])
        lines = _lines(path)
        if lines[:1] != [{"of": digest}]:
            lines = [{"of": digest}]
        # Without what a kill or a full disk left of a last line, behind which no other can stand.
        write_text(path, "".join(f"{json.dumps(line)}\n" for line in lines))
        found = cls(path, [Pilot(**own["pilot"]) for own in lines if "pilot" in own])
        for own in lines:
            if "agreement" in own:
                found.agreement = tuple(Agreement(**each) for each in own["agreement"])
        return found

    def get(self, candidate: str, *, seed: int, share: float, epochs: int) -> Pilot | None:
        """The pilot, if it was trained."""
        wanted = (candidate, seed, share, epochs)
        found = (p for p in self.pilots if (p.candidate, p.seed, p.share, p.epochs) == wanted)
        return next(found, None)

    def done(self, default: str) -> tuple[int, int] | None:
        """How long the default's pilots on all sentences are, and how many there are, if any."""
        own = [p.epochs for p in self.pilots if p.candidate == default and p.share == WHOLE]
        return (own[-1], own.count(own[-1])) if own else None

    def add(self, pilot: Pilot) -> None:
        """Keep a pilot."""
        self.pilots.append(pilot)
        self._append({"pilot": pilot.to_dict()})

    def keep_agreement(self, agreement: Iterable[Agreement]) -> None:
        """Keep the agreement of gradients."""
        self.agreement = tuple(agreement)
        self._append({"agreement": [asdict(own) for own in self.agreement]})

    def _append(self, values: dict[str, Any]) -> None:
        if self.path is not None:
            append_line(self.path, json.dumps(values))


def _lines(path: Path) -> list[Any]:
    """The values of a file's lines, as far as it is there and whole."""
    values = []
    with suppress(OSError, ValueError):
        for line in path.read_bytes().splitlines():
            values.append(json.loads(line))
    return values
