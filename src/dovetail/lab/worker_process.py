"""A child process of `ProcessWorkers`: reads its work and then cells, and tells what happens.

After an epoch it waits for an answer, whether the cell is to go on.  Nothing else is sent to it in
the middle of a cell, so a pipe that can be read then is one without another end: whoever began the
work is gone, and the process ends too.
"""

from __future__ import annotations

import os
import sys
from contextlib import closing, suppress
from multiprocessing.connection import Connection

from dovetail.lab.cell_events import Ended, Epoch
from dovetail.lab.workers import Steps
from dovetail.running.steps import Doing
from dovetail.threads import prepare_threads


def serve(pipe: Connection) -> None:
    """Do cell after cell, each with the file that takes what is printed for it, if there is one.

    Raises:
        EOFError: when nobody is at the other end any more.
    """
    work = pipe.recv()
    while True:
        cell, log = pipe.recv()
        if log is not None:
            print_to(log)
        with closing(work(cell)) as steps:
            outcome = followed(steps, pipe)
        if outcome is not None:
            pipe.send(outcome)


def print_to(path: str) -> None:
    """Let all that this process prints from now on, libraries of C too, go to the end of a file."""
    with open(path, "a", encoding="utf-8") as file:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()  # into the file before
            os.dup2(file.fileno(), stream.fileno())


def followed(steps: Steps, pipe: Connection) -> Ended | None:
    """Tell what the steps tell; their outcome, or nothing if they were not to go on."""
    from dovetail.training import StageProgress, TeachingProgress  # torch, after its settings

    work = Doing(steps)
    for told in work:
        if isinstance(told, StageProgress | TeachingProgress | Epoch):
            pipe.send(told)
        if isinstance(told, Epoch):
            if not pipe.recv():
                return None
        elif pipe.poll():
            raise EOFError
    return work.made


if __name__ == "__main__":
    prepare_threads()
    with Connection(int(sys.argv[1])) as pipe, suppress(EOFError, ConnectionError):
        serve(pipe)
