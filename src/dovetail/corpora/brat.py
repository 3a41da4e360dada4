"""brat standoff: a text in a ``.txt`` file, its annotations by character in an ``.ann`` file.

Reading takes a folder with such pairs, or one file of a pair.  Text-bound entities and binary
relations are held; an equivalence (``*``) is read as a relation between each two of its members.
Fragments of an entity are joined over white space; an entity with other gaps is dropped, as are
events, attributes, normalizations and notes, each counted under its own kind.
Source: https://brat.nlplab.org/standoff.html
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations, pairwise
from pathlib import Path

from dovetail.corpora.alignment import CharacterEntity, IndexedRelation, MarkedText, align
from dovetail.corpora.brat_writer import write
from dovetail.corpora.files import numbered_lines, read_text
from dovetail.corpora.formats import Format, Sample, Source
from dovetail.corpora.ledger import DOCUMENT, ENTITY, Drop
from dovetail.document import ENTITY_TASK, Document
from dovetail.errors import CorpusError, CorpusFormatError
from dovetail.tokenization import Tokenizer

DISCONTINUOUS = "discontinuous: other words stand between its fragments"
NOT_HELD = "Dovetail holds entities and relations only"
_KINDS = {"E": "event", "A": "attribute", "M": "attribute", "N": "normalization", "#": "note"}
_ENTITY = re.compile(r"(T\S+)\t(\S+) ([0-9 ;]{3,})(?:\t(.*))?")
_FRAGMENTS = re.compile(r"[0-9]{1,12} [0-9]{1,12}(?:;[0-9]{1,12} [0-9]{1,12})*")
_RELATION = re.compile(r"R\S+\t(\S+) \S+?:(\S+) \S+?:(\S+)\s*")
_EQUIVALENCE = re.compile(r"\*\t(\S+)((?: \S+){2,})\s*")


@dataclass(slots=True)
class _Annotations:
    """What one annotation file has; a relation refers to its arguments by their names."""

    entities: list[CharacterEntity] = field(default_factory=list)
    positions: dict[str, int | None] = field(default_factory=dict)  # None: the entity was dropped
    relations: list[tuple[str, str, str, str]] = field(default_factory=list)  # + where

    def resolved(self) -> list[IndexedRelation]:
        return [
            IndexedRelation(self._position(head, where), self._position(tail, where), type_)
            for head, tail, type_, where in self.relations
        ]

    def _position(self, name: str, where: str) -> int | None:
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
    text: str

    def read(self, annotation_file: Path) -> _Annotations:
        annotations = _Annotations()
        content = read_text(annotation_file, may_be_empty=True)
        for number, line in numbered_lines(content):
            if line.strip():
                self.read_line(line, annotations, f"{annotation_file}:{number}")
        return annotations

    def read_line(self, line: str, annotations: _Annotations, where: str) -> None:
        tally = self.source.tally
        if line[0] == "T":
            self.read_entity(line, annotations, where)
        elif match := _RELATION.fullmatch(line):
            annotations.relations.append((match[2], match[3], match[1], where))
        elif match := _EQUIVALENCE.fullmatch(line):
            tally.note("equivalence: read as a relation between each two members")
            for head, tail in combinations(match[2].split(), 2):
                annotations.relations.append((head, tail, match[1], where))
        elif line[0] in _KINDS:
            kind = _KINDS[line[0]]
            tally.read(kind)
            tally.drop(Drop(self.id, kind, NOT_HELD))
            annotations.positions[line.split("\t")[0]] = None
        else:
            raise CorpusFormatError(
                f"{where}: expected a brat annotation, as 'T1<tab>Type 0 5<tab>words' or "
                f"'R1<tab>Type Arg1:T1 Arg2:T2'; found {line[:60]!r}"
            )

    def read_entity(self, line: str, annotations: _Annotations, where: str) -> None:
        match = _ENTITY.fullmatch(line)
        if match is None:
            raise CorpusFormatError(
                f"{where}: expected an entity as 'T1<tab>Type 0 5<tab>words', found {line[:60]!r}"
            )
        name, type_ = match[1], match[2]
        if name in annotations.positions:
            raise CorpusFormatError(f"{where}: {name!r} is defined twice; give each its own name")
        fragments = self.fragments(match[3], where)
        start, end = fragments[0][0], fragments[-1][1]
        self.check_fragments(fragments, match[4], where)
        gaps = pairwise(fragments)
        if any(self.text[left[1] : right[0]].strip() for left, right in gaps):
            self.source.tally.read(ENTITY)
            self.source.tally.drop(
                Drop(self.id, ENTITY, DISCONTINUOUS, start, end, "characters", type_)
            )
            annotations.positions[name] = None
            return
        self.source.tally.note("entity: fragments joined over white space", len(fragments) > 1)
        annotations.positions[name] = len(annotations.entities)
        annotations.entities.append(CharacterEntity(start, end, type_, where))

    def fragments(self, borders: str, where: str) -> list[tuple[int, int]]:
        if _FRAGMENTS.fullmatch(borders) is None:
            raise CorpusFormatError(
                f"{where}: expected borders as '0 5' or '0 5;9 12', found {borders[:60]!r}"
            )
        pairs = (pair.split() for pair in borders.split(";"))
        return sorted((int(start), int(end)) for start, end in pairs)

    def check_fragments(
        self, fragments: Sequence[tuple[int, int]], words: str | None, where: str
    ) -> None:
        """Every fragment lies in the text and, where the line says its words, has these."""
        for start, end in fragments:
            if not start < end <= len(self.text):
                raise CorpusFormatError(
                    f"{where}: characters [{start}, {end}) are not within the {len(self.text)} "
                    f"characters of the text; correct the offsets"
                )
        found = " ".join(self.text[start:end] for start, end in fragments)
        if words is not None and "".join(words.split()) != "".join(found.split()):
            raise CorpusFormatError(
                f"{where}: the line says {words[:60]!r}, but its offsets cut out {found[:60]!r}; "
                f"check that the text is the one that was annotated, line breaks included"
            )


def _read(source: Source) -> list[Document]:
    texts = [_read_pair(source, id, stem) for id, stem in _stems(source)]
    if not any(marked.relations for marked in texts):
        # The format cannot say for what a corpus is annotated; without one relation in all of it,
        # taking every pair of entities for unrelated would teach a model something untrue.
        source.tally.note("corpus: without relations, so read as annotated for entities only")
        texts = [replace(marked, annotated=frozenset([ENTITY_TASK])) for marked in texts]
    tokenizer = Tokenizer(source.language)
    return [align(marked, tokenizer, source.tally) for marked in texts]


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
    text = read_text(text_file, byte_order_mark=True, may_be_empty=True)
    source.tally.read(DOCUMENT)
    annotations = _Reader(source, id, text).read(annotation_file)
    return MarkedText(id, text, annotations.entities, annotations.resolved(), str(annotation_file))


def _recognises(sample: Sample) -> bool:
    return not sample.lines and not sample.records


BRAT = Format(
    "brat",
    "brat standoff: a folder of .txt and .ann files, or one such pair",
    _read,
    write,
    _recognises,
)
