"""WebAnno TSV 3: annotations, gathered from the cells of all rows on which they stand."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from dovetail.corpora.format import Source
from dovetail.corpora.formats.webanno.webanno_layers import Layer, Value, values_of
from dovetail.corpora.ledger import ENTITY, RELATION
from dovetail.corpora.marking.marked_text import CharacterEntity, IndexedRelation, Span
from dovetail.errors import CorpusFormatError

Key = int | tuple[str, int]
"""The number of an annotation; where it has none, its unit and its place in the stack."""

_SOURCE = re.compile(r"([0-9]+-[0-9]+(?:\.[0-9]+)?)(?:\[([0-9]{1,12})_([0-9]{1,12})\])?")


@dataclass(frozen=True, slots=True)
class Row:
    """A token, or a stretch inside of one: its number, its characters and its cells."""

    unit: str
    is_token: bool
    span: Span
    token: str
    cells: Sequence[str]
    where: str


@dataclass(slots=True)
class _Entity:
    """An annotation: on which rows it stands, and what it is said to be."""

    type: str
    where: str
    rows: list[Row] = field(default_factory=list)
    position: int = -1

    def marked(self, is_blank: Callable[[int, int], bool]) -> CharacterEntity:
        """Rows with nothing but white space between them, as `is_blank` says, are one stretch."""
        rows = sorted(self.rows, key=lambda row: row.span)
        pieces = [rows[0].span]
        overlap = False
        for row in rows[1:]:
            start, end = pieces[-1]
            overlap = overlap or row.span[0] < end  # stretches inside a token may overlap
            if is_blank(end, row.span[0]):
                pieces[-1] = start, max(row.span[1], end)
            else:
                pieces.append(row.span)
        surface = None if overlap else " ".join(row.token for row in rows)
        fragments = tuple(pieces) if len(pieces) > 1 else ()
        return CharacterEntity(
            pieces[0][0], pieces[-1][1], self.type, self.where, None, surface, fragments
        )


@dataclass(slots=True)
class Annotations:
    """The entities and relations of a document."""

    id: str
    source: Source
    relations: list[IndexedRelation] = field(default_factory=list)
    _entities: dict[Key, _Entity] = field(default_factory=dict)
    _on_unit: dict[str, list[Key]] = field(default_factory=dict)

    def entities(self, is_blank: Callable[[int, int], bool]) -> list[CharacterEntity]:
        """The entities in the order of their first rows.

        Args:
            is_blank: whether only white space stands between two positions of the file.
        """
        return [entity.marked(is_blank) for entity in self._entities.values()]

    def read_entities(self, rows: Sequence[Row], layer: Layer) -> None:
        """Gather the annotations of a span layer."""
        column = layer.type_column()
        unread = {name: at for name, at in layer.features().items() if at != column}
        for row in rows:
            for name, at in unread.items():
                filled = any(value.text is not None for value in values_of(row.cells[at]))
                self.source.tally.note(f"feature {name!r} of {layer.name!r} is not read", filled)
            for place, value in enumerate(
                values_of(row.cells[layer.column if column is None else column])
            ):
                with self.source.faults.guard(ENTITY, self.id):
                    self._add(row, value, place, layer)

    def _add(self, row: Row, value: Value, place: int, layer: Layer) -> None:
        key: Key = value.id or (row.unit, place)
        type_ = value.text or layer.short_name
        entity = self._entities.get(key)
        if entity is None:
            entity = _Entity(type_, row.where, position=len(self._entities))
            self._entities[key] = entity
        elif entity.type != type_:
            raise CorpusFormatError(
                f"{row.where}: the annotation [{value.id}] is {type_!r}, but {entity.type!r} in "
                f"{entity.where}; give both rows the same value, or different numbers"
            )
        entity.rows.append(row)
        self._on_unit.setdefault(row.unit, []).append(key)

    def read_relations(self, rows: Sequence[Row], layer: Layer) -> None:
        """Gather the annotations of a relation layer; they stand on the row of their target."""
        column = layer.type_column()
        for row in rows:
            sources = (
                []
                if row.cells[layer.base_column] == "_"
                else row.cells[layer.base_column].split("|")
            )
            values = values_of(row.cells[column]) if column is not None else []
            if column is not None and len(values) != len(sources):
                message = (
                    f"{row.where}: {len(values)} values of relations, and {len(sources)} sources; "
                    f"expected as many"
                )
                self.source.faults.add(RELATION, self.id, message)
                continue
            for place, source in enumerate(sources):
                with self.source.faults.guard(RELATION, self.id):
                    type_ = values[place].text if values else None
                    self._relate(row, source, type_ or layer.short_name)

    def _relate(self, row: Row, source: str, type_: str) -> None:
        match = _SOURCE.fullmatch(source)
        if match is None:
            raise CorpusFormatError(
                f"{row.where}: expected the source of a relation as '1-2' or '1-2[3_0]', found "
                f"{source[:60]!r}"
            )
        head = self._find(match[1], int(match[2] or 0), row.where)
        tail = self._find(row.unit, int(match[3] or 0), row.where)
        self.relations.append(IndexedRelation(head, tail, type_))

    def _find(self, unit: str, id: int, where: str) -> int:
        """The annotation of a number, or the only one that stands on a row."""
        on_unit = self._on_unit.get(unit, [])
        if id and id in self._entities:
            return self._entities[id].position
        if not id and len(on_unit) == 1:
            return self._entities[on_unit[0]].position
        meant = f"the annotation [{id}]" if id else "one annotation"
        raise CorpusFormatError(
            f"{where}: a relation refers to {meant} on {unit}, which has "
            f"{len(on_unit)} of the layer that it links; correct the number"
        )
