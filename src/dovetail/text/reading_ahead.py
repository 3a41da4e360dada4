"""A stream in parts: checked, read ahead so that batches are full, cut into batches.

What is done is delivered before anything is raised.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NoReturn, TypeVar

from dovetail.errors import CorpusError, TextError
from dovetail.text.document import Document

BATCH_TOKENS = 1024
"""Tokens in a batch, padding included."""

BUFFERED_TOKENS = 32 * BATCH_TOKENS
"""Tokens that `pipe` reads ahead, to fill batches with sentences of similar length."""

Item = TypeVar("Item")


def buffers(documents: Iterable[Document]) -> Iterator[list[Document]]:
    """Cut a stream into lists that hold about `BUFFERED_TOKENS` tokens.

    If the stream fails, what came before goes first.
    """
    buffered: list[Document] = []
    tokens = 0
    stream = iter(documents)
    failure: Exception | None = None
    while failure is None:
        try:
            document = next(stream)
        except StopIteration:
            break
        except Exception as error:
            failure = error
            continue
        buffered.append(document)
        # One more for the document itself, so that a stream of empty ones is cut too.
        tokens += 1 + sum(len(sentence.tokens) for sentence in document.sentences)
        if tokens >= BUFFERED_TOKENS:
            yield buffered
            buffered, tokens = [], 0
    if buffered:
        yield buffered
    if failure is not None:
        raise failure


def documents_of(
    texts: Iterable[str],
    read: Callable[[str], Document],
    on_error: Callable[[int, Exception], object] | None,
) -> Iterator[Document]:
    """The texts as `read` reads them; one that cannot be is told `on_error`, or else raised.

    Raises:
        TypeError: if one is no str.
        TextError: if one cannot be read.
    """
    for index, text in enumerate(with_index_in_errors(texts)):
        try:
            if not isinstance(text, str):
                refuse_type("a str", text, index)
            document = read(text)
        except CorpusError as error:
            failure: Exception = TextError(f"text {index}, counted from 0: {error}", index)
        except TypeError as error:
            failure = error
        else:
            yield document
            continue
        if on_error is None:
            raise failure
        on_error(index, failure)


def with_index_in_errors(items: Iterable[Item]) -> Iterator[Item]:
    """The items; if their source fails, its error says after how many."""
    index = 0
    try:
        for item in items:
            yield item
            index += 1
    except Exception as error:
        error.add_note(f"raised by the source of the texts, which had given {index} of them")
        raise


def checked(items: Iterable[Item], type_: type, expected: str) -> Iterator[Item]:
    """The items, each of a type."""
    for index, item in enumerate(items):
        if not isinstance(item, type_):
            refuse_type(expected, item, index)
        yield item


def refuse_type(expected: str, found: object, index: int | None = None) -> NoReturn:
    """Raise a `TypeError` that says what was expected and found, and where in a stream."""
    where = "" if index is None else f"item {index}, counted from 0: "
    decode = ": decode it first" if isinstance(found, bytes | bytearray) else ""
    raise TypeError(f"{where}expected {expected}, found {type(found).__name__}{decode}")


def batches_of_similar_length(
    lengths: Sequence[int],
    *,
    most_tokens: int = BATCH_TOKENS,
    most_sentences: int | None = None,
    longest_first: bool = False,
) -> Iterator[list[int]]:
    """Indices of sentences in batches, each index in one, the shortest first unless asked.

    A batch has at most so many sentences and, unless it is a single one, so many tokens, padding
    included.
    """
    order = sorted(range(len(lengths)), key=lengths.__getitem__)
    if longest_first:  # of equal ones the first comes first in both orders
        order = sorted(range(len(lengths)), key=lambda index: -lengths[index])
    batch: list[int] = []
    for index in order:
        longest = max(lengths[index], lengths[batch[0]] if batch else 0)
        if batch and (len(batch) == most_sentences or (len(batch) + 1) * longest > most_tokens):
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch
