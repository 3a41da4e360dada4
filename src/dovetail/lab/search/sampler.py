"""The values of each trial: the config as it is given first, then what TPE proposes."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, TPESampler
from optuna.trial import FrozenTrial, TrialState

from dovetail.lab.search.records import REPEATS

RANDOM_TRIALS = 5
"""Trials before TPE proposes: few, since the first one is a config that somebody believes in."""


class StartThenTPE(BaseSampler):
    """The values of the start for the first trial, and multivariate TPE for all others.

    Its random generator is seeded by the number of the trial.  So a search that was interrupted
    goes on as it would have, and processes and machines that work together draw different values
    without knowing of each other.
    """

    def __init__(self, start: Mapping[str, Any], *, seed: int) -> None:
        self._start = start
        self._seed = seed
        self._first = False
        self._tpe = self._seeded(0)

    def _seeded(self, number: int) -> TPESampler:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            # Grouped, because a field that is tuned under a condition is not in every trial.
            return TPESampler(
                seed=(self._seed * 1_000_003 + number) % 2**32,
                n_startup_trials=RANDOM_TRIALS,
                multivariate=True,
                group=True,
            )

    def before_trial(self, study: optuna.Study, trial: FrozenTrial) -> None:
        self._first = trial.number == 0 or 0 in trial.user_attrs.get(REPEATS, ())
        self._tpe = self._seeded(trial.number)
        self._tpe.before_trial(study, trial)

    def infer_relative_search_space(
        self, study: optuna.Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        return {} if self._first else self._tpe.infer_relative_search_space(study, trial)

    def sample_relative(
        self,
        study: optuna.Study,
        trial: FrozenTrial,
        search_space: dict[str, BaseDistribution],
    ) -> dict[str, Any]:
        return {} if self._first else self._tpe.sample_relative(study, trial, search_space)

    def sample_independent(
        self,
        study: optuna.Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        if self._first and param_name in self._start:
            return self._start[param_name]
        return self._tpe.sample_independent(study, trial, param_name, param_distribution)

    def after_trial(
        self,
        study: optuna.Study,
        trial: FrozenTrial,
        state: TrialState,
        values: Sequence[float] | None,
    ) -> None:
        self._tpe.after_trial(study, trial, state, values)
