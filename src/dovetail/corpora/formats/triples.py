"""Triples without offsets, as language models write them: a text, and who is related to whom.

``{"text": …, "triples": [[head, relation, tail], …]}``, or objects in place of the lists, with
types of their arguments if there are any.  The arguments are looked for in the text: as they stand,
then with other white space, then with other capitals, and only as whole words.  Wherever the text
of an entity stands it is marked; a relation holds between the two mentions that are nearest to each
other, within one sentence if there is such a pair.  What is not found is dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property

from dovetail.corpora.format import Format, Sample, Source
from dovetail.corpora.ledger import ENTITY, RELATION, Drop
from dovetail.corpora.marking.assembly import UniqueNames
from dovetail.corpora.marking.marked_text import CharacterEntity, IndexedRelation, MarkedText, Span
from dovetail.corpora.marking.mentions import Mentions, nearest_pair
from dovetail.corpora.marking.token_grid import Grid
from dovetail.corpora.marking.tokens import tokenizer_for
from dovetail.corpora.source.json_objects import read_each
from dovetail.corpora.source.json_records import Record, check_characters, describe
from dovetail.text.document import ENTITY_TASK, RELATION_TASK
from dovetail.text.tokenization import Tokenizer

DEFAULT_TYPE = "Entity"
"""The type of an argument that has none."""

NOT_IN_TEXT = "its text does not occur"
NO_ARGUMENT = "an argument does not occur in the text"

_TRIPLES = ("triples", "triplets", "relations")
_NAMES = {
    "head": ("head", "subject"),
    "relation": ("relation", "type", "predicate", "label"),
    "tail": ("tail", "object"),
    "head_type": ("head_type", "subject_type"),
    "tail_type": ("tail_type", "object_type"),
    "surface": ("text", "name"),
    "entity_type": ("type", "label"),
}


@dataclass(frozen=True, slots=True)
class _Triple:
    """Head, relation and tail as texts; the types are empty where there are none."""

    head: str
    relation: str
    tail: str
    head_type: str = ""
    tail_type: str = ""


@dataclass(frozen=True, slots=True)
class _Item:
    """What a line says of its text."""

    id: str
    text: str
    triples: Sequence[_Triple]
    types: dict[str, str]  # of entities by their text, in the order of the line
    annotated: frozenset[str]
    where: str

    @property
    def name(self) -> str:
        return self.id or self.where.rsplit("/", 1)[-1]


@dataclass(slots=True)
class _Parser:
    source: Source
    names: UniqueNames = field(default_factory=UniqueNames)

    def read_item(self, record: Record) -> _Item:
        id = record.identifier("id")
        self.names.add(id, record.where)
        field_ = next((name for name in _TRIPLES if name in record), _TRIPLES[0])
        for extra in sorted(record.values.keys() - {"id", "text", "entities", field_}):
            self.source.tally.note(f"field {extra!r} is not read")
        name = id or record.where.rsplit("/", 1)[-1]
        triples: list[_Triple] = []
        types: dict[str, str] = {}
        for position, item in enumerate(record.items("entities") if "entities" in record else []):
            with self.source.faults.guard(ENTITY, name):
                surface, type_ = _entity(item, f"{record.where}: entities[{position}]")
                types.setdefault(surface, type_)
        for position, item in enumerate(record.items(field_) if field_ in record else []):
            with self.source.faults.guard(RELATION, name):
                triples.append(_triple(item, f"{record.where}: {field_}[{position}]"))
        # That no triple was found says nothing of entities, of which nobody was asked.
        tasks = {RELATION_TASK} if field_ in record else set()
        tasks |= {ENTITY_TASK} if triples or "entities" in record else set()
        text = record.string("text")
        return _Item(id, text, triples, types, frozenset(tasks), record.where)


def _triple(item: object, where: str) -> _Triple:
    if isinstance(item, dict):
        record = Record(item, where)
        head, relation, tail = (_text(record, name) for name in ("head", "relation", "tail"))
        types = [_text(record, name, may_be_absent=True) for name in ("head_type", "tail_type")]
        return _Triple(head, relation, tail, types[0], types[1])
    if not (isinstance(item, list) and len(item) == 3 and all(isinstance(x, str) for x in item)):
        Record({}, where).fail(
            f"expected [head, relation, tail], or an object with these; found {describe(item)}"
        )
    for part in item:
        if not check_characters(part, where).strip():
            Record({}, where).fail("head, relation and tail must not be empty; name all three")
    return _Triple(*item)


def _entity(item: object, where: str) -> tuple[str, str]:
    """An entity of the line: its text, or an object with its text and type."""
    if isinstance(item, str) and item.strip():
        return check_characters(item, where), ""
    record = Record.of(item, where)
    return _text(record, "surface"), _text(record, "entity_type", may_be_absent=True)


def _text(record: Record, part: str, *, may_be_absent: bool = False) -> str:
    """A text under any of the names that it goes by."""
    names = _NAMES[part]
    name = next((name for name in names if name in record), names[0])
    if may_be_absent and name not in record:
        return ""
    text = record.string(name)
    return text if text.strip() else record.fail(f"{name!r} is empty; name it, or leave it out")


@dataclass
class _Aligner:
    """Finds the arguments of triples in their texts."""

    source: Source
    items: Sequence[_Item]

    @cached_property
    def tokenizer(self) -> Tokenizer:
        """What cuts the texts; made when it first matters which sentence something is in."""
        return tokenizer_for((item.text for item in self.items), self.source.reading)[0]

    def align(self, item: _Item) -> MarkedText:
        types, of_triples = _types_of(item)
        mentions = Mentions(item.text, list(types))
        grid = cache(lambda: Grid(self.tokenizer.units(item.text, item.id)))
        entities: list[CharacterEntity] = []
        positions: dict[tuple[Span, str], int] = {}
        for surface, surface_types in types.items():
            places = mentions.places(surface)
            self.account(item, surface, surface_types, mentions)
            for type_ in surface_types:
                for place in places:
                    if (place, type_) not in positions:
                        positions[place, type_] = len(entities)
                        entities.append(CharacterEntity(*place, type_, item.where))
        relations = []
        for triple, (head_type, tail_type) in zip(item.triples, of_triples, strict=True):
            pair = self.pair_of(triple, mentions, item.name, grid)
            if pair is not None:
                head, tail = positions[pair[0], head_type], positions[pair[1], tail_type]
                relations.append(IndexedRelation(head, tail, triple.relation))
        return MarkedText(
            *(item.id, item.text, entities, relations, item.where, item.annotated),
            offsets="codepoints",
        )

    def account(self, item: _Item, surface: str, types: Sequence[str], mentions: Mentions) -> None:
        """Enter in the ledger how the text of an entity was found, or that it was not."""
        tally, places = self.source.tally, mentions.places(surface)
        if not places:
            tally.read(ENTITY)
            shown = f"{types[0]} {surface[:60]!r}"
            tally.drop(Drop(item.name, ENTITY, NOT_IN_TEXT, type=shown))
            return
        tally.note(f"entity: found with other {mentions.how(surface)}", bool(mentions.how(surface)))
        tally.note("entity: marked wherever its text stands, several times", len(places) > 1)

    def pair_of(
        self, triple: _Triple, mentions: Mentions, name: str, grid: Callable[[], Grid]
    ) -> tuple[Span, Span] | None:
        """The mentions that a triple is read between; None if an argument was not found."""
        heads, tails = mentions.places(triple.head), mentions.places(triple.tail)
        if not heads or not tails:
            self.source.tally.read(RELATION)
            self.source.tally.drop(Drop(name, RELATION, NO_ARGUMENT, type=triple.relation))
            return None
        if len(heads) == len(tails) == 1:
            return heads[0], tails[0]
        self.source.tally.note(
            "relation: an argument stands in several places; the nearest pair was taken, within "
            "one sentence if there is one"
        )
        return nearest_pair(heads, tails, grid().unit_at)


def _types_of(item: _Item) -> tuple[dict[str, list[str]], list[tuple[str, str]]]:
    """The types of each entity by its text, and those of the arguments of each triple.

    A type is what the triple says, else what the line or another triple says, else the default.
    """
    known = {_folded(text): type_ for text, type_ in item.types.items() if type_}
    for triple in item.triples:
        for text, type_ in ((triple.head, triple.head_type), (triple.tail, triple.tail_type)):
            if type_:
                known.setdefault(_folded(text), type_)
    found = {text: [known.get(_folded(text), DEFAULT_TYPE)] for text in item.types}
    of_triples = []
    for triple in item.triples:
        head_type = triple.head_type or known.get(_folded(triple.head), DEFAULT_TYPE)
        tail_type = triple.tail_type or known.get(_folded(triple.tail), DEFAULT_TYPE)
        of_triples.append((head_type, tail_type))
        for text, type_ in ((triple.head, head_type), (triple.tail, tail_type)):
            types = found.setdefault(text, [])
            types += [type_] if type_ not in types else []
    return found, of_triples


def _folded(text: str) -> str:
    """A text without what may differ between it and its mention."""
    return " ".join(text.split()).casefold()


def _read(source: Source) -> list[MarkedText]:
    items = read_each(source, _Parser(source).read_item)
    aligner = _Aligner(source, items)
    return [aligner.align(item) for item in items]


def _recognises(sample: Sample) -> bool:
    if "text" not in sample.keys:
        return False
    if {"triples", "triplets"} & sample.keys:
        return True
    relations = sample.records[0].get("relations")
    first = relations[0] if isinstance(relations, list) and relations else None
    return isinstance(first, dict) and any(
        isinstance(first.get(name), str) for name in _NAMES["head"]
    )


TRIPLES = Format(
    "triples",
    "triples without offsets, as language models write them: they are looked for in the text",
    _read,
    None,
    _recognises,
    needs='JSON objects with "text" and "triples"',
)
