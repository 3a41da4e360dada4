"""From text to entities and relations: the one path that every door takes.

text -> tokenizer -> Sentence -> windows -> Batch -> model -> Sentence (annotated) -> Extraction
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import replace
from importlib.resources import files
from itertools import islice
from pathlib import Path
from typing import overload

import torch

from dovetail.document import Document, Sentence
from dovetail.errors import ModelError
from dovetail.extraction import Extraction
from dovetail.features import Batch
from dovetail.prediction import Predictor
from dovetail.reading import DEFAULT_READING, ModelReading
from dovetail.saved_ensemble import load_predictor
from dovetail.schema import Schema
from dovetail.steps import Done, result_of
from dovetail.threads import use_threads
from dovetail.tokenization import Tokenizer
from dovetail.windowed import Windowed

BATCH_TOKENS = 1024
"""Tokens in a batch, padding included."""

BUFFERED_TOKENS = 32 * BATCH_TOKENS
"""Tokens that `pipe` reads ahead, to fill batches with sentences of similar length."""


class Extractor:
    """Extracts entities and relations with a trained model.

    >>> extractor = Extractor.load("news")              # doctest: +SKIP
    >>> extractor.extract("Ada Lovelace lived in London.").relations    # doctest: +SKIP
    """

    def __init__(self, model: Predictor, *, reading: ModelReading = DEFAULT_READING) -> None:
        self.model = model.eval()
        self.reading = reading
        self.tokenizer = Tokenizer(reading.language, reading.unit)

    @classmethod
    def load(cls, path_or_name: str | Path, *, threads: int = 0) -> Extractor:
        """Load a model folder, or a model that comes with the package, by its name.

        Args:
            path_or_name: a folder that training left, or a name of `shipped_models`.
            threads: of the computation; 0 leaves the choice to Dovetail.

        Raises:
            ModelError: if there is no such model, or it cannot be loaded.
        """
        use_threads(threads)
        model, reading = load_predictor(model_folder(path_or_name))
        model.use_fast_precision()
        return cls(model, reading=reading)

    @property
    def schema(self) -> Schema:
        """The entity and relation types that the model knows."""
        return self.model.schema

    @property
    def thresholds(self) -> dict[str, float]:
        """The probability from which each relation type is taken."""
        values = self.model.relation_head.thresholds.tolist()
        return {
            type_: round(value, 4)
            for type_, value in zip(self.schema.relation_types, values, strict=True)
        }

    @overload
    def extract(self, text: str) -> Extraction: ...
    @overload
    def extract(self, text: list[str]) -> list[Extraction]: ...
    def extract(self, text: str | list[str]) -> Extraction | list[Extraction]:
        """Extract from one text, or from each text of a list."""
        if isinstance(text, str):
            return next(self.pipe([text]))
        return list(self.pipe(text))

    def pipe(self, texts: Iterable[str]) -> Iterator[Extraction]:
        """Extract from a stream of texts, in its order, with memory for a part of it only.

        Raises:
            TypeError: if given one text, whose characters would be taken for texts.
        """
        if isinstance(texts, str):
            raise TypeError("expected texts, found one; extract() takes a single text")
        return self.pipe_documents(self.tokenizer.document(text) for text in texts)

    def pipe_documents(self, documents: Iterable[Document]) -> Iterator[Extraction]:
        """Extract from a stream of documents that have their sentences already, as `pipe` does."""
        thresholds = self.thresholds
        for buffered in _buffers(documents):
            sentences = [sentence for document in buffered for sentence in document.sentences]
            annotated = iter(self.annotate(sentences))
            for document in buffered:
                found = tuple(islice(annotated, len(document.sentences)))
                yield Extraction(replace(document, sentences=found), thresholds)

    def annotate(self, sentences: Sequence[Sentence]) -> list[Sentence]:
        """The same sentences, in the same order, with predictions in place of annotations."""
        return result_of(self.annotating(sentences))

    def annotating(self, sentences: Sequence[Sentence]) -> Generator[Done, None, list[Sentence]]:
        """As `annotate`, batch by batch: tells how many tokens are done, and returns all."""
        bare = (sentence.without_annotations() for sentence in sentences)
        windowed = Windowed.of(bare, self.reading)
        return windowed.merged((yield from self._predict(windowed.parts)))

    def _predict(self, sentences: Sequence[Sentence]) -> Generator[Done, None, list[Sentence]]:
        """Predict sentences of any order in batches of similar length."""
        predicted = list(sentences)
        device = self.model.relation_head.thresholds.device
        lengths = [len(sentence.tokens) for sentence in sentences]
        done = Done(0, sum(lengths))
        for indices in batches_of_similar_length(lengths):
            chosen = [sentences[index] for index in indices]
            with torch.inference_mode():  # left before the caller goes on
                batch = Batch.from_sentences(chosen, self.model.featurise).to(device)
                found = self.model.predict(batch)
            for index, sentence in zip(indices, found, strict=True):
                predicted[index] = sentence
            done = done._replace(done=done.done + sum(lengths[index] for index in indices))
            yield done
        return predicted


def _buffers(documents: Iterable[Document]) -> Iterator[list[Document]]:
    """Cut a stream into lists that hold about `BUFFERED_TOKENS` tokens."""
    buffered: list[Document] = []
    tokens = 0
    for document in documents:
        buffered.append(document)
        # One more for the document itself, so that a stream of empty ones is cut too.
        tokens += 1 + sum(len(sentence.tokens) for sentence in document.sentences)
        if tokens >= BUFFERED_TOKENS:
            yield buffered
            buffered, tokens = [], 0
    if buffered:
        yield buffered


def batches_of_similar_length(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Indices of the sentences that are not empty, in batches of about `BATCH_TOKENS` tokens."""
    order = sorted(
        (index for index, length in enumerate(lengths) if length),
        key=lambda index: lengths[index],
    )
    batch: list[int] = []
    for index in order:
        if batch and (len(batch) + 1) * lengths[index] > BATCH_TOKENS:
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch


def shipped_models() -> dict[str, Path]:
    """The models that come with the package, by name."""
    root = Path(str(files("dovetail") / "pretrained"))
    folders = sorted(root.iterdir()) if root.is_dir() else []
    return {folder.name: folder for folder in folders if folder.is_dir()}


def model_folder(path_or_name: str | Path) -> Path:
    """The folder of a model; a folder goes before a shipped model of the same name.

    Raises:
        ModelError: if there is neither.
    """
    folder = Path(path_or_name)
    if folder.is_dir():
        return folder
    shipped = shipped_models()
    if str(path_or_name) in shipped:
        return shipped[str(path_or_name)]
    raise ModelError(
        f"there is no model at {str(path_or_name)!r}: expected a folder that `dovetail train` "
        f"left, or one of the shipped models: {', '.join(shipped) or 'none installed'}"
    )
