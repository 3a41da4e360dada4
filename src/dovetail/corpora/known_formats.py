"""All formats there are: Dovetail's own and those of other packages, by name or by content."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path

from dovetail.corpora.format import Format
from dovetail.corpora.format_plugins import Plugins
from dovetail.corpora.formats.ade import ADE
from dovetail.corpora.formats.arrow import DATASETS, PARQUET_FORMAT
from dovetail.corpora.formats.bioc.bioc import BIOC, BIOC_JSON
from dovetail.corpora.formats.brat.brat import BRAT
from dovetail.corpora.formats.columns.columns import COLUMNS
from dovetail.corpora.formats.conll04 import CONLL04
from dovetail.corpora.formats.conllu_plus.conllu_plus import CONLLU_PLUS
from dovetail.corpora.formats.docbin.docbin import SPACY
from dovetail.corpora.formats.doccano import DOCCANO
from dovetail.corpora.formats.docred import DOCRED
from dovetail.corpora.formats.dygie import CROSSRE, DYGIE
from dovetail.corpora.formats.gliner import GLINER
from dovetail.corpora.formats.label_studio.label_studio import LABEL_STUDIO
from dovetail.corpora.formats.multihead import MULTIHEAD
from dovetail.corpora.formats.native.native import NATIVE
from dovetail.corpora.formats.opennre import OPENNRE
from dovetail.corpora.formats.prodigy.prodigy import PRODIGY
from dovetail.corpora.formats.pubtator.pubtator import PUBTATOR
from dovetail.corpora.formats.semeval2010 import SEMEVAL2010
from dovetail.corpora.formats.semeval2018.semeval2018 import SEMEVAL2018
from dovetail.corpora.formats.spacy_list import SPACY_LIST
from dovetail.corpora.formats.spert import SPERT, TAGGED, UNIFIED
from dovetail.corpora.formats.table.table import ENTITY_TABLE, TOKEN_TABLE
from dovetail.corpora.formats.tacred import TACRED
from dovetail.corpora.formats.token_classification import HUGGING_FACE
from dovetail.corpora.formats.triples import TRIPLES
from dovetail.corpora.formats.webanno.webanno import WEBANNO
from dovetail.corpora.source.recognition import recognised
from dovetail.errors import CorpusError

# In the order in which they are tried when a file has to be recognised.
FORMATS: dict[str, Format] = {
    format.name: format
    for format in (
        *(SPACY, PARQUET_FORMAT, DATASETS, HUGGING_FACE),
        *(WEBANNO, SEMEVAL2010, SEMEVAL2018, CONLLU_PLUS, ADE),
        *(PUBTATOR, BIOC, BIOC_JSON),
        *(TOKEN_TABLE, ENTITY_TABLE),
        *(BRAT, DYGIE, CROSSRE, OPENNRE, DOCRED, TACRED),
        *(LABEL_STUDIO, DOCCANO, PRODIGY, GLINER, TRIPLES, NATIVE),
        *(UNIFIED, TAGGED, SPERT, SPACY_LIST),
        *(MULTIHEAD, CONLL04, COLUMNS),
    )
}
"""Dovetail's own formats by name; `known_formats` has those of other packages too."""


def known_formats() -> tuple[list[Format], list[str]]:
    """Dovetail's own formats and all plug-ins, with notes on plug-ins that are left out."""
    plugins = Plugins(FORMATS)
    return [*FORMATS.values(), *plugins.loaded()], plugins.notes


def recognise(path: Path) -> Format:
    """Find the format of a file or folder from its content.

    Raises:
        CorpusError: if no format fits.
    """
    return recognised(path, FORMATS)[0]


def is_corpus(path: Path) -> bool:
    """Whether a format is recognised; what is none may be plain text."""
    try:
        recognise(path)
    except CorpusError:
        return False
    return True


def format_named(name: str) -> Format:
    """The format of this name.

    Raises:
        CorpusError: if there is none.
    """
    if name in FORMATS:
        return FORMATS[name]
    plugins = Plugins(FORMATS)
    found = plugins.load(name)
    if found is not None:
        return found
    names = [*FORMATS, *plugins.names]
    near = get_close_matches(name.lower(), names, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}? " if near else ""
    raise CorpusError(f"unknown format {name!r}; {hint}known: {', '.join(names)}")
