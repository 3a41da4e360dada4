"""What a corpus format is: a name, a reader, a writer, and how to recognise its files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dovetail.corpora.faults import Faults
from dovetail.corpora.files import numbered_lines, parse_json, read_text
from dovetail.corpora.ledger import Tally
from dovetail.corpora.marked import MarkedText
from dovetail.corpora.tags import is_tag
from dovetail.document import Document
from dovetail.reading import Reading

_SAMPLE_LINES = 200


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


@dataclass(frozen=True, slots=True)
class Sample:
    """The beginning of a corpus, by which its format is recognised.

    `records` are the JSON objects found: the items of a JSON array, or the first line alone.
    """

    path: Path
    lines: Sequence[str] = ()
    records: Sequence[Mapping[str, Any]] = ()
    is_array: bool = False

    @property
    def keys(self) -> frozenset[str]:
        """The field names of the first JSON object."""
        return frozenset(self.records[0]) if self.records else frozenset()

    @classmethod
    def of(cls, path: Path) -> Sample:
        """Take a sample of a file or folder.

        Raises:
            CorpusError: if there is nothing to read.
            CorpusFormatError: if it is empty, binary, not UTF-8, or malformed JSON.
        """
        has_standoff = path.suffix == ".txt" and path.with_suffix(".ann").is_file()
        if path.is_dir() or path.suffix == ".ann" or has_standoff:
            return cls(path)
        text = read_text(path)
        beginning = text.lstrip()[:1]
        if beginning and is_row(text.lstrip().split("\n", 1)[0]):
            beginning = ""  # a sentence in columns may start with a bracket
        if beginning == "[":
            array = parse_json(text, path)
            return cls(
                path,
                records=[item for item in array if isinstance(item, dict)][:1000],
                is_array=True,
            )
        lines: list[str] = []
        for number, line in numbered_lines(text):
            if line.strip() and not lines and beginning == "{":
                record = parse_json(line, path, line=number)
                return cls(path, records=[record] if isinstance(record, dict) else [])
            lines.append(line)
            if number == _SAMPLE_LINES:
                break
        return cls(path, lines=lines)


@dataclass(frozen=True, slots=True)
class Format:
    """A corpus format.

    `read` gives documents in order; raw text with its annotations comes as `MarkedText` and is cut
    into tokens by whoever calls.  `write` is None for a format that is only read.  A writer counts
    in the tally what it kept and lists what the format cannot hold; what is to be written has been
    counted as read before; unless `holds_unaligned`, it gets what tokens express alone.
    """

    name: str
    description: str
    read: Callable[[Source], Sequence[Document | MarkedText]]
    write: Callable[[Sequence[Document], Path, Tally], None] | None
    recognises: Callable[[Sample], bool]
    holds_unaligned: bool = False
