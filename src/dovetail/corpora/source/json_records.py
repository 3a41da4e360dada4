"""JSON objects with typed fields: a wrong type is an error that says which field, and where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from reprlib import Repr
from typing import Any, NoReturn

from dovetail.corpora.source.undecoded import UNDECODED, not_utf8
from dovetail.errors import CorpusFormatError

_BEGINNING = Repr()  # of some values, and of some levels
_BEGINNING.maxstring = 60
LARGEST = 10**12
"""No text has so many characters: a larger number is a mistake, and unreadable in a message."""


@dataclass(frozen=True, slots=True)
class Record:
    """A JSON object and the place where it stands, as ``corpus.json: item 3: entities[0]``."""

    values: Mapping[str, Any]
    where: str

    @classmethod
    def of(cls, value: object, where: str) -> Record:
        """Take a JSON value that must be an object.

        Raises:
            CorpusFormatError: if it is anything else.
        """
        if not isinstance(value, dict):
            raise CorpusFormatError(f"{where}: expected a JSON object, found {describe(value)}")
        return cls(value, where)

    def fail(self, message: str) -> NoReturn:
        """Raise a `CorpusFormatError` for this place."""
        raise CorpusFormatError(f"{self.where}: {message}")

    def __contains__(self, name: str) -> bool:
        return self.values.get(name) is not None

    def string(self, name: str) -> str:
        """A required text."""
        value = self._required(name)
        if not isinstance(value, str):
            self._wrong(name, "a text", value)
        return check_characters(value, f"{self.where}: {name!r}")

    def type_name(self) -> str:
        """The required, non-empty `type` of an annotation."""
        return check_type(self.string("type"), f"{self.where}: 'type'")

    def integer(self, name: str) -> int:
        """A required whole number."""
        value = self._required(name)
        if not isinstance(value, int) or isinstance(value, bool):
            self._wrong(name, "a whole number", value)
        if abs(value) > LARGEST:
            self._wrong(name, f"a whole number up to {LARGEST:,}", value)
        return value

    def confidence(self) -> float | None:
        """The optional `confidence`, between 0 and 1."""
        value = self.values.get("confidence")
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
            self._wrong("confidence", "a number between 0 and 1", value)
        return float(value)

    def identifier(self, name: str) -> str:
        """An optional name, which may be a text or a number; empty where there is none."""
        value = self.values.get(name)
        if value is None:
            return ""
        if isinstance(value, bool) or not isinstance(value, int | str):
            self._wrong(name, "a text or a whole number", value)
        return check_characters(str(value), f"{self.where}: {name!r}")

    def items(self, name: str) -> list[Any]:
        """A required list."""
        value = self._required(name)
        if not isinstance(value, list):
            self._wrong(name, "a list", value)
        return value

    def records(self, name: str) -> list[Record]:
        """A list of JSON objects; empty if the field is absent."""
        items = self.items(name) if name in self else []
        return [
            Record.of(item, f"{self.where}: {name}[{position}]")
            for position, item in enumerate(items)
        ]

    def tokens(self, name: str = "tokens") -> list[str]:
        """A required list of the words of a sentence."""
        return check_tokens(self.items(name), f"{self.where}: {name!r}")

    def _required(self, name: str) -> Any:
        if name not in self:
            found = ", ".join(sorted(map(repr, self.values))) or "none"
            self.fail(f"the field {name!r} is missing; the fields are {found}")
        return self.values[name]

    def _wrong(self, name: str, expected: str, value: object) -> NoReturn:
        self.fail(f"{name!r}: expected {expected}, found {describe(value)}")


def check_tokens(items: object, where: str) -> list[str]:
    """Take a JSON value that must be a list of words: at least one, none empty.

    Raises:
        CorpusFormatError: if it is anything else.
    """
    if not isinstance(items, list):
        raise CorpusFormatError(f"{where}: expected a list of tokens, found {describe(items)}")
    if not items:
        raise CorpusFormatError(f"{where}: a sentence without tokens; remove the sentence")
    for position, token in enumerate(items):
        if not isinstance(token, str) or not token:
            raise CorpusFormatError(
                f"{where}[{position}]: expected a token, that is a text that is not empty, "
                f"found {describe(token)}"
            )
    check_characters(" ".join(items), where)
    return items


def check_type(type: str, where: str) -> str:
    """The name of a type, if it can be one.

    Raises:
        CorpusFormatError: if it is empty, or holds what cannot be encoded.
    """
    if not type.strip():
        raise CorpusFormatError(f"{where} is empty; expected the name of a type")
    return check_characters(type, where)


def check_characters(text: str, where: str) -> str:
    """The text, if every character of it can be encoded.

    Raises:
        CorpusFormatError: if it holds half a surrogate pair, which JSON can spell, or a byte that
            is not UTF-8.
    """
    try:
        text.encode()
    except UnicodeEncodeError as error:
        if UNDECODED.match(text, error.start):
            raise CorpusFormatError(not_utf8(where, text[error.start])) from error
        raise CorpusFormatError(
            f"{where}: character {error.start} is half a surrogate pair; write the character whole"
        ) from error
    return text


def describe(value: object) -> str:
    """A JSON value for an error message: what it is, and its beginning."""
    names = {dict: "an object", list: "a list", str: "a text", bool: "a truth value"}
    if value is None:
        return "null"
    return f"{names.get(type(value), 'a number')}: {_BEGINNING.repr(value)}"
