"""What a corpus format is: a name, a reader, a writer, and how to recognise its files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from dovetail.corpora.faults import Faults
from dovetail.corpora.ledger import Tally
from dovetail.corpora.marking.marked_text import MarkedText
from dovetail.corpora.marking.tag_columns import is_tag
from dovetail.corpora.source.json_text import json_values
from dovetail.corpora.source.text_files import binary_head, numbered_lines, read_lenient
from dovetail.corpora.source.undecoded import replaced
from dovetail.errors import CorpusFormatError
from dovetail.text.document import Document
from dovetail.text.reading import Reading

_SAMPLE_LINES = 200
_SAMPLE_VALUES = 1000


def is_row(line: str) -> bool:
    """Whether a line is a token with further columns, the last of them a tag."""
    columns = line.split()
    return len(columns) > 1 and is_tag(columns[-1])


@dataclass(frozen=True, slots=True)
class Source:
    """What a reader gets: the path, how to read, the tally to fill, and where faults go.

    A reader reads each item within ``faults.guard(kind, document_id)``, so that one that breaks
    the format is left out, or refused together with all others.
    """

    path: Path
    reading: Reading = field(default_factory=Reading)
    tally: Tally = field(default_factory=Tally)
    faults: Faults = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "faults", Faults(self.tally, self.reading.on_error))

    def at(self, path: Path) -> Source:
        """Another file of the same corpus: what is counted and what breaks goes to one account."""
        other = Source(path, self.reading, self.tally)
        object.__setattr__(other, "faults", self.faults)
        return other

    def text(
        self, path: Path | None = None, *, byte_order_mark: bool = False, may_be_empty: bool = False
    ) -> str:
        """The text of the file, or of another, in which each line that is not UTF-8 is a fault.

        Unless faults are refused, such bytes stand in it as characters (`undecoded`), and the item
        that one is part of is left out.

        Raises:
            CorpusError: as `read_text`.
            CorpusFormatError: if it is empty, binary, or UTF-16.
        """
        path = path or self.path
        lenient = read_lenient(
            path,
            byte_order_mark=byte_order_mark,
            may_be_empty=may_be_empty,
            mend=self.faults.mends,
        )
        self.tally.note("character: written as two halves (CESU-8), put together", lenient.mended)
        if self.faults.on_error != "refuse":
            return lenient.text
        for fault in lenient.faults(path):
            self.faults.add("line", path.name, fault)
        return replaced(lenient.text)


@dataclass(frozen=True, slots=True)
class Sample:
    """The beginning of a corpus, by which its format is recognised.

    `values` are the first JSON values found, the items of an array or those that stand one after
    another, and `records` the objects among them.  `lines` are those of other texts, `files` the
    names in a folder, and `head` the first bytes of a binary file.
    """

    path: Path
    lines: Sequence[str] = ()
    records: Sequence[Mapping[str, Any]] = ()
    is_array: bool = False
    values: Sequence[object] = ()
    files: Sequence[str] = ()
    head: bytes = b""

    @property
    def keys(self) -> frozenset[str]:
        """The field names of the first JSON object."""
        return frozenset(self.records[0]) if self.records else frozenset()

    @property
    def is_standoff(self) -> bool:
        """Whether it is a brat folder, or a file of a pair."""
        if self.files:
            return any(name.endswith(".ann") for name in self.files)
        return not self.path.is_dir() and _has_standoff(self.path)

    @classmethod
    def of(cls, path: Path) -> Sample:
        """Take a sample of a file or folder.

        Raises:
            CorpusError: if there is nothing to read.
            CorpusFormatError: if it is empty, binary, UTF-16, or malformed JSON.
        """
        if path.is_dir():
            return cls(path, files=[file.relative_to(path).as_posix() for file in files_in(path)])
        if _has_standoff(path):
            return cls(path)
        if head := binary_head(path):
            return cls(path, head=head)
        text = read_lenient(path).text  # of single bytes that are not UTF-8 the reader tells
        beginning = text.lstrip()[:1]
        if beginning and is_row(text.lstrip().split("\n", 1)[0]):
            beginning = ""  # a sentence in columns may start with a bracket
        if beginning and beginning in "[{":
            values = _first_values(text, path)
            records = [value for value in values if isinstance(value, dict)]
            return cls(path, records=records, is_array=beginning == "[", values=values)
        lines = [line for _, line in islice(numbered_lines(text), _SAMPLE_LINES)]
        return cls(path, lines=lines)


def files_in(folder: Path) -> list[Path]:
    """The files of a folder and of those in it, by name; hidden ones are left out."""
    files = []
    for file in sorted(folder.rglob("*")):
        parts = file.relative_to(folder).parts
        if file.is_file() and not any(part[0] == "." or part == "__MACOSX" for part in parts):
            files.append(file)
    return files


def _has_standoff(path: Path) -> bool:
    return path.suffix == ".ann" or (path.suffix == ".txt" and path.with_suffix(".ann").is_file())


def _first_values(text: str, path: Path) -> list[object]:
    """The first values that are JSON; the very first has to be."""
    values: list[object] = []
    for item in islice(json_values(text, path), _SAMPLE_VALUES):
        try:
            values.append(item.value())
        except CorpusFormatError:
            if not values:
                raise
    return values


@dataclass(frozen=True, slots=True)
class Format:
    """A corpus format.

    `read` gives documents in order; raw text with its annotations comes as `MarkedText` and is cut
    into tokens by whoever calls.  `write` is None for a format that is only read.  A writer counts
    in the tally what it kept and lists what the format cannot hold; what is to be written has been
    counted as read before; unless `holds_unaligned`, it gets what tokens express alone, and unless
    `holds_fragments`, no discontinuous entities.  `needs` says what a file of the format has, for
    whoever wonders why theirs was not recognised.
    `folders` is true if the reader takes a whole folder.
    """

    name: str
    description: str
    read: Callable[[Source], Sequence[Document | MarkedText]]
    write: Callable[[Sequence[Document], Path, Tally], None] | None
    recognises: Callable[[Sample], bool]
    holds_unaligned: bool = False
    holds_fragments: bool = False
    needs: str = ""
    folders: bool = False
