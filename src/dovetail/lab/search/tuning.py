"""One call that tunes: check, search, write down what was found."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from dovetail.files.writing import make_folder
from dovetail.lab.cell_events import Event, Note
from dovetail.lab.engine import ShouldStop, run_cells
from dovetail.lab.search.outcome import Outcome, write_outcome, write_start
from dovetail.lab.search.plots import write_plots
from dovetail.lab.search.storage import storage_errors
from dovetail.lab.search.study import Task
from dovetail.lab.search.training_objective import TrainingObjective, job_to_tune
from dovetail.lab.search.trials import Search, TrialWork
from dovetail.lab.workers import OwnProcess, ProcessWorkers, Workers
from dovetail.threads import available_cores
from dovetail.training.job import Job


def sqlite_in(folder: Path) -> str:
    """The URL of the storage that a search has in its own folder."""
    return f"sqlite:///{folder / 'study.db'}"


def workers_of(job: Job, processes: int) -> Workers:
    """Who trains: this process, or several, each of which reads the corpora once."""
    if processes == 1:
        return OwnProcess(TrialWork(TrainingObjective(job)))
    threads = max(1, available_cores() // processes)
    return ProcessWorkers(TrialWork(TrainingObjective()), processes, threads=threads)


def tune(
    task: Task,
    folder: Path,
    *,
    processes: int = 1,
    notify: Callable[[Event], None] = lambda _: None,
    should_stop: ShouldStop = lambda: False,
    job: Job | None = None,
) -> Outcome:
    """Search for the best config, or go on with a search, and leave a folder with the results.

    Args:
        task: the search.
        folder: where to leave what was found.
        processes: trials at a time; several are in processes of their own.
        notify: told everything that happens.
        should_stop: asked between steps.
        job: that of the config that the search starts from, if it was read already.

    Raises:
        CorpusError: if the data cannot be read.
        TrainingError: if the search cannot start or go on.
    """
    job = job or job_to_tune(task.config)
    make_folder(folder)
    search = Search(task, data_digest=job.splits.digest, tell=lambda text: notify(Note(text)))
    write_start(folder, task.space)
    try:
        workers = workers_of(job, processes)
        with closing(run_cells(search, workers, should_stop=should_stop)) as events:
            for event in events:
                notify(event)
    finally:
        # Also when the search fails: what was found until then is there to be read.
        with storage_errors(task.storage):
            outcome = Outcome.of_study(search.study, task.space)
        write_outcome(folder, outcome)
        write_plots(folder, outcome)
    return outcome
