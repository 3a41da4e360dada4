"""The dev score of a config: it is trained as `dovetail train` would, and nothing is kept.

Only the files that the config names are read.  What frozen encoders compute is computed once for
all trials of a process whose frozen parts are the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from dovetail.config import Config
from dovetail.errors import TrainingError
from dovetail.evaluation import Evaluation
from dovetail.lab.cell_events import Epoch
from dovetail.lab.search.records import Result
from dovetail.threads import use_threads
from dovetail.training.job import Job
from dovetail.training.preparation import prepare
from dovetail.training.results import EpochResult
from dovetail.training.states_cache import StatesCache


def job_to_tune(config: Config) -> Job:
    """Return the job that `dovetail train` would train, if it has dev sentences to choose by.

    Raises:
        CorpusError: if a file cannot be read.
        TrainingError: if there is nothing to learn, or nothing to choose by.
    """
    if not any(own.has_dev for own in config.sources):
        raise TrainingError(
            "tuning chooses by dev scores, and there is no dev set: name files in data.dev, or "
            "set data.dev_fraction (such as 0.1)"
        )
    return Job.of(config)


class TrainingObjective:
    """Trains configs one after another; sentences are read once for all that name the same."""

    def __init__(self, job: Job | None = None) -> None:
        self._job = job
        self._cache = StatesCache()

    def __call__(self, config: Config) -> Iterator[Any]:
        """Train, and yield each epoch, and what is done beside."""
        use_threads(config.training.threads)
        job = Job.of(config) if self._job is None else self._job.with_config(config)
        self._job = job
        loop = yield from prepare(job, self._cache)
        parameters = sum(parameter.numel() for parameter in loop.parameters)
        best: Mapping[str, Evaluation] = {}
        for event in loop.run():
            if isinstance(event, EpochResult):
                best = event.dev_by_corpus if event.is_best else best
                result = _result(event, best, parameters)
                yield Epoch(event.epoch, event.epochs, event.score, result)
            else:
                yield event


def _result(event: EpochResult, best: Mapping[str, Evaluation], parameters: int) -> Result:
    """The scores are means over the corpora that are annotated for the task."""
    if not best:
        raise TrainingError("the dev set holds no sentence with words, so there is no dev score")
    return Result(
        entity_f1=_mean(e.entity_strict.micro.f1 for e in best.values() if e.entity_sentences),
        relation_f1=_mean(
            e.relation_strict.micro.f1 for e in best.values() if e.relation_sentences
        ),
        best_epoch=event.best_epoch,
        epochs=event.epoch,
        trained_parameters=parameters,
    )


def _mean(scores: Iterable[float]) -> float:
    """The mean; 0 if there is none, as of a task that no dev sentence is annotated for."""
    found = list(scores)
    return sum(found) / len(found) if found else 0.0
