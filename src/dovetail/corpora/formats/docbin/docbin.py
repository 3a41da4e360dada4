"""spaCy's DocBin: documents with their own tokens, entities, spans and relations in one file.

Entities are those of ``doc.ents`` and of the span group ``sc``; where a file has neither, those of
its only other group.  Relations are read from the extension ``doc._.rel``, as Explosion's tutorial
on relations stores them: ``{(start of head, start of tail): {type: score}}``, by token; and from
``doc._.relations``, as Dovetail's component stores them, with the span groups that these belong to.

The file is msgpack in zlib, and is read here without spaCy's hooks: nothing in it is executed.
Source: https://spacy.io/api/docbin
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from dovetail.corpora.format import Format, Source
from dovetail.corpora.formats.docbin.docbin_file import DocRecord, is_docbin, read_docbin
from dovetail.corpora.formats.docbin.docbin_writer import RELATIONS, SPAN_GROUP, write
from dovetail.corpora.ledger import DOCUMENT, ENTITY, RELATION, Drop
from dovetail.corpora.marking.marked_text import (
    CharacterEntity,
    IndexedRelation,
    MarkedSentence,
    MarkedText,
)
from dovetail.corpora.marking.tag_columns import entities_from_tags
from dovetail.corpora.source.json_records import describe
from dovetail.corpora.writing.raw_text import WHITE_SPACE_ONLY
from dovetail.errors import CorpusFormatError
from dovetail.text.document import ENTITY_TASK, RELATION_TASK

SPAN = "span of another group"
OTHER_GROUP = f"only doc.ents and doc.spans[{SPAN_GROUP!r}] are read as entities"

OWN_RELATIONS = ("._.", "relations", None, None)
"""The user data of ``doc._.relations``: head, tail, type and confidence, by span group."""

_LIKELY = 0.5
"""The score from which on a pair is related, as in the tutorial."""

_Mark = tuple[int, int, str]  # half-open token borders and a type


class _Reader:
    """Reads one document."""

    def __init__(self, record: DocRecord, source: Source, where: str) -> None:
        self.record = record
        self.source = source
        self.where = where
        self.text = ""
        self.offsets: list[tuple[int, int]] = []
        parts, length = [], 0
        for word, space in zip(record.words, record.spaces, strict=True):
            if not word:
                raise CorpusFormatError(f"{where}: an empty token; write the file again with spaCy")
            self.offsets.append((length, length + len(word)))
            parts.append(word + " " * space)
            length += len(parts[-1])
        self.text = "".join(parts)

    def read(self, groups: Sequence[str]) -> MarkedText:
        """The document; `groups` are the span groups that are read as entities."""
        record = self.record
        for name in sorted(record.groups.keys() - set(groups)):
            for span in record.groups[name]:
                self.source.tally.read(SPAN)
                self.source.tally.drop(
                    Drop(self.where, SPAN, OTHER_GROUP, span.start, span.end, type=span.type)
                )
        tagged = entities_from_tags([tag or "O" for tag in record.tags], self.where)
        spans = [span for name in groups for span in record.groups.get(name, ())]
        grouped = ((span.start, span.end, span.type) for span in spans)
        marks = list(dict.fromkeys([*tagged, *grouped]))  # a group may repeat doc.ents
        entities: list[CharacterEntity] = []
        by_start: dict[int, int] = {}
        by_mark: dict[_Mark, int] = {}
        for mark in marks:
            with self.source.faults.guard(ENTITY, self.where):
                entity = self.entity(mark)
                if entity is not None:
                    by_start.setdefault(mark[0], len(entities))
                    by_mark[mark] = len(entities)
                    entities.append(entity)
        relations = [*self.relations(by_start), *self.own_relations(by_mark)]
        has_spans = any(name in record.groups for name in groups)
        sentences = list(self.sentences(has_spans=has_spans))
        return MarkedText(
            *("", self.text, entities, relations, self.where),
            sentences=sentences,
            offsets="codepoints",
        )

    def entity(self, mark: _Mark) -> CharacterEntity | None:
        start, end, type_ = mark
        if not 0 <= start < end <= len(self.offsets) or not type_:
            raise CorpusFormatError(
                f"{self.where}: expected a span with a label within the {len(self.offsets)} "
                f"tokens, found tokens [{start}, {end}) {type_!r}"
            )
        words = [at for at in range(start, end) if not self.record.words[at].isspace()]
        if not words:
            self.source.tally.read(ENTITY)
            drop = Drop(self.where, ENTITY, WHITE_SPACE_ONLY, start, end, type=type_)
            self.source.tally.drop(drop)
            return None
        first, last = self.offsets[words[0]][0], self.offsets[words[-1]][1]
        return CharacterEntity(first, last, type_, self.where)

    def relations(self, by_start: dict[int, int]) -> Iterator[IndexedRelation]:
        """The relations of ``doc._.rel``, whose arguments are named by their first tokens."""
        stored = self.record.user_data.get(RELATIONS)
        if stored is None:
            return
        if not isinstance(stored, dict):
            raise CorpusFormatError(
                f"{self.where}: expected doc._.rel as {{(0, 4): {{'Type': 1.0}}}}, found "
                f"{describe(stored)}"
            )
        for pair, scores in stored.items():
            with self.source.faults.guard(RELATION, self.where):
                yield from self.related(pair, scores, by_start)

    def related(
        self, pair: object, scores: object, by_start: dict[int, int]
    ) -> list[IndexedRelation]:
        if (
            not (isinstance(pair, tuple) and len(pair) == 2 and all(type(n) is int for n in pair))
            or not isinstance(scores, dict)
            or not all(isinstance(score, int | float) for score in scores.values())
            or not all(isinstance(type_, str) and type_ for type_ in scores)
        ):
            raise CorpusFormatError(
                f"{self.where}: expected doc._.rel as {{(0, 4): {{'Type': 1.0}}}}, found "
                f"{describe(pair)} with {describe(scores)}"
            )
        head, tail = (by_start.get(start) for start in pair)
        return [
            IndexedRelation(head, tail, type_)
            for type_, score in scores.items()
            if score >= _LIKELY
        ]

    def own_relations(self, by_mark: dict[_Mark, int]) -> Iterator[IndexedRelation]:
        """The relations of ``doc._.relations``, whose arguments are named by tokens and type."""
        stored = self.record.user_data.get(OWN_RELATIONS, {})
        if not isinstance(stored, dict) or not all(
            isinstance(own, tuple) for own in stored.values()
        ):
            raise CorpusFormatError(
                f"{self.where}: expected doc._.relations as lists by span group, found "
                f"{describe(stored)}"
            )
        for record in (record for own in stored.values() for record in own):
            with self.source.faults.guard(RELATION, self.where):
                match record:
                    case (
                        (int(), int(), str()) as head,
                        (int(), int(), str()) as tail,
                        str() as type_,
                        (float() | None) as confidence,
                    ) if type_:
                        places = by_mark.get(head), by_mark.get(tail)
                        yield IndexedRelation(*places, type_, confidence)
                    case _:
                        raise CorpusFormatError(
                            f"{self.where}: expected a relation of doc._.relations as ((0, 2, "
                            f"'Type'), (4, 5, 'Type'), 'Type', 0.9), found {describe(record)}"
                        )

    def sentences(self, *, has_spans: bool) -> Iterator[MarkedSentence]:
        """The sentences, without the tokens that are white space, as a text has none."""
        words, starts = self.record.words, self.record.starts
        borders = [0, *(at for at in range(1, len(words)) if starts[at]), len(words)]
        known = len(borders) > 2 or any(start is False for start in starts)
        self.source.tally.note(
            "document: its sentences are not marked, so it is read as one", not known
        )
        related = not {RELATIONS, OWN_RELATIONS}.isdisjoint(self.record.user_data)
        for first, after in pairwise(borders):
            kept = [at for at in range(first, after) if not words[at].isspace()]
            white = after - first - len(kept)
            self.source.tally.note("token: white space is none, and was left out", white)
            tagged = all(self.record.tags[at] for at in kept)
            tasks = {ENTITY_TASK: tagged or has_spans, RELATION_TASK: related}
            annotated = frozenset(task for task, known in tasks.items() if known)
            if kept:
                yield MarkedSentence([self.offsets[at] for at in kept], "", annotated)


def _read(source: Source) -> list[MarkedText]:
    records = read_docbin(source.path)
    groups = _groups(records, source)
    texts = []
    for number, record in enumerate(records):
        where = f"{source.path}: document {number}"
        with source.faults.guard(DOCUMENT, where):
            texts.append(_Reader(record, source, where).read(groups))
    return texts


def _groups(records: Sequence[DocRecord], source: Source) -> Sequence[str]:
    """The span groups that are read as entities.

    Those of Dovetail's component go with its relations.

    Raises:
        CorpusFormatError: if there are no entities beside several groups, any of which may be them.
    """
    stored = (record.user_data.get(OWN_RELATIONS) for record in records)
    own = {str(name) for groups in stored if isinstance(groups, dict) for name in groups}
    if own:
        return [SPAN_GROUP, *sorted(own)]
    names = sorted({name for record in records for name, spans in record.groups.items() if spans})
    tagged = any(tag not in ("", "O") for record in records for tag in record.tags)
    if tagged or SPAN_GROUP in names or not names:
        return [SPAN_GROUP]
    if len(names) > 1:
        raise CorpusFormatError(
            f"{source.path} has no doc.ents, and the span groups {', '.join(names)}; name the one "
            f"that is to be read {SPAN_GROUP!r}, as doc.spans[{SPAN_GROUP!r}] = doc.spans[…]"
        )
    source.tally.note(f"corpus: the span group {names[0]!r} is read as entities")
    return names


SPACY = Format(
    "spacy",
    "spaCy DocBin (.spacy): documents with their own tokens, entities, span groups, doc._.rel",
    _read,
    write,
    lambda sample: is_docbin(sample.head),
    needs="a file that DocBin.to_disk wrote",
)
