"""Writes CoNLL-U Plus with entity tags and relations, as Flair reads it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from dovetail.corpora.ledger import RELATION, Tally
from dovetail.corpora.marking.assembly import drop_relation, drop_sentence
from dovetail.corpora.marking.flat import flat_entities
from dovetail.corpora.writing.writable import is_writable, note_losses, writable_sentences
from dovetail.files.writing import write_text
from dovetail.text.document import ENTITY_TASK, RELATION_TASK, Document, Relation, Sentence

UNWRITABLE = "a token or type holds a tab or a line break"
UNWRITABLE_TYPE = "its type holds a mark of the format (a semicolon, a bar or a line break)"
NOT_FLAT = "an argument overlaps another entity and was dropped"
_HEADER = "# global.columns = id form ner\n"
_BREAKS = re.compile(r"[\t\r\n]")
_MARKS = re.compile(r"[;|\r\n]")


def write(documents: Sequence[Document], path: Path, tally: Tally) -> None:
    """Write the sentences of documents, one after another."""
    note_losses(documents, tally, keeps_ids=True, keeps_annotated=True, keeps_text=True)
    sentences = list(writable_sentences(documents, tally, is_writable=_is_writable))
    blocks = [_block(document, sentence, tally) for document, sentence in sentences]
    related = any("\n# relations = " in block for block in blocks)
    stays = {ENTITY_TASK, RELATION_TASK} if related else {ENTITY_TASK}
    tally.note(
        f"sentence: it reads back as annotated for {' and '.join(sorted(stays))}",
        sum(sentence.annotated != stays for _, sentence in sentences),
    )
    write_text(path, _HEADER + "\n".join(blocks) if blocks else "")


def _is_writable(document: Document, sentence: Sentence, tally: Tally) -> bool:
    if not is_writable(document, sentence, tally):
        return False
    texts = [*sentence.tokens, *(entity.type for entity in sentence.entities)]
    spoiled = any(_BREAKS.search(text) for text in texts)
    if spoiled:
        drop_sentence(tally, document.id, sentence, UNWRITABLE)
    return not spoiled


def _block(document: Document, sentence: Sentence, tally: Tally) -> str:
    tags = ["O"] * len(sentence.tokens)
    entities = flat_entities(document.id, sentence, tally)
    for entity in entities:
        tags[entity.start : entity.end] = [f"I-{entity.type}"] * (entity.end - entity.start)
        tags[entity.start] = f"B-{entity.type}"
    relations = []
    for relation in sentence.sorted_relations:
        if not {relation.head, relation.tail} <= set(entities):
            drop_relation(tally, document.id, relation, NOT_FLAT)
        elif _MARKS.search(relation.type):
            drop_relation(tally, document.id, relation, UNWRITABLE_TYPE)
        else:
            tally.keep(RELATION)
            relations.append(_relation(relation))
    lines = [f"# text = {_text(document, sentence, tally)}"]
    if _BREAKS.search(sentence.id) or sentence.id != sentence.id.strip():
        tally.note("sentence: its id is not held")
    elif sentence.id:
        lines.append(f"# sentence_id = {sentence.id}")
    if relations:
        lines.append(f"# relations = {'|'.join(relations)}")
    rows = zip(sentence.tokens, tags, strict=True)
    lines += (f"{number}\t{token}\t{tag}" for number, (token, tag) in enumerate(rows, start=1))
    return "".join(f"{line}\n" for line in lines)


def _relation(relation: Relation) -> str:
    head, tail = relation.head, relation.tail
    return f"{head.start + 1};{head.end};{tail.start + 1};{tail.end};{relation.type}"


def _text(document: Document, sentence: Sentence, tally: Tally) -> str:
    """The text of a sentence in one line; where it has several, its tokens with spaces between."""
    text = document.text[sentence.offsets[0][0] : sentence.offsets[-1][1]]
    if not _BREAKS.search(text):
        return text
    tally.note("sentence: its text has line breaks, so its tokens are joined by spaces")
    return " ".join(sentence.tokens)
