"""SemEval-2010 task 8: numbered sentences with two marked nominals, and how they are related.

An item is a line ``1<tab>"The <e1>cup</e1> contained <e2>tea</e2>."``, a line with the relation and
its direction, as ``Container-Contents(e1,e2)``, and a comment (Hendrickx et al. 2010).  ``Other``
says that there is none of the relations.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dovetail.corpora.format import Format, Sample, Source
from dovetail.corpora.ledger import DOCUMENT, Tally
from dovetail.corpora.marking.assembly import RepeatedNames
from dovetail.corpora.marking.marked_pairs import (
    MEANS_NONE,
    NO_RELATION,
    UNTYPED,
    Pair,
    is_relation,
    pairs_to_write,
    tasks_of,
)
from dovetail.corpora.marking.marked_text import CharacterEntity, IndexedRelation, MarkedText, Span
from dovetail.corpora.source.text_files import numbered_lines
from dovetail.errors import CorpusFormatError
from dovetail.files.writing import write_text
from dovetail.text.document import Document, character_span

OVERLAP = "its arguments overlap, and the marks of the format cannot"
UNWRITABLE = "its words or type hold what the format reads as marks, or only white space"
_ITEM = re.compile(r"([0-9]+)\t(.*)")
_RELATION = re.compile(r"(.+)\((e1,e2|e2,e1)\)")
_MARK = re.compile(r"</?e[12]>")
_MARKS = ["<e1>", "</e1>", "<e2>", "</e2>"]
_COMMENT = "Comment:"
_OTHER = "Other"


@dataclass(slots=True)
class _Item:
    """The lines of one item, with the place of the first."""

    id: str
    where: str
    marked: str
    relation: str | None = None


def _read(source: Source) -> list[MarkedText]:
    names = RepeatedNames()
    texts = []
    for item in _items(source):
        with source.faults.guard(DOCUMENT, item.id):
            names.add(item.id, source.tally)
            texts.append(_text(item))
    if not texts and not source.faults.found:
        raise CorpusFormatError(
            f"{source.path} has no sentence; expected lines as "
            f'1<tab>"The <e1>cup</e1> contained <e2>tea</e2>."'
        )
    return texts


def _items(source: Source) -> list[_Item]:
    items: list[_Item] = []
    for number, line in numbered_lines(source.text()):
        where = f"{source.path}:{number}"
        if match := _ITEM.fullmatch(line):
            items.append(_Item(match[1], where, match[2]))
        elif line.startswith(_COMMENT):
            source.tally.note("comment lines are not read", bool(line[len(_COMMENT) :].strip()))
        elif line.strip() and items and items[-1].relation is None:
            items[-1].relation = line.strip()
        elif line.strip():
            message = f"{where}: expected a numbered sentence, its relation or a comment, found "
            source.faults.add("line", source.path.name, f"{message}{line[:60]!r}")
    return items


def _text(item: _Item) -> MarkedText:
    text, (first, second) = _unmarked(item)
    entities = [CharacterEntity(*span, UNTYPED, item.where) for span in (first, second)]
    relation, order = _relation(item)
    head, tail = (0, 1) if order == "e1,e2" else (1, 0)
    relations = [IndexedRelation(head, tail, relation)] if is_relation(relation) else []
    return MarkedText(
        *(item.id, text, entities, relations, item.where, tasks_of(relation)),
        offsets="codepoints",
    )


def _unmarked(item: _Item) -> tuple[str, tuple[Span, Span]]:
    """The text without quotation marks and tags, and where e1 and e2 stand in it."""
    marked = item.marked
    if len(marked) > 1 and marked[0] == marked[-1] == '"':
        marked = marked[1:-1]
    found = list(_MARK.finditer(marked))
    if sorted(match[0] for match in found) != sorted(_MARKS):
        raise CorpusFormatError(
            f"{item.where}: expected one <e1>…</e1> and one <e2>…</e2>, found "
            f"{' '.join(match[0] for match in found)[:60] or 'no marks'!r}"
        )
    places, removed = {}, 0
    for match in found:
        places[match[0]] = match.start() - removed
        removed += len(match[0])
    spans = ((places["<e1>"], places["</e1>"]), (places["<e2>"], places["</e2>"]))
    return _MARK.sub("", marked), spans


def _relation(item: _Item) -> tuple[str | None, str]:
    """The relation and the order of its arguments; None where the file does not say."""
    if item.relation is None or item.relation in NO_RELATION:
        return item.relation, "e1,e2"
    match = _RELATION.fullmatch(item.relation)
    if match is None:
        raise CorpusFormatError(
            f"{item.where}: expected a relation as 'Cause-Effect(e1,e2)' or 'Other' in the next "
            f"line, found {item.relation[:60]!r}"
        )
    return match[1], match[2]


def _write(documents: Sequence[Document], path: Path, tally: Tally) -> None:
    pairs = list(pairs_to_write(documents, tally, _refusal, keeps_ids=False))
    marked = (entity for pair in pairs for entity in (pair.head, pair.tail))
    tally.note("entity: its type is not held", sum(entity.type != UNTYPED for entity in marked))
    items = [_lines(pair, number) for number, pair in enumerate(pairs, start=1)]
    write_text(path, "\n".join(items))


def _stretches(pair: Pair) -> tuple[list[str], bool]:
    """The sentence cut at the borders of its arguments, and whether the head comes first."""
    offsets, text = pair.sentence.offsets, pair.document.text
    spans = [character_span(pair.sentence, entity) for entity in (pair.head, pair.tail)]
    borders = [offsets[0][0], *sorted(spans[0] + spans[1]), offsets[-1][1]]
    parts = [text[borders[at] : borders[at + 1]] for at in range(len(borders) - 1)]
    return parts, spans[0] < spans[1]


def _refusal(pair: Pair) -> str:
    if pair.relation in NO_RELATION:
        return MEANS_NONE
    if pair.head.overlaps(pair.tail):
        return OVERLAP
    parts, _ = _stretches(pair)
    type_ = pair.relation
    spoiled = _MARK.search("".join(parts)) or not (parts[1].strip() and parts[3].strip())
    if spoiled or type_ != type_.strip() or "\n" in type_ or type_.startswith(_COMMENT):
        return UNWRITABLE
    return UNWRITABLE if _ITEM.fullmatch(f"{type_}(e1,e2)") else ""


def _lines(pair: Pair, number: int) -> str:
    parts, head_first = _stretches(pair)
    before, first, between, second, after = (re.sub(r"[\r\n]", " ", part) for part in parts)
    text = f"{before}<e1>{first}</e1>{between}<e2>{second}</e2>{after}"
    order = "e1,e2" if head_first else "e2,e1"
    relation = f"{pair.relation}({order})" if pair.relation else _OTHER
    return f'{number}\t"{text}"\n{relation}\n{_COMMENT}\n'


def _recognises(sample: Sample) -> bool:
    first = next((line for line in sample.lines if line.strip()), "")
    return bool(_ITEM.fullmatch(first)) and all(mark in first for mark in _MARKS)


SEMEVAL2010 = Format(
    "semeval2010",
    "SemEval-2010 task 8: numbered sentences with <e1> and <e2>, and their relation",
    _read,
    _write,
    _recognises,
    needs="a first line with a number, a tab, and a sentence with <e1> and <e2>",
)
