"""Plug-ins of other packages, found by a group of entry points.

An entry point is loaded when its name is asked for; one that is broken takes nothing from the
others.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from typing import Any, TypeVar

from dovetail.errors import DovetailError

Brought = TypeVar("Brought")


@dataclass(slots=True)
class EntryPoints:
    """The entry points of a group.

    Args:
        group: such as ``dovetail.formats``.
        what: what one of them brings, in a word.
        taken: the names of Dovetail's own, which no plug-in may have.
        error: what is raised when one is broken.
        notes: what is wrong with those that are left out.
    """

    group: str
    what: str
    taken: Collection[str]
    error: type[DovetailError]
    notes: list[str] = field(default_factory=list)
    _points: dict[str, EntryPoint] = field(init=False)

    def __post_init__(self) -> None:
        self._points = {}
        # In an order that does not depend on the file system.
        for point in sorted(entry_points(group=self.group), key=self._called):
            called = self._called(point)
            if point.name in self.taken:
                self.notes.append(f"{called} is left out: Dovetail has {_a(self.what)} of its name")
            elif point.name in self._points:
                self.notes.append(f"{called} is left out: there is another of its name")
            else:
                self._points[point.name] = point

    @property
    def names(self) -> list[str]:
        """The names of the plug-ins, none of which is loaded for that."""
        return list(self._points)

    def load(self, name: str) -> Any:
        """Return the object that a plug-in brings; None if there is none of that name.

        Raises:
            DovetailError: of the type `error`, if the plug-in is broken.
        """
        if name not in self._points:
            return None
        try:
            return self._points[name].load()
        except Exception as error:
            raise self.failed(name, "cannot be loaded", error) from error

    def usable(self, load: Callable[[str], Brought | None]) -> Iterator[Brought]:
        """What plug-ins bring, as `load` gives it; those that are broken are noted and left out."""
        for name in self.names:
            try:
                brought = load(name)
            except self.error as error:
                self.notes.append(str(error))
            else:
                if brought is not None:
                    yield brought

    def failed(self, name: str, what: str, error: Exception) -> DovetailError:
        """The error that says so."""
        return self.refused(name, f"{what}: {type(error).__name__}: {error}")

    def refused(self, name: str, problem: str) -> DovetailError:
        """The error that says what is wrong with a plug-in."""
        return self.error(f"{self._called(self._points[name])} {problem}")

    def _called(self, point: EntryPoint) -> str:
        package = f" of the package {point.dist.name!r}" if point.dist else ""
        return f"the {self.what} plug-in {point.name!r}{package} ({point.value})"


def _a(noun: str) -> str:
    """The noun with its article."""
    return f"an {noun}" if noun[0] in "aeiou" else f"a {noun}"
