"""What a model can say: entity types, relation types, and which arguments a relation admits."""

from __future__ import annotations

import reprlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from dovetail.text.document import Relation, Sentence

MAX_TYPES = 1_000
"""Entity types, and relation types, that a model can tell apart."""


@dataclass(frozen=True, slots=True)
class Schema:
    """The types of a corpus and the argument types that each relation admits.

    `signatures` maps a relation type to the (head type, tail type) pairs that it admits; a
    relation type that is missing there admits every pair.  `symmetric` names the relations for
    which head and tail may be exchanged.

    Raises:
        ValueError: if a type is listed twice, or a signature names a type that is not listed.
    """

    entity_types: tuple[str, ...]
    relation_types: tuple[str, ...]
    signatures: Mapping[str, frozenset[tuple[str, str]]] = field(default_factory=dict)
    symmetric: frozenset[str] = frozenset()

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

    @classmethod
    def from_sentences(
        cls, sentences: Iterable[Sentence], *, symmetric: Iterable[str] = ()
    ) -> Schema:
        """Learn types and signatures from annotated sentences; types are sorted by name."""
        entity_types: set[str] = set()
        signatures: defaultdict[str, set[tuple[str, str]]] = defaultdict(set)
        for sentence in sentences:
            entity_types.update(entity.type for entity in sentence.entities)
            for relation in sentence.relations:
                signatures[relation.type].add((relation.head.type, relation.tail.type))
        return cls(
            entity_types=tuple(sorted(entity_types)),
            relation_types=tuple(sorted(signatures)),
            signatures={type_: frozenset(pairs) for type_, pairs in sorted(signatures.items())},
            symmetric=frozenset(symmetric) & frozenset(signatures),
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

    def to_dict(self) -> dict[str, Any]:
        """The schema as plain JSON values; `from_dict` reads it back."""
        return {
            "entity_types": list(self.entity_types),
            "relation_types": list(self.relation_types),
            "signatures": {
                type_: [list(pair) for pair in sorted(pairs)]
                for type_, pairs in self.signatures.items()
            },
            "symmetric": sorted(self.symmetric),
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
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"not a schema: {error!r} in {reprlib.repr(values)}") from error


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
