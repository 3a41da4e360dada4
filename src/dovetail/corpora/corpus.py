"""Corpora from and to files: one door for all formats."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path

from dovetail.corpora.brat import BRAT
from dovetail.corpora.columns import COLUMNS
from dovetail.corpora.conll04 import CONLL04
from dovetail.corpora.conllu_plus import CONLLU_PLUS
from dovetail.corpora.docred import DOCRED
from dovetail.corpora.dygie import CROSSRE, DYGIE
from dovetail.corpora.faults import refuse_nothing_left
from dovetail.corpora.formats import Format, Sample, Source
from dovetail.corpora.ledger import RELATION, Ledger, Tally
from dovetail.corpora.multihead import MULTIHEAD
from dovetail.corpora.native import NATIVE
from dovetail.corpora.opennre import OPENNRE
from dovetail.corpora.semeval2010 import SEMEVAL2010
from dovetail.corpora.semeval2018 import SEMEVAL2018
from dovetail.corpora.spert import SPERT, TAGGED, UNIFIED
from dovetail.corpora.tacred import TACRED
from dovetail.corpora.tokens import cut_into_tokens
from dovetail.corpora.webanno import WEBANNO
from dovetail.corpora.writing import without_unaligned
from dovetail.document import Document, Sentence
from dovetail.errors import CorpusError
from dovetail.reading import Reading

# In the order in which they are tried when a file has to be recognised.
FORMATS: dict[str, Format] = {
    format.name: format
    for format in (
        *(WEBANNO, BRAT, DYGIE, CROSSRE, OPENNRE, NATIVE),
        *(TACRED, SEMEVAL2010, SEMEVAL2018, DOCRED),
        *(UNIFIED, TAGGED, SPERT),
        *(MULTIHEAD, CONLL04, CONLLU_PLUS, COLUMNS),
    )
}
"""The known formats by name."""


DEFAULT = Reading()


@dataclass(frozen=True, slots=True)
class Corpus:
    """Documents, the account of how they were read, and how their text was cut.

    `language` is the one whose rules cut raw text; None where the corpus brings its own tokens.
    `warnings` are sentences for the user: what may be wrong with the annotations as a whole.
    """

    documents: tuple[Document, ...]
    ledger: Ledger
    format: str = ""
    language: str | None = None
    warnings: tuple[str, ...] = ()

    @property
    def sentences(self) -> tuple[Sentence, ...]:
        """The sentences of all documents, in order."""
        return tuple(sentence for document in self.documents for sentence in document.sentences)


def read_corpus(
    path: Path | str,
    *,
    format: str | None = None,
    language: str | None = None,
    reading: Reading = DEFAULT,
    expect_relations: bool = False,
) -> Corpus:
    """Read a file, or a folder of brat files.

    Args:
        path: the file or folder.
        format: a name from `FORMATS`; recognised from the content if None.
        language: of raw text that has to be cut into tokens, in place of that of `reading`.
        reading: how raw text is cut, and what becomes of what is broken.
        expect_relations: refuse a corpus in which not one relation was kept.

    Raises:
        CorpusFormatError: if the file breaks its format, with all faults that were found.
        CorpusError: if there is nothing to read, the format is unknown or cannot be recognised,
            or relations were expected and there are none.
    """
    path = Path(path)
    if not path.exists():
        raise CorpusError(f"{path} does not exist; check the path")
    if language is not None:
        reading = replace(reading, language=language)
    known = _format(format) if format is not None else recognise(path)
    source = Source(path, reading)
    read = known.read(source)
    cut = cut_into_tokens(read, source)
    source.faults.refuse(cut.doubt)
    refuse_nothing_left(len(cut.documents), source.faults, str(path))
    source.tally.keep_documents(cut.documents)
    ledger = source.tally.ledger()
    if expect_relations and not ledger[RELATION].kept:
        raise CorpusError(
            f"{path} ({known.name}) has no relation that could be kept, and relations are needed:\n"
            f"{ledger.summary()}"
        )
    return Corpus(cut.documents, ledger, known.name, cut.language, cut.warnings)


def write_corpus(documents: Iterable[Document], path: Path | str, *, format: str) -> Ledger:
    """Write documents in a format; the ledger lists what it cannot hold.

    A file is replaced at once, or not at all.

    Raises:
        CorpusError: if the format is unknown or only read, or the path cannot be written.
    """
    known = _format(format)
    if known.write is None:
        names = ", ".join(name for name, other in FORMATS.items() if other.write)
        raise CorpusError(f"the format {format!r} is only read; formats that are written: {names}")
    tally = Tally()
    listed: Sequence[Document] = tuple(documents)
    tally.read_documents(listed)
    listed = [without_unaligned(document, tally) for document in listed]
    known.write(listed, Path(path), tally)
    return tally.ledger()


def recognise(path: Path) -> Format:
    """Find the format of a file or folder from its content.

    Raises:
        CorpusError: if no format fits.
    """
    sample = Sample.of(path)
    for format in FORMATS.values():
        if format.recognises(sample):
            return format
    raise CorpusError(
        f"{path}: the format was not recognised; name it (--format), one of: {', '.join(FORMATS)}"
    )


def _format(name: str) -> Format:
    if name in FORMATS:
        return FORMATS[name]
    near = get_close_matches(name.lower(), FORMATS, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}? " if near else ""
    raise CorpusError(f"unknown format {name!r}; {hint}known: {', '.join(FORMATS)}")
