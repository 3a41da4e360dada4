"""Annotated corpora: reading, writing and inspecting them, each with an account of every loss.

Knows nothing of tensors or models.
"""

from __future__ import annotations

from dovetail.corpora.corpus import Corpus, read_corpus, write_corpus
from dovetail.corpora.format import Format, Sample, Source
from dovetail.corpora.formats.native.native_writer import line_from_document
from dovetail.corpora.frames import corpus_from_rows, rows_from_documents
from dovetail.corpora.known_formats import FORMATS, known_formats
from dovetail.corpora.ledger import Count, Drop, Ledger, Tally
from dovetail.corpora.marking.marked_text import (
    CharacterEntity,
    IndexedRelation,
    MarkedSentence,
    MarkedText,
)

__all__ = [
    "FORMATS",
    "CharacterEntity",
    "Corpus",
    "Count",
    "Drop",
    "Format",
    "IndexedRelation",
    "Ledger",
    "MarkedSentence",
    "MarkedText",
    "Sample",
    "Source",
    "Tally",
    "corpus_from_rows",
    "known_formats",
    "line_from_document",
    "read_corpus",
    "rows_from_documents",
    "write_corpus",
]
