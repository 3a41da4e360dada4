"""From a model and annotated sentences to its scales and thresholds.

    model as it was trained -> all that it considers on the sentences -> scales of entities
    -> least confidences of entities -> relations between what is left -> scales -> thresholds

Ranking is left alone, so F1 with the best thresholds stays as it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from dovetail.calibration.fitting import Fitting
from dovetail.calibration.outcome import Calibrated
from dovetail.errors import ModelError
from dovetail.evaluation.operating_points import Wanted
from dovetail.extractor import Extractor
from dovetail.heads.relation.relation_head import UNREACHABLE
from dovetail.model.prediction import Predictor
from dovetail.report.run_report import scored
from dovetail.running.steps import SILENT, Teller
from dovetail.text.confidence import AS_IS, PLAIN
from dovetail.text.document import RELATION_TASK, TASKS, Sentence


def uncalibrated(model: Predictor, schema: str) -> dict[str, float]:
    """Take the scales of a schema away, and the least confidences of entities, which it returns.

    Thresholds go on letting the same relations through.
    """
    heads = model.of_schema(schema)
    least = {
        type_: heads.confidence.entities.get(type_, AS_IS).back(own)
        for type_, own in heads.confidence.least.items()
        if own
    }
    if heads.relation_head is not None:
        types = heads.schema.relation_types
        known = heads.relation_head.known_thresholds
        heads.relation_head.set_thresholds(
            [
                own
                if own == UNREACHABLE
                else heads.confidence.relations.get(type_, AS_IS).back(own)
                for type_, own in zip(types, known, strict=True)
            ]
        )
    model.set_confidence(schema, PLAIN)
    return least


def calibrate(
    extractor: Extractor,
    dev: Sequence[Sentence],
    *,
    wanted: Wanted | None = None,
    tasks: Sequence[str] = TASKS,
    tell: Teller = SILENT,
) -> Calibrated:
    """Fit scales to sentences that nothing was learned from, choose thresholds, and use them.

    Without something wanted, thresholds let the same entities and relations through as before.

    Args:
        extractor: of one schema; its model is changed.
        dev: annotated sentences.
        wanted: a precision or a recall of each type.
        tasks: those whose thresholds are chosen for it.
        tell: told what is done.

    Raises:
        ModelError: if nothing is predicted that has an annotation to be compared with.
    """
    model, schema = extractor.model, extractor.chosen
    least = uncalibrated(model, schema)
    head = model.of_schema(schema).relation_head
    in_force = {
        type_: value
        for type_, value in zip(
            extractor.schema.relation_types, head.known_thresholds if head else (), strict=True
        )
        if value != UNREACHABLE
    }
    found = scored(extractor, dev, "dev", tell)
    considered = found.weighed.candidates if found.weighed else found.predicted
    fitting = Fitting(dev, considered, found.symmetric, least, in_force, wanted, tasks)
    result = fitting.result(schema)
    if not result.types:
        raise ModelError(
            f"the model predicts nothing on these {len(dev):,} sentences that could be compared "
            f"with their annotations: are they of its corpus?"
        )
    model.set_confidence(schema, result.confidence)
    if head is not None:
        known = dict(zip(extractor.schema.relation_types, head.known_thresholds, strict=True))
        chosen = {own.type: own.threshold for own in result.types if own.task == RELATION_TASK}
        result = replace(result, thresholds=[chosen.get(own, known[own]) for own in known])
        head.set_thresholds(result.thresholds)
    return result
