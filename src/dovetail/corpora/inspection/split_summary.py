"""The counts of one split of a corpus."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from dovetail.corpora.corpus import Corpus
from dovetail.corpora.ledger import Ledger
from dovetail.text.document import ENTITY_TASK, RELATION_TASK, Entity, Sentence
from dovetail.text.overlaps import is_nested


@dataclass(slots=True)
class SplitSummary:
    """The counts of one split.

    `signatures` counts relations by (relation type, head type, tail type).  `nested` are pairs of
    entities of which one lies within the other, `crossing` are pairs that overlap without that.
    `discontinuous` are the entities of several fragments.  `unaligned`
    counts annotations that no tokens express by (task, reason); by type they count among the
    others.  `cut` says how raw text was cut, in words.
    """

    documents: int = 0
    sentences: int = 0
    tokens: int = 0
    longest_sentence: int = 0
    entities: Counter[str] = field(default_factory=Counter)
    relations: Counter[str] = field(default_factory=Counter)
    signatures: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    entity_lengths: Counter[int] = field(default_factory=Counter)
    relation_distances: Counter[int] = field(default_factory=Counter)
    sentences_with_overlap: int = 0
    nested: int = 0
    crossing: int = 0
    discontinuous: int = 0
    without_entities: int = 0
    without_relations: int = 0
    pairs_with_two_relations: int = 0
    tail_before_head: int = 0
    not_annotated: Counter[str] = field(default_factory=Counter)
    unaligned: Counter[tuple[str, str]] = field(default_factory=Counter)
    ledger: Ledger = field(default_factory=lambda: Ledger({}))
    cut: str = ""

    @classmethod
    def of(cls, corpus: Corpus) -> SplitSummary:
        """Count a corpus."""
        summary = cls(documents=len(corpus.documents), ledger=corpus.ledger, cut=corpus.cut)
        for sentence in corpus.sentences:
            summary._add(sentence)
        return summary

    def _add(self, sentence: Sentence) -> None:
        self.sentences += 1
        self.tokens += len(sentence.tokens)
        self.longest_sentence = max(self.longest_sentence, len(sentence.tokens))
        self.entities.update(entity.type for entity in sentence.entities)
        self.entity_lengths.update(len([*entity.tokens]) for entity in sentence.entities)
        self.discontinuous += sum(bool(entity.fragments) for entity in sentence.entities)
        self.entities.update(item.type for item in sentence.unaligned_for(ENTITY_TASK))
        self.relations.update(item.type for item in sentence.unaligned_for(RELATION_TASK))
        self.unaligned.update((item.task, item.reason) for item in sentence.unaligned)
        tasks = {item.task for item in sentence.unaligned}
        self.without_entities += not sentence.entities and ENTITY_TASK not in tasks
        self.without_relations += not sentence.relations and RELATION_TASK not in tasks
        for task in (ENTITY_TASK, RELATION_TASK):
            self.not_annotated[task] += task not in sentence.annotated
        overlaps = overlapping_pairs(sentence.entities)
        nested = sum(is_nested(*pair) for pair in overlaps)
        self.sentences_with_overlap += bool(overlaps)
        self.nested += nested
        self.crossing += len(overlaps) - nested
        for relation in sentence.relations:
            head, tail = relation.head, relation.tail
            self.relations[relation.type] += 1
            self.signatures[relation.type, head.type, tail.type] += 1
            self.tail_before_head += tail < head
            self.relation_distances[max(head.start - tail.end, tail.start - head.end, 0)] += 1
        pairs = Counter((relation.head, relation.tail) for relation in sentence.relations)
        self.pairs_with_two_relations += sum(times > 1 for times in pairs.values())

    def unaligned_of(self, task: str) -> int:
        """How many annotations for a task no tokens express."""
        return sum(times for (of, _), times in self.unaligned.items() if of == task)

    def to_dict(self) -> dict[str, Any]:
        """The counts as plain JSON values."""
        values = {
            name: dict(value) if isinstance(value, Counter) else value
            for name in self.__dataclass_fields__
            if name not in ("signatures", "unaligned", "ledger")
            for value in [getattr(self, name)]
        }
        values["signatures"] = [
            {"relation": type_, "head": head, "tail": tail, "count": times}
            for (type_, head, tail), times in sorted(self.signatures.items())
        ]
        values["unaligned"] = [
            {"task": task, "reason": reason, "count": times}
            for (task, reason), times in sorted(self.unaligned.items())
        ]
        return {**values, "ledger": self.ledger.to_dict()}


def overlapping_pairs(entities: Iterable[Entity]) -> list[tuple[Entity, Entity]]:
    """The pairs of entities that share a token, in reading order."""
    pairs: list[tuple[Entity, Entity]] = []
    open_entities: list[Entity] = []
    for entity in sorted(entities):
        open_entities = [other for other in open_entities if other.end > entity.start]
        pairs.extend((other, entity) for other in open_entities if other.overlaps(entity))
        open_entities.append(entity)
    return pairs
