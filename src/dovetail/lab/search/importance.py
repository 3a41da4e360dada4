"""How much each field mattered for being among the best trials."""

from __future__ import annotations

import warnings

import optuna
from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances
from optuna.trial import TrialState

FEWEST_TRIALS = 10
"""Complete trials below which nothing is said: it would be noise."""

BEST_SHARE = 0.25
"""Share of the trials that count as the best."""

BEST_TRIALS = 5
"""Trials that do at least, however few there are."""


def importances(study: optuna.Study) -> dict[str, float]:
    """The share of each field, largest first; empty with too few complete trials.

    By PED-ANOVA (Watanabe et al. 2023), which asks how far the values of the best quarter of the
    trials differ from those of all trials.  It also takes fields that are tuned under a condition.
    """
    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    if len(complete) < FEWEST_TRIALS or len({trial.value for trial in complete}) < 2:
        return {}
    best = max(BEST_SHARE, BEST_TRIALS / len(complete))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about fields that only a trial or two had
        found = get_param_importances(
            study, evaluator=PedAnovaImportanceEvaluator(target_quantile=best)
        )
    return dict(sorted(found.items(), key=lambda item: -item[1]))
