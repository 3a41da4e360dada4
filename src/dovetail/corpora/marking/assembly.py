"""Sentences out of what a reader found: every annotation is kept, or dropped for a reason.

Structural breakage (a span outside the sentence, an index that does not exist) is an error, for
then the file cannot be trusted.  A single annotation that `Sentence` cannot hold is a drop.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from dovetail.corpora.ledger import ENTITY, RELATION, SENTENCE, Drop, Tally
from dovetail.corpora.source.json_records import check_characters, check_type
from dovetail.errors import CorpusFormatError
from dovetail.text.document import TASKS, Entity, Relation, Sentence, Unaligned

DUPLICATE = "duplicate"
SELF_RELATION = "links an entity to itself"
CROSSES_SENTENCES = "crosses the border of a sentence"
WIDER_UNIT = "a wider unit would hold what crosses a border (--unit document, data.unit)"
NOT_AN_ENTITY = "an argument is not among the entities of the sentence"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a sentence stands, for errors and drops, and the tally that counts what it has."""

    tally: Tally
    document_id: str
    where: str

    def drop(self, kind: str, reason: str, span: tuple[int, int], type: str) -> None:
        """Drop an annotation at half-open token positions."""
        self.tally.drop(Drop(self.document_id, kind, reason, *span, type=type))


