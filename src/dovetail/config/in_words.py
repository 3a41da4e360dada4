"""Types and values in words, for error messages and for the reference."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date, time
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt, MinLen
from pydantic.fields import FieldInfo

from dovetail.config.structure import is_table, sections_in

LONGEST_VALUE = 60
"""Characters of a value that a message shows."""

_NOUNS: dict[Any, tuple[str, str]] = {  # singular and plural
    bool: ("true or false", "true or false"),
    int: ("an integer", "integers"),
    float: ("a number", "numbers"),
    str: ("a string", "strings"),
    Path: ("a path", "paths"),
}


def describe(annotation: Any, constraints: Sequence[Any] = (), *, plural: bool = False) -> str:
    """Say what a type admits, such as ``an integer of at least 0 or "all"``."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return describe(arguments[0], arguments[1:], plural=plural)
    if origin is Literal:
        return alternatives([describe_value(argument) for argument in arguments])
    if origin is tuple:
        return _describe_list(arguments, constraints, plural=plural)
    if is_table(annotation):
        return _describe_table(annotation)
    if origin in (Union, UnionType):
        return " or ".join(describe(member) for member in arguments if member is not NoneType)
    if origin is Mapping:
        noun = "tables" if plural else "a table"
        return f"{noun} with {describe(arguments[1], plural=True)}"
    singular, plural_noun = _NOUNS[annotation]
    noun = plural_noun if plural else singular
    return _not_empty(noun, constraints) + _describe_limits(constraints)


def _describe_table(annotation: Any) -> str:
    """Name the required fields too, where there is no choice between sections."""
    sections = sections_in(annotation)
    if len(sections) != 1:
        return "a table"
    required = [name for name, field in sections[0].model_fields.items() if field.is_required()]
    if not required:
        return "a table"
    return f"a table with at least {', '.join(required)}"


def _describe_list(arguments: tuple[Any, ...], constraints: Sequence[Any], *, plural: bool) -> str:
    item, is_fixed = arguments[0], arguments[-1] is not Ellipsis
    if is_table(item):
        return _not_empty("a list of tables", constraints)
    items = describe(item, plural=True)
    noun = "lists of" if plural else "a list of"
    if is_fixed:
        return f"{noun} {len(arguments)} {items}"
    many = _not_empty(f"{noun} {items}", constraints)
    content = get_args(item)[0] if get_origin(item) is Annotated else item
    # Lists of words and paths may be written as one word or path.
    return f"{describe(item)} or {many}" if content in (str, Path) else many


def _not_empty(noun: str, constraints: Sequence[Any]) -> str:
    """Add what a lower bound of the length says.

    >>> _not_empty("a list of paths", [MinLen(1)])
    'a non-empty list of paths'
    """
    if not any(isinstance(constraint, MinLen) for constraint in _flattened(constraints)):
        return noun
    return f"a non-empty {noun[2:]}" if noun.startswith("a ") else f"non-empty {noun}"


def _describe_limits(constraints: Sequence[Any]) -> str:
    """Say the limits of a number.

    >>> _describe_limits([Ge(0), Lt(1)]), _describe_limits([Ge(0), Le(1)])
    (' of at least 0 and below 1', ' from 0 to 1')
    """
    match _limits(constraints):
        case [Ge(ge=lower), Le(le=upper)]:
            return f" from {lower} to {upper}"
        case [Ge(ge=lower), Lt(lt=upper)]:
            return f" of at least {lower} and below {upper}"
        case [Gt(gt=lower), Le(le=upper)]:
            return f" above {lower} and of at most {upper}"
        case [Ge(ge=lower)]:
            return f" of at least {lower}"
        case [Gt(gt=lower)]:
            return f" above {lower}"
        case _:
            return ""


def _limits(constraints: Sequence[Any]) -> list[Ge | Gt | Le | Lt]:
    return [
        constraint
        for constraint in _flattened(constraints)
        if isinstance(constraint, Ge | Gt | Le | Lt)
    ]


def _flattened(constraints: Sequence[Any]) -> list[Any]:
    """The constraints one by one: ``Field(ge=0)`` inside a type holds them in its metadata."""
    return [
        single
        for constraint in constraints
        for single in (constraint.metadata if isinstance(constraint, FieldInfo) else [constraint])
    ]


def describe_value(value: Any) -> str:
    """Write a value as TOML would, shortened to what fits in a message.

    >>> describe_value(("a", True, 1.5))
    '["a", true, 1.5]'
    """
    text = inline_toml(value)
    return text if len(text) <= LONGEST_VALUE else f"{text[: LONGEST_VALUE - 1]}…"


def inline_toml(value: Any) -> str:
    """Write a value as TOML has it on one line."""
    match value:
        case None:
            return "nothing"
        case bool():
            return str(value).lower()
        case str() | Path():
            return json.dumps(str(value), ensure_ascii=False)
        case list() | tuple():
            return f"[{', '.join(map(inline_toml, value))}]"
        case dict():
            return f"{{{', '.join(f'{key} = {inline_toml(item)}' for key, item in value.items())}}}"
        case date() | time():
            return value.isoformat()
        case _:
            return str(value)


def alternatives(words: Sequence[str]) -> str:
    """Join words by commas and a last "or".

    >>> alternatives(["a", "b", "c"])
    'a, b or c'
    """
    *others, last = words
    return f"{', '.join(others)} or {last}" if others else last
