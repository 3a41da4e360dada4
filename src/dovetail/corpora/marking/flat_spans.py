"""Annotations as flat lists of borders and a type, which two families of formats share.

Such formats name the arguments of a relation by their borders alone, so two entities with the
same borders cannot be told apart: the first stands for both.
"""

from __future__ import annotations

from dovetail.corpora.ledger import RELATION, Tally
from dovetail.corpora.marking.assembly import drop_relation
from dovetail.corpora.source.json_records import LARGEST, check_type, describe
from dovetail.errors import CorpusFormatError
from dovetail.text.document import Entity, Relation, Sentence

AMBIGUOUS = "an argument has the borders of another entity, and borders are its only name"


def check_span(item: object, borders: int, where: str) -> tuple[list[int], str]:
    """Take a list of whole numbers followed by a type; what stands behind the type is left out.

    Raises:
        CorpusFormatError: if it is anything else.
    """
    if not isinstance(item, list) or len(item) <= borders:
        raise CorpusFormatError(
            f"{where}: expected a list of {borders} borders and a type, found {describe(item)}"
        )
    numbers, type_ = item[:borders], item[borders]
    if not all(type(number) is int and abs(number) <= LARGEST for number in numbers):
        raise CorpusFormatError(f"{where}: expected whole numbers, found {describe(numbers)}")
    if not isinstance(type_, str):
        raise CorpusFormatError(f"{where}: expected the name of a type, found {describe(type_)}")
    return numbers, check_type(type_, f"{where}: the type")


def relations_between_spans(document_id: str, sentence: Sentence, tally: Tally) -> list[Relation]:
    """The relations that borders can name, counted as kept; the others are dropped."""
    first: dict[tuple[int, int], Entity] = {}
    for entity in sentence.sorted_entities:
        first.setdefault(entity.span, entity)
    held = []
    for relation in sentence.sorted_relations:
        if all(first[argument.span] == argument for argument in (relation.head, relation.tail)):
            held.append(relation)
        else:
            drop_relation(tally, document_id, relation, AMBIGUOUS)
    tally.keep(RELATION, len(held))
    return held
