"""Documents, sentences, entities and relations: the objects that every part of Dovetail speaks of.

They are frozen and hashable.  A confidence never takes part in equality, so gold and predicted
annotations compare as sets: ``gold & predicted`` are the correct ones.

This module knows nothing of files, tensors or models.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

ENTITY_TASK = "entity"
RELATION_TASK = "relation"
TASKS: tuple[str, ...] = (ENTITY_TASK, RELATION_TASK)
"""The default tasks, in the order in which one may read the values of another."""


@dataclass(frozen=True, slots=True, order=True)
class Entity:
    """A typed span of tokens; `end` is the index after the last token.

    Raises:
        ValueError: if the span is empty or negative.
    """

    start: int
    end: int
    type: str
    confidence: float | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.end:
            raise ValueError(f"entity span [{self.start}, {self.end}) is empty or negative")

    @property
    def span(self) -> tuple[int, int]:
        """The borders without the type."""
        return self.start, self.end

    def overlaps(self, other: Entity) -> bool:
        """Whether the two spans share a token."""
        return self.start < other.end and other.start < self.end


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

    `task` is the one that it belongs to.  `spans` are half-open character positions in the text of
    the document: its own, or those of head and tail; `types` are the types of these.
    """

    task: str
    type: str
    spans: tuple[tuple[int, int], ...]
    types: tuple[str, ...]
    reason: str = field(default="", compare=False)


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
        """The text that an entity of one of the document's sentences covers."""
        start_char, end_char = character_span(sentence, entity)
        return self.text[start_char:end_char]


def character_span(sentence: Sentence, entity: Entity) -> tuple[int, int]:
    """The half-open character positions of an entity in the text of its document."""
    return sentence.offsets[entity.start][0], sentence.offsets[entity.end - 1][1]


# What a reader does not see: soft hyphens, joiners, marks of direction, byte-order marks.  Not all
# of Unicode's format characters (Cf): those of Arabic and Kaithi numbers have a shape, and the tags
# (U+E0000 and above) end the emoji of a flag.
NO_WIDTH = frozenset(
    "\u00ad\u061c\u180e\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e"
    "\u2060\u2061\u2062\u2063\u2064\u2065\u2066\u2067\u2068\u2069\u206a\u206b\u206c\u206d\u206e\u206f"
    "\ufeff"
)


def visible_span(text: str, start_char: int, end_char: int) -> tuple[int, int]:
    """A stretch of text without white space and characters of no width at its borders.

    >>> visible_span("\ufeffBonn\u200b is", 0, 6)
    (1, 5)
    """
    while start_char < end_char and _is_invisible(text[start_char]):
        start_char += 1
    while start_char < end_char and _is_invisible(text[end_char - 1]):
        end_char -= 1
    return start_char, end_char


def is_visible(text: str) -> bool:
    """Whether there is anything in it to see."""
    return not all(map(_is_invisible, text))


def _is_invisible(character: str) -> bool:
    return character.isspace() or character in NO_WIDTH


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
