"""The types of the config's values: numbers with their limits, paths, and lists of either."""

from __future__ import annotations

import os
from pathlib import Path
from string import Template
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer

DATA_FOLDER = "../shared/data"
"""The value of ``$DOVETAIL_DATA`` where the environment does not set it."""

Count = Annotated[int, Field(ge=0)]
"""A number of things, which may be none."""

PositiveCount = Annotated[int, Field(ge=1)]
"""A number of things, or the size of an axis."""

Layers = Annotated[int, Field(ge=0, le=128)]
"""A number of layers one upon the other."""

PositiveLayers = Annotated[int, Field(ge=1, le=128)]
"""A number of layers that is not none."""

Width = Annotated[int, Field(ge=1, le=16384)]
"""How many numbers stand for one thing; with more, one matrix takes gigabytes."""

OptionalWidth = Annotated[int, Field(ge=0, le=16384)]
"""The same; 0 leaves the thing out."""

Fraction = Annotated[float, Field(ge=0, le=1)]
"""A share of a whole, or a probability."""

Dropout = Annotated[float, Field(ge=0, lt=1)]
"""The probability that a value is dropped in training; 1 would drop everything."""

NonNegative = Annotated[float, Field(ge=0)]
"""A weight or size that may be off."""

Positive = Annotated[float, Field(gt=0)]
"""A rate or norm that cannot be off."""

Text = Annotated[str, Field(min_length=1)]
"""A word or name, never empty."""


def _check_folder_name(name: str) -> str:
    if name in (".", "..") or any(sign in name for sign in "/\\:\0"):
        raise ValueError(
            f"expected a name that a folder can have, found {name!r}; leave out / \\ and :"
        )
    return name


FolderName = Annotated[Text, AfterValidator(_check_folder_name)]
"""A name that a folder gets too."""


def expand_variables(text: str) -> str:
    """Replace ``$NAME`` and ``${NAME}`` by the environment's values; ``$$`` is a dollar sign.

    Raises:
        ValueError: if the environment has no such variable.
    """
    try:
        return Template(text).substitute({"DOVETAIL_DATA": DATA_FOLDER, **os.environ})
    except KeyError as error:
        raise ValueError(
            f"{text!r} names the environment variable {error.args[0]}, which is not set; "
            f"set it, or write $$ for a dollar sign"
        ) from None
    except ValueError:
        raise ValueError(
            f"{text!r} has a $ that no name follows; write $$ for a dollar sign"
        ) from None


def _path_from_text(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if not value:
        raise ValueError("the path is empty; leave the field out, or name a file")
    return Path(expand_variables(value))


def _expand_if_text(value: Any) -> Any:
    return expand_variables(value) if isinstance(value, str) else value


def _escape_variables(value: Path | str) -> str:
    """The text that `expand_variables` reads back as the same path or name.

    What lies in the folder of the corpora is written so that another machine finds it in its own.
    """
    text = str(value).replace("$", "$$")
    data = Path(os.environ.get("DOVETAIL_DATA", DATA_FOLDER))
    if isinstance(value, Path) and value.is_relative_to(data):
        inside = value.relative_to(data).as_posix().replace("$", "$$")
        return f"$DOVETAIL_DATA/{inside}"
    return text


def _one_or_many(value: Any) -> Any:
    return (value,) if isinstance(value, str | Path) else value


FilePath = Annotated[
    Path, BeforeValidator(_path_from_text), PlainSerializer(_escape_variables, when_used="json")
]
"""A path, relative to the working directory; variables of the environment are expanded."""

FilePaths = Annotated[tuple[FilePath, ...], BeforeValidator(_one_or_many)]
"""One path or a list of them; always a tuple once read."""

FolderOrName = Annotated[
    Text, BeforeValidator(_expand_if_text), PlainSerializer(_escape_variables, when_used="json")
]
"""A folder or a name; variables of the environment are expanded."""

Names = Annotated[tuple[Text, ...], BeforeValidator(_one_or_many)]
"""One name or a list of them; always a tuple once read."""
