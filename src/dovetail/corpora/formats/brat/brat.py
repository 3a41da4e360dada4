"""brat standoff: a text in a ``.txt`` file, its annotations by character in an ``.ann`` file.

Reading takes a folder with such pairs, or one file of a pair.  Text-bound entities and binary
relations are held; an equivalence (``*``) is read as a relation between each two of its members,
and an event as a relation from its trigger to each argument, named by the role.  Fragments of an
entity may come in any order.  Attributes, normalizations and notes are dropped, each counted under
its own kind.
Source: https://brat.nlplab.org/standoff.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path

from dovetail.corpora.format import Format, Source
from dovetail.corpora.formats.brat.brat_writer import write
from dovetail.corpora.ledger import DOCUMENT, ENTITY, RELATION, Drop
from dovetail.corpora.marking.concepts import annotated_as_found
from dovetail.corpora.marking.marked_text import (
    CharacterEntity,
    IndexedRelation,
    MarkedText,
    NamedRelation,
    Span,
)
from dovetail.corpora.source.text_files import numbered_lines
from dovetail.errors import CorpusError, CorpusFormatError

NOT_HELD = "Dovetail holds entities and relations only"
_KINDS = {"A": "attribute", "M": "attribute", "N": "normalization", "#": "note"}
_ENTITY = re.compile(r"(T\S+)\t(\S+) ([0-9 ;]{3,})(?:\t(.*))?")
_FRAGMENTS = re.compile(r"[0-9]{1,12} [0-9]{1,12}(?:;[0-9]{1,12} [0-9]{1,12})*")
_NUMBERED_ROLE = re.compile(r"(\D+)[0-9]*")

MOST_MEMBERS = 100
"""Members of an equivalence: each two of them become a relation."""


@dataclass(slots=True)
class _Annotations:
    """The content of an annotation file; a relation refers to its arguments by their names."""

    entities: list[CharacterEntity] = field(default_factory=list)
    positions: dict[str, int | None] = field(default_factory=dict)  # None: nothing to link to
    triggers: dict[str, str] = field(default_factory=dict)  # the entity that an event stands on
    links: list[NamedRelation] = field(default_factory=list)

    def resolve(self, link: NamedRelation) -> IndexedRelation:
        return IndexedRelation(
            self._position(link.head, link.where), self._position(link.tail, link.where), link.type
        )

    def _position(self, name: str, where: str) -> int | None:
        name = self.triggers.get(name, name)
        if name not in self.positions:
            raise CorpusFormatError(
                f"{where}: a relation refers to {name!r}, which the file does not define; "
                f"add it or remove the relation"
            )
        return self.positions[name]


@dataclass(frozen=True, slots=True)
class _Reader:
    source: Source
    id: str

    def read(self, annotation_file: Path) -> tuple[list[CharacterEntity], list[IndexedRelation]]:
        annotations = _Annotations()
        for number, line in numbered_lines(self.source.text(annotation_file, may_be_empty=True)):
            if line.strip():
                where = f"{annotation_file}:{number}"
                with self.source.faults.guard(_kind_of(line), self.id):
                    self.read_line(line, annotations, where)
        relations = []
        for link in annotations.links:
            with self.source.faults.guard(RELATION, self.id):
                relations.append(annotations.resolve(link))
        return annotations.entities, relations

    def read_line(self, line: str, annotations: _Annotations, where: str) -> None:
        if line[0] == "T":
            self.read_entity(line, annotations, where)
        elif line[0] == "R":
            annotations.links.append(_relation(line, where))
        elif line[0] == "E":
            self.read_event(line, annotations, where)
        elif line[0] == "*":
            self.source.tally.note("equivalence: read as a relation between each two members")
            annotations.links.extend(_equivalences(line, where))
        elif line[0] in _KINDS:
            kind = _KINDS[line[0]]
            self.source.tally.read(kind)
            self.source.tally.drop(Drop(self.id, kind, NOT_HELD))
            annotations.positions[line.split("\t")[0]] = None
        else:
            raise _unknown(line, where)

    def read_entity(self, line: str, annotations: _Annotations, where: str) -> None:
        match = _ENTITY.fullmatch(line)
        if match is None:
            raise CorpusFormatError(
                f"{where}: expected an entity as 'T1<tab>Type 0 5<tab>words', found {line[:60]!r}"
            )
        name, type_ = match[1], match[2]
        if name in annotations.positions:
            raise CorpusFormatError(f"{where}: {name!r} is defined twice; give each its own name")
        annotations.positions[name] = None  # until it is known to be whole
        pieces = _fragments(match[3], where)
        start, end = min(pieces)[0], max(end for _, end in pieces)
        entity = CharacterEntity(start, end, type_, where, surface=match[4], fragments=pieces)
        annotations.positions[name] = len(annotations.entities)
        annotations.entities.append(entity)

    def read_event(self, line: str, annotations: _Annotations, where: str) -> None:
        """An event is its trigger, with a relation from there to each argument."""
        name, tab, rest = line.partition("\t")
        (_, trigger), *roles = [_pair(part, line, where) for part in rest.split()] or [("", "")]
        if not tab or not trigger:
            raise _unknown(line, where)
        annotations.triggers[name] = annotations.triggers.get(trigger, trigger)
        self.source.tally.note("event: read as relations from its trigger to its arguments")
        for role, argument in roles:
            numbered = _NUMBERED_ROLE.fullmatch(role)
            type_ = numbered[1] if numbered else role
            annotations.links.append(NamedRelation(type_, name, argument, where))


def _kind_of(line: str) -> str:
    """The kind that a broken line is counted as."""
    kinds = {"T": ENTITY, "R": RELATION, "*": RELATION, "E": "event", **_KINDS}
    return kinds.get(line[0], "line")


def _unknown(line: str, where: str) -> CorpusFormatError:
    return CorpusFormatError(
        f"{where}: expected a brat annotation, as 'T1<tab>Type 0 5<tab>words' or "
        f"'R1<tab>Type Arg1:T1 Arg2:T2'; found {line[:60]!r}"
    )


def _pair(part: str, line: str, where: str) -> tuple[str, str]:
    """A role and the name behind its colon."""
    role, colon, name = part.partition(":")
    if not (role and colon and name):
        raise _unknown(line, where)
    return role, name


def _relation(line: str, where: str) -> NamedRelation:
    _, tab, rest = line.partition("\t")
    type_, *arguments = rest.split() or [""]
    if not tab or not type_ or len(arguments) != 2:
        raise _unknown(line, where)
    (_, head), (_, tail) = (_pair(part, line, where) for part in arguments)
    return NamedRelation(type_, head, tail, where)


def _equivalences(line: str, where: str) -> Iterator[NamedRelation]:
    _, tab, rest = line.partition("\t")
    type_, *members = rest.split() or [""]
    if not tab or len(members) < 2:
        raise _unknown(line, where)
    if len(members) > MOST_MEMBERS:
        raise CorpusFormatError(
            f"{where}: an equivalence of {len(members):,} members would be a relation for each two "
            f"of them; expected at most {MOST_MEMBERS}: name the pairs that matter as relations"
        )
    for head, tail in combinations(members, 2):
        yield NamedRelation(type_, head, tail, where)


def _fragments(borders: str, where: str) -> tuple[Span, ...]:
    """The pieces of an entity in the order of the line; none of them is checked yet."""
    if _FRAGMENTS.fullmatch(borders) is None:
        raise CorpusFormatError(
            f"{where}: expected borders as '0 5' or '0 5;9 12', found {borders[:60]!r}"
        )
    pairs = (pair.split() for pair in borders.split(";"))
    return tuple((int(start), int(end)) for start, end in pairs)


def _read(source: Source) -> list[MarkedText]:
    texts = []
    for id, stem in _stems(source):
        with source.faults.guard(DOCUMENT, id):
            texts.append(_read_pair(source, id, stem))
    return annotated_as_found(texts, source)


def _stems(source: Source) -> list[tuple[str, Path]]:
    """The pairs to read: their names within the corpus, and their paths without a suffix."""
    path = source.path
    if not path.is_dir():
        return [(path.stem, path.with_name(path.stem))]
    annotated = sorted(file for file in path.rglob("*.ann") if file.is_file())
    if not annotated:
        raise CorpusError(
            f"{path} is a directory without .ann files; name a file, or a folder in brat's format"
        )
    alone = {file.with_suffix("") for file in path.rglob("*.txt")} - {
        file.with_suffix("") for file in annotated
    }
    source.tally.note("a .txt file without its .ann file is not read", len(alone))
    return [
        (file.relative_to(path).with_suffix("").as_posix(), file.with_suffix(""))
        for file in annotated
    ]


def _read_pair(source: Source, id: str, stem: Path) -> MarkedText:
    text_file, annotation_file = (stem.with_name(stem.name + suffix) for suffix in (".txt", ".ann"))
    for file in (text_file, annotation_file):
        if not file.is_file():
            raise CorpusError(f"{file} is missing; brat's format needs a .txt and an .ann file")
    text = source.text(text_file, byte_order_mark=True, may_be_empty=True)
    entities, relations = _Reader(source, id).read(annotation_file)
    return MarkedText(id, text, entities, relations, str(annotation_file))


BRAT = Format(
    "brat",
    "brat standoff: a folder of .txt and .ann files, or one such pair",
    _read,
    write,
    lambda sample: sample.is_standoff,
    needs="a folder with .ann files, or a .txt file beside its .ann file",
    holds_fragments=True,
    folders=True,
)
