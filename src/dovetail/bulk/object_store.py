"""S3 and what speaks like it, by pyarrow, where s3fs is not installed.

Keys and region are taken from the usual variables and files, and the address of another server from
``AWS_ENDPOINT_URL_S3`` or ``AWS_ENDPOINT_URL``.
"""

from __future__ import annotations

import os
from typing import Any

import fsspec
from fsspec.implementations.arrow import ArrowFSWrapper


class ArrowObjectStore(ArrowFSWrapper):  # type: ignore[misc]
    """What fsspec takes for ``s3://``."""

    def __init__(self, **options: Any) -> None:
        from pyarrow.fs import S3FileSystem

        options.pop("fs", None)
        names = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
        server = next(filter(None, map(os.environ.get, names)), None)
        super().__init__(fs=S3FileSystem(endpoint_override=server), **options)

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return path.removeprefix("s3://").rstrip("/")

    def find(
        self,
        path: str,
        maxdepth: int | None = None,
        withdirs: bool = False,
        detail: bool = False,
        **options: Any,
    ) -> Any:
        """All objects below a path, in one listing; its errors are raised, and not left out."""
        from pyarrow.fs import FileSelector

        path = self._strip_protocol(path)
        if path and not self.isdir(path):
            listed = [self.info(path)] if self.exists(path) else []
        else:
            infos = self.fs.get_file_info(FileSelector(path, recursive=True))
            listed = [self._make_entry(info) for info in infos]
        found = {
            entry["name"]: entry
            for entry in sorted(listed, key=lambda entry: str(entry["name"]))
            if (withdirs or entry["type"] == "file")
            and (maxdepth is None or entry["name"][len(path) :].strip("/").count("/") < maxdepth)
        }
        return found if detail else [*found]


def register() -> None:
    """Let fsspec open ``s3://`` by pyarrow from now on."""
    fsspec.register_implementation("s3", ArrowObjectStore, clobber=True)
