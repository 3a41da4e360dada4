"""Which mentions are one entity: by their names made alike, a list of aliases, or a linker.

The identity of an entity is ``TYPE/name``, or ``@/entity`` where somebody said which one is meant.
Its parts are percent-encoded, so two different pairs never meet, and it is safe in every format.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path

from dovetail.errors import DovetailError
from dovetail.graph.aliases import Aliases, read_aliases
from dovetail.graph.found import FoundDocument, FoundEntity
from dovetail.graph.spelling import LONGEST_LINKED, encoded, is_iri, normalised
from dovetail.running.plugins import EntryPoints

LINKERS = "dovetail.linkers"
"""The group of entry points under which a package brings a linker."""

LINKED = "@/"
"""The beginning of the identity of an entity that was named by an alias or a linker."""


@dataclass(frozen=True, slots=True)
class Mention:
    """A mention of an entity in a text, as a linker sees it."""

    text: str
    type: str
    start: int
    end: int
    document_id: str
    document_text: str


Linker = Callable[[Mention], str | None]
"""Says which entity is meant, as a name or an IRI; None leaves the mention to its spelling."""


@dataclass(frozen=True, slots=True)
class Identity:
    """The entity of a mention: its identity, who it is if that was said, and its given name."""

    id: str
    linked: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Naming:
    """How mentions get their entities.

    Args:
        keep_case: types for which upper and lower case make two names.
        aliases: which entities are meant by which names.
        linker: is asked for mentions that have no alias.
    """

    keep_case: Collection[str] = ()
    aliases: Aliases = field(default_factory=Aliases)
    linker: Linker | None = None

    def identity(self, entity: FoundEntity, document: FoundDocument) -> Identity:
        """The entity of a mention.

        Raises:
            DovetailError: if the linker fails, or returns no name.
        """
        key = self.key(entity.text, entity.type)
        alias = self.aliases.of(entity.text, key, entity.type)
        if alias is not None:
            return _linked(alias.entity, alias.name)
        linked = None if self.linker is None else self._asked(self.linker, entity, document)
        if linked is not None:
            return _linked(linked)
        return Identity(f"{encoded(entity.type)}/{encoded(key)}")

    def key(self, text: str, type: str) -> str:
        """The name that all spellings of a name share."""
        return normalised(text, fold_case=type not in self.keep_case)

    def _asked(self, linker: Linker, entity: FoundEntity, document: FoundDocument) -> str | None:
        (start, _), (_, end) = entity.pieces[0], entity.pieces[-1]
        mention = Mention(entity.text, entity.type, start, end, document.id, document.text)
        try:
            linked = linker(mention)
            if linked is not None and not (isinstance(linked, str) and linked.strip()):
                raise TypeError(f"expected a name or None, found {linked!r:.60}")
            return None if linked is None else " ".join(linked.encode().decode().split())
        except Exception as error:  # of another's code
            raise DovetailError(
                f"{document.place}: the linker failed at {entity.text!r:.60} ({entity.type}): "
                f"{type(error).__name__}: {error}"
            ) from error


def _linked(entity: str, name: str = "") -> Identity:
    """The entity that was named; a name that is no address is also what it is called."""
    if is_iri(
        entity
    ):  # which RDF takes from the identity, so that it is longer than those of names
        return Identity(LINKED + encoded(entity, LONGEST_LINKED), entity, name or None)
    return Identity(LINKED + encoded(entity), entity, name or entity)


def linker_of(name: str) -> Linker:
    """The linker that an installed package brings under this name.

    Raises:
        DovetailError: if there is none of this name, or it cannot be loaded.
    """
    points = EntryPoints(LINKERS, "linker", (), DovetailError)
    linker = points.load(name)
    if linker is None:
        known = ", ".join(points.names) or "none is installed"
        raise DovetailError(
            f"there is no linker {name!r}: expected the name of an entry point of the group "
            f"{LINKERS!r} ({known})"
        )
    if not callable(linker):
        raise points.refused(name, f"cannot be called: it is a {type(linker).__name__}")
    return linker


def naming_of(keep_case: frozenset[str], aliases: Path | None, linker: str | None) -> Naming:
    """How mentions get their entities, given a file of aliases and the name of a linker.

    Raises:
        CorpusError: if the aliases cannot be read.
        DovetailError: if there is no such linker.
    """
    return Naming(
        keep_case=keep_case,
        aliases=Aliases() if aliases is None else read_aliases(aliases, keep_case),
        linker=None if linker is None else linker_of(linker),
    )
