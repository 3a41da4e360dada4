"""Folders and archives of files that are one corpus together, in the order of their names."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dovetail.corpora.format import Format, Sample, Source, files_in
from dovetail.corpora.marking.marked_text import MarkedText
from dovetail.corpora.source.recognition import seen
from dovetail.corpora.source.unpacking import Unpacking
from dovetail.errors import CorpusError
from dovetail.text.document import Document

_DEPTH = 3
"""So many archives may lie in one another."""

_OTHER = re.compile(
    r"(?i)(readme|licen[sc]e|copying|changelog|authors|citation|contributing)\b.*|makefile|.*\."
    r"(md|rst|pdf|html?|css|js|py|r|sh|png|jpe?g|gif|svg|docx?|log|lock|cfg|toml|ya?ml|ini|bib)"
)
"""Names of files that lie beside a corpus and are none."""


@dataclass(frozen=True, slots=True)
class Part:
    """A file of a corpus with the format that reads it."""

    path: Path
    format: Format


def parts_of(
    path: Path,
    format: Format | None,
    source: Source,
    unpacking: Unpacking,
    recognise: Callable[[Path], Format],
) -> list[Part]:
    """What to read of a path: the file itself, or the files of a folder or an archive.

    Raises:
        CorpusError: if a folder holds no corpus, or files of several formats.
    """
    opened = unpacking.open(path)
    if not opened.is_dir() or _takes_folder(opened, format, recognise):
        return [Part(opened, format or recognise(opened))]
    files = list(_files(opened, source, unpacking, _DEPTH))
    if not files:
        raise CorpusError(
            f"{path} is a directory, {seen(Sample.of(opened))}; name a file, or a folder in brat's "
            f"format (.txt and .ann) or with files of one other format"
        )
    if format is not None:
        parts = [Part(file, format) for file in files]
    else:
        parts = _of_one_format(path, files, recognise)
    if len(parts) > 1:
        source.tally.note("file: read as one corpus with the others of the folder", len(parts))
    return parts


def _takes_folder(folder: Path, format: Format | None, recognise: Callable[[Path], Format]) -> bool:
    """Whether a reader takes the folder as a whole."""
    if format is not None:
        return format.folders or format.recognises(Sample.of(folder))
    try:
        recognise(folder)
    except CorpusError:
        return False
    return True


def _files(folder: Path, source: Source, unpacking: Unpacking, depth: int) -> Iterable[Path]:
    for file in files_in(folder):
        if _OTHER.fullmatch(file.name):
            source.tally.note(f"file {file.name!r} beside the corpus: not read")
            continue
        opened = unpacking.open(file)
        if not opened.is_dir():
            yield opened
        elif depth:
            yield from _files(opened, source, unpacking, depth - 1)
        else:
            raise CorpusError(f"{file} is an archive in {_DEPTH} others; unpack it by hand")


def _of_one_format(
    path: Path, files: Sequence[Path], recognise: Callable[[Path], Format]
) -> list[Part]:
    parts, failed = [], ""
    for file in files:
        try:
            parts.append(Part(file, recognise(file)))
        except CorpusError as error:
            failed = failed or str(error)
    counts = Counter(part.format.name for part in parts)
    if len(counts) == 1 and not failed:
        return parts
    if not counts or len(files) == 1:
        raise CorpusError(f"{path} is a directory, and no file in it was recognised: {failed}")
    listed = ", ".join(f"{times} of {name}" for name, times in counts.items())
    others = f". Of one the format was not recognised: {failed}" if failed else ""
    raise CorpusError(
        f"{path} is a directory with files of several formats ({listed}); expected one corpus: "
        f"name one of the files, or the format that all of them have{others}"
    )


def with_own_names(
    files: Sequence[tuple[Path, Sequence[Document | MarkedText]]], source: Source
) -> list[Document | MarkedText]:
    """All documents; an id that an earlier file has too gets the name of its file in front."""
    taken: set[str] = set()
    documents: list[Document | MarkedText] = []
    for path, read in files:
        ids = {document.id for document in read if document.id}
        for document in read:
            if document.id in taken:
                source.tally.note(
                    "document: its id stands in an earlier file too, so the file's name is put "
                    "in front"
                )
                document = _renamed(document, f"{path.stem}/")
            documents.append(document)
        taken |= ids
    return documents


def _renamed(document: Document | MarkedText, prefix: str) -> Document | MarkedText:
    id = f"{prefix}{document.id}"
    if isinstance(document, MarkedText):
        own = document.sentences and [
            replace(sentence, id=sentence.id and f"{prefix}{sentence.id}")
            for sentence in document.sentences
        ]
        return replace(document, id=id, sentences=own)
    sentences = tuple(
        replace(sentence, id=sentence.id and f"{prefix}{sentence.id}")
        for sentence in document.sentences
    )
    return replace(document, id=id, sentences=sentences)
