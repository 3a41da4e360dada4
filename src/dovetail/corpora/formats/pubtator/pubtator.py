"""PubTator: title and abstract, then their mentions and the relations between concepts.

Positions count through the title, one character between, and the abstract.  Mentions may carry the
identifier of a concept, and relations hold between concepts: see `concepts`.
Source: https://www.ncbi.nlm.nih.gov/research/pubtator/
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from dovetail.corpora.format import Format, Sample, Source
from dovetail.corpora.formats.pubtator.pubtator_writer import write
from dovetail.corpora.ledger import DOCUMENT, ENTITY, RELATION
from dovetail.corpora.marking.concepts import (
    ConceptRelation,
    Mentions,
    annotated_as_found,
    between_mentions,
)
from dovetail.corpora.marking.marked_text import CharacterEntity, MarkedText
from dovetail.corpora.source.text_files import numbered_lines
from dovetail.errors import CorpusFormatError

_TEXT = re.compile(r"([^|\t]{1,200})\|([ta])\|(.*)", re.DOTALL)
_NUMBER = re.compile(r"[0-9]{1,12}")


@dataclass(slots=True)
class _Block:
    """The lines of one document."""

    id: str
    where: str
    title: str
    abstract: str | None = None
    lines: list[tuple[str, list[str]]] = field(default_factory=list)

    @property
    def text(self) -> str:
        return f"{self.title}\n{self.abstract}" if self.abstract else self.title


def _read(source: Source) -> list[MarkedText]:
    texts = []
    for block in _blocks(source):
        with source.faults.guard(DOCUMENT, block.id):
            texts.append(_document(block, source))
    if not texts and not source.faults.found:
        raise CorpusFormatError(
            f"{source.path} has no document; expected lines as '123|t|Title' and '123|a|Abstract'"
        )
    return annotated_as_found(texts, source)


def _blocks(source: Source) -> Iterator[_Block]:
    """The documents: each begins with its title, whatever blank lines there are."""
    block = None
    for number, line in numbered_lines(source.text()):
        where = f"{source.path}:{number}"
        match = _TEXT.fullmatch(line)
        if match and match[2] == "t":
            if block is not None:
                yield block
            block = _Block(match[1], where, match[3])
        elif line.strip():
            with source.faults.guard("line", f"line {number}"):
                _take(line, where, block)
    if block is not None:
        yield block


def _take(line: str, where: str, block: _Block | None) -> None:
    """Add a line to the document that it stands in."""
    match = _TEXT.fullmatch(line)
    columns = line.split("\t")
    id = match[1] if match else columns[0]
    if block is None or not (match or len(columns) > 3):
        raise CorpusFormatError(
            f"{where}: expected '123|t|Title', '123|a|Abstract', a mention as '123<tab>0<tab>5"
            f"<tab>words<tab>Type<tab>Concept' or a relation as '123<tab>Type<tab>Concept<tab>"
            f"Concept'; found {line[:60]!r}"
        )
    if id != block.id:
        raise CorpusFormatError(
            f"{where}: a line of document {id[:60]!r} among those of {block.id!r}; put it behind "
            f"its own title"
        )
    if match is None:
        block.lines.append((where, columns))
    elif block.abstract is None:
        block.abstract = match[3]
    else:
        raise CorpusFormatError(f"{where}: a second abstract of {id!r}; join the two in one line")


def _document(block: _Block, source: Source) -> MarkedText:
    entities: list[CharacterEntity] = []
    relations: list[ConceptRelation] = []
    mentions = Mentions()
    for where, columns in block.lines:
        if len(columns) > 5 or _NUMBER.fullmatch(columns[1]):
            with source.faults.guard(ENTITY, block.id):
                entity = _entity(columns, where)
                _note_columns(columns, source)
                mentions.add(len(entities), entity, "".join(columns[5:6]))
                entities.append(entity)
        else:
            with source.faults.guard(RELATION, block.id):
                relations.append(_relation(columns, where))
                source.tally.note(
                    "relation: what follows its concepts is not held", columns[4:] > [""]
                )
    found = between_mentions(relations, mentions, source, block.id)
    return MarkedText(block.id, block.text, entities, found, block.where)


def _note_columns(columns: list[str], source: Source) -> None:
    source.tally.note("entity: the identifier of its concept is not held", columns[5:6] > [""])
    source.tally.note("entity: what follows its concept is not held", columns[6:] > [""])


def _entity(columns: list[str], where: str) -> CharacterEntity:
    if len(columns) < 5 or not all(map(_NUMBER.fullmatch, columns[1:3])) or not columns[4]:
        raise CorpusFormatError(
            f"{where}: expected a mention as '123<tab>0<tab>5<tab>words<tab>Type<tab>Concept', "
            f"found {' '.join(columns)[:60]!r}"
        )
    start, end, surface, type_ = int(columns[1]), int(columns[2]), columns[3], columns[4]
    return CharacterEntity(start, end, type_, where, surface=surface)


def _relation(columns: list[str], where: str) -> ConceptRelation:
    type_, head, tail = columns[1:4]
    if not (type_ and head and tail):
        raise CorpusFormatError(
            f"{where}: expected a relation as '123<tab>Type<tab>Concept<tab>Concept', found "
            f"{' '.join(columns)[:60]!r}"
        )
    return ConceptRelation(type_, head, tail)


def _recognises(sample: Sample) -> bool:
    first = next((line for line in sample.lines if line.strip()), "")
    match = _TEXT.fullmatch(first)
    return match is not None and match[2] == "t"


PUBTATOR = Format(
    "pubtator",
    "PubTator: titles and abstracts with mentions, and relations between concepts",
    _read,
    write,
    _recognises,
    needs="a first line as '123|t|Title'",
)
