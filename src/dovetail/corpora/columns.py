"""CoNLL-style columns: a token a line, its tag in the last column, a blank line ends a sentence.

The tags may follow IOB, BIO, BIOES or BILOU.  Columns hold entities, and no relations: what is
read from them is annotated for entities only.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from dovetail.corpora.assembly import Place, SentenceBuilder, drop_relation, drop_sentence
from dovetail.corpora.files import numbered_lines, read_text
from dovetail.corpora.flat import flat_entities
from dovetail.corpora.formats import Format, Sample, Source
from dovetail.corpora.ledger import DOCUMENT, SENTENCE, Drop, Tally
from dovetail.corpora.tags import entities_from_tags, is_tag
from dovetail.corpora.writing import note_losses, writable_sentences
from dovetail.document import ENTITY_TASK, RELATION_TASK, Document, Sentence
from dovetail.errors import CorpusFormatError
from dovetail.files import write_text

NO_RELATIONS = "columns hold no relations"
UNWRITABLE = "a token or type holds a tab or a line break, or reads as a comment"
_DOCUMENT_START = "-DOCSTART-"
_BYTE_ORDER_MARK = "\ufeff"  # where a file begins it is not read
_BREAKS = re.compile(r"[\t\r\n]")


def _read(source: Source) -> list[Document]:
    documents: list[Document] = []
    tokens: list[str] = []
    tags: list[str] = []
    first_line = 1
    # A blank line at the end closes the last sentence.
    for number, line in [*numbered_lines(read_text(source.path)), (0, "")]:
        if not line.strip(" \t"):
            if tokens:
                documents.append(_document(source, tokens, tags, first_line))
            tokens, tags, first_line = [], [], number + 1
            continue
        columns = _columns(line)
        if columns[0] == _DOCUMENT_START:
            source.tally.note("document borders are not read: every sentence is a document")
        elif len(columns) > 1 and columns[0] and is_tag(columns[-1]):
            tokens.append(columns[0])
            tags.append(columns[-1])
        elif line.startswith("#"):
            source.tally.note("comment lines are not read")
        else:
            raise CorpusFormatError(
                f"{source.path}:{number}: expected a token and, in the last column, a tag as 'O' "
                f"or 'B-Person'; found {line[:60]!r}"
            )
    if not documents:
        raise CorpusFormatError(f"{source.path} has no sentence; expected tokens and tags")
    return documents


def _columns(line: str) -> list[str]:
    return line.split("\t") if "\t" in line else re.split(" +", line.strip(" "))


def _document(
    source: Source, tokens: Sequence[str], tags: Sequence[str], first_line: int
) -> Document:
    source.tally.read(DOCUMENT)
    source.tally.read(SENTENCE)
    where = f"{source.path}:{first_line}"
    builder = SentenceBuilder(Place(source.tally, f"line {first_line}", where), tokens)
    for start, end, type_ in entities_from_tags(tags, where):
        builder.add_entity(start, end, type_)
    return Document.from_sentence(builder.sentence(annotated=[ENTITY_TASK]))


def _write(documents: Sequence[Document], path: Path, tally: Tally) -> None:
    note_losses(documents, tally, keeps_annotated=True)
    blocks = []
    for document in documents:
        held = [item for item in document.sentences if _is_writable(document, item, tally)]
        rest = Document(document.id, document.text, tuple(held))
        if document.sentences and not held:
            tally.drop(Drop(document.id, DOCUMENT, UNWRITABLE))
            continue
        for _, sentence in writable_sentences([rest], tally):
            for relation in sentence.sorted_relations:
                drop_relation(tally, document.id, relation, NO_RELATIONS)
            tally.note(
                "sentence: that it is not annotated for entities is not held",
                ENTITY_TASK not in sentence.annotated,
            )
            tally.note(
                "sentence: that it is annotated for relations is not held",
                RELATION_TASK in sentence.annotated,
            )
            blocks.append(_block(document.id, sentence, tally))
    write_text(path, "\n".join(blocks))


def _is_writable(document: Document, sentence: Sentence, tally: Tally) -> bool:
    texts = [*sentence.tokens, *(entity.type for entity in sentence.entities)]
    spoiled = any(_BREAKS.search(text) for text in texts)
    spoiled = spoiled or _DOCUMENT_START in sentence.tokens
    spoiled = spoiled or "".join(sentence.tokens[:1]).startswith(_BYTE_ORDER_MARK)
    spoiled = spoiled or any(token and not token.strip(" ") for token in sentence.tokens)
    if spoiled:
        drop_sentence(tally, document.id, sentence, UNWRITABLE)
    return not spoiled


def _block(document_id: str, sentence: Sentence, tally: Tally) -> str:
    """The lines of a sentence, in BIO."""
    tags = ["O"] * len(sentence.tokens)
    for entity in flat_entities(document_id, sentence, tally):
        tags[entity.start] = f"B-{entity.type}"
        for position in range(entity.start + 1, entity.end):
            tags[position] = f"I-{entity.type}"
    rows = zip(sentence.tokens, tags, strict=True)
    return "".join(f"{token}\t{tag}\n" for token, tag in rows)


def _recognises(sample: Sample) -> bool:
    rows = [_columns(line) for line in sample.lines if line.strip()]
    rows = [row for row in rows if row[0] != _DOCUMENT_START and not row[0].startswith("#")]
    return bool(rows) and all(len(row) > 1 and is_tag(row[-1]) for row in rows)


COLUMNS = Format(
    "columns",
    "CoNLL-style columns: a token and its tag a line; entities only",
    _read,
    _write,
    _recognises,
)