@dataclass(slots=True)
class SentenceBuilder:
    """Takes the annotations of one sentence in the order of the file and makes the sentence.

    Every type of every format is checked here, or in the alignment of raw text, and so are bytes
    that are not UTF-8.

    Raises:
        CorpusFormatError: if the tokens hold what cannot be encoded.
    """

    place: Place
    tokens: Sequence[str]
    _listed: list[Entity | None] = field(default_factory=list)
    _entities: dict[Entity, Entity] = field(default_factory=dict)
    _relations: dict[Relation, Relation] = field(default_factory=dict)
    _unaligned: dict[Unaligned, None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_characters("\n".join(self.tokens), self.place.where)

    def add_entity(
        self, start: int, end: int, type: str, confidence: float | None = None
    ) -> Entity:
        """Count and keep an entity at half-open token positions.

        Raises:
            CorpusFormatError: if it is empty or lies outside the sentence, or its type is none.
        """
        return self.add_pieces([(start, end)], type, confidence)

    def add_pieces(
        self, pieces: Sequence[tuple[int, int]], type: str, confidence: float | None = None
    ) -> Entity:
        """Count and keep an entity of one or several fragments, as `add_entity` does."""
        start, end = min(pieces)[0], max(end for _, end in pieces)
        check_type(type, f"{self.place.where}: the type of an entity")
        if not 0 <= start < end <= len(self.tokens):
            raise CorpusFormatError(
                f"{self.place.where}: entity [{start}, {end}) {type!r} is not within the "
                f"{len(self.tokens)} tokens of the sentence; correct its offsets"
            )
        self.place.tally.read(ENTITY)
        entity = Entity.of_pieces(pieces, type, confidence)
        known = self._entities.setdefault(entity, entity)
        self._listed.append(known)
        if known is not entity:
            self.place.drop(ENTITY, DUPLICATE, (start, end), type)
        return known

    def add_broken(self) -> None:
        """Let a broken entity have its place in the order, by which relations refer to it."""
        self._listed.append(None)

    def entity(self, position: int) -> Entity | None:
        """The entity at a position in the order of adding, duplicates counted; None is broken.

        Raises:
            CorpusFormatError: if there is none.
        """
        if not 0 <= position < len(self._listed):
            raise CorpusFormatError(
                f"{self.place.where}: a relation refers to entity {position}, but the sentence "
                f"has {len(self._listed)} entities, counted from 0; correct the index"
            )
        return self._listed[position]

    def entity_at(self, start: int, end: int, type: str | None = None) -> Entity | None:
        """The first entity with these borders, for formats that name arguments by span.

        With a `type` it has to be that of the entity too.
        """
        return next(
            (
                entity
                for entity in self._listed
                if entity and entity.span == (start, end) and type in (None, entity.type)
            ),
            None,
        )

    def add_relation(
        self, head: Entity | None, tail: Entity | None, type: str, confidence: float | None = None
    ) -> None:
        """Count a relation and keep it if it has two different arguments; None is no entity.

        Raises:
            CorpusFormatError: if its type is none.
        """
        check_type(type, f"{self.place.where}: the type of a relation")
        self.place.tally.read(RELATION)
        if head is None or tail is None:
            present = head or tail
            span = present.span if present else (0, len(self.tokens))
            self.place.drop(RELATION, NOT_AN_ENTITY, span, type)
            return
        span = min(head.start, tail.start), max(head.end, tail.end)
        if head == tail:
            self.place.drop(RELATION, SELF_RELATION, span, type)
            return
        relation = Relation(head, tail, type, confidence)
        if self._relations.setdefault(relation, relation) is not relation:
            self.place.drop(RELATION, DUPLICATE, span, type)

    def add_unaligned(self, item: Unaligned) -> None:
        """Keep an annotation, counted as read already, that no tokens express."""
        if item in self._unaligned:
            span = item.spans[0][0], item.spans[-1][1]
            self.place.tally.drop(
                Drop.in_text(self.place.document_id, item.task, DUPLICATE, span, item.type)
            )
            return
        self._unaligned[item] = None

    def sentence(
        self,
        *,
        id: str = "",
        annotated: Iterable[str] = TASKS,
        offsets: Sequence[tuple[int, int]] | None = None,
    ) -> Sentence:
        """Make the sentence; without `offsets` its text is its tokens joined by spaces.

        Raises:
            CorpusFormatError: if the id holds what cannot be encoded.
        """
        check_characters(id, self.place.where)
        if offsets is None:
            return Sentence.from_tokens(
                self.tokens,
                entities=self._entities,
                relations=self._relations,
                annotated=annotated,
                id=id,
                unaligned=self._unaligned,
            )
        return Sentence(
            tuple(self.tokens),
            tuple(offsets),
            frozenset(self._entities),
            frozenset(self._relations),
            frozenset(annotated),
            id,
            frozenset(self._unaligned),
        )


class UniqueNames:
    """Refuses a second sentence of the same number: the rows of the two would be mixed up."""

    def __init__(self) -> None:
        self._first: dict[str, str] = {}

    def add(self, id: str, where: str) -> None:
        """Take a name.

        Raises:
            CorpusFormatError: if it was taken before.
        """
        first = self._first.setdefault(id, where)
        if id and first is not where:
            raise CorpusFormatError(
                f"{where}: the id {id!r} is taken by {first}; give each its own id, or none at all"
            )


class RepeatedNames:
    """Notes documents of the same name as an earlier one; those without a name are all right.

    They are kept: what people extract from has often names that are not unique.
    """

    def __init__(self) -> None:
        self._known: set[str] = set()

    def add(self, id: str, tally: Tally) -> None:
        """Take a name."""
        tally.note("document: an earlier one has the same id", bool(id) and id in self._known)
        self._known.add(id)


def drop_sentence(tally: Tally, document_id: str, sentence: Sentence, reason: str) -> None:
    """Drop a sentence on writing, with everything on it."""
    whole = (0, len(sentence.tokens))
    tally.drop(Drop(document_id, SENTENCE, reason, *whole))
    because = f"its sentence was dropped: {reason}"
    for entity in sentence.sorted_entities:
        tally.drop(Drop(document_id, ENTITY, because, *entity.span, type=entity.type))
    for relation in sentence.sorted_relations:
        drop_relation(tally, document_id, relation, because)


def drop_relation(tally: Tally, document_id: str, relation: Relation, reason: str) -> None:
    """Drop a relation; its place is the stretch from its first to its last argument's token."""
    start = min(relation.head.start, relation.tail.start)
    end = max(relation.head.end, relation.tail.end)
    tally.drop(Drop(document_id, RELATION, reason, start, end, type=relation.type))
