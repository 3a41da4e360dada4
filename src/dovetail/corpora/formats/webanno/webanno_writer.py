"""Writes WebAnno TSV 3: entities as named entities, and a layer of relations between them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dovetail.corpora.formats.webanno.webanno_layers import NAMED_ENTITY, escape_text, escape_value
from dovetail.corpora.ledger import DOCUMENT, ENTITY, RELATION, SENTENCE, Drop, Tally
from dovetail.corpora.marking.assembly import drop_sentence
from dovetail.corpora.marking.positions import length_in
from dovetail.corpora.writing.folders import file_names, write_folder
from dovetail.corpora.writing.writable import NO_SENTENCE, is_writable, note_confidences
from dovetail.errors import CorpusError
from dovetail.files.writing import write_text
from dovetail.text.document import ENTITY_TASK, RELATION_TASK, Document, Entity, Sentence

SUFFIX = ".tsv"
OUT_OF_ORDER = "it begins before the end of the sentence before it"
_HEADER = f"#FORMAT=WebAnno TSV 3.3\n#T_SP={NAMED_ENTITY}|value\n"
_RELATIONS = f"#T_RL=webanno.custom.Relation|label|BT_{NAMED_ENTITY}\n"


def write(documents: Sequence[Document], path: Path, tally: Tally) -> None:
    """Write one document to a ``.tsv`` file, or any number to a new folder.

    Raises:
        CorpusError: if several documents are to go into one file, or the path cannot be written.
    """
    if path.suffix != SUFFIX or path.is_dir():
        names = file_names(documents, tally)
        contents = (
            (name + SUFFIX, content)
            for name, document in zip(names, documents, strict=True)
            if (content := _content(document, tally))
        )
        write_folder(path, contents, f"{SUFFIX} files")
    elif len(documents) == 1:
        write_text(path, _content(documents[0], tally))
    else:
        raise CorpusError(
            f"{path} would be one file with {len(documents):,} documents, and the format holds a "
            f"document a file; name a folder"
        )


def _content(document: Document, tally: Tally) -> str:
    """The file of a document; empty if it has no sentence to write."""
    held = _held(document, tally)
    if not held:
        tally.drop(Drop(document.id, DOCUMENT, NO_SENTENCE))
        return ""
    tally.keep(DOCUMENT)
    tally.keep(SENTENCE, len(held))
    for sentence in held:
        note_confidences(sentence, tally)
    with_relations = any(
        sentence.relations or RELATION_TASK in sentence.annotated for sentence in held
    )
    stays = {ENTITY_TASK, RELATION_TASK} if with_relations else {ENTITY_TASK}
    tally.note(
        f"sentence: it reads back as annotated for {' and '.join(sorted(stays))}",
        sum(sentence.annotated != stays for sentence in held),
    )
    writer = _Writer(document, with_relations)
    parts = [_HEADER + (_RELATIONS if with_relations else "") + "\n"]
    parts += (writer.block(sentence, number, tally) for number, sentence in enumerate(held, 1))
    tally.note(
        "document: its text between and around sentences is not held",
        writer.rebuilt != document.text,
    )
    return "\n".join(parts)


def _held(document: Document, tally: Tally) -> list[Sentence]:
    held: list[Sentence] = []
    for sentence in document.sentences:
        if not is_writable(document, sentence, tally):
            continue
        if held and sentence.offsets[0][0] < held[-1].offsets[-1][1]:
            drop_sentence(tally, document.id, sentence, OUT_OF_ORDER)
            continue
        held.append(sentence)
    return held


class _Writer:
    """Writes the sentences of one document; positions count UTF-16 units."""

    def __init__(self, document: Document, with_relations: bool) -> None:
        self.document = document
        self.with_relations = with_relations
        self.rebuilt = ""  # the text as it will be read
        self._numbers = 0
        self._seen = 0, 0  # a position in the text, in code points and in UTF-16 units

    def block(self, sentence: Sentence, number: int, tally: Tally) -> str:
        """The lines of a sentence."""
        first, last = sentence.offsets[0][0], sentence.offsets[-1][1]
        text = self.document.text[first:last]
        begin = self._units(first)
        self.rebuilt += " " * (begin - length_in(self.rebuilt, "utf16")) + text
        lines = [f"#Text={escape_text(line)}" for line in text.split("\n")]
        if (
            sentence.id
            and not set("\r\n") & set(sentence.id)
            and sentence.id == sentence.id.strip()
        ):
            lines.insert(0, f"#Sentence.id={sentence.id}")
        else:
            tally.note("sentence: its id is not held", bool(sentence.id))
        ids = self._ids(sentence)
        values, sources = _cells(sentence, ids, number)
        for position, (token, (start, end)) in enumerate(
            zip(sentence.tokens, sentence.offsets, strict=True)
        ):
            cells = [f"{number}-{position + 1}", f"{self._units(start)}-{self._units(end)}"]
            cells += [escape_text(token), "|".join(values[position]) or "_"]
            if self.with_relations:
                types, places = (
                    zip(*sources[position], strict=True) if sources[position] else ((), ())
                )
                cells += ["|".join(types) or "_", "|".join(places) or "_"]
            lines.append("\t".join(cells) + "\t")
        tally.keep(ENTITY, len(sentence.entities))
        tally.keep(RELATION, len(sentence.relations))
        return "".join(f"{line}\n" for line in lines)

    def _units(self, position: int) -> int:
        """A position in UTF-16 units; positions are asked for in ascending order."""
        seen, units = self._seen
        if position < seen:
            seen, units = 0, 0
        units += length_in(self.document.text[seen:position], "utf16")
        self._seen = position, units
        return units

    def _ids(self, sentence: Sentence) -> dict[Entity, int]:
        """Numbers for the entities that need one: of several tokens, or several on a token."""
        on_token = [0] * len(sentence.tokens)
        for entity in sentence.entities:
            for position in range(*entity.span):
                on_token[position] += 1
        ids = {}
        for entity in sentence.sorted_entities:
            if entity.end - entity.start > 1 or on_token[entity.start] > 1:
                self._numbers += 1
                ids[entity] = self._numbers
            else:
                ids[entity] = 0
        return ids


def _cells(
    sentence: Sentence, ids: dict[Entity, int], number: int
) -> tuple[list[list[str]], list[list[tuple[str, str]]]]:
    """For each token the values of entities, and the types and sources of relations."""
    values: list[list[str]] = [[] for _ in sentence.tokens]
    for entity in sentence.sorted_entities:
        suffix = f"[{ids[entity]}]" if ids[entity] else ""
        for position in range(*entity.span):
            values[position].append(escape_value(entity.type) + suffix)
    sources: list[list[tuple[str, str]]] = [[] for _ in sentence.tokens]
    for relation in sentence.sorted_relations:
        head, tail = ids[relation.head], ids[relation.tail]
        suffix = f"[{head}_{tail}]" if head or tail else ""
        place = f"{number}-{relation.head.start + 1}{suffix}"
        sources[relation.tail.start].append((escape_value(relation.type), place))
    return values, sources
