"""Corpora from and to files: one door for all formats."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dovetail.corpora.faults import refuse_nothing_left
from dovetail.corpora.format import Format, Source
from dovetail.corpora.known_formats import FORMATS, format_named, known_formats
from dovetail.corpora.ledger import RELATION, Ledger, Tally
from dovetail.corpora.marking.marked_text import MarkedText
from dovetail.corpora.marking.tokens import cut_into_tokens
from dovetail.corpora.source.recognition import recognised
from dovetail.corpora.source.several_files import Part, parts_of, with_own_names
from dovetail.corpora.source.undecoded import spelt, spelt_errors
from dovetail.corpora.source.unpacking import Unpacking
from dovetail.corpora.writing.writable import without_fragments, without_unaligned
from dovetail.errors import CorpusError
from dovetail.text.document import Document, Sentence
from dovetail.text.reading import Reading

DEFAULT = Reading()


@dataclass(frozen=True, slots=True)
class Corpus:
    """Documents, the account of how they were read, and how their text was cut.

    `language` is the one whose rules cut raw text; None where the corpus brings its own tokens.
    `unit` is what is read at once.  `warnings` are sentences for the user: what may be wrong with
    the annotations as a whole.
    """

    documents: tuple[Document, ...]
    ledger: Ledger
    format: str = ""
    language: str | None = None
    warnings: tuple[str, ...] = ()
    unit: str = "sentence"

    @property
    def cut(self) -> str:
        """How raw text was cut, in words; empty where the corpus brings its own tokens."""
        if self.language is None:
            return ""
        rule = ", which ends at line breaks that were made on purpose too" * (
            self.unit.partition(":")[0] in ("sentence", "sentences")
        )
        return f"raw text, cut by the rules of {self.language!r} and read by {self.unit}{rule}"

    @property
    def sentences(self) -> tuple[Sentence, ...]:
        """The sentences of all documents, in order."""
        return tuple(sentence for document in self.documents for sentence in document.sentences)

    @property
    def annotated(self) -> frozenset[str]:
        """The tasks that some sentence is annotated for."""
        return frozenset(task for sentence in self.sentences for task in sentence.annotated)


def read_corpus(
    path: Path | str,
    *,
    format: str | None = None,
    language: str | None = None,
    reading: Reading = DEFAULT,
    expect_relations: bool = False,
    expect_annotations: bool = False,
) -> Corpus:
    """Read a file, an archive, or a folder: of brat files, or of files of one other format.

    Args:
        path: the file or folder; compressed files and archives are read as what is in them.
        format: the name of a format or a plug-in; recognised from the content if None.
        language: of raw text that has to be cut into tokens, in place of that of `reading`.
        reading: how raw text is cut, and what becomes of what is broken.
        expect_relations: refuse a corpus in which not one relation was kept.
        expect_annotations: refuse a corpus in which no sentence is annotated for any task.

    Raises:
        CorpusFormatError: if the file breaks its format, with all faults that were found.
        CorpusError: if there is nothing to read, the format is unknown or cannot be recognised,
            or relations or annotations were expected and there are none.
    """
    path = _existing(path)
    if language is not None:
        reading = replace(reading, language=language)
    with spelt_errors(), Unpacking() as unpacking:
        corpus = _read(path, format, Source(path, reading), unpacking)
    if expect_relations and not corpus.ledger[RELATION].kept:
        raise CorpusError(
            f"{path} ({corpus.format}) has no relation that could be kept, and relations are "
            f"needed:\n{corpus.ledger.summary()}"
        )
    if expect_annotations and not corpus.annotated:
        raise CorpusError(
            f"{path} ({corpus.format}): no sentence of it is annotated, and annotations are "
            f"needed. Are they in another file, or in fields that are not read?\n"
            f"{corpus.ledger.summary()}"
        )
    return corpus


def _existing(path: Path | str) -> Path:
    if not Path(path).exists():
        raise CorpusError(f"{path} does not exist; check the path")
    return Path(path)


def _read(path: Path, format: str | None, source: Source, unpacking: Unpacking) -> Corpus:
    parts, notes = _parts(path, format, source, unpacking)
    files = [(part.path, _read_part(part, source, alone=len(parts) == 1)) for part in parts]
    corpus = corpus_of(with_own_names(files, source), source, parts[0].format.name)
    return _shown(replace(corpus, warnings=(*notes, *corpus.warnings)), unpacking)


def _parts(
    path: Path, format: str | None, source: Source, unpacking: Unpacking
) -> tuple[list[Part], list[str]]:
    """The files to read of a path, and what is to be said of how their format was recognised."""
    named = format_named(format) if format is not None else None
    notes: list[str] = []

    def recognise_and_note(file: Path) -> Format:
        found, said = recognised(file, FORMATS)
        notes.extend(note for note in said if note not in notes)
        return found

    return parts_of(path, named, source, unpacking, recognise_and_note), notes


def _shown(corpus: Corpus, unpacking: Unpacking) -> Corpus:
    """The corpus with the names that files had before they were unpacked."""
    ledger = corpus.ledger.with_names(lambda name: spelt(unpacking.shown(name)))
    return replace(corpus, ledger=ledger, warnings=tuple(map(unpacking.shown, corpus.warnings)))


def read_by_file(
    path: Path, *, format: str | None = None, reading: Reading = DEFAULT
) -> Iterator[tuple[str, Corpus]]:
    """The files of a folder or an archive, or the only file, each read when the one before is used.

    Each is a corpus of its own: nothing is compared between them, such as their documents' ids.

    Raises:
        CorpusFormatError: if a file breaks its format, with all faults that were found in it.
        CorpusError: if there is nothing to read, or the format is unknown or not recognised.
    """
    with spelt_errors(), Unpacking() as unpacking:
        path = _existing(path)
        parts, notes = _parts(path, format, Source(path, reading), unpacking)
        alone = len(parts) == 1
        for part in parts:  # without a name for the corpus, which would keep it for too long
            yield (
                unpacking.shown(str(part.path)),
                _shown(_read_alone(part, reading, notes, alone=alone), unpacking),
            )
            notes = []


def _read_alone(part: Part, reading: Reading, notes: Sequence[str], *, alone: bool) -> Corpus:
    source = Source(part.path, reading)
    read = _read_part(part, source, alone=alone)
    corpus = corpus_of(read, source, part.format.name, may_be_empty=not alone)
    return replace(corpus, warnings=(*notes, *corpus.warnings))


def _read_part(part: Part, source: Source, *, alone: bool) -> Sequence[Document | MarkedText]:
    """Read the documents of a file; a file that breaks its format as a whole is one more fault.

    Raises:
        CorpusFormatError: if it is the only file, of which nothing would be left.
    """
    own = source.at(part.path)
    if alone and source.reading.on_error != "refuse":
        return part.format.read(own)
    with source.faults.guard("file", part.path.name):
        return part.format.read(own)
    return ()


def corpus_of(
    read: Sequence[Document | MarkedText],
    source: Source,
    format: str,
    *,
    may_be_empty: bool = False,
) -> Corpus:
    """A corpus of a reader's results: cut into tokens, and with its account closed.

    Raises:
        CorpusFormatError: if something was broken, and that is refused.
        CorpusError: if everything was broken, unless it may be empty.
    """
    cut = cut_into_tokens(read, source)
    source.faults.refuse(cut.doubt)
    if not may_be_empty:
        refuse_nothing_left(len(cut.documents), source.faults, str(source.path))
    source.tally.keep_documents(cut.documents)
    account = source.tally.ledger()
    unit = source.reading.unit
    return Corpus(cut.documents, account, format, cut.language, cut.warnings, unit)


def write_corpus(documents: Iterable[Document], path: Path | str, *, format: str) -> Ledger:
    """Write documents in a format; the ledger lists what it cannot hold.

    A file is replaced at once, or not at all.

    Raises:
        CorpusError: if the format is unknown or only read.
        OutputError: if the path cannot be written.
    """
    known = format_named(format)
    if known.write is None:
        names = ", ".join(other.name for other in known_formats()[0] if other.write)
        raise CorpusError(f"the format {format!r} is only read; formats that are written: {names}")
    tally = Tally()
    listed: Sequence[Document] = tuple(documents)
    tally.read_documents(listed)
    if not known.holds_unaligned:
        listed = [without_unaligned(document, tally) for document in listed]
    if not known.holds_fragments:
        listed = [without_fragments(document, tally) for document in listed]
    known.write(listed, Path(path), tally)
    return tally.ledger()
