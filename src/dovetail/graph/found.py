"""What was found in a document, read one document at a time.

The lines of `dovetail extract` and of every native corpus are read as they come; a corpus in
another format is read as a whole first, and then takes the same way.
"""

from __future__ import annotations

import codecs
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, TypeVar

from dovetail.corpora.formats.native.native_places import pieces_of
from dovetail.corpora.formats.native.native_writer import FORMAT_NAME, VERSION, line_from_document
from dovetail.corpora.source.json_records import Record
from dovetail.corpora.source.json_text import parse_json
from dovetail.errors import CorpusError, CorpusFormatError
from dovetail.files.bounded import check_regular
from dovetail.text.reading import OnError, Reading
from dovetail.text.visibility import is_visible

Span = tuple[int, int]

STANDARD_INPUT = "-"
MAX_LINE_BYTES = 1 << 28
"""Of one line, which is a document; it is held in memory."""


@dataclass(frozen=True, slots=True)
class FoundEntity:
    """An entity at half-open character positions; `pieces` are several if it has fragments."""

    type: str
    text: str
    pieces: tuple[Span, ...]
    confidence: float | None


@dataclass(frozen=True, slots=True)
class FoundRelation:
    """A relation between two entities of the document, by their places in its list."""

    head: int
    tail: int
    type: str
    confidence: float | None


@dataclass(frozen=True, slots=True)
class FoundDocument:
    """A document, where it was read, and each different annotation of it once."""

    id: str
    text: str
    place: str
    entities: tuple[FoundEntity, ...]
    relations: tuple[FoundRelation, ...]


@dataclass(frozen=True, slots=True)
class BrokenLine:
    """A line that cannot be read, and why not; the message begins with the place."""

    place: str
    message: str


Drop = Callable[[BrokenLine], None]
"""Called with what is left out."""

Key = TypeVar("Key")
Found = TypeVar("Found", FoundEntity, FoundRelation)


def found_documents(
    sources: Iterable[str], drop: Drop, *, format: str | None = None, refuse: bool = True
) -> Iterator[FoundDocument]:
    """The documents of files, one after another.

    Args:
        sources: files, folders of corpora, or ``-`` for standard input.
        drop: called with what is left out: broken lines unless they are refused, and what a corpus
            of another format cannot say in characters of its texts.
        format: of all of them; recognised from their content if not given.
        refuse: whether a line that cannot be read is an error.

    Raises:
        CorpusError: if a file is missing, or something cannot be read and that is refused.
    """
    broken = None if refuse else drop
    for source in sources:
        if source == STANDARD_INPUT:
            yield from _of_lines(_standard_input(), "standard input", broken)
        elif format in (None, FORMAT_NAME) and is_native(Path(source)):
            yield from _of_file(Path(source), broken)
        else:
            yield from _of_corpus(Path(source), format, drop, refuse=refuse)


def is_native(path: Path) -> bool:
    """Whether the first line of a file is one of Dovetail's own format."""
    try:
        check_regular(path)
        with path.open("rb") as lines:
            line = lines.readline(MAX_LINE_BYTES).removeprefix(codecs.BOM_UTF8)
        record = parse_json(line.decode("utf-8"), path, line=1)
    except (OSError, ValueError, CorpusError):
        return path.suffix == ".jsonl"  # said, with its line, by who reads it
    if not isinstance(record, dict):
        return False
    entities = record.get("entities")
    return record.get("format") == FORMAT_NAME or (
        bool({"text", "tokens"} & record.keys())
        and isinstance(entities, list)
        and all(
            isinstance(own, dict) and {"start", "end", "type"} <= own.keys() for own in entities
        )
    )


def _of_file(path: Path, drop: Drop | None) -> Iterator[FoundDocument]:
    try:
        check_regular(path)
        lines = path.open("rb")
    except OSError as error:
        raise CorpusError(f"{path} cannot be read: {error.strerror}") from error
    with lines:
        yield from _of_lines(lines, str(path), drop)


def _of_lines(lines: BinaryIO, name: str, drop: Drop | None) -> Iterator[FoundDocument]:
    number = 0
    while line := lines.readline(MAX_LINE_BYTES + 1):
        number += 1
        if not line.strip():
            continue
        place = f"{name}:{number}"
        try:
            if len(line) > MAX_LINE_BYTES:
                raise CorpusError(f"{place}: a line of more than {MAX_LINE_BYTES:,} bytes")
            document = _of_line(line, name, number)
        except CorpusFormatError as error:
            if drop is None:
                raise
            drop(BrokenLine(place, str(error)))
        else:
            if document is not None:
                yield document


def _of_line(line: bytes, name: str, number: int) -> FoundDocument | None:
    place = f"{name}:{number}"
    content = line.removeprefix(codecs.BOM_UTF8) if number == 1 else line
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise CorpusFormatError(f"{place}: not UTF-8 text: {error}") from error
    record = Record.of(parse_json(text, Path(name), line=number), place)
    if "format" in record and not {"text", "tokens"} & record.values.keys():
        _check_header(record)
        return None
    return document_of_record(record)


