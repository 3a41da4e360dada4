"""What kind of error each wrong or missed fact is: a partition, so that the counts add up.

Every gold fact that is not predicted and every predicted fact that is not gold belongs to exactly
one error, and an error holds at most one of each.  So the errors that hold a gold fact are as many
as the false negatives of strict scores, and those that hold a predicted fact as many as the false
positives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from dovetail.evaluation.facts import Fact, relation_fact
from dovetail.text.document import ENTITY_TASK, RELATION_TASK, Entity, Relation, Sentence, Unaligned


class EntityErrorKind(StrEnum):
    """Kinds of wrong entities; the pairs come in the order in which they are made."""

    WRONG_TYPE = "wrong type"
    """Both borders right, the type wrong."""
    WRONG_BORDER = "wrong border"
    """The type right, some tokens in common, a border wrong."""
    WRONG_BORDER_AND_TYPE = "wrong border and type"
    """Some tokens in common, and neither borders nor type right."""
    MISSED = "missed"
    """Nothing was predicted that could be meant for it."""
    SPURIOUS = "spurious"
    """There is nothing in the gold annotations that it could be meant for."""


class RelationErrorKind(StrEnum):
    """Kinds of wrong relations; the pairs come in the order in which they are made."""

    WRONG_TYPE = "wrong type"
    """Both entities and the direction right, the type wrong."""
    WRONG_DIRECTION = "wrong direction"
    """Both entities and the type right, head and tail exchanged."""
    MISSED = "missed"
    """Both entities were found, the link between them was not."""
    LOST_BY_ENTITY = "lost by an entity"
    """An argument was not found as it is, so the relation could not be."""
    SPURIOUS = "spurious"
    """A link between two right entities that are not linked so."""
    SPURIOUS_BY_ENTITY = "spurious by an entity"
    """A link with an argument that is wrong itself."""


Thing = TypeVar("Thing", Entity, Relation)
Kind = TypeVar("Kind", EntityErrorKind, RelationErrorKind)


@dataclass(frozen=True, slots=True)
class EntityError:
    """One error: what is gold, what is predicted, or one in place of the other."""

    kind: EntityErrorKind
    gold: Entity | None = None
    predicted: Entity | None = None

    @property
    def entity(self) -> Entity:
        """The gold entity, or where there is none the predicted one."""
        entity = self.gold or self.predicted
        if entity is None:
            raise ValueError(f"an error of kind {self.kind.value!r} with neither side")
        return entity


@dataclass(frozen=True, slots=True)
class RelationError:
    """One error, as of entities; `causes` are the entity errors that it follows from."""

    kind: RelationErrorKind
    gold: Relation | None = None
    predicted: Relation | None = None
    causes: tuple[EntityError, ...] = ()

    @property
    def relation(self) -> Relation:
        """The gold relation, or where there is none the predicted one."""
        relation = self.gold or self.predicted
        if relation is None:
            raise ValueError(f"an error of kind {self.kind.value!r} with neither side")
        return relation


@dataclass(frozen=True, slots=True)
class SentenceErrors:
    """All that is wrong with the predictions of one sentence.

    What the tokens of the sentence cannot express makes errors of its own: gold that could only be
    missed, and predictions made on other tokens.
    """

    entities: tuple[EntityError, ...]
    relations: tuple[RelationError, ...]
    unaligned_missed: tuple[Unaligned, ...] = ()
    unaligned_wrong: tuple[Unaligned, ...] = ()

    def consequences(self, error: EntityError) -> tuple[RelationError, ...]:
        """The wrong relations that an entity error has a part in."""
        return tuple(relation for relation in self.relations if error in relation.causes)


def errors_by_kind(
    gold: Sequence[Sentence],
    predicted: Sequence[Sentence],
    *,
    symmetric: frozenset[str] = frozenset(),
) -> list[SentenceErrors]:
    """Sort the errors of each sentence, of the tasks that its gold version is annotated for.

    Args:
        gold: the sentences with their gold annotations.
        predicted: the same sentences with the predicted ones, in the same order.
        symmetric: relation types whose two directions count as one.
    """
    found = []
    for truth, guess in zip(gold, predicted, strict=True):
        entities = entity_errors(truth, guess) if ENTITY_TASK in truth.annotated else ()
        relations = (
            relation_errors(truth, guess, entities, symmetric)
            if RELATION_TASK in truth.annotated
            else ()
        )
        found.append(
            SentenceErrors(
                entities,
                relations,
                _beside(truth.unaligned - guess.unaligned, truth),
                _beside(guess.unaligned - truth.unaligned, truth),
            )
        )
    return found


def _beside(items: Iterable[Unaligned], truth: Sentence) -> tuple[Unaligned, ...]:
    return tuple(sorted(item for item in items if item.task in truth.annotated))


def entity_errors(gold: Sentence, predicted: Sentence) -> tuple[EntityError, ...]:
    """The wrong and the missed entities of one sentence, in reading order.

    A missed and a wrong entity make a pair if they share a token: first those of the same borders,
    then those of the same type, then the others; within these, the pair that shares more tokens
    goes first, then the one that comes first.  Each entity is in one pair at the most.
    """
    paired, missed, wrong = _pair(
        gold.entities - predicted.entities,
        predicted.entities - gold.entities,
        _entity_pairing,
        tuple(EntityErrorKind),
    )
    errors = [
        *(EntityError(pair.kind, pair.gold, pair.predicted) for pair in paired),
        *(EntityError(EntityErrorKind.MISSED, gold=entity) for entity in missed),
        *(EntityError(EntityErrorKind.SPURIOUS, predicted=entity) for entity in wrong),
    ]
    return tuple(sorted(errors, key=lambda error: error.entity))


def _entity_pairing(missed: Entity, wrong: Entity) -> tuple[EntityErrorKind, int] | None:
    shared = len({*missed.tokens} & {*wrong.tokens})
    if not shared:
        return None
    if missed.pieces == wrong.pieces:
        return EntityErrorKind.WRONG_TYPE, -shared
    if missed.type == wrong.type:
        return EntityErrorKind.WRONG_BORDER, -shared
    return EntityErrorKind.WRONG_BORDER_AND_TYPE, -shared


def relation_errors(
    gold: Sentence,
    predicted: Sentence,
    entity_errors: Iterable[EntityError] = (),
    symmetric: frozenset[str] = frozenset(),
) -> tuple[RelationError, ...]:
    """The wrong and the missed relations of one sentence.

    A relation with an argument that the other side does not have is put down to that entity.  Of
    the others, a missed and a wrong one make a pair if they link the same two entities: first those
    of the same direction, then those of the same type.  Each relation is in one pair at the most.
    """
    errors = tuple(entity_errors)
    missed = _without(gold, predicted, symmetric)
    wrong = _without(predicted, gold, symmetric)
    lost = [link for link in missed if not {link.head, link.tail} <= predicted.entities]
    baseless = [link for link in wrong if not {link.head, link.tail} <= gold.entities]

    paired, unlinked, spurious = _pair(
        set(missed).difference(lost),
        set(wrong).difference(baseless),
        lambda one, other: _link_pairing(one, other, symmetric),
        tuple(RelationErrorKind),
    )
    kinds = RelationErrorKind
    return (
        *(RelationError(pair.kind, pair.gold, pair.predicted) for pair in paired),
        *(RelationError(kinds.MISSED, gold=link) for link in unlinked),
        *(RelationError(kinds.SPURIOUS, predicted=link) for link in spurious),
        *(
            RelationError(kinds.LOST_BY_ENTITY, gold=link, causes=_causes_of_loss(link, errors))
            for link in lost
        ),
        *(
            RelationError(
                kinds.SPURIOUS_BY_ENTITY, predicted=link, causes=_causes_of_excess(link, errors)
            )
            for link in baseless
        ),
    )


def _link_pairing(
    missed: Relation, wrong: Relation, symmetric: frozenset[str]
) -> tuple[RelationErrorKind, int] | None:
    same = (missed.head, missed.tail) == (wrong.head, wrong.tail)
    turned = (missed.head, missed.tail) == (wrong.tail, wrong.head)
    if same or (turned and {missed.type, wrong.type} & symmetric):
        return RelationErrorKind.WRONG_TYPE, 0
    if turned and missed.type == wrong.type:
        return RelationErrorKind.WRONG_DIRECTION, 0
    return None


def _without(sentence: Sentence, other: Sentence, symmetric: frozenset[str]) -> list[Relation]:
    """The relations that say what the other sentence does not, each fact once, sorted."""
    said = {relation_fact(relation, symmetric) for relation in other.relations}
    by_fact: dict[Fact, Relation] = {}
    for relation in sentence.sorted_relations:
        by_fact.setdefault(relation_fact(relation, symmetric), relation)
    return [relation for fact, relation in by_fact.items() if fact not in said]


def _causes_of_loss(link: Relation, errors: Sequence[EntityError]) -> tuple[EntityError, ...]:
    return tuple(error for error in errors if error.gold in (link.head, link.tail))


def _causes_of_excess(link: Relation, errors: Sequence[EntityError]) -> tuple[EntityError, ...]:
    return tuple(error for error in errors if error.predicted in (link.head, link.tail))


@dataclass(frozen=True, slots=True)
class _Pair(Generic[Thing, Kind]):
    kind: Kind
    gold: Thing
    predicted: Thing


def _pair(
    missed: Iterable[Thing],
    wrong: Iterable[Thing],
    pairing: Callable[[Thing, Thing], tuple[Kind, int] | None],
    kinds: Sequence[Kind],
) -> tuple[list[_Pair[Thing, Kind]], list[Thing], list[Thing]]:
    """Pairs, the best first, each thing in one at the most; then what is left of both, sorted.

    `pairing` says the kind of a pair and its rank within the kind, the lowest first, or None.
    """
    missed, wrong = sorted(missed), sorted(wrong)
    ranked = sorted(
        (kinds.index(found[0]), found[1], one, other)
        for one in missed
        for other in wrong
        if (found := pairing(one, other)) is not None
    )
    pairs: list[_Pair[Thing, Kind]] = []
    taken_missed: set[Thing] = set()
    taken_wrong: set[Thing] = set()
    for kind, _, one, other in ranked:
        if one not in taken_missed and other not in taken_wrong:
            pairs.append(_Pair(kinds[kind], one, other))
            taken_missed.add(one)
            taken_wrong.add(other)
    return (
        pairs,
        [thing for thing in missed if thing not in taken_missed],
        [thing for thing in wrong if thing not in taken_wrong],
    )
