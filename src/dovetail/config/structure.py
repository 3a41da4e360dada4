"""Where the fields of a config are: found from the types of the sections, never from a list.

Knows pydantic's models and nothing of what Dovetail's sections mean.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, get_args, get_origin

from pydantic import BaseModel

KIND = "kind"
"""The field by which the members of a union of sections are told apart."""


class Open:
    """A section that may stand for others, of other packages too."""

    group: ClassVar[str]
    """The entry points by which packages bring more."""

    @classmethod
    def choices(cls) -> tuple[type[BaseModel], ...]:
        """The sections that it stands for: itself, if it is one of them."""
        raise NotImplementedError


@dataclass(frozen=True)
class Place:
    """A place in a config file.

    `annotation` is the type of what stands there, with its `constraints`; the type is None for a
    key that nobody knows.  `section` is the section that holds the place, `choices` the sections
    that may stand at it.
    """

    path: tuple[str | int, ...]
    annotation: Any
    constraints: tuple[Any, ...]
    section: type[BaseModel]
    choices: tuple[type[BaseModel], ...]


def dotted(path: Sequence[str | int]) -> str:
    """Write a path as one writes it in TOML and on the command line.

    >>> dotted(("encoders", 0, "pooling"))
    'encoders.0.pooling'
    >>> dotted(("declared", "works for"))
    'declared."works for"'
    """
    parts = (str(part) for part in path)
    return ".".join(
        part if re.fullmatch(r"[A-Za-z0-9_-]+", part) else json.dumps(part, ensure_ascii=False)
        for part in parts
    )


def sections_in(annotation: Any) -> tuple[type[BaseModel], ...]:
    """The sections that a type is made of: itself, the members of a union, those of a list."""
    if isinstance(annotation, type) and issubclass(annotation, Open):
        return annotation.choices()
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return (annotation,)
    return tuple(section for argument in get_args(annotation) for section in sections_in(argument))


def is_table(annotation: Any) -> bool:
    """Whether a section stands at a field; of an open one there may be no kind yet."""
    is_open = isinstance(annotation, type) and issubclass(annotation, Open)
    return is_open or bool(sections_in(annotation))


def kind_of(section: type[BaseModel]) -> str | None:
    """The kind by which a section is chosen among others, or None where there is no choice."""
    field = section.model_fields.get(KIND)
    return None if field is None else str(field.default)


def locate(root: type[BaseModel], location: Sequence[str | int]) -> Place:
    """Find the place that a location of pydantic means.

    Pydantic's locations name the chosen member of a union too (``encoders.0.pretrained.pooling``,
    ``threshold.literal['tuned']``), which no file does: those parts are left out.
    """
    place = Place((), root, (), root, (root,))
    for part in location:
        chosen = tuple(choice for choice in place.choices if kind_of(choice) == part)
        if len(place.choices) == 1 and isinstance(part, str):
            place = _field_place(place, part)
        elif chosen:
            place = replace(place, choices=chosen)
        elif having := [choice for choice in place.choices if part in choice.model_fields]:
            # A contradiction of the whole config names a field, and not of which member.
            place = _field_place(replace(place, choices=(having[0],)), str(part))
        else:
            place = _item_place(place, part)
    return place


def _field_place(place: Place, name: str) -> Place:
    (section,) = place.choices
    field = section.model_fields.get(name)
    path = (*place.path, name)
    if field is None:
        return Place(path, None, (), section, ())
    return Place(
        path, field.annotation, tuple(field.metadata), section, sections_in(field.annotation)
    )


def _item_place(place: Place, part: str | int) -> Place:
    """The place of an item of a list, or of a key or value of a table without a section."""
    origin, arguments = get_origin(place.annotation), get_args(place.annotation)
    if origin is Mapping and part == "[key]":  # stands behind the key that is wrong
        return replace(place, annotation=arguments[0])
    if origin is tuple and isinstance(part, int):
        item = arguments[0]
    elif origin is Mapping:
        item = arguments[1]
    else:
        return place
    constraints: list[Any] = []
    if get_origin(item) is Annotated:
        item, *constraints = get_args(item)
    path = (*place.path, part)
    return replace(place, path=path, annotation=item, constraints=tuple(constraints))


def heading(name: str, section: type[BaseModel], *, is_list: bool) -> str:
    """How the table of a section starts in a file, such as ``[sharing] with kind = "depth"``."""
    table = f"[[{name}]]" if is_list else f"[{name}]"
    kind = kind_of(section)
    return table if kind is None else f'{table} with {KIND} = "{kind}"'


def sections_below(root: type[BaseModel]) -> Iterator[tuple[str, type[BaseModel]]]:
    """Yield the heading of every section of a config with the section, in their order."""
    for name, field in root.model_fields.items():
        for section in sections_in(field.annotation):
            yield heading(name, section, is_list=get_origin(field.annotation) is tuple), section
            yield from sections_below(section)
