"""Work that tells how far it is: generators that yield that, and return what they made."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import NamedTuple, TypeVar

_Told = TypeVar("_Told")
_Other = TypeVar("_Other")
_Made = TypeVar("_Made")


class Done(NamedTuple):
    """The progress of some work, in units that take about the same time each."""

    done: int
    total: int


class Teller:
    """Is told what is being done, and how far it is; this one keeps it to itself."""

    def stage(self, what: str) -> None:
        """Something else begins, in words such as "reading the corpora"."""

    def progress(self, done: Done) -> None:
        """So much of it is done."""


SILENT = Teller()


def _ignore(told: object) -> None:
    pass


def result_of(
    steps: Generator[_Told, None, _Made], notify: Callable[[_Told], None] = _ignore
) -> _Made:
    """Do all the work, and return what it made; `notify` is told what the steps tell."""
    while True:
        try:
            told = next(steps)
        except StopIteration as finished:
            made: _Made = finished.value
            return made
        notify(told)


def retold(
    steps: Generator[_Told, None, _Made], tell: Callable[[_Told], _Other]
) -> Generator[_Other, None, _Made]:
    """The same work, which tells in other words how far it is."""
    while True:
        try:
            told = next(steps)
        except StopIteration as finished:
            made: _Made = finished.value
            return made
        yield tell(told)
