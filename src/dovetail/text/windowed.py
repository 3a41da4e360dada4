"""Many sentences, and the windows that a model reads them in: one place for all that predicts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

from dovetail.text.document import Sentence
from dovetail.text.reading import ModelReading
from dovetail.text.windows import Window, cut, merge


@dataclass(frozen=True)
class Windowed:
    """Sentences with their windows; a sentence that fits is its own only window."""

    sentences: tuple[Sentence, ...]
    windows: tuple[tuple[Window, ...], ...]

    @classmethod
    def of(cls, sentences: Iterable[Sentence], reading: ModelReading) -> Windowed:
        """Cut sentences as they are read."""
        whole = tuple(sentences)
        return cls(whole, tuple(tuple(windows_read(sentence, reading)) for sentence in whole))

    @property
    def parts(self) -> list[Sentence]:
        """The windows of all sentences, one after another, as sentences: what a model reads."""
        return [window.sentence for row in self.windows for window in row]

    def merged(self, predicted: Sequence[Sentence]) -> list[Sentence]:
        """The sentences with what was predicted for `parts`, in the order of these.

        Raises:
            ValueError: unless there is a prediction for each part.
        """
        remaining = iter(predicted)
        merged = [
            merge(sentence, row, list(islice(remaining, len(row))))
            for sentence, row in zip(self.sentences, self.windows, strict=True)
        ]
        if next(remaining, None) is not None:
            raise ValueError(f"{len(predicted)} predictions for {len(self.parts)} windows")
        return merged


def windows_read(sentence: Sentence, reading: ModelReading) -> list[Window]:
    """The windows in which a model reads a sentence."""
    return cut(sentence, max_tokens=reading.max_tokens, overlap_tokens=reading.overlap_tokens)
