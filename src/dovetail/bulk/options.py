"""What a bulk extraction is told: what decides its output, and what it may take of the machine."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args

from dovetail.errors import DovetailError

Form = Literal["tables", "nested", "jsonl"]
"""What is written: Parquet in several tables or with lists in the rows, or native JSON lines."""

Kind = Literal["text", "lines", "jsonl", "csv", "tsv", "parquet", "wet"]
"""What an input holds, once it is unpacked."""

OWN_COLUMNS = frozenset(
    {
        *("number", "id", "place", "characters", "sentences", "text"),
        *("entities", "relations", "annotated", "tokens", "format"),
    }
)
"""Names that output has already, so that no column of an input can go through under them."""

MEGABYTE = 1_000_000
_SIZE = re.compile(r"(?P<number>[0-9]+(?:\.[0-9]+)?)\s*(?P<unit>[kKMGT]?)i?B?")
_FACTORS = {"": 1, "k": 10**3, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}


@dataclass(frozen=True, slots=True)
class BulkOptions:
    """All that decides the output beside inputs and model; a resumed run has the same.

    * `kind`: what all inputs hold; None goes by their names.
    * `text_column`, `id_column`: the columns of text and name; an ``id`` is taken where there is
      one, and made of place and line otherwise.
    * `keep`: columns that go through.
    * `form`: what is written.
    * `texts`: whether the tables hold the texts.
    * `schema`: the one of the model's schemas that is asked for.
    * `unit_documents`, `unit_bytes`: a unit ends with the document that reaches one of them.
    * `max_characters`, `max_seconds`: what a document may have and take.

    Raises:
        DovetailError: if a column is kept under a name that output has already, or a limit is not
            positive.
    """

    kind: Kind | None = None
    text_column: str = "text"
    id_column: str | None = None
    keep: tuple[str, ...] = ()
    form: Form = "tables"
    texts: bool = True
    schema: str | None = None
    unit_documents: int = 5000
    unit_bytes: int = MEGABYTE
    max_characters: int = 1_000_000
    max_seconds: float = 300.0

    def __post_init__(self) -> None:
        for value, choices in ((self.kind, (None, *get_args(Kind))), (self.form, get_args(Form))):
            if value not in choices:
                raise DovetailError(f"expected one of {', '.join(map(str, choices))}, not {value}")
        taken = sorted(OWN_COLUMNS.intersection(self.keep))
        if taken:
            raise DovetailError(
                f"no column can go through as {', '.join(map(repr, taken))}: output has one of "
                f"that name; give it another one in the input"
            )
        for name in ("unit_documents", "unit_bytes", "max_characters", "max_seconds"):
            if getattr(self, name) <= 0:
                raise DovetailError(f"{name} is {getattr(self, name)}; expected more than 0")

    @property
    def most_bytes(self) -> int:
        """The bytes of a record that are read: JSON can spell a character in twelve."""
        return 12 * self.max_characters + MEGABYTE

    def to_dict(self) -> dict[str, Any]:
        """JSON values."""
        return {**asdict(self), "keep": list(self.keep)}

    def differences(self, values: dict[str, Any]) -> list[str]:
        """What differs from the values that another run wrote, in words."""
        own = self.to_dict()
        names = [field.name for field in fields(self)]
        return [
            f"{name} was {values.get(name)!r} and is {own[name]!r}"
            for name in names
            if values.get(name) != own[name]
        ]


@dataclass(frozen=True, slots=True)
class Running:
    """How a run is done, and what it may take; none of it changes the output.

    `workers` None is a process for each core, `memory` the bytes of all processes together, `ray`
    the address of a cluster, or ``local``.  With `resume` the run in the folder goes on.
    """

    workers: int | None = None
    memory: int | None = None
    ray: str | None = None
    resume: bool = False


def size_of(text: str) -> int:
    """Bytes, from a number with a unit.

    >>> size_of("2 MB"), size_of("1.5G"), size_of("300")
    (2000000, 1500000000, 300)

    Raises:
        ValueError: if it is none.
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is no size; expected a number with k, M, G or T, such as 4G")
    return round(float(match["number"]) * _FACTORS[match["unit"]])
