"""What a run tells: thresholds, the number of epochs, and which kind of error takes the points."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np

from dovetail.doctor.finding import Disease, Finding, NotCheckedError
from dovetail.doctor.patient import Patient, RunFacts
from dovetail.report.curves import Curves
from dovetail.report.scored import ScoredCorpus
from dovetail.text.document import ENTITY_TASK, RELATION_TASK
from dovetail.training.selection import Decided

GAIN = 0.03
"""F1 that other thresholds have to bring."""

RISE = 0.02
"""F1 that the last quarter of the epochs has to have brought for more of them to be worth it."""

NOTHING = 0.1
"""An F1 that is next to nothing."""

FALLING = 0.05
"""Share of the loss that the last quarter has to have taken away for training to go on still."""

MOST_TRIED = 200


def facts_of(patient: Patient) -> RunFacts:
    """What a run left.

    Raises:
        NotCheckedError: if there is none.
    """
    if patient.run is None:
        raise NotCheckedError("that shows in a run: train, and name its folder")
    return patient.run


def examine_thresholds(patient: Patient) -> Finding | None:
    """Relations that other thresholds would find, or would not find wrongly."""
    run = facts_of(patient)
    if run.scored is None or run.scored.weighed is None:
        raise NotCheckedError("there are no dev sentences with relations, or no model yet")
    if not run.thresholds:
        raise NotCheckedError("the model finds no relations")
    weighed = run.scored.weighed
    decided = Decided.between(run.scored.gold, weighed.candidates, run.scored.symmetric)
    types = {*decided.by_type, *run.thresholds}
    in_force = {type_: run.thresholds.get(type_, 1.0) for type_ in types}
    now = decided.f1(in_force)
    probabilities = np.unique(
        np.concatenate([own.probabilities for own in decided.by_type.values()] or [np.zeros(0)])
    )
    if not len(probabilities):
        return None
    tried = probabilities[:: max(1, len(probabilities) // MOST_TRIED)]
    best, threshold = max((decided.f1(dict.fromkeys(types, float(own))), own) for own in tried)
    if best - now < GAIN:
        return None
    low, high = min(in_force.values()), max(in_force.values())
    told = f"{low:.2f}" if low == high else f"{low:.2f} to {high:.2f}"
    return Finding(
        Disease.THRESHOLDS,
        "With other thresholds the same model is better",
        best - now,
        (
            f"relation F1 on dev is {now:.1%} with the thresholds in force ({told}), and "
            f"{best:.1%} with {threshold:.2f} for all types",
        ),
        "let training choose them on dev, or choose them now, without training again",
        ('relation_head.threshold = "tuned"',),
        (f"dovetail calibrate {patient.source}",),
    )


def examine_epochs(patient: Patient) -> Finding | None:
    """Training that ended while it still got better."""
    curves = facts_of(patient).curves
    if curves is None:
        raise NotCheckedError("no epoch is over yet")
    planned = patient.config.training.epochs
    last = curves.epochs[-1].number
    if last < planned:
        # It was ended by the patience, or by hand, which whoever did it knows.
        return None
    scores = scores_of(curves)
    if not scores:
        raise NotCheckedError("no epoch was scored, since there are no dev sentences")
    best = np.maximum.accumulate(scores)
    before = best[: max(1, len(best) * 3 // 4)][-1] if len(best) > 1 else 0.0
    rise = float(best[-1] - before)
    falls = _fall(curves)
    goes_on = rise >= RISE and curves.best_epoch >= last - max(1, last // 10)
    starts = best[-1] < NOTHING and (falls >= FALLING or last <= 3)
    if not (goes_on or starts):
        return None
    more = max(2 * planned, 10)
    evidence = [
        f"the best of {planned} epochs is epoch {curves.best_epoch}",
        f"dev F1 rose by {100 * rise:.1f} points in the last quarter of the epochs, to "
        f"{best[-1]:.1%}",
    ]
    if falls > 0:
        evidence.append(f"the loss still fell by {falls:.0%} in it")
    return Finding(
        Disease.EPOCHS,
        "Training ended while the model still got better",
        max(rise, 0.5 if starts else 0.0),
        tuple(evidence),
        "train for longer; training.patience_epochs ends it where nothing gets better",
        (f"training.epochs = {more}",),
        (
            f"dovetail train {facts_of(patient).folder / 'config.toml'} --set "
            f"training.epochs={more} --set name={patient.config.name}-longer",
        ),
    )


def scores_of(curves: Curves) -> list[float]:
    """The mean F1 of the tasks that are scored, for each epoch."""
    return [float(np.mean([*epoch.scores.values()])) for epoch in curves.epochs if epoch.scores]


def _fall(curves: Curves) -> float:
    """The share of the loss that the last quarter took away."""
    losses = [sum(epoch.losses.values()) for epoch in curves.epochs]
    before = losses[: max(1, len(losses) * 3 // 4)][-1]
    return (before - losses[-1]) / before if before > 0 and len(losses) > 1 else 0.0


def scores_in_words(scored: ScoredCorpus) -> list[str]:
    """What is right and what becomes of the rest, a line for each task."""
    lines = []
    for task, values in counts_of(scored).items():
        if not values["gold"] and not values["predicted"]:
            continue
        kinds = ", ".join(f"{number:,} {kind}" for kind, number in values["errors"].items())
        noun = "entities" if task == ENTITY_TASK else "relations"
        lines.append(
            f"{noun}: F1 {values['f1']:.1%}; {values['right']:,} of {values['gold']:,} found, "
            f"{values['predicted']:,} predicted; errors by kind: {kinds or 'none'}"
        )
    return lines


def counts_of(scored: ScoredCorpus) -> Mapping[str, Any]:
    """For each task F1, gold, predicted and right annotations, and the errors by kind."""
    evaluation = scored.evaluation
    kinds = {
        ENTITY_TASK: Counter(e.kind.value for own in scored.errors for e in own.entities),
        RELATION_TASK: Counter(e.kind.value for own in scored.errors for e in own.relations),
    }
    strict = {
        ENTITY_TASK: evaluation.entity_strict.micro,
        RELATION_TASK: evaluation.relation_strict.micro,
    }
    return {
        task: {
            "f1": score.f1,
            "gold": score.support,
            "predicted": score.predicted,
            "right": score.true_positives,
            "errors": dict(kinds[task].most_common()),
        }
        for task, score in strict.items()
    }
