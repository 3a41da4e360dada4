"""What all writers share: which sentences can be written, and what is lost beside annotations."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from dovetail.corpora.ledger import DOCUMENT, ENTITY, SENTENCE, Drop, Tally
from dovetail.corpora.marking.assembly import drop_relation, drop_sentence
from dovetail.text.document import ENTITY_TASK, RELATION_TASK, TASKS, Document, Sentence

HAS_FRAGMENTS = "it has several fragments, which the format cannot hold (--discontinuous cover)"
HAS_FRAGMENTS_ARGUMENT = "an argument has several fragments, which the format cannot hold"
NO_SENTENCE = "the format holds sentences, and the document has none to hold"


def is_writable(document: Document, sentence: Sentence, tally: Tally) -> bool:
    """Whether a sentence has words that a reader takes back; if not, it is dropped."""
    if sentence.tokens and all(sentence.tokens):
        return True
    reason = "it has no tokens" if not sentence.tokens else "it has an empty token"
    drop_sentence(tally, document.id, sentence, reason)
    return False


def writable_sentences(
    documents: Iterable[Document],
    tally: Tally,
    *,
    is_writable: Callable[[Document, Sentence, Tally], bool] = is_writable,
) -> Iterator[tuple[Document, Sentence]]:
    """Yield the sentences with their documents, for formats that hold sentences alone.

    Sentences and documents are counted as kept; what `is_writable` refuses, it drops.
    """
    for document, held in writable_documents(documents, tally, is_writable=is_writable):
        for sentence in held:
            yield document, sentence


def writable_documents(
    documents: Iterable[Document],
    tally: Tally,
    *,
    is_writable: Callable[[Document, Sentence, Tally], bool] = is_writable,
) -> Iterator[tuple[Document, list[Sentence]]]:
    """Yield the documents with the sentences of theirs that can be written, as above.

    A document without such a sentence is dropped.
    """
    for document in documents:
        held = [
            sentence for sentence in document.sentences if is_writable(document, sentence, tally)
        ]
        if held:
            tally.keep(DOCUMENT)
            tally.keep(SENTENCE, len(held))
            yield document, held
        else:
            tally.drop(Drop(document.id, DOCUMENT, NO_SENTENCE))


def note_losses(
    documents: Sequence[Document],
    tally: Tally,
    *,
    keeps_ids: bool = False,
    keeps_documents: bool = False,
    keeps_annotated: bool = False,
    keeps_text: bool = False,
) -> None:
    """Note what a format without confidences leaves out, beside annotations."""
    for document in documents:
        names = [sentence.id for sentence in document.sentences]
        tokens = (token for sentence in document.sentences for token in sentence.tokens)
        if not keeps_text and document.text != " ".join(tokens):
            tally.note("document: its text and character offsets are not held")
        if not keeps_documents and (len(names) != 1 or document.id not in ("", names[0])):
            tally.note("document: its name and which sentences it joins are not held")
        if not keeps_ids:
            tally.note("sentence: its id is not held", sum(map(bool, names)))
        for sentence in document.sentences:
            if not keeps_annotated and sentence.annotated != frozenset(TASKS):
                tally.note("sentence: for which tasks it is annotated is not held")
            note_confidences(sentence, tally)


def note_confidences(sentence: Sentence, tally: Tally) -> None:
    """Note the confidences that a format without them leaves out."""
    scores = [entity.confidence for entity in sentence.entities]
    scores.extend(relation.confidence for relation in sentence.relations)
    lost = sum(score is not None for score in scores)
    tally.note("confidence of an entity or relation is not held", lost)


def without_unaligned(document: Document, tally: Tally) -> Document:
    """The document with what its tokens express; no format holds the rest, so it is dropped."""
    if not any(sentence.unaligned for sentence in document.sentences):
        return document
    for sentence in document.sentences:
        for item in sorted(sentence.unaligned):
            span = item.spans[0][0], item.spans[-1][1]
            tally.drop(Drop.in_text(document.id, item.task, item.reason, span, item.type))
    held = tuple(replace(sentence, unaligned=frozenset()) for sentence in document.sentences)
    return replace(document, sentences=held)


def without_fragments(document: Document, tally: Tally) -> Document:
    """The document without its discontinuous entities, which are dropped with their relations."""
    return replace(
        document,
        sentences=tuple(
            _without_fragments(document.id, sentence, tally) for sentence in document.sentences
        ),
    )


def _without_fragments(document_id: str, sentence: Sentence, tally: Tally) -> Sentence:
    lost = {entity for entity in sentence.entities if entity.fragments}
    if not lost:
        return sentence
    unlinked = [link for link in sentence.sorted_relations if lost & {link.head, link.tail}]
    for entity in sorted(lost):
        tally.drop(Drop(document_id, ENTITY, HAS_FRAGMENTS, *entity.span, type=entity.type))
    for relation in unlinked:
        drop_relation(tally, document_id, relation, HAS_FRAGMENTS_ARGUMENT)
    return replace(
        sentence,
        entities=sentence.entities - lost,
        relations=sentence.relations.difference(unlinked),
    )


def leave_out_relations(document_id: str, sentence: Sentence, reason: str, tally: Tally) -> None:
    """List the relations of a sentence that a format of tags cannot hold, and note its tasks."""
    for relation in sentence.sorted_relations:
        drop_relation(tally, document_id, relation, reason)
    tally.note(
        "sentence: that it is not annotated for entities is not held",
        ENTITY_TASK not in sentence.annotated,
    )
    tally.note(
        "sentence: that it is annotated for relations is not held",
        RELATION_TASK in sentence.annotated,
    )
