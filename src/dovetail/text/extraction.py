"""The result of extraction: the entities and relations of a text, in its characters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

from dovetail.text.document import (
    TASKS,
    Document,
    Entity,
    Sentence,
    character_pieces,
)
from dovetail.text.named_schemas import of_one, sentence_of
from dovetail.text.visibility import is_visible, visible_span

Scheme = Literal["page", "light", "dark"]
"""Whose colours a picture takes: those of the page that it stands on, or its own."""

Table = Literal["entities", "relations", "documents"]
"""What a data frame has a row for."""

Library = Literal["pandas", "polars", "arrow"]
"""Whose data frame it is."""


@dataclass(frozen=True, slots=True)
class TextEntity:
    """An entity at half-open character positions of a text.

    White space and characters of no width at its borders are not part of it.  `fragments` are the
    positions of the pieces of an entity that has several; `text` is then what these cover, joined
    by spaces.
    """

    start_char: int
    end_char: int
    type: str
    text: str
    confidence: float | None
    fragments: tuple[tuple[int, int], ...] = ()

    @property
    def pieces(self) -> tuple[tuple[int, int], ...]:
        """The fragments, or the one stretch of an entity without."""
        return self.fragments or ((self.start_char, self.end_char),)


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

    `thresholds` are the probabilities from which each relation type was taken.  What a model of
    several `schemas` found has their names before its types, such as `news/Person`, and
    `extraction["news"]` is what was found for one of them, with the types as that names them.
    """

    document: Document
    thresholds: Mapping[str, float]
    schemas: tuple[str, ...] = ()

    def __getitem__(self, schema: str) -> Extraction:
        """Return the part of the extraction that belongs to one of several schemas.

        Raises:
            KeyError: if the model has no schema of this name.
        """
        if schema not in self.schemas:
            known = ", ".join(self.schemas) or "one schema, whose types have no name before them"
            raise KeyError(f"the model has no schema {schema!r}; it has {known}")
        sentences = tuple(sentence_of(own, schema) for own in self.document.sentences)
        return Extraction(
            replace(self.document, sentences=sentences), of_one(self.thresholds, schema)
        )

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
            pieces = tuple(
                visible_span(self.text, *piece) for piece in character_pieces(sentence, entity)
            )
            text = " ".join(self.text[start:end] for start, end in pieces)
            confidence = _rounded(entity.confidence)
            fragments = pieces if entity.fragments else ()
            yield (
                entity,
                TextEntity(pieces[0][0], pieces[-1][1], entity.type, text, confidence, fragments),
            )

    def to_svg(self, *, width: float = 760, scheme: Scheme = "page") -> str:
        """Draw the text in lines, its entities under the words, its relations as arcs over them.

        All that others wrote is escaped.  The picture has no script, and refers to nothing.

        Args:
            width: of the picture, in pixels.
            scheme: ``page`` takes the colours of the page or notebook that the picture stands on;
                ``light`` and ``dark`` bring their own, as a file needs.

        Raises:
            ValueError: if there is no such scheme, or the width is below 100.
        """
        from dovetail.showing.drawing.picture import svg_of

        return svg_of(self.text, self.entities, self.relations, width=width, scheme=scheme)

    def to_dataframe(self, table: Table = "entities", *, library: Library | None = None) -> Any:
        """Make a data frame of what was found; `dovetail.to_dataframe` does so for many.

        Args:
            table: what has a row: ``entities``, ``relations`` or ``documents``.
            library: ``pandas``, ``polars`` or ``arrow``; by default the first that is installed.

        Raises:
            ValueError: if there is no such table or library.
            MissingExtraError: if the library, or any of the three, is not installed.
        """
        from dovetail.text.data_frames import to_dataframe

        return to_dataframe(self, table, library=library)

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        from dovetail.showing.drawing.notebook import html_of

        return html_of(self.text, self.entities, self.relations)

    def to_dict(self) -> dict[str, Any]:
        """JSON values: a document of the native corpus format, which reads back as this one.

        Offsets are half-open character positions in `text`; relations refer to entities by their
        place in the list; sentences hold the offsets of their tokens.
        """
        place = {id(entity): index for index, entity in enumerate(self.entities)}
        return {
            "id": self.document.id,
            "text": self.text,
            "entities": [
                {
                    "start": entity.start_char,
                    "end": entity.end_char,
                    **({"fragments": [*map(list, entity.fragments)]} if entity.fragments else {}),
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
            "sentences": [
                self._sentence_values(sentence, row)
                for sentence, row in zip(self.document.sentences, self._by_sentence, strict=True)
            ],
            **self._annotated_values(),
        }

    def _sentence_values(
        self, sentence: Sentence, row: Mapping[Entity, TextEntity]
    ) -> dict[str, Any]:
        """The offsets of the tokens, cut where an entity leaves out what cannot be seen."""
        offsets = [list(pair) for pair in sentence.offsets]
        for entity, in_text in row.items():
            for (first, after), (start, end) in zip(entity.pieces, in_text.pieces, strict=True):
                for pair in offsets[first:after]:
                    if is_visible(self.text[pair[0] : pair[1]]):
                        pair[0], pair[1] = max(pair[0], start), min(pair[1], end)
        values: dict[str, Any] = {"id": sentence.id} if sentence.id else {}
        return {**values, "offsets": offsets}

    def _annotated_values(self) -> dict[str, Any]:
        """The tasks that the document is annotated for, where they are not all."""
        found = {sentence.annotated for sentence in self.document.sentences} - {frozenset(TASKS)}
        return {"annotated": sorted(found.pop())} if len(found) == 1 else {}


def without_invisible(sentence: Sentence) -> Sentence:
    """A sentence without the entities that nothing can be seen of, and without their relations."""
    entities = frozenset(
        entity
        for entity in sentence.entities
        if all(any(map(is_visible, sentence.tokens[first:end])) for first, end in entity.pieces)
    )
    if len(entities) == len(sentence.entities):
        return sentence
    relations = frozenset(
        relation
        for relation in sentence.relations
        if relation.head in entities and relation.tail in entities
    )
    return replace(sentence, entities=entities, relations=relations)


def _rounded(confidence: float | None) -> float | None:
    """A confidence to four places: more of them would be noise."""
    return None if confidence is None else round(confidence, 4)
