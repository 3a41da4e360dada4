"""The folder of a bulk extraction.

DIR/manifest.jsonl             what is read and written, and which of it is done
DIR/documents/N.parquet        the documents of unit N; or N.jsonl with all that was found in them
DIR/entities/N.parquet         what was found in them, and the same for relations
DIR/errors/N.parquet           documents of unit N that nothing was extracted from, if there are any
DIR/errors.parquet             all of these; written at the end
DIR/summary.json               the counts of the whole; written last
DIR/bulk.lock                  held by the process that runs
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dovetail.bulk.manifest import NAME, Manifest
from dovetail.bulk.shard import Shard
from dovetail.errors import DovetailError, OutputError
from dovetail.files.writing import make_folder, output_errors, replaced, write_text
from dovetail.running.folder_lock import locked

LOCK = "bulk.lock"


class BulkFolder:
    """Names and writes the files of a run."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.errors = path / "errors.parquet"
        self.summary = path / "summary.json"

    @contextmanager
    def claimed(self) -> Iterator[None]:
        """Have the folder for this process alone.

        Raises:
            DovetailError: if another process writes to it.
            OutputError: if it cannot be made.
        """
        make_folder(self.path)
        with locked(self.path / LOCK) as mine:
            if not mine:
                raise DovetailError(
                    f"another process extracts into {self.path}: wait for it, or name another "
                    f"--output"
                )
            yield

    def begun(self, *, resume: bool) -> Manifest | None:
        """The manifest of the run that is to go on here; None where one begins.

        Raises:
            DovetailError: if there is a run or anything else here, and it is not to go on.
        """
        manifest = Manifest.read(self.path)
        if manifest is not None and not resume:
            raise DovetailError(
                f"{self.path} holds a run already: go on with it by --resume, or name another "
                f"--output"
            )
        others = [own.name for own in self.path.iterdir() if own.name != LOCK]
        if manifest is None and (others := [own for own in others if not _is_unfinished(own)]):
            raise DovetailError(
                f"{self.path} holds {others[0]!r}, and no {NAME}: name a new folder by --output"
            )
        return manifest

    def clear(self) -> None:
        """Remove what a process that was killed had begun to write."""
        for path in [*self.path.rglob(".*.unfinished")]:
            with output_errors(path):
                path.unlink(missing_ok=True)

    def write(self, shard: Shard) -> None:
        """Write the files of a shard, each beside its place and then moved there.

        Raises:
            OutputError: if one cannot be written.
        """
        for name, content in shard.files.items():
            path = self.path / name
            make_folder(path.parent)
            with replaced(path) as new:
                new.write_bytes(content)

    def holds(self, digests: Mapping[str, str]) -> bool:
        """Whether these files are here, with these SHA-256."""
        return all(_digest(self.path / name) == digest for name, digest in digests.items())

    def write_errors(self, manifest: Manifest) -> None:
        """Write one table of all that nothing was extracted from.

        Raises:
            OutputError: if it cannot be written.
        """
        from pyarrow import parquet

        from dovetail.bulk.tables import ERRORS, Table

        table = Table(ERRORS)
        for problem in manifest.plan.problems:
            table.add({"number": None, "place": problem.place, "reason": problem.reason})
        for number in sorted(manifest.done):
            for name in manifest.done[number][0]:
                if name.startswith("errors/"):
                    for row in parquet.read_table(self.path / name).to_pylist():
                        table.add(row)
        with replaced(self.errors) as new:
            new.write_bytes(table.content())

    def write_summary(self, values: Mapping[str, Any]) -> None:
        """Write the counts of the whole.

        Raises:
            OutputError: if they cannot be written.
        """
        write_text(self.summary, json.dumps(values, indent=2) + "\n")


def _is_unfinished(name: str) -> bool:
    return name.startswith(".") and name.endswith(".unfinished")


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise OutputError(f"{path} cannot be read: {error.strerror}") from error
