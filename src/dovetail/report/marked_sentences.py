"""A sentence as pieces of text, some of them marked as entities, ready to be put into a page."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from dovetail.evaluation.facts import relation_fact
from dovetail.text.document import ENTITY_TASK, RELATION_TASK, Entity, Sentence

Verdict: TypeAlias = Literal["right", "missed", "wrong", "unjudged"]
"""Whether an annotation is also on the other side; unjudged where gold has none of its task."""


@dataclass(slots=True)
class Mark:
    """An entity in the text, with the marks that lie inside it; `place` as in `Named`."""

    type: str
    verdict: Verdict
    confidence: float | None
    place: int | None
    parts: list[str | Mark] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Named:
    """An entity by its words; `place` counts where the same words are several entities."""

    words: str
    type: str
    place: int | None


@dataclass(frozen=True, slots=True)
class Link:
    """A relation in words."""

    head: Named
    type: str
    tail: Named
    verdict: Verdict
    confidence: float | None


class Names:
    """Names for the entities of both sides of a sentence."""

    def __init__(self, gold: Sentence, predicted: Sentence) -> None:
        self.sentence = gold
        self.starts: defaultdict[str, set[int]] = defaultdict(set)
        for entity in gold.entities | predicted.entities:
            self.starts[words(gold, entity)].add(entity.start)

    def __getitem__(self, entity: Entity) -> Named:
        said = words(self.sentence, entity)
        starts = sorted(self.starts[said])
        place = starts.index(entity.start) + 1 if len(starts) > 1 else None
        return Named(said, entity.type, place)


@dataclass(frozen=True, slots=True)
class MarkedSentence:
    """One side of a comparison.

    `beside` are entities that cross another one or have several fragments, which no nesting of
    marks can show: their words and their mark.
    """

    parts: list[str | Mark]
    beside: list[Mark]
    links: list[Link]


def marked_sentences(
    gold: Sentence, predicted: Sentence, symmetric: frozenset[str] = frozenset()
) -> tuple[MarkedSentence, MarkedSentence]:
    """The gold side and the predicted side, each with verdicts by the other."""
    names = Names(gold, predicted)

    def verdict_of(task: str, otherwise: Verdict, *, right: bool) -> Verdict:
        if task not in gold.annotated:
            return "unjudged"
        return "right" if right else otherwise

    def marked(sentence: Sentence, other: Sentence, otherwise: Verdict) -> MarkedSentence:
        said = {relation_fact(link, symmetric) for link in other.relations}
        verdicts = {
            entity: verdict_of(ENTITY_TASK, otherwise, right=entity in other.entities)
            for entity in sentence.entities
        }
        links = [
            Link(
                names[link.head],
                link.type,
                names[link.tail],
                verdict_of(RELATION_TASK, otherwise, right=relation_fact(link, symmetric) in said),
                link.confidence,
            )
            for link in sentence.sorted_relations
        ]
        return MarkedSentence(*_nested(sentence, verdicts, names), links)

    return marked(gold, predicted, "missed"), marked(predicted, gold, "wrong")


def words(sentence: Sentence, entity: Entity) -> str:
    """The text of an entity, with a space where its document has any space."""
    pieces = (
        "".join(_text(sentence, index) for index in range(start, end)).rstrip()
        for start, end in entity.pieces
    )
    return " … ".join(pieces)


def _text(sentence: Sentence, index: int) -> str:
    """A token with the space behind it."""
    offsets = sentence.offsets
    is_last = index + 1 == len(offsets)
    apart = not is_last and offsets[index + 1][0] > offsets[index][1]
    return sentence.tokens[index] + " " * apart


def _nested(
    sentence: Sentence, verdicts: dict[Entity, Verdict], names: Names
) -> tuple[list[str | Mark], list[Mark]]:
    """The text with its entities, those inside others nested, and apart what cannot be nested."""
    parts: list[str | Mark] = []
    beside: list[Mark] = []
    open_marks: list[tuple[int, list[str | Mark]]] = [(len(sentence.tokens), parts)]
    # Where two begin together the longer one opens first, so that the other lies within it.
    waiting = sorted(verdicts, key=lambda entity: (entity.start, -entity.end, entity.type))
    for index in range(len(sentence.tokens)):
        while waiting and waiting[0].start == index:
            entity = waiting.pop(0)
            mark = Mark(entity.type, verdicts[entity], entity.confidence, names[entity].place)
            if entity.fragments or entity.end > open_marks[-1][0]:
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
