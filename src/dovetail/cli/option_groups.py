"""Options that belong together: a dataclass of them, which a command takes as one argument."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import fields
from functools import wraps
from typing import Any, get_type_hints

Command = Callable[..., None]


def with_group(group: type[Any], name: str) -> Callable[[Command], Command]:
    """Return a decorator that gives a command the options of a dataclass.

    The command takes an instance as the keyword argument `name`; all fields are None by default.
    """

    def decorate(command: Command) -> Command:
        @wraps(command)
        def with_options(*arguments: Any, **options: Any) -> None:
            said = {field.name: options.pop(field.name) for field in fields(group)}
            command(*arguments, **{name: group(**said)}, **options)

        own = inspect.signature(command, eval_str=True)
        hints = get_type_hints(group, include_extras=True)  # those of its bases too
        added = [
            inspect.Parameter(
                field.name,
                inspect.Parameter.KEYWORD_ONLY,
                default=None,
                annotation=hints[field.name],
            )
            for field in fields(group)
        ]
        kept = [parameter for own_name, parameter in own.parameters.items() if own_name != name]
        parameters = [*kept, *added]
        with_options.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined]
        with_options.__annotations__ = {own.name: own.annotation for own in parameters}
        return with_options

    return decorate
