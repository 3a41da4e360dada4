"""Extractions as data frames of pandas, polars or Arrow, whichever is there.

One table has a row for each document, one for each entity, one for each relation; `document` is the
place among the extractions, which joins them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib.util import find_spec
from typing import Any, Literal, get_args

from dovetail.errors import MissingExtraError
from dovetail.text.extraction import Extraction, Library, Table, TextEntity
from dovetail.text.reading_ahead import checked

Kind = Literal["whole", "number", "text", "spans"]
"""What a column holds: whole numbers, numbers that may be missing, text, or lists of spans."""

_PLACE: dict[str, Kind] = {"document": "whole", "id": "text"}


def _argument(name: str) -> dict[str, Kind]:
    return {
        name: "whole",
        f"{name}_start_char": "whole",
        f"{name}_end_char": "whole",
        f"{name}_type": "text",
        f"{name}_text": "text",
    }


COLUMNS: Mapping[Table, Mapping[str, Kind]] = {
    "documents": {
        **_PLACE,
        "text": "text",
        "sentences": "whole",
        "tokens": "whole",
        "entities": "whole",
        "relations": "whole",
    },
    "entities": {
        **_PLACE,
        "sentence": "whole",
        "entity": "whole",
        "start_char": "whole",
        "end_char": "whole",
        "type": "text",
        "text": "text",
        "confidence": "number",
        "fragments": "spans",
    },
    "relations": {
        **_PLACE,
        "sentence": "whole",
        "type": "text",
        "confidence": "number",
        **_argument("head"),
        **_argument("tail"),
    },
}
"""The columns of each table; they are the same, and of the same types, where there is no row."""

_MODULES: Mapping[Library, str] = {"pandas": "pandas", "polars": "polars", "arrow": "pyarrow"}


def to_dataframe(
    extractions: Extraction | Iterable[Extraction],
    table: Table = "entities",
    *,
    library: Library | None = None,
) -> Any:
    """Make a data frame of one extraction or of many, such as those that `Extractor.pipe` gives.

    Args:
        extractions: what was found; of a stream no more than the rows is kept.
        table: ``entities``, ``relations`` or ``documents``.
        library: whose frame it is; by default the first that is installed of pandas, polars and
            Arrow (pyarrow).

    Raises:
        ValueError: if there is no such table or library.
        TypeError: if an item is no `Extraction`.
        MissingExtraError: if the library, or any of the three, is not installed.
    """
    for name, value, known in (
        ("table", table, get_args(Table)),
        ("library", library, (None, *get_args(Library))),
    ):
        if value not in known:
            listed = ", ".join(str(one) for one in known if one)
            raise ValueError(f"the {name} is {value!r}; expected one of: {listed}")
    build = _BUILDERS[library or _installed()]
    _require(library)
    several = [extractions] if isinstance(extractions, Extraction) else extractions
    columns: dict[str, list[Any]] = {name: [] for name in COLUMNS[table]}
    for place, extraction in enumerate(checked(several, Extraction, "an Extraction")):
        for row in _ROWS[table](extraction):
            for name, value in {"document": place, "id": extraction.document.id, **row}.items():
                columns[name].append(value)
    return build(columns, COLUMNS[table])


def _installed() -> Library:
    """The first library that is there."""
    for library, module in _MODULES.items():
        if find_spec(module) is not None:
            return library
    raise MissingExtraError("a data frame of pandas, polars or Arrow", extra="pandas")


def _require(library: Library | None) -> None:
    if library is not None and find_spec(_MODULES[library]) is None:
        raise MissingExtraError(f"a data frame of {library}", extra=library)


def _documents(extraction: Extraction) -> Iterator[dict[str, Any]]:
    sentences = extraction.document.sentences
    yield {
        "text": extraction.text,
        "sentences": len(sentences),
        "tokens": sum(len(sentence.tokens) for sentence in sentences),
        "entities": len(extraction.entities),
        "relations": len(extraction.relations),
    }


def _entities(extraction: Extraction) -> Iterator[dict[str, Any]]:
    entities = iter(extraction.entities)  # in the order of the sentences
    place = 0
    for number, sentence in enumerate(extraction.document.sentences):
        for _ in sentence.entities:
            entity = next(entities)
            yield {
                "sentence": number,
                "entity": place,
                "start_char": entity.start_char,
                "end_char": entity.end_char,
                "type": entity.type,
                "text": entity.text,
                "confidence": entity.confidence,
                "fragments": [list(piece) for piece in entity.fragments],
            }
            place += 1


def _relations(extraction: Extraction) -> Iterator[dict[str, Any]]:
    places = {id(entity): place for place, entity in enumerate(extraction.entities)}
    relations = iter(extraction.relations)
    for number, sentence in enumerate(extraction.document.sentences):
        for _ in sentence.relations:
            relation = next(relations)
            yield {
                "sentence": number,
                "type": relation.type,
                "confidence": relation.confidence,
                **_of_argument("head", relation.head, places),
                **_of_argument("tail", relation.tail, places),
            }


def _of_argument(name: str, entity: TextEntity, places: Mapping[int, int]) -> dict[str, Any]:
    values = (places[id(entity)], entity.start_char, entity.end_char, entity.type, entity.text)
    return dict(zip(_argument(name), values, strict=True))


_ROWS: Mapping[Table, Callable[[Extraction], Iterator[dict[str, Any]]]] = {
    "documents": _documents,
    "entities": _entities,
    "relations": _relations,
}


def _pandas(columns: Mapping[str, list[Any]], kinds: Mapping[str, Kind]) -> Any:
    import pandas

    types = {"whole": "int64", "number": "float64", "text": "str", "spans": "object"}
    return pandas.DataFrame(
        {name: pandas.Series(own, dtype=types[kinds[name]]) for name, own in columns.items()}
    )


def _polars(columns: Mapping[str, list[Any]], kinds: Mapping[str, Kind]) -> Any:
    import polars

    types: dict[Kind, Any] = {
        "whole": polars.Int64,
        "number": polars.Float64,
        "text": polars.String,
        "spans": polars.List(polars.List(polars.Int64)),
    }
    return polars.DataFrame(columns, schema={name: types[kind] for name, kind in kinds.items()})


def _arrow(columns: Mapping[str, list[Any]], kinds: Mapping[str, Kind]) -> Any:
    import pyarrow

    types = {
        "whole": pyarrow.int64(),
        "number": pyarrow.float64(),
        "text": pyarrow.string(),
        "spans": pyarrow.list_(pyarrow.list_(pyarrow.int64())),
    }
    schema = pyarrow.schema([(name, types[kind]) for name, kind in kinds.items()])
    return pyarrow.table(columns, schema=schema)


_BUILDERS: Mapping[Library, Callable[[Mapping[str, list[Any]], Mapping[str, Kind]], Any]] = {
    "pandas": _pandas,
    "polars": _polars,
    "arrow": _arrow,
}
