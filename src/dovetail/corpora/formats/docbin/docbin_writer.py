"""spaCy's DocBin, the writer: a `Doc` for each document, with relations in ``doc._.rel``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dovetail.corpora.ledger import DOCUMENT, ENTITY, RELATION, SENTENCE, Drop, Tally
from dovetail.corpora.marking.assembly import drop_relation, drop_sentence
from dovetail.corpora.writing.writable import is_writable, note_confidences
from dovetail.files.writing import replaced
from dovetail.text.document import ENTITY_TASK, RELATION_TASK, Document, Entity, Sentence

if TYPE_CHECKING:
    from spacy.tokens import Doc
    from spacy.vocab import Vocab

SPAN_GROUP = "sc"
"""The span group that spaCy's span categorizer reads, where entities overlap."""
RELATIONS = ("._.", "rel", None, None)
"""Where a `Doc` keeps the value of its extension ``doc._.rel``."""

WHITE_SPACE = "a token is white space, which a reader leaves out"
NO_TYPE = "its type is empty"
AMBIGUOUS = "an argument begins where another entity does, and that is its only name"
_Mark = tuple[int, int, str]


@dataclass(slots=True)
class _Tokens:
    """The tokens of a `Doc`, those for white space included."""

    words: list[str] = field(default_factory=list)
    spaces: list[bool] = field(default_factory=list)
    starts: list[bool | int | None] = field(default_factory=list)

    def add(self, word: str, *, starts: bool = False) -> None:
        self.words.append(word)
        self.spaces.append(False)
        self.starts.append(starts)

    def add_gap(self, gap: str) -> None:
        """A space belongs to the token before it; more white space is a token of its own."""
        if gap.startswith(" ") and self.words and not self.spaces[-1]:
            self.spaces[-1] = True
            gap = gap[1:]
        if gap:
            self.add(gap)


def write(documents: Sequence[Document], path: Path, tally: Tally) -> None:
    """Write a file of all documents."""
    from spacy.tokens import DocBin
    from spacy.vocab import Vocab

    vocab = Vocab()
    with replaced(path) as unfinished:
        docs = [_doc(document, vocab, tally) for document in documents]
        packed = DocBin(
            attrs=["ENT_IOB", "ENT_TYPE", "SENT_START"], store_user_data=True, docs=docs
        )
        unfinished.write_bytes(packed.to_bytes())


def _doc(document: Document, vocab: Vocab, tally: Tally) -> Doc:
    from spacy.tokens import Doc, Span

    held = [item for item in document.sentences if _is_writable(document, item, tally)]
    tally.keep(DOCUMENT)
    tally.keep(SENTENCE, len(held))
    tally.note("document: its id is not held", bool(document.id))
    tally.note("sentence: its id is not held", sum(bool(sentence.id) for sentence in held))
    tokens, places = _tokens(document, held, tally)
    marks = [
        mark
        for sentence, at in zip(held, places, strict=True)
        for mark in _marks(document.id, sentence, at, tally)
    ]
    flat = all(left[1] <= right[0] for left, right in pairwise(marks))
    tags = _tags(held, places, marks, len(tokens.words)) if flat else None
    doc = Doc(vocab, words=tokens.words, spaces=tokens.spaces, sent_starts=tokens.starts, ents=tags)
    if not flat:
        doc.spans[SPAN_GROUP] = [Span(doc, start, end, type_) for start, end, type_ in marks]
    tasks = [sentence.annotated for sentence in held]
    if any(RELATION_TASK in annotated for annotated in tasks) or _have_relations(held):
        user_data: dict[Any, Any] = doc.user_data
        user_data[RELATIONS] = _pairs(document.id, held, places, tally)
    _note_tasks(held, tally, flat=flat)
    return doc


def _is_writable(document: Document, sentence: Sentence, tally: Tally) -> bool:
    if any(token.isspace() for token in sentence.tokens):
        drop_sentence(tally, document.id, sentence, WHITE_SPACE)
        return False
    return is_writable(document, sentence, tally)


def _have_relations(held: Sequence[Sentence]) -> bool:
    return any(sentence.relations for sentence in held)


def _tokens(
    document: Document, held: Sequence[Sentence], tally: Tally
) -> tuple[_Tokens, list[list[int]]]:
    """The tokens of a `Doc`, and where in it those of each sentence stand."""
    text, after = document.text, 0
    gaps: list[str] = []
    for start, end in (pair for sentence in held for pair in sentence.offsets):
        gaps.append(text[after:start])
        after = end
    gaps.append(text[after:])
    if any(gap.strip() for gap in gaps):
        tally.note("document: text outside of its sentences is not held")
        gaps = ["", *" " * (len(gaps) - 2), ""]
    tokens, left = _Tokens(), iter(gaps)
    places: list[list[int]] = []
    for sentence in held:
        at = []
        for position, word in enumerate(sentence.tokens):
            tokens.add_gap(next(left))
            at.append(len(tokens.words))
            # White space before the first sentence is a part of it, as for spaCy.
            tokens.add(word, starts=position == 0 and bool(places or not at[0]))
        places.append(at)
    tokens.add_gap(next(left, ""))
    return tokens, places


def _marks(
    document_id: str, sentence: Sentence, at: Sequence[int], tally: Tally
) -> Iterator[_Mark]:
    """The entities that can be written, by the tokens of the `Doc`."""
    note_confidences(sentence, tally)
    for entity in sentence.sorted_entities:
        if not entity.type:
            tally.drop(Drop(document_id, ENTITY, NO_TYPE, *entity.span))
            continue
        tally.keep(ENTITY)
        yield at[entity.start], at[entity.end - 1] + 1, entity.type


def _tags(
    held: Sequence[Sentence], places: Sequence[Sequence[int]], marks: Sequence[_Mark], length: int
) -> list[str]:
    """A tag for each token; none where nobody has looked for entities."""
    tags = [""] * length
    for sentence, at in zip(held, places, strict=True):
        if ENTITY_TASK in sentence.annotated:
            tags[at[0] : at[-1] + 1] = ["O"] * (at[-1] + 1 - at[0])
    for start, end, type_ in marks:
        tags[start:end] = [f"B-{type_}", *[f"I-{type_}"] * (end - start - 1)]
    return tags


def _pairs(
    document_id: str, held: Sequence[Sentence], places: Sequence[Sequence[int]], tally: Tally
) -> dict[tuple[int, int], dict[str, float]]:
    """Relations by the first tokens of their arguments, which are the only names they have."""
    pairs: dict[tuple[int, int], dict[str, float]] = {}
    for sentence, at in zip(held, places, strict=True):
        first: dict[int, Entity] = {}
        for entity in sentence.sorted_entities:
            if entity.type:
                first.setdefault(entity.start, entity)
        for relation in sentence.sorted_relations:
            head, tail = relation.head, relation.tail
            if first.get(head.start) != head or first.get(tail.start) != tail:
                drop_relation(tally, document_id, relation, AMBIGUOUS)
                continue
            tally.keep(RELATION)
            pairs.setdefault((at[head.start], at[tail.start]), {})[relation.type] = 1.0
    return pairs


def _note_tasks(held: Sequence[Sentence], tally: Tally, *, flat: bool) -> None:
    """Note where what is annotated differs in a way that a `Doc` cannot say."""
    for task in (RELATION_TASK, *([] if flat else [ENTITY_TASK])):
        lacking = sum(task not in sentence.annotated for sentence in held)
        if 0 < lacking < len(held):
            tally.note(
                f"sentence: that it is not annotated for the task {task} is not held", lacking
            )
