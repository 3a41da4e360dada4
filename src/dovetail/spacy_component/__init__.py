"""Dovetail in a spaCy pipeline: `nlp.add_pipe("dovetail", config={"model": "news"})`.

spaCy finds the component by an entry point, so nothing has to be imported.  It imports what its
entry points name in every process that makes a pipeline, with this component or without; so this
package imports nothing until it is asked for a name.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dovetail.spacy_component.component import DovetailComponent
    from dovetail.spacy_component.relations import SpanRelation, relations_of, set_relations
    from dovetail.spacy_component.shown import extraction_of

_HOME = {
    "DovetailComponent": "component",
    "SpanRelation": "relations",
    "extraction_of": "shown",
    "relations_of": "relations",
    "set_relations": "relations",
}

__all__ = ["DovetailComponent", "SpanRelation", "extraction_of", "relations_of", "set_relations"]


def __getattr__(name: str) -> Any:
    """Import a public name from its module when it is first used."""
    if name not in _HOME:
        raise AttributeError(f"module 'dovetail.spacy_component' has no attribute {name!r}")
    return getattr(import_module(f"dovetail.spacy_component.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
