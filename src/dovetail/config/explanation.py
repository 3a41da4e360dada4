"""From pydantic's errors to messages that say where, what was expected, what came, what to do."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from dovetail.config.in_words import alternatives, describe, describe_value
from dovetail.config.structure import KIND, Open, Place, dotted, kind_of, locate, sections_below

CONTRADICTION = "contradiction"
"""The error type of values that cannot all be meant; the message of such an error is final."""

MAX_PROBLEMS = 40
"""How many problems of a config are said at once."""


def explain(error: ValidationError, *, section: type[BaseModel], source: str) -> str:
    """Put all that is wrong with a config into one message.

    Args:
        error: what pydantic found.
        section: the model that was being made, from which the paths start.
        source: the file, or what else the values came from.
    """
    problems = problems_in(error, section=section)
    lines = [f"{path}: {problem}" if path else problem for path, problem in problems.items()]
    found = error.error_count()
    if found > MAX_PROBLEMS:
        return "\n  ".join([f"{source}: {found:,} problems, the first of which are", *lines])
    if len(lines) == 1:
        return f"{source}: {lines[0]}"
    return "\n  ".join([f"{source}: {len(lines)} problems", *lines])


def problems_in(
    error: ValidationError, *, section: type[BaseModel], leave_out: str = ""
) -> dict[str, str]:
    """The errors by the path of the field, except those of the type to leave out."""
    problems: dict[str, str] = {}  # the first for each path: a union reports once for each member
    for details in error.errors(include_url=False)[:MAX_PROBLEMS]:
        if details["type"] == leave_out:
            continue
        place = locate(section, details["loc"])
        path = dotted(place.path)
        if details["type"].startswith("union_tag"):
            path = f"{path}.{KIND}"
        # A list that lost its items to errors is reported as too short on top of them.
        if not any(reported.startswith(f"{path}.") for reported in problems):
            problems.setdefault(path, _explain_one(details, place, root=section))
    return problems


def _explain_one(details: ErrorDetails, place: Place, *, root: type[BaseModel]) -> str:
    match details["type"]:
        case "contradiction":
            return details["msg"]
        case "value_error":
            return str(details["ctx"]["error"])
        case "extra_forbidden":
            return _explain_unknown_key(str(place.path[-1]), place, root=root)
        case "union_tag_not_found" | "union_tag_invalid":
            return _explain_kind(details, place)
        case "missing":
            return f"missing; expected {_expectation(place)}"
        case _:
            found = details["input"]
            return (
                f"expected {_expectation(place)}, found {describe_value(found)}"
                f"{_suggestion(found, _words_in(place.annotation))}"
            )


def _explain_unknown_key(key: str, place: Place, *, root: type[BaseModel]) -> str:
    tables = [("the top of the file", root), *sections_below(root)]
    elsewhere = [heading for heading, section in tables if key in section.model_fields]
    if elsewhere:
        return f"unknown key here; it belongs to {alternatives(elsewhere)}"
    known = list(place.section.model_fields)
    near = get_close_matches(key, known, n=1)
    if near:
        return f"unknown key; did you mean {dotted((*place.path[:-1], near[0]))}?"
    return f"unknown key; known here: {', '.join(known)}"


def _explain_kind(details: ErrorDetails, place: Place) -> str:
    kinds = [kind for choice in place.choices if (kind := kind_of(choice)) is not None]
    expected = alternatives([describe_value(kind) for kind in kinds])
    if details["type"] == "union_tag_not_found":
        return f"missing; expected {expected}"
    found = details["ctx"]["tag"]
    hint = _suggestion(found, kinds)
    groups = {choice.group for choice in place.choices if issubclass(choice, Open)}
    if groups and not hint:
        hint = f"; further kinds come with packages (entry points of {alternatives([*groups])})"
    return f"expected {expected}, found {describe_value(found)}{hint}"


def _expectation(place: Place) -> str:
    return describe(place.annotation, place.constraints)


def _words_in(annotation: object) -> Iterable[str]:
    """The words that a type admits as they stand."""
    for argument in get_args(annotation):
        if isinstance(argument, str):
            yield argument
        else:
            yield from _words_in(argument)


def _suggestion(found: object, known: Iterable[str]) -> str:
    near = get_close_matches(found, list(known), n=1) if isinstance(found, str) else []
    return f"; did you mean {describe_value(near[0])}?" if near else ""
