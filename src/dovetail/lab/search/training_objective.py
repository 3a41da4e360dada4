"""The dev score of a config: it is trained as `dovetail train` would, and nothing is kept.

Only the files that the config names are read.  What frozen encoders compute is computed once for
all trials of a process whose frozen parts are the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dovetail.config import Config, DataConfig
from dovetail.errors import TrainingError
from dovetail.evaluation import Evaluation
from dovetail.lab.cell_events import Epoch
from dovetail.lab.search.records import Result
from dovetail.threads import use_threads
from dovetail.training.over_base import with_base
from dovetail.training.results import EpochResult
from dovetail.training.run import prepare
from dovetail.training.splits import Splits, read_splits
from dovetail.training.states_cache import StatesCache
from dovetail.training.tasks import fitted_to


class TrainingObjective:
    """Trains configs one after another."""

    def __init__(self) -> None:
        self._cache = StatesCache()
        self._splits: tuple[DataConfig, Splits] | None = None

    def splits(self, config: DataConfig) -> Splits:
        """The sentences that a config names, read once.

        Raises:
            CorpusError: if a file cannot be read.
            TrainingError: if there is nothing to learn, or nothing to choose by.
        """
        if not config.has_dev:
            raise TrainingError(
                "tuning chooses by dev scores, and there is no dev set: name files in data.dev, or "
                "set data.dev_fraction (such as 0.1)"
            )
        if self._splits is None or self._splits[0] != config:
            self._splits = (config, read_splits(config))
        return self._splits[1]

    def fitted(self, config: Config) -> tuple[Config, Splits]:
        """The config as it is trained on its sentences, and these, as `dovetail train` has them.

        Raises:
            CorpusError: as `splits` does.
            TrainingError: as `splits` does, or if the config wants relations and there are none.
        """
        return fitted_to(self.splits(config.data), config)

    def __call__(self, config: Config) -> Iterator[Any]:
        """Train, and yield each epoch, and what is done beside."""
        use_threads(config.training.threads)
        config, splits = self.fitted(with_base(config))
        loop = yield from prepare(config, splits, self._cache)
        parameters = sum(parameter.numel() for parameter in loop.parameters)
        best: Evaluation | None = None
        for event in loop.run():
            if isinstance(event, EpochResult):
                best = event.dev if event.is_best else best
                result = _result(event, best, parameters)
                yield Epoch(event.epoch, event.epochs, event.score, result)
            else:
                yield event


def _result(event: EpochResult, best: Evaluation | None, parameters: int) -> Result:
    if best is None:
        raise TrainingError("the dev set holds no sentence with words, so there is no dev score")
    return Result(
        entity_f1=best.entity_strict.micro.f1,
        relation_f1=best.relation_strict.micro.f1,
        best_epoch=event.best_epoch,
        epochs=event.epoch,
        trained_parameters=parameters,
    )
