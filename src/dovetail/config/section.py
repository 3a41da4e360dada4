"""The base of all sections of the config: strict fields, and errors that teach.

A section is frozen and forbids unknown keys.  What a single field can check stands in its type;
what two fields say together is checked by the section's `contradictions`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    ModelWrapValidatorHandler,
    ValidationError,
    ValidationInfo,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from dovetail.config.explanation import CONTRADICTION, explain
from dovetail.errors import ConfigError


class Contradiction(NamedTuple):
    """Values that cannot all be meant: the field to look at first (dotted), and a sentence."""

    field: str
    message: str


class Section(BaseModel):
    """A table of the config file.

    Raises:
        ConfigError: if made from Python with values that cannot be right.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        allow_inf_nan=False,
        validate_default=True,
        use_attribute_docstrings=True,
    )

    def contradictions(self) -> Iterator[Contradiction]:
        """Yield what cannot be meant although each field alone is right."""
        yield from ()

    @model_validator(mode="wrap")
    @classmethod
    def _refuse_contradictions(
        cls, values: Any, handler: ModelWrapValidatorHandler[Self], info: ValidationInfo
    ) -> Self:
        """Check the fields, then what they say together.

        `parse_config` asks, by its context, for all errors of the file at once; a section that is
        made in Python has nobody to collect for and speaks up itself.
        """
        try:
            section = handler(_tuples_from_lists(values))
            found = list(section.contradictions())
            if found:
                raise ValidationError.from_exception_data(cls.__name__, _line_errors(found))
        except ValidationError as error:
            if info.context is not None:
                raise
            raise ConfigError(explain(error, section=cls, source=cls.__name__)) from None
        return section


def _tuples_from_lists(value: Any) -> Any:
    """Turn the lists of a TOML value into tuples, at any depth: a frozen section holds no list."""
    if isinstance(value, list | tuple):
        return tuple(_tuples_from_lists(item) for item in value)
    if isinstance(value, dict):
        return {key: _tuples_from_lists(item) for key, item in value.items()}
    return value


def _line_errors(found: list[Contradiction]) -> list[InitErrorDetails]:
    return [
        InitErrorDetails(
            # The message goes in as a value: pydantic would read braces in it as place holders.
            type=PydanticCustomError(CONTRADICTION, "{message}", {"message": message}),
            loc=tuple(field.split(".")),
            input=None,
        )
        for field, message in found
    ]
