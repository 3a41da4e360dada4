"""How corpora are read, and how a model reads texts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, get_args

Borders = Literal["text", "snap", "drop", "cut"]
"""How to treat an entity whose borders are not the borders of tokens.

* ``text``: the tokens stay as the text alone gives them, and the entity is kept as `Unaligned`:
  the only honest way to read what is scored, since the borders of gold entities are not known when
  a model extracts.
* ``snap``: the entity grows to the borders of the tokens that it touches.
* ``drop``: the entity is left out, and listed in the ledger.
* ``cut``: the token is cut there, so that nothing is lost: for conversion.

Where an entity crosses the border between two units, ``snap`` and ``cut`` join the units.
"""

Offsets = Literal["codepoints", "utf16", "bytes"]
"""The units that character positions of a file count: Unicode code points, as Python; UTF-16 units,
as JavaScript and Java do; or bytes of UTF-8."""

OnError = Literal["refuse", "drop", "fix"]
"""How to treat what breaks a format.

* ``refuse``: all of it is listed in one error, and nothing is read.
* ``drop``: the annotation, or the document where nothing less will do, is left out and listed in
  the ledger.
* ``fix``: what can have one meaning only is mended and noted; the rest is left out as by ``drop``.
"""

Discontinuous = Literal["drop", "cover", "keep"]
"""How an entity in several fragments is read.

* ``drop``: it is left out; where scores are made, as ``text`` borders say, it counts as missed.
* ``cover``: it stands for the stretch from its first to its last fragment.
* ``keep``: it is an entity of several fragments, which a model with a span head can learn.
"""

DEFAULT_LANGUAGE = "en"
"""Of texts that tell nothing, as those of corpora that bring their own tokens."""
Annotators = Literal["first", "merge", "agree"]
"""Whose annotations are read of a text that several annotators marked.

* ``first``: the work of one of them: the one that the file calls the truth, or else the first.
* ``merge``: whatever any of them marked.
* ``agree``: what all of them marked alike; the rest is dropped and listed in the ledger.
"""

UNITS = ("sentence", "line", "paragraph", "document")
_COLUMNS = re.compile(r"token=([1-9][0-9]{0,2}),tag=([1-9][0-9]{0,2})")
_SENTENCES = re.compile(r"sentences:([1-9][0-9]{0,5})")


@dataclass(frozen=True, slots=True)
class Reading:
    """How a corpus is read.

    `language` is that of raw text, as spaCy names it; None takes it from the script of the text.
    `unit` is what a model reads at once, and what a relation has to lie within: ``sentence``,
    ``line``, ``paragraph``, ``document``, or ``sentences:N`` for so many sentences at a time.
    `offsets` None takes what the format is known to count.  `columns` names the columns of a file
    in columns, counted from 1, as ``token=2,tag=4``; None has them recognised.

    Raises:
        ValueError: if a choice is unknown.
    """

    language: str | None = None
    unit: str = "sentence"
    borders: Borders = "text"
    offsets: Offsets | None = None
    on_error: OnError = "refuse"
    discontinuous: Discontinuous = "drop"
    columns: str | None = None
    annotators: Annotators = "first"

    def __post_init__(self) -> None:
        sentences_in(self.unit)
        columns_in(self.columns)
        for field, choices in (
            ("borders", get_args(Borders)),
            ("offsets", (None, *get_args(Offsets))),
            ("on_error", get_args(OnError)),
            ("discontinuous", get_args(Discontinuous)),
            ("annotators", get_args(Annotators)),
        ):
            if getattr(self, field) not in choices:
                known = ", ".join(str(choice) for choice in choices if choice)
                raise ValueError(f"{field} is {getattr(self, field)!r}; expected one of: {known}")


def sentences_in(unit: str) -> int:
    """How many sentences a unit joins: N of ``sentences:N``, and 1 for the others.

    Raises:
        ValueError: if there is no such unit.
    """
    match = _SENTENCES.fullmatch(unit)
    if match is not None:
        return int(match[1])
    if unit not in UNITS:
        raise ValueError(
            f"the unit is {unit!r}; expected one of: {', '.join(UNITS)}, or sentences:N, such as "
            f"sentences:3"
        )
    return 1


@dataclass(frozen=True, slots=True)
class ModelReading:
    """How a model reads texts, in training as in extraction: language, unit and windows.

    * `language`: whose rules cut texts into words.
    * `max_tokens`: longer units are read in windows of so many tokens, in training as in
      extraction.
    * `overlap_tokens`: tokens that neighbouring windows share.
    * `unit`: what is read at once.
    * `discontinuous`: ``keep`` where it was trained to find entities of several fragments.
    """

    language: str = DEFAULT_LANGUAGE
    max_tokens: int = 256
    overlap_tokens: int = 128
    unit: str = "sentence"
    discontinuous: Literal["drop", "keep"] = "drop"

    @property
    def of_corpora(self) -> Reading:
        """How a corpus is read that the model is scored on: as texts are when it extracts."""
        return Reading(language=self.language, unit=self.unit, discontinuous=self.discontinuous)


DEFAULT_READING = ModelReading()
"""English, and the windows of a config that says nothing of them."""


def columns_in(columns: str | None) -> tuple[int, int] | None:
    """The columns of tokens and of tags, counted from 0, that ``token=2,tag=4`` counts from 1.

    Raises:
        ValueError: if it is anything else.
    """
    if columns is None:
        return None
    match = _COLUMNS.fullmatch(columns.replace(" ", ""))
    if match is None or match[1] == match[2]:
        raise ValueError(
            f"the columns are {columns!r}; expected two different ones, counted from 1, as "
            f"token=2,tag=4"
        )
    return int(match[1]) - 1, int(match[2]) - 1
