"""Folders with files for each document of a corpus."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from dovetail.corpora.ledger import Tally
from dovetail.errors import CorpusError
from dovetail.files.writing import whole_folder
from dovetail.text.document import Document

_FILE_NAME = re.compile(r"[\w()+][\w ()+.,-]{0,99}")


def write_folder(path: Path, files: Iterable[tuple[str, str]], what: str) -> None:
    """Write files into a folder that does not exist yet, or is empty; it appears at once.

    Args:
        path: the folder.
        files: the names and the contents; taken one by one, while the folder is written.
        what: what the files are called in a message.

    Raises:
        CorpusError: if there is something at the path.
        OutputError: if it cannot be written.
    """
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise CorpusError(f"{path} exists; name a new folder for the {what}")
    with whole_folder(path) as unfinished:
        for name, content in files:
            with (unfinished / name).open("w", encoding="utf-8", newline="") as file:
                file.write(content)


def file_names(documents: Sequence[Document], tally: Tally) -> list[str]:
    """A file name for each document: its id where that is a file name and not yet taken."""
    taken: set[str] = set()
    names = []
    for number, document in enumerate(documents, start=1):
        name = document.id
        if not _FILE_NAME.fullmatch(name) or name.casefold() in taken:
            name = f"document-{number:06}"
            tally.note("document: its id is not a file name, so it was given a number")
            while name in taken:
                name += "-"
        taken.add(name.casefold())
        names.append(name)
    return names
