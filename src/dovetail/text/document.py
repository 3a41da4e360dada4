"""Documents, sentences, entities and relations: the objects that every part of Dovetail speaks of.

They are frozen and hashable.  A confidence never takes part in equality, so gold and predicted
annotations compare as sets: ``gold & predicted`` are the correct ones.

This module knows nothing of files, tensors or models.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain

ENTITY_TASK = "entity"
RELATION_TASK = "relation"
TASKS: tuple[str, ...] = (ENTITY_TASK, RELATION_TASK)
"""The default tasks, in the order in which one may read the values of another."""


@dataclass(frozen=True, slots=True, order=True)
class Entity:
    """A typed span of tokens; `end` is the index after the last token.

    A discontinuous one, as "left … arm" in "left and right arm", has `fragments`: two spans or
    more, ascending, with other tokens between them, from `start` to `end`.

    Raises:
        ValueError: if the span is empty or negative, or the fragments are not as said.
    """

    start: int
    end: int
    type: str
    confidence: float | None = field(default=None, compare=False)
    fragments: tuple[tuple[int, int], ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.end:
            raise ValueError(f"entity span [{self.start}, {self.end}) is empty or negative")
        borders = [border for fragment in self.fragments for border in fragment]
        ascending = borders == sorted({*borders})
        if borders and not (
            len(borders) > 2 and ascending and self.span == (borders[0], borders[-1])
        ):
            raise ValueError(
                f"entity [{self.start}, {self.end}) with the fragments {list(self.fragments)}; "
                f"expected two or more with tokens between them, from its start to its end"
            )

    @classmethod
    def of_pieces(
        cls, pieces: Sequence[tuple[int, int]], type: str, confidence: float | None = None
    ) -> Entity:
        """An entity of spans in any order; those that touch or overlap are one fragment."""
        joined: list[tuple[int, int]] = []
        for start, end in sorted(pieces):
            if joined and start <= joined[-1][1]:
                start, end = joined[-1][0], max(joined.pop()[1], end)
            joined.append((start, end))
        fragments = tuple(joined) if len(joined) > 1 else ()
        return cls(joined[0][0], joined[-1][1], type, confidence, fragments)

    def __repr__(self) -> str:
        fragments = f", fragments={self.fragments}" if self.fragments else ""
        return (
            f"Entity(start={self.start!r}, end={self.end!r}, type={self.type!r}, "
            f"confidence={self.confidence!r}{fragments})"
        )

    @property
    def span(self) -> tuple[int, int]:
        """The borders without the type."""
        return self.start, self.end

    @property
    def pieces(self) -> tuple[tuple[int, int], ...]:
        """The fragments, or the span where there is one only."""
        return self.fragments or ((self.start, self.end),)

    @property
    def tokens(self) -> Iterator[int]:
        """The positions of its tokens, ascending."""
        return chain.from_iterable(range(*piece) for piece in self.pieces)

    def overlaps(self, other: Entity) -> bool:
        """Whether the two share a token."""
        both = ((one, two) for one in self.pieces for two in other.pieces)
        return any(one[0] < two[1] and two[0] < one[1] for one, two in both)

    def moved(self, distance: int) -> Entity:
        """The same entity so many tokens further on."""
        start, end = self.start + distance, self.end + distance
        fragments = tuple((one + distance, other + distance) for one, other in self.fragments)
        return replace(self, start=start, end=end, fragments=fragments)


@dataclass(frozen=True, slots=True, order=True)
class Relation:
    """A typed, directed link from a head entity to a tail entity of the same sentence.

    Raises:
        ValueError: if head and tail are the same entity.
    """

    head: Entity
    tail: Entity
    type: str
    confidence: float | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        if self.head == self.tail:
            raise ValueError(
                f"relation {self.type!r} links the entity [{self.head.start}, {self.head.end}) "
                f"{self.head.type!r} to itself"
            )


@dataclass(frozen=True, slots=True, order=True)
class Unaligned:
    """An annotation of a text that the tokens of its sentence cannot express.

    It begins or ends inside a token, goes on in the next sentence, or is a relation with such an
    argument.  No prediction on these tokens can match it, so as gold it counts as missed.

    It belongs to a `task`.  `spans` are half-open character positions in the text of the document:
    its own, or those of head and tail, of which `types` are the types, and `arguments` the
    fragments, where one of them has several.
    """

    task: str
    type: str
    spans: tuple[tuple[int, int], ...]
    types: tuple[str, ...]
    reason: str = field(default="", compare=False)
    arguments: tuple[tuple[tuple[int, int], ...], ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Sentence:
    """The tokens of a sentence with their annotations.

    `offsets` are half-open character positions ``(start_char, end_char)`` in the text of the
    document that holds the sentence, one pair for each token, ascending.  `annotated` names the
    tasks for which the sentence carries gold labels: a sentence with entities only is normal data.
    `unaligned` are annotations that begin in the sentence and that its tokens cannot express.

    Raises:
        ValueError: if tokens and offsets do not fit together, or an annotation lies outside the
            sentence, or the argument of a relation is not one of the entities.
    """

    tokens: tuple[str, ...]
    offsets: tuple[tuple[int, int], ...]
    entities: frozenset[Entity] = frozenset()
    relations: frozenset[Relation] = frozenset()
    annotated: frozenset[str] = frozenset(TASKS)
    id: str = ""
    unaligned: frozenset[Unaligned] = frozenset()

    def __post_init__(self) -> None:
        if len(self.tokens) != len(self.offsets):
            raise ValueError(
                f"sentence {self.id!r} has {len(self.tokens)} tokens and {len(self.offsets)} "
                f"offsets; expected one offset pair for each token"
            )
        for entity in self.entities:
            if entity.end > len(self.tokens):
                raise ValueError(
                    f"sentence {self.id!r}: entity [{entity.start}, {entity.end}) {entity.type!r} "
                    f"ends outside the {len(self.tokens)} tokens"
                )
        for relation in self.relations:
            for argument in (relation.head, relation.tail):
                if argument not in self.entities:
                    raise ValueError(
                        f"sentence {self.id!r}: relation {relation.type!r} has the argument "
                        f"[{argument.start}, {argument.end}) {argument.type!r}, "
                        f"which is not among the entities of the sentence"
                    )

    @classmethod
    def from_tokens(
        cls,
        tokens: Sequence[str],
        *,
        entities: Iterable[Entity] = (),
        relations: Iterable[Relation] = (),
        annotated: Iterable[str] = TASKS,
        id: str = "",
        unaligned: Iterable[Unaligned] = (),
    ) -> Sentence:
        """Make a sentence whose text is its tokens joined by single spaces."""
        offsets = []
        start = 0
        for token in tokens:
            offsets.append((start, start + len(token)))
            start += len(token) + 1
        return cls(
            tuple(tokens),
            tuple(offsets),
            frozenset(entities),
            frozenset(relations),
            frozenset(annotated),
            id,
            frozenset(unaligned),
        )

    @property
    def sorted_entities(self) -> list[Entity]:
        """The entities in reading order."""
        return sorted(self.entities)

    @property
    def sorted_relations(self) -> list[Relation]:
        """The relations in the reading order of their heads, then of their tails."""
        return sorted(self.relations)

    def with_annotations(
        self, entities: Iterable[Entity], relations: Iterable[Relation]
    ) -> Sentence:
        """The same tokens with these annotations in place of all that they had."""
        return replace(
            self,
            entities=frozenset(entities),
            relations=frozenset(relations),
            unaligned=frozenset(),
        )

    def without_annotations(self) -> Sentence:
        """The same tokens with nothing on them: what a model gets to see at prediction."""
        return self.with_annotations((), ())

    def unaligned_for(self, task: str) -> list[Unaligned]:
        """The annotations for a task that the tokens cannot express, in reading order."""
        return sorted(item for item in self.unaligned if item.task == task)


@dataclass(frozen=True, slots=True)
class Document:
    """A text and the sentences found in it.

    ``text[start_char:end_char]`` of every offset pair is the token as it stands in the text.

    Raises:
        ValueError: if an offset does not cut its token out of the text.
    """

    id: str
    text: str
    sentences: tuple[Sentence, ...] = ()

    def __post_init__(self) -> None:
        for sentence in self.sentences:
            for token, (start_char, end_char) in zip(
                sentence.tokens, sentence.offsets, strict=True
            ):
                if self.text[start_char:end_char] != token:
                    raise ValueError(
                        f"document {self.id!r}: the text at [{start_char}, {end_char}) is "
                        f"{self.text[start_char:end_char]!r}, the token {token!r}"
                    )

    @classmethod
    def from_sentence(cls, sentence: Sentence) -> Document:
        """Wrap a sentence made by `Sentence.from_tokens`: one document, one sentence."""
        return cls(sentence.id, " ".join(sentence.tokens), (sentence,))

    def surface(self, sentence: Sentence, entity: Entity) -> str:
        """The text of a sentence's entity, its fragments joined by a space."""
        return " ".join(self.text[start:end] for start, end in character_pieces(sentence, entity))


def character_span(sentence: Sentence, entity: Entity) -> tuple[int, int]:
    """The half-open character positions of an entity in its document, whatever lies between."""
    return sentence.offsets[entity.start][0], sentence.offsets[entity.end - 1][1]


def character_pieces(sentence: Sentence, entity: Entity) -> list[tuple[int, int]]:
    """The half-open character positions of an entity's fragments; one pair where it has none."""
    offsets = sentence.offsets
    return [(offsets[start][0], offsets[end - 1][1]) for start, end in entity.pieces]


def digest_of_sentences(sentences: Iterable[Sentence]) -> str:
    """SHA-256 of the tokens and annotations of sentences in their order, in hexadecimal digits."""
    digest = hashlib.sha256()
    for sentence in sentences:
        annotations = (
            sentence.sorted_entities,
            sentence.sorted_relations,
            sorted(sentence.annotated),
            *([sorted(sentence.unaligned)] if sentence.unaligned else []),
        )
        digest.update(repr((sentence.tokens, annotations)).encode())
    return digest.hexdigest()
