"""Sections of which there are several kinds, and of which other packages may bring more."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module
from typing import Annotated, Any, ClassVar, Self, Union

from pydantic import BaseModel, Field, GetCoreSchemaHandler, TypeAdapter, ValidationInfo
from pydantic_core import CoreSchema, core_schema

from dovetail.config.section import Section
from dovetail.config.structure import KIND, Open
from dovetail.errors import ConfigError
from dovetail.running.plugins import EntryPoints


def _kind(section: type[BaseModel]) -> str | None:
    """The kind of a section; None if it stands for several."""
    default = section.model_fields[KIND].default
    return default if isinstance(default, str) else None


def _by_kind(sections: Sequence[type[Any]]) -> dict[str, type[Any]]:
    return {str(_kind(section)): section for section in sections}


class OpenSection(Section, Open):
    """A table whose `kind` says which section it is.

    The classes right below this one stand for all of their kinds, and are what a field of the
    config is declared as.  A kind of Dovetail's own is listed in `own_kinds`; one of another
    package is named by an entry point of the group.
    """

    kind: str
    """The name by which a config chooses the section."""

    what: ClassVar[str]
    """The noun for a kind in messages."""

    implementation: ClassVar[str]
    """The class or record for the section, as ``module:object``; imported when first used."""

    @classmethod
    @abstractmethod
    def own_kinds(cls) -> Sequence[type[Self]]:
        """The sections of Dovetail's own, in the order in which they are listed."""

    @classmethod
    def plugins(cls) -> EntryPoints:
        """The entry points of other packages."""
        return EntryPoints(cls.group, cls.what, _by_kind(cls.own_kinds()), ConfigError)

    @classmethod
    def of_kind(cls, kind: object, plugins: EntryPoints | None = None) -> type[Self] | None:
        """The section of a kind, or None.

        Raises:
            ConfigError: if the package that brings it is broken.
        """
        own = _by_kind(cls.own_kinds())
        if not isinstance(kind, str):
            return None
        if kind in own:
            return own[kind]
        plugins = plugins or cls.plugins()
        section = plugins.load(kind)
        if section is None and kind not in plugins.names:
            return None
        if not (isinstance(section, type) and issubclass(section, cls)):
            raise plugins.refused(kind, f"is no section that inherits from {cls.__name__}")
        if _kind(section) != kind:
            raise plugins.refused(
                kind,
                f"has a section of the kind {_kind(section)!r}; the names of an entry point and "
                f"its kind must be the same",
            )
        return section

    @classmethod
    def choices(cls, notes: list[str] | None = None) -> tuple[type[Self], ...]:
        """Every kind; what is wrong with those that are left out goes into `notes`."""
        if _kind(cls) is not None:
            return (cls,)
        plugins = cls.plugins()
        brought = plugins.usable(lambda name: cls.of_kind(name, plugins))
        found = (*cls.own_kinds(), *brought)
        if notes is not None:
            notes += plugins.notes
        return found

    @classmethod
    def implemented(cls) -> Any:
        """The object that `implementation` names.

        Raises:
            ConfigError: if it cannot be imported.
        """
        module, _, name = cls.implementation.partition(":")
        try:
            return getattr(import_module(module), name)
        except (ImportError, AttributeError) as error:
            raise ConfigError(
                f"kind {_kind(cls)!r}: expected {cls.implementation} to be there; {error}"
            ) from error

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        if _kind(cls) is not None:
            return handler(source)
        return core_schema.with_info_plain_validator_function(
            cls._chosen,
            # Whatever section stands there is written with all of its fields.
            serialization=core_schema.wrap_serializer_function_ser_schema(
                lambda section, write: write(section), schema=core_schema.any_schema()
            ),
        )

    @classmethod
    def _chosen(cls, value: Any, info: ValidationInfo) -> Any:
        """The section that a table describes, with errors as of a union of all kinds."""
        sections = tuple(cls.own_kinds())
        kind = value.get(KIND) if isinstance(value, Mapping) else getattr(value, KIND, None)
        if kind not in _by_kind(sections):
            try:
                brought = cls.of_kind(kind)
            except ConfigError as error:
                raise ValueError(str(error)) from None
            sections += (brought,) if brought is not None else ()
        return _union(sections).validate_python(value, context=info.context)


@cache
def _union(sections: tuple[type[OpenSection], ...]) -> TypeAdapter[Any]:
    """Return the adapter that reads any of some sections."""
    union: Any = Annotated[Union[sections], Field(discriminator=KIND)]  # noqa: UP007
    return TypeAdapter(union)
