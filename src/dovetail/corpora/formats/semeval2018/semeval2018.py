"""SemEval-2018 task 7: abstracts with marked entities in XML, and relations in a file beside it.

``X.text.xml`` has ``<text id="…">`` with a title and an abstract, in which ``<entity id="…">``
marks entities; ``X.relations.txt`` has a relation a line, as ``USAGE(H01.5,H01.7,REVERSE)``.  The
tags are few, so they are read as they stand: no declaration of the file is ever acted upon.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path

from dovetail.corpora.format import Format, Sample, Source
from dovetail.corpora.formats.semeval2018.semeval2018_writer import (
    RELATIONS,
    relations_beside,
    write,
)
from dovetail.corpora.ledger import DOCUMENT, RELATION
from dovetail.corpora.marking.assembly import UniqueNames
from dovetail.corpora.marking.marked_pairs import UNTYPED
from dovetail.corpora.marking.marked_text import (
    CharacterEntity,
    IndexedRelation,
    MarkedText,
    NamedRelation,
)
from dovetail.corpora.source.text_files import numbered_lines
from dovetail.errors import CorpusError, CorpusFormatError
from dovetail.text.document import ENTITY_TASK, RELATION_TASK

_TEXT = re.compile(r'<text\s+id="([^"]*)"\s*>(.*?)</text\s*>', re.DOTALL)
_PART = re.compile(r"<!--.*?-->|<[^<>]*>|<|[^<]+", re.DOTALL)
_ENTITY = re.compile(r'<entity\s+id="([^"]*)"\s*>')
_RELATION = re.compile(r"(.*)\(([^(),]+),([^(),]+)(,REVERSE)?\)")
_SECTIONS = {"<title>", "</title>", "<abstract>", "</abstract>"}
_XML = ".text.xml"


@dataclass(slots=True)
class _Text:
    """A text while it is read: what stands in it, and its entities by their names."""

    id: str
    where: str
    text: str = ""
    entities: list[CharacterEntity] = field(default_factory=list)
    names: dict[str, int] = field(default_factory=dict)
    links: list[NamedRelation] = field(default_factory=list)

    def read(self, body: str) -> list[str]:
        """Take the text out of the tags; gives back the other tags that were there.

        Raises:
            CorpusFormatError: if an entity does not begin or end, or a name is there twice.
        """
        others: list[str] = []
        open_entities: list[tuple[str, int]] = []
        inside = False
        for part in _PART.findall(body):
            if not part.startswith("<"):
                self.text += unescape(part) if inside or part.strip() else ""
            elif match := _ENTITY.fullmatch(part):
                open_entities.append((unescape(match[1]), len(self.text)))
            elif part == "</entity>" and open_entities:
                self.add(*open_entities.pop())
            elif part in _SECTIONS:
                inside = not part.startswith("</")
                self.text += "\n\n" if part == "</title>" and self.text else ""
            elif part == "<" or part.startswith(("<entity", "</entity")):
                raise CorpusFormatError(
                    f'{self.where}: expected entities as <entity id="H01.1">…</entity>, found '
                    f"{part[:60]!r}"
                )
            elif not part.startswith(("<!--", "</")):
                others.append(part[:60])
        if open_entities:
            raise CorpusFormatError(f"{self.where}: the entity {open_entities[-1][0]!r} has no end")
        return others

    def add(self, name: str, start: int) -> None:
        where = f"{self.where}: entity {name!r}"
        if name in self.names:
            raise CorpusFormatError(f"{where} is there twice; give each its own id")
        self.names[name] = len(self.entities)
        self.entities.append(CharacterEntity(start, len(self.text), UNTYPED, where))

    def marked(self, source: Source, annotated: frozenset[str]) -> MarkedText:
        relations = []
        for link in self.links:
            with source.faults.guard(RELATION, self.id):
                if link.tail not in self.names or link.head not in self.names:
                    raise CorpusFormatError(
                        f"{link.where}: {link.head!r} and {link.tail!r} are not entities of one "
                        f"text; correct the names"
                    )
                head, tail = self.names[link.head], self.names[link.tail]
                relations.append(IndexedRelation(head, tail, link.type))
        return MarkedText(
            *(self.id, self.text, self.entities, relations, self.where, annotated),
            offsets="codepoints",
        )


def _read(source: Source) -> list[MarkedText]:
    path = source.path
    files = sorted(path.rglob(f"*{_XML}")) if path.is_dir() else [_text_file(path)]
    if not files:
        raise CorpusError(f"{path} is a directory without {_XML} files; name a file")
    return [text for file in files for text in _read_pair(file, source)]


def _read_pair(path: Path, source: Source) -> list[MarkedText]:
    """The texts of a file, with the relations of the one beside it."""
    texts = _texts(path, source)
    beside = relations_beside(path)
    tasks = [ENTITY_TASK]
    if beside.is_file():
        tasks.append(RELATION_TASK)
        _read_relations(beside, texts, source)
    else:
        source.tally.note(f"corpus: no file {RELATIONS} beside it, so not annotated for relations")
    return [text.marked(source, frozenset(tasks)) for text in texts]


def _text_file(path: Path) -> Path:
    """The file of the texts, whichever of the two was named."""
    if path.name.endswith(RELATIONS):
        return path.with_name(path.name.removesuffix(RELATIONS) + _XML)
    return path


def _texts(path: Path, source: Source) -> list[_Text]:
    content = source.text(path)
    names = UniqueNames()
    texts = []
    line, seen = 1, 0
    for match in _TEXT.finditer(content):
        line += content.count("\n", seen, match.start())
        seen = match.start()
        text = _Text(unescape(match[1]), f"{path}:{line}")
        with source.faults.guard(DOCUMENT, text.id):
            names.add(text.id, text.where)
            for tag in text.read(match[2]):
                source.tally.note(f"tag {tag} is not read, only the text in it")
            texts.append(text)
    if not texts and not source.faults.found:
        raise CorpusFormatError(
            f'{path}: expected texts as <text id="H01-1001">…</text>, found none'
        )
    return texts


def _read_relations(path: Path, texts: list[_Text], source: Source) -> None:
    """Give each relation to the text in which its first argument stands."""
    owners = {name: text for text in texts for name in text.names}
    for number, line in numbered_lines(source.text(path, may_be_empty=True)):
        if not line.strip():
            continue
        where = f"{path}:{number}"
        with source.faults.guard(RELATION, where):
            match = _RELATION.fullmatch(line.strip())
            if match is None or not match[1]:
                raise CorpusFormatError(
                    f"{where}: expected a relation as 'USAGE(H01.5,H01.7)' or "
                    f"'USAGE(H01.5,H01.7,REVERSE)', found {line[:60]!r}"
                )
            if match[2] not in owners:
                raise CorpusFormatError(f"{where}: no text has the entity {match[2]!r}")
            head, tail = (match[3], match[2]) if match[4] else (match[2], match[3])
            owners[match[2]].links.append(NamedRelation(match[1], head, tail, where))


def _recognises(sample: Sample) -> bool:
    if sample.files:
        return not sample.is_standoff and any(name.endswith(_XML) for name in sample.files)
    if sample.path.name.endswith(RELATIONS):
        return _text_file(sample.path).is_file()
    beginning = "\n".join(sample.lines)
    return beginning.lstrip().startswith(("<?xml", "<doc")) and bool(
        re.search(r'<doc>\s*<text\s+id="', beginning)
    )


SEMEVAL2018 = Format(
    "semeval2018",
    "SemEval-2018 task 7: abstracts with entities in XML, relations in a file beside it",
    _read,
    write,
    _recognises,
    folders=True,
    needs='XML with <doc> and <text id="…">, or the file X.relations.txt beside X.text.xml',
)
