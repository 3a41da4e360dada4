"""Discontinuous entities as a model says them: fragments, and links between these.

    Sentence --apart--> fragments as entities, links as relations --joined--> Sentence

The entity head finds fragments as entities of a type of their own, the relation head links each two
fragments of an entity, and every maximal set of fragments that are all linked with one another is
an entity again (Wang et al. 2021).  So one fragment may be part of several entities, as "pain" in
"hip and knee pain".  `Schema.coded` has the types of fragments and links; nobody but the networks
sees them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations

from dovetail.text.document import ENTITY_TASK, RELATION_TASK, Entity, Relation, Sentence
from dovetail.text.overlaps import longest_first
from dovetail.text.schema import Schema

MOST_JOINED = 100
"""Discontinuous entities of one type in a sentence; an untrained model may link everything."""

Group = frozenset[Entity]
"""The fragments of one discontinuous entity."""


@dataclass(frozen=True)
class Fragments:
    """Splits discontinuous entities into fragments and joins them, for the types of a schema."""

    schema: Schema

    def apart(self, sentence: Sentence) -> Sentence:
        """The sentence with fragments and links in place of its discontinuous entities.

        A relation of such an entity is one of its first fragment that no other one has.  What
        cannot be said in this way is left out: `joined` gives back what is not.
        """
        discontinuous = {entity for entity in sentence.entities if entity.fragments}
        links_alone = not self.schema.relation_types and bool(self.schema.discontinuous)
        if links_alone and ENTITY_TASK in sentence.annotated:
            # All relations that there can be are links, which the entities tell.
            sentence = replace(sentence, annotated=sentence.annotated | {RELATION_TASK})
        if not discontinuous:
            return sentence
        plain = sentence.entities.difference(discontinuous)
        groups = self._expressible(discontinuous, plain)
        places = {entity: entity for entity in plain} | _own_fragments(groups)
        links = [
            Relation(*pair, self._link(pair[0].type))
            for group in groups.values()
            for pair in combinations(sorted(group), 2)
        ]
        relations = [
            Relation(places[link.head], places[link.tail], link.type, link.confidence)
            for link in sentence.relations
            if link.head in places and link.tail in places
        ]
        return sentence.with_annotations(plain.union(*groups.values()), [*relations, *links])

    def joined(self, sentence: Sentence) -> Sentence:
        """The sentence with discontinuous entities in place of fragments and links.

        A fragment without a link is left out.  An entity is as certain as the least certain of its
        fragments and links.  A relation of a fragment is one of every entity that has it.
        """
        if not self.schema.discontinuous:
            return sentence
        fragments = {entity for entity in sentence.entities if entity.type in self._types}
        links = {link for link in sentence.relations if link.type in self._types_of_links}
        whole: dict[Entity, list[Entity]] = {
            entity: [entity] for entity in sentence.entities.difference(fragments)
        }
        for entity, group in _entities(fragments, links, self._types):
            for fragment in group:
                whole.setdefault(fragment, []).append(entity)
        relations = _most_certain(
            Relation(head, tail, link.type, link.confidence)
            for link in sentence.relations.difference(links)
            for head in whole.get(link.head, ())
            for tail in whole.get(link.tail, ())
            if head != tail
        )
        return sentence.with_annotations({e for row in whole.values() for e in row}, relations)

    def expressible_by(
        self, head: Callable[[Iterable[Entity]], list[Entity]]
    ) -> Callable[[Iterable[Entity]], list[Entity]]:
        """Picks what an entity head can express that is asked of fragments, in reading order."""

        def pick(entities: Iterable[Entity]) -> list[Entity]:
            known = frozenset(entities)
            plain = {entity for entity in known if not entity.fragments}
            groups = self._expressible(known - plain, plain)
            held = frozenset(head(plain.union(*groups.values())))
            whole = (entity for entity, group in groups.items() if group <= held)
            return sorted([*(plain & held), *whole])

        return pick

    @cached_property
    def _types(self) -> Mapping[str, str]:
        """The type of an entity by that of its fragments."""
        return {own: type_ for type_, own in self.schema.fragment_types.items()}

    @cached_property
    def _types_of_links(self) -> frozenset[str]:
        return frozenset(self.schema.link_types.values())

    def _link(self, fragment_type: str) -> str:
        return self.schema.link_types[self._types[fragment_type]]

    def _expressible(
        self, discontinuous: Iterable[Entity], plain: Iterable[Entity]
    ) -> dict[Entity, Group]:
        """The discontinuous entities that can be said beside one another, with their fragments.

        The longest first, each is taken if its fragments are no entities, nor fragments of another
        type, and if those that were taken before would still be found.
        """
        taken: dict[Entity, Group] = {}
        type_by_span = {entity.span: entity.type for entity in plain}
        for entity in longest_first(discontinuous):
            own = self.schema.fragment_types.get(entity.type)
            if own is None or any(type_by_span.get(piece, own) != own for piece in entity.pieces):
                continue
            group = frozenset(Entity(*piece, own) for piece in entity.pieces)
            groups = [*(known for known in taken.values() if _type_of(known) == own), group]
            links = {frozenset(pair) for known in groups for pair in combinations(known, 2)}
            fragments = sorted(frozenset().union(*groups))
            if set(_maximal_groups(fragments, links)) == {*groups}:
                taken[entity] = group
                type_by_span |= dict.fromkeys(entity.pieces, own)
        return taken


def _type_of(group: Group) -> str:
    return next(iter(group)).type


def _own_fragments(groups: Mapping[Entity, Group]) -> dict[Entity, Entity]:
    """Of each entity the first fragment that no other one has; none where they all are shared."""
    uses: defaultdict[Entity, int] = defaultdict(int)
    for group in groups.values():
        for fragment in group:
            uses[fragment] += 1
    own = {
        entity: [fragment for fragment in sorted(group) if uses[fragment] == 1]
        for entity, group in groups.items()
    }
    return {entity: fragments[0] for entity, fragments in own.items() if fragments}


def _entities(
    fragments: Iterable[Entity], links: Iterable[Relation], types: Mapping[str, str]
) -> Iterable[tuple[Entity, Group]]:
    """The entities that linked fragments are, with their fragments."""
    certainty = {
        frozenset((link.head, link.tail)): link.confidence
        for link in links
        if not _touch(link.head, link.tail)
    }
    by_type: defaultdict[str, list[Entity]] = defaultdict(list)
    for fragment in sorted(fragments):
        by_type[fragment.type].append(fragment)
    for fragment_type, own in by_type.items():
        for group in _maximal_groups(own, certainty.keys()):
            if len(group) > 1:
                said = [fragment.confidence for fragment in group]
                said += [certainty[frozenset(pair)] for pair in combinations(group, 2)]
                known = [confidence for confidence in said if confidence is not None]
                pieces = [fragment.span for fragment in group]
                type_ = types[fragment_type]
                yield Entity.of_pieces(pieces, type_, min(known, default=None)), group


def _touch(one: Entity, other: Entity) -> bool:
    """Whether no token stands between the two, so that they cannot be fragments of one entity."""
    return one.start <= other.end and other.start <= one.end


def _maximal_groups(fragments: Sequence[Entity], links: Iterable[Group]) -> list[Group]:
    """The sets of fragments that are all linked, and are part of no greater one: maximal cliques.

    Fragment by fragment, so that what is made on the way never is more than what is found; beyond
    `MOST_JOINED` groups the fragments that follow are left out.
    """
    near: defaultdict[Entity, set[Entity]] = defaultdict(set)
    for one, other in map(tuple, links):
        near[one].add(other)
        near[other].add(one)
    groups: list[Group] = []
    for fragment in fragments:
        linked = near[fragment]
        grown = {group & linked | {fragment} for group in groups} | {frozenset({fragment})}
        kept = [group for group in groups if not group <= linked]
        kept += sorted(
            (one for one in grown if not any(one < other for other in grown)), key=sorted
        )
        if len(kept) > MOST_JOINED:
            break
        groups = kept
    return groups


def _most_certain(relations: Iterable[Relation]) -> list[Relation]:
    """Each relation once, with its highest confidence."""
    best: dict[Relation, Relation] = {}
    for relation in relations:
        known = best.get(relation)
        if known is None or (known.confidence or 0.0) < (relation.confidence or 0.0):
            best[relation] = relation
    return list(best.values())