def _check_header(record: Record) -> None:
    version = record.integer("version")
    if record.string("format") != FORMAT_NAME or not 1 <= version <= VERSION:
        record.fail(
            f"expected the format {FORMAT_NAME!r} in a version from 1 to {VERSION}, found "
            f"{record.values['format']!r} {version}; a newer Dovetail may read it"
        )


def _of_corpus(
    path: Path, format: str | None, drop: Drop, *, refuse: bool
) -> Iterator[FoundDocument]:
    from dovetail.corpora import read_corpus

    on_error: OnError = "refuse" if refuse else "drop"
    reading = Reading(borders="cut", unit="document", discontinuous="keep", on_error=on_error)
    corpus = read_corpus(path, format=format, reading=reading)
    for lost in corpus.ledger.drops:
        drop(BrokenLine(f"{path}: {lost.document_id}", f"{path}: {lost}"))
    for number, document in enumerate(corpus.documents, start=1):
        place = f"{path}: document {number}"
        yield document_of_record(Record(line_from_document(document), place))


def document_of_record(record: Record) -> FoundDocument:
    """The document of a line of Dovetail's own format, in any of its forms.

    Raises:
        CorpusFormatError: naming the place and the field that is wrong.
    """
    gathered = _Gathered()
    if "text" in record:
        text = record.string("text")
        gathered.add(record, text, None)
        for sentence in record.records("sentences"):
            gathered.add(sentence, text, None)
    else:
        tokens = record.tokens()
        text = " ".join(tokens)
        gathered.add(record, text, _offsets(tokens))
    entities, relations = tuple(gathered.entities), tuple(gathered.relations)
    return FoundDocument(record.identifier("id"), text, record.where, entities, relations)


def _offsets(tokens: list[str]) -> list[Span]:
    offsets, start = [], 0
    for token in tokens:
        offsets.append((start, start + len(token)))
        start += len(token) + 1
    return offsets


class _Gathered:
    """The annotations of a document; one that is there twice counts once, with the better score."""

    def __init__(self) -> None:
        self.entities: list[FoundEntity] = []
        self.relations: list[FoundRelation] = []
        self._entity_places: dict[tuple[str, tuple[Span, ...]], int] = {}
        self._relation_places: dict[tuple[int, int, str], int] = {}

    def add(self, record: Record, text: str, tokens: list[Span] | None) -> None:
        """Add what a line or a sentence of it has; its relations count its own entities."""
        own = [self._entity(item, text, tokens) for item in record.records("entities")]
        for item in record.records("relations"):
            head, tail = item.integer("head"), item.integer("tail")
            if not (0 <= head < len(own) and 0 <= tail < len(own)):
                item.fail(
                    f"refers to the entities {head} and {tail} of {len(own)}, counted from 0; "
                    f"correct the index"
                )
            relation = FoundRelation(own[head], own[tail], item.type_name(), item.confidence())
            key = relation.head, relation.tail, relation.type
            _add(self.relations, self._relation_places, key, relation)

    def _entity(self, item: Record, text: str, tokens: list[Span] | None) -> int:
        pieces = tuple(pieces_of(item))
        limit = len(text) if tokens is None else len(tokens)
        if not all(0 <= start < end <= limit for start, end in pieces):
            what = "characters of the text" if tokens is None else "tokens of the sentence"
            item.fail(f"{_spelt(pieces)} is not within the {limit:,} {what}; correct the offsets")
        if tokens is not None:
            pieces = tuple((tokens[start][0], tokens[end - 1][1]) for start, end in pieces)
        surface = " ".join(text[start:end] for start, end in pieces)
        if not is_visible(surface):
            item.fail(f"there is nothing to see in {surface!r:.60}; correct the offsets")
        if tokens is None and "text" in item and item.string("text") != surface:
            item.fail(
                f"'text' is {item.string('text')!r:.60}, but the characters {_spelt(pieces)} of "
                f"the text are {surface!r:.60}; correct the offsets (they count code points)"
            )
        entity = FoundEntity(item.type_name(), surface, pieces, item.confidence())
        return _add(self.entities, self._entity_places, (entity.type, pieces), entity)


def _spelt(pieces: tuple[Span, ...]) -> str:
    return ", ".join(f"[{start}, {end})" for start, end in pieces)


def _add(found: list[Found], places: dict[Key, int], key: Key, new: Found) -> int:
    """Add an annotation, or raise the confidence of the one that is there; its place."""
    place = places.setdefault(key, len(found))
    if place == len(found):
        found.append(new)
    elif (new.confidence or 0) > (found[place].confidence or 0):
        found[place] = replace(found[place], confidence=new.confidence)
    return place


def _standard_input() -> BinaryIO:
    if sys.stdin is None:
        raise CorpusError("standard input is closed; name a file")
    return sys.stdin.buffer
