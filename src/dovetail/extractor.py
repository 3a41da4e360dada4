"""From text to entities and relations: the one path that every door takes.

text -> tokenizer -> Sentence -> windows -> Batch -> model -> Sentence (annotated) -> Extraction
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any, overload
from weakref import WeakValueDictionary

import torch

from dovetail.corpora.formats.native.native_writer import native_header
from dovetail.errors import CorpusError, TextError
from dovetail.model.prediction import Predictor
from dovetail.running.locks import ProcessLock
from dovetail.running.steps import Done, result_of
from dovetail.saved.description import DESCRIPTION
from dovetail.saved.ensemble_folder import load_predictor
from dovetail.saved.finding import MODEL, model_folder, shipped_models
from dovetail.tensors.features import Batch
from dovetail.text.document import Document, Sentence
from dovetail.text.extraction import Extraction, without_invisible
from dovetail.text.reading import DEFAULT_READING, ModelReading
from dovetail.text.reading_ahead import (
    batches_of_similar_length,
    buffers,
    checked,
    refuse_type,
    with_index_in_errors,
)
from dovetail.text.schema import Schema
from dovetail.text.tokenization import Tokenizer
from dovetail.text.windowed import Windowed
from dovetail.threads import expect_forks, use_threads

OnError = Callable[[int, Exception], object]
"""What is told of a text that is left out: its index in the stream, from 0, and what is wrong."""

_LOG = logging.getLogger(__name__)


class Extractor:
    """Extracts entities and relations with a trained model.

    >>> extractor = Extractor.load("news")              # doctest: +SKIP
    >>> extractor.extract("Ada Lovelace lived in London.").relations    # doctest: +SKIP

    It may be used from several threads, which take turns, and sent to other processes: pickled it
    is the place that it was loaded from and its threads, and not the weights, so a model that was
    changed in memory is not what arrives.  A process loads a model that is sent to it many times
    once.  A copy by `copy.deepcopy` has weights of its own.
    """

    def __init__(self, model: Predictor, *, reading: ModelReading = DEFAULT_READING) -> None:
        self.model = model.eval()
        self.reading = reading
        self.tokenizer = Tokenizer(reading.language, reading.unit)
        self._loaded_from: tuple[str, int | None] | None = None
        self._turn = ProcessLock()
        self._told_of_invisible = False
        expect_forks()

    @classmethod
    def load(cls, path_or_name: str | Path, *, threads: int | None = 0) -> Extractor:
        """Load a model folder, or a model that comes with the package, by its name.

        Args:
            path_or_name: a folder that training left, or a name of `shipped_models`.
            threads: of torch's operators, in the whole process; 0 leaves the choice to Dovetail (at
                most four), and None leaves the process as it is, also in how many kernels it keeps
                (`use_threads`).

        Raises:
            ModelError: if there is no such model, or it cannot be loaded.
        """
        use_threads(threads)
        folder = model_folder(path_or_name)
        model, reading = load_predictor(folder)
        model.use_fast_precision()
        extractor = cls(model, reading=reading)
        is_shipped = folder == shipped_models().get(str(path_or_name))
        named = str(path_or_name) if is_shipped else str(folder.resolve())
        extractor._loaded_from = named, threads
        _ALIVE[named, threads, _written(folder)] = extractor
        return extractor

    @property
    def name(self) -> str:
        """What the model is called: by its own name, or that of its run; empty if from memory."""
        if self._loaded_from is None:
            return ""
        path = Path(self._loaded_from[0])
        return path.parent.name if path.name == MODEL else path.name

    def __reduce__(self) -> tuple[Callable[[str, int | None], Extractor], tuple[str, int | None]]:
        """Be pickled as the place that the model was loaded from."""
        if self._loaded_from is None:
            raise TypeError(
                "an Extractor is pickled as the folder that it was loaded from, and this one was "
                "made from a model in memory; save the model, and load it by Extractor.load"
            )
        return _loaded_once, self._loaded_from

    def __copy__(self) -> Extractor:
        copied = object.__new__(type(self))
        copied.__dict__.update(self.__dict__)
        return copied

    def __deepcopy__(self, memo: dict[int, Any]) -> Extractor:
        copied = copy.copy(self)  # a tokenizer does not change, so one is enough
        copied.model = copy.deepcopy(self.model, memo)
        copied._turn = ProcessLock()
        return copied

    @property
    def schema(self) -> Schema:
        """The entity and relation types that the model knows."""
        return self.model.schema

    @property
    def thresholds(self) -> dict[str, float]:
        """The probability from which each relation type is taken."""
        values = self.model.relation_head.known_thresholds
        return {
            type_: round(value, 4)
            for type_, value in zip(self.schema.relation_types, values, strict=True)
        }

    def header(self) -> dict[str, Any]:
        """JSON values: the first line of a native corpus whose other lines are extractions."""
        model = {"model": self.name} if self.name else {}
        header = native_header(fragments=bool(self.schema.discontinuous))
        return {**header, **model, "thresholds": self.thresholds}

    @overload
    def extract(self, text: str) -> Extraction: ...
    @overload
    def extract(self, text: list[str]) -> list[Extraction]: ...
    def extract(self, text: str | list[str]) -> Extraction | list[Extraction]:
        """Extract from one text, or from each text of a list.

        Raises:
            TypeError: if given anything else.
            CorpusError: if a text holds half a surrogate pair, which is no character.
        """
        if isinstance(text, str):
            return next(self.pipe_documents([self.tokenizer.document(text)]))
        return list(self.pipe(text))

    def pipe(
        self, texts: Iterable[str], *, on_error: OnError | None = None
    ) -> Iterator[Extraction]:
        """Extract from a stream of texts, in its order, with memory for a part of it only.

        What is done is delivered before anything is raised, also if the stream itself fails: then
        its error has a note with the index.

        Args:
            texts: the texts.
            on_error: called with the index (from 0) and the error of a text that cannot be read,
                which is then left out; without it the error is raised.

        Raises:
            TypeError: if given one text, whose characters would be taken for texts, or no texts at
                all, or if one of them is no str; names its index and its type.
            TextError: if a text holds half a surrogate pair, which is no character.
        """
        if isinstance(texts, str):
            raise TypeError("expected texts, found one; extract() takes a single text")
        if isinstance(texts, bytes | bytearray | Mapping) or not isinstance(texts, Iterable):
            refuse_type("a str, or several in a list or another iterable", texts)
        return self.pipe_documents(self._documents(texts, on_error))

    def _documents(self, texts: Iterable[str], on_error: OnError | None) -> Iterator[Document]:
        for index, text in enumerate(with_index_in_errors(texts)):
            try:
                if not isinstance(text, str):
                    refuse_type("a str", text, index)
                document = self.tokenizer.document(text)
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

    def pipe_documents(self, documents: Iterable[Document]) -> Iterator[Extraction]:
        """Extract from a stream of documents that have their sentences already, as `pipe` does.

        Raises:
            TypeError: if one is no `Document`.
        """
        thresholds = self.thresholds
        for buffered in buffers(checked(documents, Document, "a Document")):
            sentences = [sentence for document in buffered for sentence in document.sentences]
            annotated = iter(self.annotate(sentences))
            for document in buffered:
                found = tuple(islice(annotated, len(document.sentences)))
                yield Extraction(replace(document, sentences=found), thresholds)

    def annotate(self, sentences: Sequence[Sentence]) -> list[Sentence]:
        """The same sentences, in the same order, with predictions in place of annotations.

        Entities in which nothing can be seen are left out.

        Raises:
            TypeError: if one is no `Sentence`.
        """
        return result_of(self.annotating(sentences))

    def annotating(self, sentences: Sequence[Sentence]) -> Generator[Done, None, list[Sentence]]:
        """As `annotate`, batch by batch: tells how many tokens are done, and returns all."""
        whole = checked(sentences, Sentence, "a Sentence")
        windowed = Windowed.of((one.without_annotations() for one in whole), self.reading)
        merged = windowed.merged((yield from self._predict(windowed.parts)))
        return [self._visible(sentence) for sentence in merged]

    def _visible(self, sentence: Sentence) -> Sentence:
        """Leave out entities in which nothing can be seen, and say so once."""
        kept = without_invisible(sentence)
        if kept is not sentence and not self._told_of_invisible:
            self._told_of_invisible = True
            _LOG.warning(
                "entities that hold nothing but white space or characters of no width are left out"
            )
        return kept

    def _predict(self, sentences: Sequence[Sentence]) -> Generator[Done, None, list[Sentence]]:
        """Predict sentences of any order in batches of similar length."""
        predicted = list(sentences)
        lengths = [len(sentence.tokens) for sentence in sentences]
        done = Done(0, sum(lengths))
        full = [index for index, length in enumerate(lengths) if length]
        for places in batches_of_similar_length([lengths[index] for index in full]):
            indices = [full[place] for place in places]
            chosen = [sentences[index] for index in indices]
            # Some layers take other weights on for a moment.  Both are left at once: who called
            # goes on before the next batch.
            with self._turn, torch.inference_mode():
                batch = Batch.from_sentences(chosen, self.model.featurise).to(self.model.device)
                found = self.model.predict(batch)
            for index, sentence in zip(indices, found, strict=True):
                predicted[index] = sentence
            done = done._replace(done=done.done + sum(lengths[index] for index in indices))
            yield done
        return predicted


_ALIVE: WeakValueDictionary[tuple[str, int | None, int], Extractor] = WeakValueDictionary()
"""What was loaded in this process, or before it was forked."""


def _loaded_once(named: str, threads: int | None) -> Extractor:
    """What a pickle names, loaded by each process once; anew if the folder was written anew."""
    written = _written(model_folder(named))
    known = _ALIVE.get((named, threads, written))
    return _kept(named, threads, written) if known is None else known


@lru_cache(maxsize=4)
def _kept(named: str, threads: int | None, written: int) -> Extractor:
    """Load a model and keep it, since between two tasks of a pool nobody else does."""
    return Extractor.load(named, threads=threads)


def _written(folder: Path) -> int:
    return (folder / DESCRIPTION).stat().st_mtime_ns
