"""The relations of a BioC document: between annotations, relations, or concepts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

from dovetail.corpora.format import Source
from dovetail.corpora.ledger import RELATION
from dovetail.corpora.marking.concepts import ConceptRelation, Mentions, between_mentions
from dovetail.corpora.marking.marked_text import CharacterEntity, IndexedRelation
from dovetail.corpora.source.json_records import Record, check_characters, describe
from dovetail.errors import CorpusFormatError

_HEADS = frozenset(["head", "source", "subject", "agent", "arg1", "from", "trigger"])
_TAILS = frozenset(["tail", "target", "object", "arg2", "to"])
_CONCEPT_PAIRS = (("entity1", "entity2"), ("role1", "role2"))

_Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class _Linked:
    """A relation by the keys of its nodes, the first of them its head."""

    type: str
    scope: str
    nodes: tuple[tuple[str, str], ...]  # refid and role
    where: str


@dataclass(slots=True)
class Relations:
    """Gathers what relations of a document refer to, and then makes them.

    A name is looked for in its own passage first, then in the whole document.
    """

    source: Source
    document_id: str
    _positions: dict[_Key, int | None] = field(default_factory=dict)  # None: nothing to link to
    _scopes: dict[str, str] = field(default_factory=dict)  # the first passage that has a name
    _relations: dict[_Key, _Linked] = field(default_factory=dict)
    _listed: list[_Linked | Record] = field(default_factory=list)
    _mentions: Mentions = field(default_factory=Mentions)

    def define(self, id: str, scope: str, record: Record) -> None:
        """Take the name of an annotation, which nothing can link to as yet."""
        if id:
            self._check_new(id, scope, record)
            self._positions[scope, id] = None

    def stand(
        self, id: str, scope: str, record: Record, position: int, entity: CharacterEntity
    ) -> None:
        """An annotation is the entity at a position; its infons may be names of its concept."""
        if id:
            self._positions[scope, id] = position
        for key, value in infons_of(record).items():
            if key != "type":
                self._mentions.add(position, entity, value)

    def add(self, record: Record, scope: str) -> None:
        """Take a relation; it is made when everything that it may refer to is known."""
        id, nodes = record.identifier("id"), record.records("nodes")
        if not nodes or _concepts(record) is not None:
            self._listed.append(record)
            return
        pairs = [(node.identifier("refid"), node.identifier("role")) for node in nodes]
        ordered = sorted(pairs, key=lambda pair: _rank(pair[1]))
        linked = _Linked(_type(record), scope, tuple(ordered), record.where)
        if len(ordered) < 2:
            record.fail(f"expected at least two nodes, found {len(ordered)}")
        if id:
            self._check_new(id, scope, record)
            self._relations[scope, id] = linked
        self._listed.append(linked)

    def _check_new(self, id: str, scope: str, record: Record) -> None:
        if (scope, id) in self._positions or (scope, id) in self._relations:
            record.fail(f"{id!r} is defined twice; give each its own id")
        self._scopes.setdefault(id, scope)

    def resolved(self, entities: Sequence[CharacterEntity]) -> list[IndexedRelation]:
        """The relations between entities; those without a mention are read and dropped."""
        found: list[IndexedRelation] = []
        for item in self._listed:
            with self.source.faults.guard(RELATION, self.document_id):
                if isinstance(item, _Linked):
                    found += self._between_nodes(item)
                else:
                    found += self._between_concepts(item)
        return found

    def _between_nodes(self, linked: _Linked) -> list[IndexedRelation]:
        (first, _), *others = linked.nodes
        head = self._position(first, linked)
        several = len(others) > 1
        self.source.tally.note(
            "relation of several nodes: read as relations from its first", several
        )
        return [
            IndexedRelation(head, self._position(refid, linked), (several and role) or linked.type)
            for refid, role in others
        ]

    def _position(self, refid: str, linked: _Linked) -> int | None:
        """The entity that a node stands for; of another relation it is the first."""
        scope, passed = linked.scope, set[_Key]()
        while True:
            key = (scope, refid)
            if key not in self._positions and key not in self._relations:
                key = (self._scopes.get(refid, scope), refid)
            if key in self._positions:
                return self._positions[key]
            if key not in self._relations:
                _fail(linked, f"refers to {refid!r}, which the document does not define")
            if key in passed:
                _fail(linked, f"refers to {refid!r}, which refers to itself")
            passed.add(key)
            self.source.tally.note("relation to a relation: read as one to the first of its nodes")
            scope, ((refid, _), *_) = key[0], self._relations[key].nodes

    def _between_concepts(self, record: Record) -> list[IndexedRelation]:
        concepts = _concepts(record)
        type_ = _type(record)
        if concepts is None:
            values = [
                value
                for key, value in infons_of(record).items()
                if key not in ("type", "relation") and value in self._mentions
            ]
            if len(values) != 2:
                record.fail(
                    f"expected nodes, or two infons that name concepts of the text; the infons "
                    f"are {infons_of(record)}"
                )
            concepts = values[0], values[1]
        relation = ConceptRelation(type_, *concepts)
        return between_mentions([relation], self._mentions, self.source, self.document_id)


def infons_of(record: Record) -> dict[str, str]:
    """The infons with their values as texts; an identifier within an object stands for it."""
    infons = record.values.get("infons")
    if infons is None:
        return {}
    if not isinstance(infons, dict):
        record.fail(f"'infons': expected an object, found {describe(infons)}")
    return {
        key: check_characters(_text(value), f"{record.where}: {key!r}")
        for key, value in infons.items()
        if value is not None
    }


def _text(value: Any) -> str:
    return str(value.get("identifier", "")) if isinstance(value, dict) else str(value)


def _type(record: Record) -> str:
    """The infon ``type`` or ``relation``, or the only one."""
    infons = infons_of(record)
    only = next(iter(infons.values())) if len(infons) == 1 else ""
    type_ = infons.get("type") or infons.get("relation") or only
    return type_ or record.fail(f"a relation without an infon 'type'; it has {sorted(infons)}")


def _concepts(record: Record) -> tuple[str, str] | None:
    """The concepts that a relation names in the infons made for it."""
    infons = infons_of(record)
    for first, second in _CONCEPT_PAIRS:
        if infons.get(first) and infons.get(second):
            return infons[first], infons[second]
    return None


def _rank(role: str) -> int:
    """Heads come first and tails last, whatever their order in the file."""
    return 0 if role.lower() in _HEADS else 2 if role.lower() in _TAILS else 1


def _fail(linked: _Linked, message: str) -> NoReturn:
    raise CorpusFormatError(f"{linked.where}: a relation {message}; correct it")
