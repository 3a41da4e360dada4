"""Words with their types behind a slash, a sentence on each line, as some taggers write them.

    Ada/Person Lovelace/Person lives/O in/O London/Place ./O || 1 lives_in 2

Neighbours of one type are one entity.  Behind the bars stand relations, each as the numbers of its
two entities in the sentence around its type, with semicolons between them.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from dovetail.corpora import Format, Sample, Source
from dovetail.errors import CorpusFormatError
from dovetail.text.document import Document, Entity, Relation, Sentence

OUTSIDE = "O"
BARS = " || "


def read(source: Source) -> list[Document]:
    """Read a file; a line that breaks the format is refused or left out, as the user decides."""
    documents = []
    for number, line in enumerate(source.path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        name = f"{source.path.name}:{number}"
        with source.faults.guard("sentence", name):
            document = Document.from_sentence(_sentence(line, f"{source.path}:{number}", name))
            source.tally.read_documents([document])
            documents.append(document)
    return documents


def _sentence(line: str, where: str, name: str) -> Sentence:
    marked, _, links = line.partition(BARS)
    words, types = zip(*(_split(word, where) for word in marked.split()), strict=True)
    entities = _entities(types)
    relations = [_relation(link, entities, where) for link in links.split(";") if link.strip()]
    return Sentence.from_tokens(words, entities=entities, relations=relations, id=name)


def _split(word: str, where: str) -> tuple[str, str]:
    token, slash, type_ = word.rpartition("/")
    if not (token and slash and type_):
        raise CorpusFormatError(
            f"{where}: expected a word, a slash and a type, such as London/Place, found {word!r}"
        )
    return token, type_


def _entities(types: Sequence[str]) -> list[Entity]:
    entities, start = [], 0
    for type_, run in groupby(types):
        end = start + len(list(run))
        if type_ != OUTSIDE:
            entities.append(Entity(start, end, type_))
        start = end
    return entities


def _relation(link: str, entities: Sequence[Entity], where: str) -> Relation:
    try:
        head, type_, tail = link.split()
        places = int(head) - 1, int(tail) - 1
        if min(places) < 0:
            raise IndexError
        return Relation(entities[places[0]], entities[places[1]], type_)
    except (ValueError, IndexError):
        raise CorpusFormatError(
            f"{where}: expected two of the entities 1 to {len(entities)} around a type, such as "
            f"1 lives_in 2, found {link.strip()!r}"
        ) from None


def recognises(sample: Sample) -> bool:
    """Whether every word of the first lines has a slash and a type."""
    words = [word for line in sample.lines for word in line.partition(BARS)[0].split()]
    return bool(words) and all("/" in word[1:-1] for word in words)


SLASHED = Format("slashed", "words with types behind slashes", read, None, recognises)
