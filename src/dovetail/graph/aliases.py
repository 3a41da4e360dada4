"""A list of names and of the entities that they mean: a CSV file that anyone can write."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field
from pathlib import Path

from dovetail.corpora.source.text_files import read_text
from dovetail.errors import CorpusFormatError
from dovetail.graph.spelling import normalised

_REQUIRED, _OPTIONAL = ("mention", "entity"), ("type", "name")


@dataclass(frozen=True, slots=True)
class Alias:
    """The entity that a name means, and the name to show for it, which may be empty."""

    entity: str
    name: str


@dataclass(frozen=True, slots=True)
class Aliases:
    """Aliases by normalised name and type, which is empty (and case folded) where any is meant."""

    by_name: dict[tuple[str, str], Alias] = field(default_factory=dict)

    def of(self, text: str, key: str, type: str) -> Alias | None:
        """The alias of a mention, whose normalised name is `key`; one for its type goes first."""
        if not self.by_name:
            return None
        return self.by_name.get((key, type)) or self.by_name.get((normalised(text), ""))


def read_aliases(path: Path, keep_case: frozenset[str] = frozenset()) -> Aliases:
    """Read a CSV file with the columns mention, entity, and if wanted type and name.

    Raises:
        CorpusError: if it cannot be read.
        CorpusFormatError: if a column or a value is missing, or one name means two entities.
    """
    rows = csv.DictReader(io.StringIO(read_text(path), newline=""), strict=True)
    by_name: dict[tuple[str, str], Alias] = {}
    try:
        _check_columns(path, rows.fieldnames or ())
        for row in rows:
            place = f"{path}:{rows.line_num}"
            values = {name: (row.get(name) or "").strip() for name in (*_REQUIRED, *_OPTIONAL)}
            if None in row or not all(values[name] for name in _REQUIRED):
                raise CorpusFormatError(
                    f"{place}: expected a mention and an entity, found {list(row.values())!r:.100}"
                )
            key = normalised(values["mention"], fold_case=values["type"] not in keep_case)
            alias = Alias(" ".join(values["entity"].split()), values["name"])
            known = by_name.setdefault((key, values["type"]), alias)
            if known.entity != alias.entity:
                raise CorpusFormatError(
                    f"{place}: {values['mention']!r} means {alias.entity!r} here and "
                    f"{known.entity!r} before; give one of them a type, or remove it"
                )
    except csv.Error as error:
        raise CorpusFormatError(f"{path}:{rows.line_num}: no CSV: {error}") from error
    return Aliases(by_name)


def _check_columns(path: Path, found: object) -> None:
    names = list(found) if isinstance(found, list | tuple) else []
    missing = [name for name in _REQUIRED if name not in names]
    unknown = [name for name in names if name not in (*_REQUIRED, *_OPTIONAL)]
    if missing or unknown or len(set(names)) < len(names):
        raise CorpusFormatError(
            f"{path}:1: expected the columns {', '.join(_REQUIRED)} and if wanted "
            f"{', '.join(_OPTIONAL)}, found {', '.join(map(repr, names)) or 'none'}"
        )
