"""From words to the pieces that a transformer reads, and where each word's pieces end up."""

from __future__ import annotations

import itertools
import os
from collections import Counter
from collections.abc import Sequence
from typing import Literal, NamedTuple, Self

import torch
from tokenizers import Tokenizer
from torch import Tensor

from dovetail.encoders.encoder import Features, Words, padded_indices
from dovetail.encoders.piece_windows import windows_over

Pooling = Literal["first", "last", "mean"]
"""Which pieces of a token make its vector."""


class Pieces(NamedTuple):
    """The pieces of one sentence: their ids, and the half-open range of each word in them."""

    ids: list[int]
    starts: list[int]
    ends: list[int]


class LoadedTokenizer(NamedTuple):
    """A tokenizer of the tokenizers library, and what the files beside it say."""

    backend: Tokenizer
    padding: int
    """The piece that fills up shorter windows."""
    unknown: int
    """The piece that stands for what the tokenizer does not know."""
    longest: int | None
    """The most pieces of a window, special ones included; None where it is not said."""

    @classmethod
    def of(
        cls, backend: Tokenizer, padding: int | None, unknown: int | None, *, longest: int | None
    ) -> Self:
        """With what takes the place of a piece that is not there."""
        padding = padding or 0
        # Byte-level tokenizers have no unknown piece, and need it for empty words only.
        unknown = padding if unknown is None else unknown
        return cls(backend, padding, unknown, longest)


class PieceTokenizer:
    """Splits words into pieces and packs them into windows of bounded length.

    Args:
        tokenizer: the tokenizer of a pretrained encoder.
        window_pieces: the most pieces that the encoder reads at once, special ones included; the
            tokenizer may allow fewer.

    Raises:
        ValueError: if a window has no room for a piece beside the special ones.
    """

    def __init__(self, tokenizer: LoadedTokenizer, *, window_pieces: int) -> None:
        # Batches are small, and threads of its own would make the library warn about forks.
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
        self._tokenizer = tokenizer.backend
        self._tokenizer.no_truncation()  # both may be baked into the tokenizer's file
        self._tokenizer.no_padding()
        self._prefix, self._suffix = self._special_pieces()
        if tokenizer.longest is not None:
            window_pieces = min(window_pieces, tokenizer.longest)
        self._capacity = window_pieces - len(self._prefix) - len(self._suffix)
        if self._capacity < 1:
            raise ValueError(f"a window of {window_pieces} pieces has no room beside special ones")
        self._padding, self._unknown = tokenizer.padding, tokenizer.unknown

    def _special_pieces(self) -> tuple[list[int], list[int]]:
        """The pieces that the tokenizer puts before and after a sentence."""
        example = self._tokenizer.encode(["a"], is_pretokenized=True)
        inside = [position for position, word in enumerate(example.word_ids) if word is not None]
        return example.ids[: inside[0]], example.ids[inside[-1] + 1 :]

    def pieces(self, sentences: Words) -> list[Pieces]:
        """The pieces of each sentence, without special ones; every word has at least one.

        A word in which the tokenizer finds nothing (a control character, say) is one unknown piece.
        """
        try:
            encodings = self._tokenizer.encode_batch(  # its fast variant knows no words
                [list(words) for words in sentences], is_pretokenized=True, add_special_tokens=False
            )
        except TypeError:  # a lone surrogate: a str that is no Unicode text
            return self.pieces([list(map(_without_surrogates, words)) for words in sentences])
        return [
            self._with_every_word(encoding.ids, encoding.word_ids, len(words))
            for encoding, words in zip(encodings, sentences, strict=True)
        ]

    def _with_every_word(
        self, ids: list[int], word_ids: Sequence[int | None], num_words: int
    ) -> Pieces:
        counts = Counter(word_ids)
        lengths = [counts[word] for word in range(num_words)]
        if 0 in lengths:
            remaining = iter(ids)
            ids = []
            for word, length in enumerate(lengths):
                ids += itertools.islice(remaining, length) if length else [self._unknown]
                lengths[word] = max(length, 1)
        ends = list(itertools.accumulate(lengths))
        return Pieces(ids, [0, *ends[:-1]][:num_words], ends)

    def featurise(self, sentences: Words, *, pooling: Pooling) -> Features:
        """Pack the pieces of a batch into windows, and say which of them make which token.

        Windows are sorted by length, so that the encoder can run those of similar length
        together; positions count the pieces of all windows, one after another, without padding.

        Returns:
            ``pieces`` (windows, longest) and ``lengths`` (windows): ids, special pieces included;
            ``rows`` (windows): the sentence that a window is of; those of one sentence in order;
            ``positions`` (read) and ``tokens`` (read): the pieces to read, and the token that each
            belongs to, as an index into the flattened (batch, tokens);
            ``counts`` (batch, tokens): how many pieces each token is made of, 0 for padding.
        """
        rows = self.pieces(sentences)
        windows = [
            (row, window)
            for row, (ids, starts, _) in enumerate(rows)
            for window in windows_over(len(ids), capacity=self._capacity, word_starts=starts)
        ]
        windows.sort(key=lambda item: item[1].end - item[1].start)
        positions: list[list[int]] = [[0] * len(ids) for ids, _, _ in rows]
        sequences = []
        offset = 0  # of the window in the sequence of all
        for row, (start, end, read_start, read_end) in windows:
            sequences.append([*self._prefix, *rows[row].ids[start:end], *self._suffix])
            shift = offset + len(self._prefix) - start
            positions[row][read_start:read_end] = range(read_start + shift, read_end + shift)
            offset += len(sequences[-1])
        lengths = torch.tensor([len(sequence) for sequence in sequences])
        return {
            "pieces": padded_indices(sequences, padding=self._padding),
            "lengths": lengths,
            "rows": torch.tensor([row for row, _ in windows]),
            **_pieces_by_token(rows, positions, pooling),
        }


def _pieces_by_token(
    rows: Sequence[Pieces], positions: Sequence[Sequence[int]], pooling: Pooling
) -> dict[str, Tensor]:
    longest = max((len(row.starts) for row in rows), default=0)
    read: list[int] = []
    tokens: list[int] = []
    counts = []
    for row, ((_, starts, ends), found) in enumerate(zip(rows, positions, strict=True)):
        first_token = row * longest
        if pooling == "mean":
            sizes = [end - start for start, end in zip(starts, ends, strict=True)]
            read += found
            for token, size in enumerate(sizes, start=first_token):
                tokens += [token] * size
        else:
            sizes = [1] * len(starts)
            read += (
                [found[start] for start in starts]
                if pooling == "first"
                else [found[end - 1] for end in ends]
            )
            tokens += range(first_token, first_token + len(starts))
        counts.append(sizes)
    return {
        "positions": torch.tensor(read, dtype=torch.long),
        "tokens": torch.tensor(tokens, dtype=torch.long),
        "counts": padded_indices(counts),
    }


def _without_surrogates(word: str) -> str:
    return word.encode("utf-8", errors="replace").decode("utf-8")
