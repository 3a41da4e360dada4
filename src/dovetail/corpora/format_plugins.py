"""Formats that other packages bring, under the entry point group ``dovetail.formats``.

An entry point names a `Format`.  It is loaded when its name is asked for, or when no format of
Dovetail's own recognises a file; one that is broken takes nothing from the others.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any, TypeVar

from dovetail.corpora.format import Format, Sample
from dovetail.errors import CorpusError, DovetailError
from dovetail.running.plugins import EntryPoints

GROUP = "dovetail.formats"

Result = TypeVar("Result")


class Plugins:
    """The formats of other packages; `notes` says what is wrong with those that are left out.

    `taken` are the names of Dovetail's own formats, which no plug-in may have.
    """

    def __init__(self, taken: Collection[str]) -> None:
        self._points = EntryPoints(GROUP, "format", taken, CorpusError)
        self.notes = self._points.notes

    @property
    def names(self) -> list[str]:
        """The names of the plug-ins, none of which is loaded for that."""
        return self._points.names

    def load(self, name: str) -> Format | None:
        """The format of a plug-in; None if there is none of that name.

        Raises:
            CorpusError: if the plug-in is broken, with its name and what is wrong with it.
        """
        loaded = self._points.load(name)
        if loaded is None and name not in self.names:
            return None
        if not isinstance(loaded, Format):
            raise self._points.refused(name, f"is no Format but a {type(loaded).__name__}")
        if loaded.name != name:
            raise self._points.refused(
                name,
                f"has a Format that is named {loaded.name!r}; the names of an entry point and its "
                f"format must be the same",
            )
        return self._contained(loaded)

    def recognise(self, sample: Sample) -> Format | None:
        """The first plug-in that recognises a sample; one that is broken is noted and left out."""

        def recognising(name: str) -> Format | None:
            format = self.load(name)
            return format if format is not None and format.recognises(sample) else None

        return next(self._points.usable(recognising), None)

    def loaded(self) -> list[Format]:
        """All plug-ins that can be loaded; the others are noted."""
        return list(self._points.usable(self.load))

    def _contained(self, format: Format) -> Format:
        """The format with its functions raising nothing but errors of Dovetail."""

        def contain(function: Callable[..., Result], doing: str) -> Callable[..., Result]:
            def contained(*arguments: Any) -> Result:
                try:
                    return function(*arguments)
                except DovetailError:
                    raise
                except Exception as error:
                    raise self._points.failed(format.name, f"failed {doing}", error) from error

            return contained

        return replace(
            format,
            read=contain(format.read, "reading"),
            write=contain(format.write, "writing") if format.write else None,
            recognises=contain(format.recognises, "looking at a file"),
        )
