"""Where trials are kept: an SQLite file, or a server, which may be away for a while."""

from __future__ import annotations

import random
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import optuna
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial
from sqlalchemy import URL, Connection, Engine, event, make_url
from sqlalchemy.exc import IntegrityError, OperationalError, ProgrammingError, SQLAlchemyError

from dovetail.errors import TrainingError, first_line

MOST_RACES = 20
"""How often a storage is opened again because another process was making its tables."""

WAIT_FOR_LOCK = 120
"""Seconds that a process waits while others write into an SQLite file."""

MOST_AWAY_SECONDS = 600.0
"""How long a search waits for a server that it has reached before."""

ASK_AGAIN_SECONDS = 1.0
"""How long it waits between two attempts to reach it."""

GRACE = 6
"""A running trial is lost after so many signs of life that did not come."""

EXPECTED = (
    "Expected a URL such as sqlite:///study.db or postgresql://user@host/database, and for a "
    "server its Python driver"
)

Dead = Callable[[optuna.Study, FrozenTrial], None]
"""Is told of a trial whose process gives no sign of life."""


class Outages:
    """The times in which a server of trials is away, which this process waits out.

    Only who has reached it before waits for it, so that a wrong address is said at once.

    Args:
        tell: is told in a sentence when the server goes away, and when it is back.
    """

    def __init__(self, tell: Callable[[str], None] = lambda _: None) -> None:
        self._tell = tell
        self._is_lost = False
        self._back = -float("inf")

    @property
    def seconds_since(self) -> float:
        """For how long the last connection that was made anew has stood.

        Why the one before it ended is not known; the server may have been away for all.
        """
        return time.monotonic() - self._back

    def watch(self, engine: Engine) -> None:
        """Wait from now on whenever a connection of this engine cannot be made."""

        @event.listens_for(engine, "do_connect")
        def connect(dialect: Any, record: object, arguments: Any, options: Any) -> Any:
            failure = dialect.loaded_dbapi.OperationalError
            return self._connected(lambda: dialect.connect(*arguments, **options), failure)

    def _connected(self, attempt: Callable[[], Any], failure: type[Exception]) -> Any:
        """Try until there is a connection.

        Raises:
            TrainingError: if that takes too long.
        """
        try:
            connection = attempt()
        except failure as error:
            if self._is_lost:  # it was waited for in vain
                _refuse(error)
            connection = self._waited_for(attempt, failure)
        self._is_lost, self._back = False, time.monotonic()
        return connection

    def _waited_for(self, attempt: Callable[[], Any], failure: type[Exception]) -> Any:
        self._is_lost = True  # and stays so if Ctrl-C ends the waiting
        self._tell(
            f"the server of the trials does not answer; waiting for it for up to "
            f"{MOST_AWAY_SECONDS / 60:.0f} minutes (Ctrl-C twice ends that)"
        )
        deadline = time.monotonic() + MOST_AWAY_SECONDS
        while True:
            time.sleep(ASK_AGAIN_SECONDS)
            try:
                connection = attempt()
            except failure as error:
                if time.monotonic() > deadline:
                    _refuse(error)
            else:
                self._tell("the server of the trials answers again")
                return connection


def _refuse(error: Exception) -> NoReturn:
    raise TrainingError(
        f"the server of the trials does not answer any more: {first_line(error)}. Once it "
        f"does, the same command goes on with the search"
    ) from error


@contextmanager
def storage_errors(url: str) -> Iterator[None]:
    """Say in a `TrainingError` what is wrong with a storage."""
    try:
        yield
    except (SQLAlchemyError, optuna.exceptions.StorageInternalError, ImportError) as error:
        address = _url_from(url)
        reason = first_line(error.__cause__ or error)
        if address.password:
            reason = reason.replace(str(address.password), "***")
        raise TrainingError(
            f"the storage {shown(address)} cannot be used: {reason}. {EXPECTED}"
        ) from error


def shown(address: URL) -> str:
    """A URL without its password, and without its options, which may hold one."""
    return address.set(query={}).render_as_string()


def _url_from(text: str) -> URL:
    """A URL as it was given.

    Raises:
        TrainingError: if it is none; without the text, whose password could be anywhere in it.
    """
    try:
        address = make_url(text)
    except (SQLAlchemyError, ValueError):
        raise TrainingError(
            f"the storage cannot be used: its URL cannot be read. {EXPECTED}"
        ) from None
    if "@" in (address.host or ""):
        raise TrainingError(
            "the storage cannot be used: its URL has two @ before the database; in a password "
            "write %40 for @, %2F for / and %3A for :"
        )
    return address


def open_storage(
    url: str, heartbeat_seconds: int, dead: Dead, outages: Outages | None = None
) -> RDBStorage:
    """Open a storage, and make its tables if it has none.

    Args:
        url: where it is.
        heartbeat_seconds: how often a running trial gives a sign of life.
        dead: is told of trials that give none any more.
        outages: waits for a server that goes away later; a new one without it.

    Raises:
        TrainingError: if the URL cannot be read.
        SQLAlchemyError: if the storage cannot be used, or one of those `storage_errors` knows.
    """
    is_file = _url_from(url).get_backend_name() == "sqlite"
    storage = _with_tables(url, heartbeat_seconds, dead, is_file=is_file)
    if is_file:
        _lock_at_once(storage.engine)
    else:
        (outages or Outages()).watch(storage.engine)
    return storage


def _with_tables(url: str, heartbeat_seconds: int, dead: Dead, *, is_file: bool) -> RDBStorage:
    options: dict[str, Any] = (
        {"connect_args": {"timeout": WAIT_FOR_LOCK}} if is_file else {"pool_pre_ping": True}
    )
    for race in range(MOST_RACES + 1):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
                return RDBStorage(
                    url,
                    engine_kwargs=options,
                    heartbeat_interval=heartbeat_seconds,
                    grace_period=GRACE * heartbeat_seconds,
                    heartbeat_stale_trial_callback=dead,
                )
        except (IntegrityError, OperationalError, ProgrammingError) as error:
            # Another process that starts at the same time makes the same tables.
            is_race = isinstance(error, IntegrityError) or "already exists" in str(error)
            if not is_race or race == MOST_RACES:
                raise
            time.sleep(random.uniform(0.1, 0.5))
    raise AssertionError("the last attempt returns or raises")


def _lock_at_once(engine: Engine) -> None:
    """Let every transaction on an SQLite file take its lock when it begins.

    Otherwise two processes read the same state before either writes: both would take the same
    waiting trial, or give up because neither can write while the other has read.
    """

    @event.listens_for(engine, "connect")
    def leave_transactions_to_us(connection: Any, record: object) -> None:
        connection.isolation_level = None

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    engine.dispose()  # what was connected before is not
