"""What extraction gives back: the entities and relations of a text, in its characters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from dovetail.document import Document, Entity, Sentence, character_span


@dataclass(frozen=True, slots=True)
class TextEntity:
    """An entity at half-open character positions of a text."""

    start_char: int
    end_char: int
    type: str
    text: str
    confidence: float | None


@dataclass(frozen=True, slots=True)
class TextRelation:
    """A directed relation between two entities of a text."""

    head: TextEntity
    tail: TextEntity
    type: str
    confidence: float | None


@dataclass(frozen=True)
class Extraction:
    """A document with the entities and relations that a model found in it.

    `thresholds` are the probabilities from which each relation type was taken.
    """

    document: Document
    thresholds: Mapping[str, float]

    @property
    def text(self) -> str:
        """The text as it was given."""
        return self.document.text

    @cached_property
    def entities(self) -> tuple[TextEntity, ...]:
        """The entities in reading order."""
        return tuple(entity for row in self._by_sentence for entity in row.values())

    @cached_property
    def relations(self) -> tuple[TextRelation, ...]:
        """The relations in the reading order of their heads; their arguments are in `entities`."""
        return tuple(
            TextRelation(
                row[relation.head], row[relation.tail], relation.type, _rounded(relation.confidence)
            )
            for sentence, row in zip(self.document.sentences, self._by_sentence, strict=True)
            for relation in sentence.sorted_relations
        )

    @cached_property
    def _by_sentence(self) -> list[dict[Entity, TextEntity]]:
        return [dict(self._of_sentence(sentence)) for sentence in self.document.sentences]

    def _of_sentence(self, sentence: Sentence) -> Iterator[tuple[Entity, TextEntity]]:
        for entity in sentence.sorted_entities:
            start_char, end_char = character_span(sentence, entity)
            text = self.document.text[start_char:end_char]
            yield (
                entity,
                TextEntity(start_char, end_char, entity.type, text, _rounded(entity.confidence)),
            )

    def to_dict(self) -> dict[str, Any]:
        """JSON values: a document of the native corpus format, with the thresholds beside it.

        Offsets are half-open character positions in `text`; relations refer to entities by their
        place in the list.
        """
        place = {id(entity): index for index, entity in enumerate(self.entities)}
        return {
            "id": self.document.id,
            "text": self.text,
            "entities": [
                {
                    "start": entity.start_char,
                    "end": entity.end_char,
                    "type": entity.type,
                    "text": entity.text,
                    "confidence": entity.confidence,
                }
                for entity in self.entities
            ],
            "relations": [
                {
                    "head": place[id(relation.head)],
                    "tail": place[id(relation.tail)],
                    "type": relation.type,
                    "confidence": relation.confidence,
                }
                for relation in self.relations
            ],
            "thresholds": dict(self.thresholds),
        }


def _rounded(confidence: float | None) -> float | None:
    """A confidence to four places: more of them would be noise."""
    return None if confidence is None else round(confidence, 4)
