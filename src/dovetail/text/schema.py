"""The labels of a model: entity types, relation types, and which arguments a relation admits."""

from __future__ import annotations

import reprlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from dovetail.text.document import Relation, Sentence

MAX_TYPES = 1_000
"""Entity types, and relation types, that a model can tell apart."""


@dataclass(frozen=True, slots=True)
class Schema:
    """The types of a corpus and the argument types that each relation admits.

    `signatures` maps a relation type to the (head type, tail type) pairs that it admits; a
    relation type that is missing there admits every pair.  `symmetric` names the relations for
    which head and tail may be exchanged, `discontinuous` the entity types of which an entity may
    have several fragments.

    Raises:
        ValueError: if a type is listed twice, or a signature names a type that is not listed.
    """

    entity_types: tuple[str, ...]
    relation_types: tuple[str, ...]
    signatures: Mapping[str, frozenset[tuple[str, str]]] = field(default_factory=dict)
    symmetric: frozenset[str] = frozenset()
    discontinuous: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        for kind, types in (("entity", self.entity_types), ("relation", self.relation_types)):
            if len(set(types)) != len(types):
                raise ValueError(f"the {kind} types {list(types)} list a type twice")
        for relation_type in {*self.signatures, *self.symmetric}:
            if relation_type not in self.relation_types:
                raise ValueError(
                    f"the schema constrains the relation {relation_type!r}, "
                    f"which is not among its relation types {list(self.relation_types)}"
                )
        for relation_type, pairs in self.signatures.items():
            for entity_type in {type_ for pair in pairs for type_ in pair}:
                if entity_type not in self.entity_types:
                    raise ValueError(
                        f"the signature of {relation_type!r} names the entity type "
                        f"{entity_type!r}, which is not among {list(self.entity_types)}"
                    )
        if unknown := sorted(self.discontinuous.difference(self.entity_types)):
            raise ValueError(
                f"the schema has discontinuous entities of {', '.join(unknown)}, which is not "
                f"among {list(self.entity_types)}"
            )

    @classmethod
    def from_sentences(
        cls, sentences: Iterable[Sentence], *, symmetric: Iterable[str] = ()
    ) -> Schema:
        """Learn types and signatures from annotated sentences; types are sorted by name."""
        entity_types: set[str] = set()
        discontinuous: set[str] = set()
        signatures: defaultdict[str, set[tuple[str, str]]] = defaultdict(set)
        for sentence in sentences:
            entity_types.update(entity.type for entity in sentence.entities)
            discontinuous.update(e.type for e in sentence.entities if e.fragments)
            for relation in sentence.relations:
                signatures[relation.type].add((relation.head.type, relation.tail.type))
        return cls(
            entity_types=tuple(sorted(entity_types)),
            relation_types=tuple(sorted(signatures)),
            signatures={type_: frozenset(pairs) for type_, pairs in sorted(signatures.items())},
            symmetric=frozenset(symmetric) & frozenset(signatures),
            discontinuous=frozenset(discontinuous),
        )

    def admits(self, relation_type: str, head_type: str, tail_type: str) -> bool:
        """Whether a relation of this type may link these entity types, in this order.

        For a symmetric relation the order does not matter.
        """
        pairs = self.signatures.get(relation_type)
        if pairs is None or (head_type, tail_type) in pairs:
            return True
        return relation_type in self.symmetric and (tail_type, head_type) in pairs

    def allows(self, relation: Relation) -> bool:
        """Whether the relation's arguments are of types that it admits."""
        return self.admits(relation.type, relation.head.type, relation.tail.type)

    @property
    def fragment_types(self) -> dict[str, str]:
        """The networks' label of a fragment, by the type of its entity."""
        return _new_names(self.discontinuous, " (fragment)", self.entity_types)

    @property
    def link_types(self) -> dict[str, str]:
        """The networks' label of the link between two fragments, by the type of their entity."""
        return _new_names(self.discontinuous, " (same entity)", self.relation_types)

    @property
    def coded(self) -> Schema:
        """The types as the networks have them: those of fragments and of links come last.

        A fragment may be in whatever relation its entity may be in.
        """
        if not self.discontinuous:
            return self
        fragments, links = self.fragment_types, self.link_types

        def names(type_: str) -> list[str]:
            return [type_, *([fragments[type_]] if type_ in fragments else [])]

        signatures = {
            relation: frozenset(
                pair for head, tail in pairs for pair in product(names(head), names(tail))
            )
            for relation, pairs in self.signatures.items()
        }
        of_links = {links[type_]: frozenset({(own, own)}) for type_, own in fragments.items()}
        return Schema(
            (*self.entity_types, *fragments.values()),
            (*self.relation_types, *links.values()),
            {**signatures, **of_links},
            self.symmetric.union(links.values()),
        )

    def to_dict(self) -> dict[str, Any]:
        """The schema as plain JSON values; `from_dict` reads it back."""
        discontinuous = {"discontinuous": sorted(self.discontinuous)} if self.discontinuous else {}
        return {
            "entity_types": list(self.entity_types),
            "relation_types": list(self.relation_types),
            "signatures": {
                type_: [list(pair) for pair in sorted(pairs)]
                for type_, pairs in self.signatures.items()
            },
            "symmetric": sorted(self.symmetric),
            **discontinuous,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Schema:
        """Read what `to_dict` wrote.

        Raises:
            ValueError: if a field is missing or of the wrong form.
        """
        try:
            return cls(
                entity_types=_type_names(values["entity_types"]),
                relation_types=_type_names(values["relation_types"]),
                signatures={
                    type_: frozenset((head, tail) for head, tail in pairs)
                    for type_, pairs in values.get("signatures", {}).items()
                },
                symmetric=frozenset(values.get("symmetric", ())),
                discontinuous=frozenset(values.get("discontinuous", ())),
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"not a schema: {error!r} in {reprlib.repr(values)}") from error


def _new_names(types: Iterable[str], mark: str, taken: Sequence[str]) -> dict[str, str]:
    """A name that is not taken for each of these types."""
    names: dict[str, str] = {}
    for type_ in sorted(types):
        name = type_ + mark
        while name in taken or name in names.values():
            name += mark
        names[type_] = name
    return names


def _type_names(values: object) -> tuple[str, ...]:
    """Take a JSON value that must be a list of names.

    Raises:
        ValueError: if it is anything else, or has more than `MAX_TYPES` of them.
    """
    if not isinstance(values, list) or not all(isinstance(name, str) and name for name in values):
        raise ValueError(f"expected a list of names of types, found {reprlib.repr(values)}")
    if len(values) > MAX_TYPES:
        raise ValueError(f"expected at most {MAX_TYPES:,} types, found {len(values):,}")
    return tuple(values)
