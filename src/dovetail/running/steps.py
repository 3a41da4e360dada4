"""Work that tells how far it is: generators that yield that, and return what they made."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Generic, NamedTuple, TypeVar

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


class Doing(Generic[_Told, _Made]):
    """Steps to go through in a loop; `made` is what they returned, once they are over."""

    made: _Made

    def __init__(self, steps: Generator[_Told, None, _Made]) -> None:
        self._steps = steps

    def __iter__(self) -> Generator[_Told, None, None]:
        self.made = yield from self._steps


def result_of(
    steps: Generator[_Told, None, _Made], notify: Callable[[_Told], None] = _ignore
) -> _Made:
    """Do all the work, and return what it made; `notify` is told what the steps tell."""
    work = Doing(steps)
    for told in work:
        notify(told)
    return work.made


def retold(
    steps: Generator[_Told, None, _Made], tell: Callable[[_Told], _Other]
) -> Generator[_Other, None, _Made]:
    """The same work, which tells in other words how far it is."""
    work = Doing(steps)
    for told in work:
        yield tell(told)
    return work.made
