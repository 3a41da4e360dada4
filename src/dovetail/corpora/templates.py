"""Templates: sentences with gaps for names; each filled one is annotated, for little work.

A line is ``RELATION HEAD TAIL TEXT``, where a relation links two gaps (counted from 1), or
``- TEXT`` where none does; a gap is an entity type in braces: ``Work_For 1 2 {Peop} joined {Org}.``
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dovetail.corpora.corpus import Corpus, corpus_of
from dovetail.corpora.format import Source
from dovetail.corpora.marking.marked_text import CharacterEntity, IndexedRelation, MarkedText
from dovetail.corpora.source.text_files import numbered_lines
from dovetail.errors import CorpusFormatError
from dovetail.text.document import Sentence
from dovetail.text.reading import Reading

TEMPLATES = "templates"
"""What the format is called, in accounts of what was read."""

_GAP = re.compile(r"\{([^{}]+)\}")
_LINE = re.compile(r"(?:-|(?P<type>\S+) (?P<head>[0-9]+) (?P<tail>[0-9]+)) (?P<text>.*\S)")

Names = Mapping[str, Sequence[str]]
"""Names by entity type."""


@dataclass(frozen=True, slots=True)
class Template:
    """A sentence with gaps, the relation between two of them if there is one, and its place."""

    text: str
    relation: tuple[str, int, int] | None
    where: str

    @classmethod
    def parse(cls, line: str, where: str) -> Template:
        """Read a line.

        Raises:
            CorpusFormatError: if it is no template, or links a gap that is not there.
        """
        match = _LINE.fullmatch(line.strip())
        if match is None:
            raise CorpusFormatError(
                f"{where}: expected '- TEXT' or 'RELATION HEAD TAIL TEXT', where the relation is "
                f"from one gap of the text to another, counted from 1; found {line.strip()!r}"
            )
        if match["type"] is None:
            return cls(match["text"], None, where)
        head, tail = int(match["head"]), int(match["tail"])
        gaps = len(_GAP.findall(match["text"]))
        if head == tail or not (1 <= head <= gaps and 1 <= tail <= gaps):
            raise CorpusFormatError(
                f"{where}: the relation is from gap {head} to gap {tail}; expected two different "
                f"ones of the {gaps} in the text"
            )
        return cls(match["text"], (match["type"], head - 1, tail - 1), where)

    def filled(self, names: Names, chance: random.Random, id: str) -> MarkedText:
        """The sentence with names drawn at random, none of them twice.

        Raises:
            CorpusFormatError: if there are not so many names of a type.
        """
        text, rest = "", 0
        entities: list[CharacterEntity] = []
        used: set[str] = set()
        for gap in _GAP.finditer(self.text):
            left = [name for name in names.get(gap[1], ()) if name not in used]
            if not left:
                raise CorpusFormatError(
                    f"{self.where}: there is no name for {gap[0]}; expected a type of which the "
                    f"training sentences have names: "
                    f"{', '.join(f'{type_} ({len(own):,})' for type_, own in names.items())}"
                )
            name = chance.choice(left)
            used.add(name)
            text += self.text[rest : gap.start()]
            start, rest = len(text), gap.end()
            text += name
            entities.append(CharacterEntity(start, len(text), gap[1], self.where))
        relations = []
        if self.relation is not None:
            type_, head, tail = self.relation
            relations = [IndexedRelation(head, tail, type_)]
        return MarkedText(
            id, text + self.text[rest:], entities, relations, self.where, offsets="codepoints"
        )


def names_in(sentences: Iterable[Sentence]) -> dict[str, list[str]]:
    """The entities by type, each once, if they are of letters and spaces alone.

    Another one, such as ``Md.`` or ``U.S.``, may not be whole tokens at another place.
    """
    names: dict[str, dict[str, None]] = {}
    for sentence in sentences:
        for entity in sentence.sorted_entities:
            words = sentence.tokens[entity.start : entity.end]
            if all(word.isalpha() for word in words):
                names.setdefault(entity.type, {})[" ".join(words)] = None
    return {type_: [*own] for type_, own in sorted(names.items())}


def read_templates(path: Path, reading: Reading, names: Names, times: int) -> Corpus:
    """Read templates, and fill each so many times, every time in the same way.

    Empty lines and those that begin with ``#`` are passed over.

    Raises:
        CorpusFormatError: if a line is no template, or cannot be filled, unless that is left out.
        CorpusError: if the file cannot be read, or nothing is left of it.
    """
    source = Source(path, reading)
    chance = random.Random(0)
    texts: list[MarkedText] = []
    for number, line in _lines(source):
        where = f"{path}:{number}"
        with source.faults.guard("template", where):
            template = Template.parse(line, where)
            texts += [
                template.filled(names, chance, f"{path.stem}:{number}:{turn}")
                for turn in range(1, times + 1)
            ]
    return corpus_of(texts, source, TEMPLATES)


def _lines(source: Source) -> Iterator[tuple[int, str]]:
    for number, line in numbered_lines(source.text()):
        if line.strip() and not line.startswith("#"):
            yield number, line
