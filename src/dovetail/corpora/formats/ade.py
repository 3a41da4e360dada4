"""The original files of ADE, adverse effects of drugs in case reports (Gurulingappa et al. 2012).

A line of ``DRUG-AE.rel`` is an effect and the drug that caused it, with their sentence:

    10030778|Intravenous azithromycin-induced ototoxicity.|ototoxicity|43|54|azithromycin|22|34

A line of ``ADE-NEG.txt`` is a sentence that reports no such effect:

    8402502 NEG The cause of death was determined to be multiple drug intoxication.

Positions count the characters of a document that neither file holds, so sentences are placed by the
words that they cut out.  The sentences of a document, in whatever lines, are one `MarkedText`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from dovetail.corpora.format import Format, Sample, Source
from dovetail.corpora.ledger import DOCUMENT
from dovetail.corpora.marking.marked_text import (
    CharacterEntity,
    IndexedRelation,
    MarkedText,
    Span,
)
from dovetail.corpora.source.text_files import numbered_lines
from dovetail.errors import CorpusFormatError

EFFECT, DRUG = "Adverse-Effect", "Drug"
"""The types of entities, named as in the JSON form of the corpus; a relation is of the first."""

BETWEEN_SENTENCES = "\n\n"
"""A blank line ends a sentence, wherever its full stop is."""

_NEGATIVE = re.compile(r"([0-9]+) NEG (.*)")
_RELATED = re.compile(r"[0-9]+(?:\|[^|]+){2}(?:\|[0-9]+){2}\|[^|]+(?:\|[0-9]+){2}")
_EXPECTED = (
    "expected 'PubMed-ID NEG sentence', or the eight columns PubMed-ID|sentence|effect|begin|end|"
    "drug|begin|end"
)


@dataclass(slots=True)
class _Document:
    """The sentences of a document with the place of each in its text, and what is marked there."""

    id: str
    where: str
    starts: dict[str, int] = field(default_factory=dict)
    entities: dict[tuple[Span, str], CharacterEntity] = field(default_factory=dict)
    relations: list[IndexedRelation] = field(default_factory=list)

    @property
    def text(self) -> str:
        return BETWEEN_SENTENCES.join(self.starts)

    def start_of(self, sentence: str) -> int:
        """Where a sentence begins; a new one goes to the end."""
        end = len(self.text) + len(BETWEEN_SENTENCES) if self.starts else 0
        return self.starts.setdefault(sentence, end)

    def entity(self, start: int, surface: str, type_: str, where: str) -> int:
        """The place of an entity in the list of all."""
        span = (start, start + len(surface))
        entity = CharacterEntity(*span, type_, where, surface=surface)
        self.entities.setdefault((span, type_), entity)
        return [*self.entities].index((span, type_))

    def marked(self) -> MarkedText:
        entities = list(self.entities.values())
        return MarkedText(
            self.id, self.text, entities, self.relations, self.where, offsets="codepoints"
        )


def _read(source: Source) -> list[MarkedText]:
    documents: dict[str, _Document] = {}
    for number, line in numbered_lines(source.text()):
        where = f"{source.path}:{number}"
        if line.strip():
            with source.faults.guard("line", source.path.name):
                _add(line, where, documents)
    texts = []
    for document in documents.values():
        with source.faults.guard(DOCUMENT, document.id):
            texts.append(document.marked())
    if not texts and not source.faults.found:
        raise CorpusFormatError(f"{source.path} has no sentence; {_EXPECTED}")
    return texts


def _add(line: str, where: str, documents: dict[str, _Document]) -> None:
    """Add what a line says to its document."""
    if negative := _NEGATIVE.fullmatch(line):
        id, sentence = negative.groups()
        if not sentence.strip():
            raise CorpusFormatError(f"{where}: the sentence is empty; leave the line out")
        documents.setdefault(id, _Document(id, where)).start_of(sentence)
        return
    if not _RELATED.fullmatch(line):
        raise CorpusFormatError(f"{where}: {_EXPECTED}, found {line[:60]!r}")
    id, sentence, effect, effect_start, _, drug, drug_start, _ = line.split("|")
    apart = int(drug_start) - int(effect_start)
    place = next(_places(sentence, effect, drug, apart), None)
    if place is None:
        raise CorpusFormatError(
            f"{where}: expected a sentence with {effect!r} and, {apart} characters further on, "
            f"{drug!r}, and it has them nowhere so; correct the words or the positions"
        )
    document = documents.setdefault(id, _Document(id, where))
    start = document.start_of(sentence) + place
    head = document.entity(start, effect, EFFECT, where)
    tail = document.entity(start + apart, drug, DRUG, where)
    document.relations.append(IndexedRelation(head, tail, EFFECT))


def _places(sentence: str, effect: str, drug: str, apart: int) -> Iterator[int]:
    """Where the effect may begin in the sentence, so that the drug stands so far from it."""
    for match in re.finditer(f"(?={re.escape(effect)})", sentence):
        start = match.start() + apart
        if start >= 0 and sentence.startswith(drug, start):
            yield match.start()


def _recognises(sample: Sample) -> bool:
    first: Sequence[str] = [line for line in sample.lines if line.strip()][:1]
    return any(_NEGATIVE.fullmatch(line) or _RELATED.fullmatch(line) for line in first)


ADE = Format(
    "ade",
    "the original files of ADE: effects and drugs (DRUG-AE.rel), and sentences without (ADE-NEG)",
    _read,
    None,
    _recognises,
    needs="lines as 'PubMed-ID NEG sentence', or PubMed-ID|sentence|effect|begin|end|drug|…",
)
