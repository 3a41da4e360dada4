"""Formats that other packages bring, under the entry point group ``dovetail.formats``.

An entry point names a `Format`.  It is loaded when its name is asked for, or when no format of
Dovetail's own recognises a file; one that is broken takes nothing from the others.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from importlib.metadata import EntryPoint, entry_points
from typing import Any, TypeVar

from dovetail.corpora.format import Format, Sample
from dovetail.errors import CorpusError, DovetailError

GROUP = "dovetail.formats"

Result = TypeVar("Result")


@dataclass(slots=True)
class Plugins:
    """The formats of other packages; `notes` says what is wrong with those that are left out.

    `taken` are the names of Dovetail's own formats, which no plug-in may have.
    """

    taken: Collection[str]
    notes: list[str] = field(default_factory=list)
    _points: dict[str, EntryPoint] = field(init=False)

    def __post_init__(self) -> None:
        self._points = {}
        # In an order that does not depend on the file system.
        for point in sorted(entry_points(group=GROUP), key=_called):
            if point.name in self.taken:
                self.notes.append(
                    f"{_called(point)} is left out: Dovetail has a format of its name"
                )
            elif point.name in self._points:
                self.notes.append(f"{_called(point)} is left out: there is another of its name")
            else:
                self._points[point.name] = point

    @property
    def names(self) -> list[str]:
        """The names of the plug-ins, none of which is loaded for that."""
        return list(self._points)

    def load(self, name: str) -> Format | None:
        """The format of a plug-in; None if there is none of that name.

        Raises:
            CorpusError: if the plug-in is broken, with its name and what is wrong with it.
        """
        point = self._points.get(name)
        if point is None:
            return None
        try:
            loaded = point.load()
        except Exception as error:
            raise _failed(point, "cannot be loaded", error) from error
        if not isinstance(loaded, Format):
            raise CorpusError(f"{_called(point)} is no Format but a {type(loaded).__name__}")
        if loaded.name != name:
            raise CorpusError(
                f"{_called(point)} has a Format that is named {loaded.name!r}; the names of an "
                f"entry point and its format must be the same"
            )
        return _contained(loaded, point)

    def recognise(self, sample: Sample) -> Format | None:
        """The first plug-in that recognises a sample; one that is broken is noted and left out."""
        for name in self.names:
            try:
                format = self.load(name)
                if format is not None and format.recognises(sample):
                    return format
            except CorpusError as error:
                self.notes.append(str(error))
        return None

    def loaded(self) -> list[Format]:
        """All plug-ins that can be loaded; the others are noted."""
        formats = []
        for name in self.names:
            try:
                format = self.load(name)
            except CorpusError as error:
                self.notes.append(str(error))
            else:
                formats += [format] if format is not None else []
        return formats


def _contained(format: Format, point: EntryPoint) -> Format:
    """The format with its functions raising nothing but errors of Dovetail."""

    def contain(function: Callable[..., Result], doing: str) -> Callable[..., Result]:
        def contained(*arguments: Any) -> Result:
            try:
                return function(*arguments)
            except DovetailError:
                raise
            except Exception as error:
                raise _failed(point, f"failed {doing}", error) from error

        return contained

    return replace(
        format,
        read=contain(format.read, "reading"),
        write=contain(format.write, "writing") if format.write else None,
        recognises=contain(format.recognises, "looking at a file"),
    )


def _failed(point: EntryPoint, what: str, error: Exception) -> CorpusError:
    return CorpusError(f"{_called(point)} {what}: {type(error).__name__}: {error}")


def _called(point: EntryPoint) -> str:
    package = f" of the package {point.dist.name!r}" if point.dist else ""
    return f"the format plug-in {point.name!r}{package} ({point.value})"
