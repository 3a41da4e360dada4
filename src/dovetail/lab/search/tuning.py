"""One call that tunes: check, search, write down what was found."""

from __future__ import annotations

from pathlib import Path

from dovetail.files import make_folder
from dovetail.lab.search.events import Notify, SearchStarted, ShouldStop
from dovetail.lab.search.outcome import Outcome, write_outcome, write_start
from dovetail.lab.search.plots import write_plots
from dovetail.lab.search.processes import Workers
from dovetail.lab.search.records import best_of, records
from dovetail.lab.search.search import Search
from dovetail.lab.search.study import Task, open_study, storage_errors
from dovetail.lab.search.training_objective import TrainingObjective


def sqlite_in(folder: Path) -> str:
    """The URL of the storage that a search has in its own folder."""
    return f"sqlite:///{folder / 'study.db'}"


def tune(
    task: Task,
    folder: Path,
    *,
    processes: int = 1,
    notify: Notify,
    should_stop: ShouldStop,
    objective: TrainingObjective | None = None,
) -> Outcome:
    """Search, or go on with a search, and leave a folder with what was found so far.

    The objective is a new one unless one is given, which may have read the corpora already.

    Raises:
        CorpusError: if the data cannot be read.
        TrainingError: if the search cannot start or go on.
    """
    objective = objective or TrainingObjective()
    splits = objective.splits(task.config.data)
    make_folder(folder)
    with storage_errors(task.storage):
        study = open_study(task, data_digest=splits.digest)
        earlier = records(study, task.space)
    write_start(folder, task.space)
    notify(
        SearchStarted(
            warnings=splits.warnings,
            train=len(splits.train),
            dev=len(splits.dev),
            done=sum(record.is_done for record in earlier),
            best=best_of(earlier),
            outside=task.space.outside,
        )
    )
    try:
        if processes == 1:
            Search(task, objective, notify=notify, should_stop=should_stop).run()
        else:
            Workers(task, processes).run(notify=notify, should_stop=should_stop)
    finally:
        # Also when the search fails: what was found until then is there to be read.
        with storage_errors(task.storage):
            outcome = Outcome.of_study(open_study(task), task.space)
        write_outcome(folder, outcome)
        write_plots(folder, outcome)
    return outcome
