"""A sentence as pieces of text, some of them marked as entities, ready to be put into a page."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from dovetail.document import ENTITY_TASK, RELATION_TASK, Entity, Sentence
from dovetail.evaluation.facts import relation_fact

Verdict: TypeAlias = Literal["right", "missed", "wrong", "unjudged"]
"""Whether an annotation is also on the other side; unjudged where gold has none of its task."""


@dataclass(slots=True)
class Mark:
    """An entity in the text, with the marks that lie inside it."""

    type: str
    verdict: Verdict
    confidence: float | None
    parts: list[str | Mark] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Link:
    """A relation in words."""

    head: str
    head_type: str
    type: str
    tail: str
    tail_type: str
    verdict: Verdict
    confidence: float | None


@dataclass(frozen=True, slots=True)
class MarkedSentence:
    """One side of a comparison.

    `beside` are entities that cross another one, which no nesting of marks can show: their words
    and their mark.
    """

    parts: list[str | Mark]
    beside: list[Mark]
    links: list[Link]


def marked_sentences(
    gold: Sentence, predicted: Sentence, symmetric: frozenset[str] = frozenset()
) -> tuple[MarkedSentence, MarkedSentence]:
    """The gold side and the predicted side, each with verdicts by the other."""
    return (
        _marked(gold, predicted, "missed", gold.annotated, symmetric),
        _marked(predicted, gold, "wrong", gold.annotated, symmetric),
    )


def words(sentence: Sentence, entity: Entity) -> str:
    """The text of an entity, with a space where its document has any space."""
    return "".join(_text(sentence, index) for index in range(entity.start, entity.end)).rstrip()


def _text(sentence: Sentence, index: int) -> str:
    """A token with the space behind it."""
    offsets = sentence.offsets
    is_last = index + 1 == len(offsets)
    apart = not is_last and offsets[index + 1][0] > offsets[index][1]
    return sentence.tokens[index] + " " * apart


def _marked(
    sentence: Sentence,
    other: Sentence,
    otherwise: Verdict,
    annotated: Collection[str],
    symmetric: frozenset[str],
) -> MarkedSentence:
    said = {relation_fact(link, symmetric) for link in other.relations}

    def verdict(task: str, *, right: bool) -> Verdict:
        if task not in annotated:
            return "unjudged"
        return "right" if right else otherwise

    verdicts = {
        entity: verdict(ENTITY_TASK, right=entity in other.entities) for entity in sentence.entities
    }
    parts, beside = _nested(sentence, verdicts)
    links = [
        Link(
            words(sentence, link.head),
            link.head.type,
            link.type,
            words(sentence, link.tail),
            link.tail.type,
            verdict(RELATION_TASK, right=relation_fact(link, symmetric) in said),
            link.confidence,
        )
        for link in sentence.sorted_relations
    ]
    return MarkedSentence(parts, beside, links)


def _nested(
    sentence: Sentence, verdicts: dict[Entity, Verdict]
) -> tuple[list[str | Mark], list[Mark]]:
    """The text with its entities, those inside others nested, and apart those that cross others."""
    parts: list[str | Mark] = []
    beside: list[Mark] = []
    open_marks: list[tuple[int, list[str | Mark]]] = [(len(sentence.tokens), parts)]
    # Where two begin together the longer one opens first, so that the other lies within it.
    waiting = sorted(verdicts, key=lambda entity: (entity.start, -entity.end, entity.type))
    for index in range(len(sentence.tokens)):
        while waiting and waiting[0].start == index:
            entity = waiting.pop(0)
            mark = Mark(entity.type, verdicts[entity], entity.confidence)
            if entity.end > open_marks[-1][0]:
                mark.parts.append(words(sentence, entity))
                beside.append(mark)
                continue
            open_marks[-1][1].append(mark)
            open_marks.append((entity.end, mark.parts))
        text = _text(sentence, index)
        open_marks[-1][1].append(text.rstrip(" ") if _closes(open_marks, index) else text)
        closed = False
        while len(open_marks) > 1 and open_marks[-1][0] == index + 1:
            open_marks.pop()
            closed = True
        if closed and text.endswith(" "):
            open_marks[-1][1].append(" ")
    return parts, beside


def _closes(open_marks: list[tuple[int, list[str | Mark]]], index: int) -> bool:
    return len(open_marks) > 1 and open_marks[-1][0] == index + 1
