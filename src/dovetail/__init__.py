"""Dovetail extracts entities and the relations between them in one model.

    from dovetail import Extractor

    extraction = Extractor.load("news").extract("Ada Lovelace lived in London.")

What needs torch is imported when it is first asked for, so that ``import dovetail`` stays quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from dovetail.version import __version__ as __version__

if TYPE_CHECKING:
    from dovetail.config import Config, load_config
    from dovetail.corpora import Corpus, read_corpus, write_corpus
    from dovetail.errors import DovetailError
    from dovetail.evaluation import Evaluation, evaluate
    from dovetail.extractor import Extractor
    from dovetail.text.document import Document, Entity, Relation, Sentence
    from dovetail.text.extraction import Extraction
    from dovetail.text.schema import Schema

_HOME = {
    "Config": "config",
    "Corpus": "corpora",
    "Document": "text.document",
    "DovetailError": "errors",
    "Entity": "text.document",
    "Evaluation": "evaluation",
    "Extraction": "text.extraction",
    "Extractor": "extractor",
    "Relation": "text.document",
    "Schema": "text.schema",
    "Sentence": "text.document",
    "evaluate": "evaluation",
    "load_config": "config",
    "read_corpus": "corpora",
    "write_corpus": "corpora",
}

__all__ = [
    "Config",
    "Corpus",
    "Document",
    "DovetailError",
    "Entity",
    "Evaluation",
    "Extraction",
    "Extractor",
    "Relation",
    "Schema",
    "Sentence",
    "evaluate",
    "load_config",
    "read_corpus",
    "write_corpus",
]


def __getattr__(name: str) -> Any:
    """Import a public name from its module when it is first used."""
    if name not in _HOME:
        raise AttributeError(f"module 'dovetail' has no attribute {name!r}")
    from dovetail.threads import prepare_threads

    prepare_threads()
    return getattr(import_module(f"dovetail.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
