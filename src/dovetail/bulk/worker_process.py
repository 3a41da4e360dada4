"""A child process of `Supervisor`: loads the model, and then does what it is told.

It ends when its standard input does, at which the process that started it holds the other end.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, NoReturn

from dovetail.bulk.heartbeat import Heartbeat
from dovetail.bulk.messages import OUT_OF_MEMORY, Failed, Identity, Probe, Setting
from dovetail.errors import DovetailError
from dovetail.threads import prepare_threads

if TYPE_CHECKING:
    from dovetail.extractor import Extractor


Load = Callable[[Setting], tuple["Extractor", Identity]]


def load(setting: Setting) -> tuple[Extractor, Identity]:
    """The extractor of a setting, on one thread.

    Raises:
        ModelError: if there is no such model, or it has no such schema.
    """
    from dovetail.saved.finding import model_folder

    folder = model_folder(setting.model)  # what is not there is said before torch is loaded

    from dovetail.extractor import Extractor
    from dovetail.saved.ensemble_folder import digest_of

    extractor = Extractor.load(setting.model, threads=1)
    identity = Identity(extractor.name, digest_of(folder))
    schema = setting.options.schema
    return extractor if schema is None else extractor.of_schema(schema), identity


def serve(pipe: Connection, heartbeat: Heartbeat, load: Load) -> None:
    """Do task after task.

    Raises:
        EOFError: when nobody is at the other end any more.
        MemoryError: when there is not enough memory.
    """
    setting: Setting = pipe.recv()
    try:
        extractor, identity = load(setting)
    except DovetailError as error:
        pipe.send(Failed(str(error)))
        return
    from dovetail.bulk.unit_work import UnitWork

    pipe.send(identity)
    work = UnitWork(extractor, setting.options)
    while True:
        asked = pipe.recv()
        try:
            if isinstance(asked, Probe):
                work.probe(asked.task, asked.numbers, heartbeat.tell)
                pipe.send(None)
            else:
                pipe.send(work.shard(asked, heartbeat.tell))
        except DovetailError as error:
            pipe.send(Failed(str(error)))


def end_with_standard_input() -> None:
    """End this process when its standard input ends, whatever it is at."""
    sys.stdin.buffer.read()
    os._exit(0)


def main(load: Load) -> NoReturn:
    """Serve until the end."""
    prepare_threads()
    threading.Thread(target=end_with_standard_input, daemon=True).start()
    with Connection(int(sys.argv[1])) as own:
        code = 0
        try:
            serve(own, Heartbeat(int(sys.argv[2])), load)
        except MemoryError:
            code = OUT_OF_MEMORY
        except (EOFError, ConnectionError):
            pass  # nobody is there any more
        # Before the pipe ends, at which standard input might, and with it the process otherwise.
        os._exit(code)


if __name__ == "__main__":
    main(load)
