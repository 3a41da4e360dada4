"""The models of a server by their names; what several of them stand on is in memory once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from dovetail.encoders.shared_weights import share_equal
from dovetail.errors import ModelError
from dovetail.extractor import Extractor
from dovetail.model.asked_schemas import AskedSchemas
from dovetail.text.named_schemas import ONLY
from dovetail.text.schema import Schema
from dovetail.text.tokenization import Tokenizer


@dataclass(frozen=True)
class ServedSchemas:
    """All schemas of a model, or one of them, as a request asks for them."""

    extractor: Extractor

    @cached_property
    def schema(self) -> Schema:
        """The types that can be found."""
        return self.extractor.schema

    @cached_property
    def second_tokenizer(self) -> Tokenizer:
        """One that cuts a long text in another thread, while the extractor's own is free."""
        return Tokenizer(self.extractor.reading.language, self.extractor.reading.unit)

    @cached_property
    def thresholds(self) -> dict[str, float]:
        """The probability from which each relation type is taken, as it is compared."""
        return AskedSchemas(self.extractor.model, self.extractor.chosen).exact_thresholds


class ServedModels:
    """Extractors by name, the first of which answers where none is named.

    Args:
        extractors: by the names that requests call them.  Frozen weights that they have in common
            are from now on the same tensors in all of them.
    """

    def __init__(self, extractors: dict[str, Extractor]) -> None:
        self._extractors = extractors
        share_frozen_weights(extractors.values())
        self._asked = {
            (name, schema): ServedSchemas(own.of_schema(schema) if schema else own)
            for name, own in extractors.items()
            for schema in (ONLY, *own.schemas)
        }

    @classmethod
    def load(cls, asked: Sequence[str], *, threads: int = 0) -> ServedModels:
        """Load models by their names or folders; ``NAME=FOLDER`` gives one a name.

        Raises:
            ModelError: if one cannot be loaded, two have the same name, or there is none.
        """
        if not asked:
            raise ModelError("a server needs at least one model, found none")
        extractors: dict[str, Extractor] = {}
        for one in asked:
            name, separator, place = one.partition("=")
            extractor = Extractor.load(place if separator else one, threads=threads)
            name = name if separator else extractor.name
            if name in extractors:
                raise ModelError(
                    f"two models are called {name!r}: give them names, such as first={one} second=…"
                )
            extractors[name] = extractor
            share_frozen_weights(extractors.values())  # before the next one is loaded
        return cls(extractors)

    def __iter__(self) -> Iterator[str]:
        return iter(self._extractors)

    @property
    def default(self) -> str:
        """The model that answers where none is named; empty where there is no model yet."""
        return next(iter(self), "")

    def find(self, name: str, schema: str) -> ServedSchemas:
        """What a request asks for.

        Raises:
            LookupError: if there is no such model, or it has no such schema; says which there are.
        """
        if not self._extractors:
            raise LookupError("The server has no model yet.")
        if name not in self._extractors:
            raise LookupError(f"There is no model {name!r}; the server has {', '.join(self)}.")
        if (name, schema) not in self._asked:
            known = ", ".join(self._extractors[name].schemas) or "one, which has no name"
            raise LookupError(f"The model {name} has no schema {schema!r}; it has {known}.")
        return self._asked[name, schema]

    def describe(self) -> list[dict[str, Any]]:
        """The values of `ServedModel` for each model."""
        return [
            {
                "name": name,
                "default": name == self.default,
                "language": extractor.reading.language,
                "unit": extractor.reading.unit,
                "schemas": [
                    _described(schema, self._asked[name, schema].extractor)
                    for schema in extractor.schemas or (ONLY,)
                ],
            }
            for name, extractor in self._extractors.items()
        ]


def share_frozen_weights(extractors: Iterable[Extractor]) -> int:
    """Hold frozen weights that are the same in several models once; how many bytes that saves."""
    return share_equal(encoder for own in extractors for encoder in own.model.encoders)


def _described(name: str, extractor: Extractor) -> dict[str, Any]:
    values = extractor.schema.to_dict()
    return {
        "name": name,
        "entity_types": values["entity_types"],
        "relation_types": values["relation_types"],
        "arguments": values["signatures"],
        "symmetric": values["symmetric"],
        "thresholds": extractor.thresholds,
    }
