"""Scales and thresholds from what a model considers on annotated sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from dovetail.calibration.outcome import Calibrated, TypeCalibration
from dovetail.evaluation.calibration import (
    Judged,
    calibration,
    entities_by_type,
    relations_by_type,
)
from dovetail.evaluation.operating_points import (
    ENOUGH,
    OperatingPoint,
    Wanted,
    operating_point,
)
from dovetail.evaluation.scaling import Scales, fitted_scales
from dovetail.text.confidence import AS_IS, CERTAIN, Confidence, Scale
from dovetail.text.document import ENTITY_TASK, RELATION_TASK, Sentence
from dovetail.training.selection import LOWEST, with_thresholds

Pairs = Mapping[str, Sequence[Judged]]
"""Predictions by type, each with its confidence, right or wrong."""


@dataclass(frozen=True)
class Fitting:
    """Sentences, all that a model considers on them, and what is wanted of it.

    `least` and `in_force` are the thresholds, without scales, by which it takes entities and
    relations as it was.
    """

    gold: Sequence[Sentence]
    considered: Sequence[Sentence]
    symmetric: frozenset[str]
    least: Mapping[str, float]
    in_force: Mapping[str, float]
    wanted: Wanted | None
    tasks: Sequence[str]

    def result(self, schema: str) -> Calibrated:
        """Scales and thresholds of entities, then those of relations between what is left."""
        entities = entities_by_type(self.gold, self.considered)
        scales = fitted_scales(entities)
        taken_before = [
            without_doubtful(own, Confidence(least=self.least)) for own in self.considered
        ]
        taken_entities = entities_by_type(self.gold, taken_before)
        of_entities = self._types(ENTITY_TASK, entities, taken_entities, scales, self.least)
        least = {own.type: own.threshold for own in of_entities if own.threshold}
        confidence = Confidence({own.type: own.scale for own in of_entities}, {}, least)
        left = [without_doubtful(sentence, confidence) for sentence in self.considered]
        relations = relations_by_type(self.gold, left, symmetric=self.symmetric)
        # Links that no threshold would take say nothing of those that are taken.
        lowest = {type_: min(LOWEST, own) for type_, own in self.in_force.items()}
        known = {type_: own for type_, own in relations.items() if type_ in lowest}
        fitted = {type_: _from(own, lowest[type_]) for type_, own in known.items()}
        taken = relations_by_type(
            self.gold, with_thresholds(_of_types(taken_before, lowest), self.in_force),
            symmetric=self.symmetric,
        )  # fmt: skip
        scales = fitted_scales(fitted)
        of_relations = self._types(RELATION_TASK, known, taken, scales, self.in_force)
        whole = replace(
            confidence, relations={type_: scales.of_type(type_) for type_ in self.in_force}
        )
        return Calibrated(
            schema,
            whole,
            (),
            len(self.gold),
            (*of_entities, *of_relations),
            self.wanted,
            {
                ENTITY_TASK: errors_of(taken_entities, whole.entities),
                RELATION_TASK: errors_of(taken, whole.relations),
            },
        )

    def _chooses(self, task: str) -> bool:
        return self.wanted is not None and task in self.tasks

    def _types(
        self,
        task: str,
        candidates: Pairs,
        taken: Pairs,
        scales: Scales,
        in_force: Mapping[str, float],
    ) -> list[TypeCalibration]:
        """What is found of each type of a task.

        Args:
            task: entity or relation.
            candidates: all that thresholds could let through.
            taken: what the model takes as it was.
            scales: of the types.
            in_force: the thresholds that it takes them by.
        """
        on_scale = {
            type_: [(scales.of_type(type_).of(own), right) for own, right in pairs]
            for type_, pairs in candidates.items()
        }
        gold = self._num_gold(task)
        everything = [pair for own in on_scale.values() for pair in own]
        common = self._point(task, everything, sum(gold.values()))
        types = dict.fromkeys((*candidates, *in_force))
        found = []
        for type_ in sorted(types):
            scale = scales.of_type(type_)
            own = on_scale.get(type_, [])
            point = self._point(task, own, gold.get(type_, 0))
            is_common = common is not None and len(own) < ENOUGH
            chosen = common if is_common else point
            kept = _moved(in_force[type_], scale) if type_ in in_force else 0.0
            threshold = kept if chosen is None else chosen.threshold
            before = taken.get(type_, [])
            after = [(scale.of(probability), right) for probability, right in before]
            found.append(
                TypeCalibration(
                    *(task, type_, len(own), scale, threshold),
                    *(calibration(before), calibration(after)),
                    point,
                    is_common,
                )
            )
        return found

    def _point(self, task: str, pairs: Sequence[Judged], num_gold: int) -> OperatingPoint | None:
        if self.wanted is None or not self._chooses(task):
            return None
        return operating_point(pairs, num_gold, self.wanted)

    def _num_gold(self, task: str) -> dict[str, int]:
        """How many annotations of each type there are to be found, whether tokens express them."""
        counts: dict[str, int] = {}
        for sentence in self.gold:
            if task not in sentence.annotated:
                continue
            items = sentence.entities if task == ENTITY_TASK else sentence.relations
            for item in (*items, *sentence.unaligned_for(task)):
                counts[item.type] = counts.get(item.type, 0) + 1
        return counts


def _moved(threshold: float, scale: Scale) -> float:
    """A threshold on a scale; one that lets through what is certain at the most stays so."""
    return threshold if threshold > 1 - CERTAIN else scale.of(threshold)


def errors_of(pairs: Pairs, scales: Mapping[str, Scale]) -> tuple[float, float]:
    """The expected calibration error of predictions as they are, and on the scales."""
    before = [pair for own in pairs.values() for pair in own]
    after = [
        (scales.get(type_, AS_IS).of(probability), right)
        for type_, own in pairs.items()
        for probability, right in own
    ]
    return calibration(before).expected_error, calibration(after).expected_error


def without_doubtful(sentence: Sentence, confidence: Confidence) -> Sentence:
    """A sentence without entities below the least confidence, and without their relations."""
    kept = frozenset(confidence.applied(sentence.entities))
    if len(kept) == len(sentence.entities):
        return sentence
    links = (link for link in sentence.relations if {link.head, link.tail} <= kept)
    return replace(sentence, entities=kept, relations=frozenset(links))


def _from(pairs: Sequence[Judged], lowest: float) -> list[Judged]:
    return [(probability, right) for probability, right in pairs if probability >= lowest]


def _of_types(sentences: Sequence[Sentence], types: Mapping[str, float]) -> list[Sentence]:
    """The sentences with the relations of some types alone."""
    return [
        replace(own, relations=frozenset(link for link in own.relations if link.type in types))
        for own in sentences
    ]
