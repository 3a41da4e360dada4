"""Bring predictions from a file into the order, and onto the tokens, of the gold sentences."""

from __future__ import annotations

from collections.abc import Sequence

from dovetail.errors import CorpusError
from dovetail.evaluation.by_characters import on_tokens_of, same_texts
from dovetail.evaluation.evaluate import check_same_tokens
from dovetail.text.document import Document, Sentence


def align_documents(gold: Sequence[Document], predicted: Sequence[Document]) -> list[Sentence]:
    """Pair the predictions of a corpus with its gold sentences.

    Documents of the same texts are compared by their characters, whatever their tokens are; others
    sentence by sentence, as `align` does.

    Returns:
        The predicted sentences, in the order of the gold ones and with their tokens.

    Raises:
        CorpusError: if a sentence has no partner, or its tokens differ; names the first one.
    """
    ordered = _by_id(gold, predicted)
    if same_texts(gold, ordered):
        return [
            sentence
            for one, other in zip(gold, ordered, strict=True)
            for sentence in on_tokens_of(one, other)
        ]
    return align(*([s for d in documents for s in d.sentences] for documents in (gold, predicted)))


def _by_id(gold: Sequence[Document], predicted: Sequence[Document]) -> Sequence[Document]:
    """The predicted documents in the order of the gold ones, where ids tell which is which."""
    by_id = {document.id: document for document in predicted}
    ids = {document.id for document in gold}
    if len(ids) == len(gold) and len(by_id) == len(predicted) and ids == by_id.keys():
        return [by_id[document.id] for document in gold]
    return predicted


def align(gold: Sequence[Sentence], predicted: Sequence[Sentence]) -> list[Sentence]:
    """Pair predictions with gold sentences by id where both carry the same ids, else by position.

    Ids are trusted only if they are unique in both and the same in both: many formats have none, or
    number the sentences of each file on their own.

    Returns:
        The predicted sentences, in the order of `gold`.

    Raises:
        CorpusError: if a sentence has no partner, or its tokens differ; names the first one.
    """
    predicted_by_id = {sentence.id: sentence for sentence in predicted}
    gold_ids = {sentence.id for sentence in gold}
    unique = len(gold_ids) == len(gold) and len(predicted_by_id) == len(predicted)
    if unique and gold_ids == predicted_by_id.keys():
        aligned = [predicted_by_id[sentence.id] for sentence in gold]
    elif len(gold) == len(predicted):
        aligned = list(predicted)
    else:
        by_id = unique and not gold_ids.isdisjoint(predicted_by_id)
        raise CorpusError(_count_mismatch(gold, predicted, by_id=by_id))
    check_same_tokens(gold, aligned)
    return aligned


def _count_mismatch(gold: Sequence[Sentence], predicted: Sequence[Sentence], *, by_id: bool) -> str:
    message = (
        f"the corpus has {len(gold)} sentences and the predictions {len(predicted)}; "
        f"expected one prediction for each sentence of the corpus"
    )
    lacking = _first_without_partner(gold, predicted, by_id=by_id)
    if lacking is not None:
        return f"{message}. The first that the predictions lack is {_named(gold, lacking)}"
    extra = _first_without_partner(predicted, gold, by_id=by_id)
    if extra is not None:
        return f"{message}. The first that the corpus lacks is {_named(predicted, extra)}"
    return message


def _first_without_partner(
    sentences: Sequence[Sentence], others: Sequence[Sentence], *, by_id: bool
) -> int | None:
    other_ids = {other.id for other in others}
    for position, sentence in enumerate(sentences):
        if by_id:
            has_partner = sentence.id in other_ids
        else:
            has_partner = position < len(others) and others[position].tokens == sentence.tokens
        if not has_partner:
            return position
    return None


def _named(sentences: Sequence[Sentence], position: int) -> str:
    sentence = sentences[position]
    return f"sentence {position + 1} (id {sentence.id!r}): {_beginning(sentence)}"


def _beginning(sentence: Sentence) -> str:
    text = " ".join(sentence.tokens[:12])
    return repr(text[:80] + ("…" if len(text) > 80 or len(sentence.tokens) > 12 else ""))
