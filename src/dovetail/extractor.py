"""From text to entities and relations: the one path that every door takes.

text -> tokenizer -> Sentence -> windows -> Batch -> model -> Sentence (annotated) -> Extraction
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any, Self, overload
from weakref import WeakValueDictionary

from dovetail.corpora.formats.native.native_writer import native_header
from dovetail.encoders import Features
from dovetail.errors import ModelError
from dovetail.model.asked_schemas import AskedSchemas
from dovetail.model.prediction import Predictor
from dovetail.running.locks import ProcessLock
from dovetail.running.steps import Done, result_of
from dovetail.saved.description import DESCRIPTION
from dovetail.saved.ensemble_folder import load_predictor
from dovetail.saved.finding import model_folder, name_of_model, shipped_models
from dovetail.saved.on_hub import OnHub
from dovetail.text.document import Document, Sentence
from dovetail.text.extraction import Extraction, VisibleOnly
from dovetail.text.named_schemas import ONLY
from dovetail.text.reading import DEFAULT_READING, ModelReading
from dovetail.text.reading_ahead import (
    buffers,
    checked,
    documents_of,
    refuse_type,
)
from dovetail.text.schema import Schema
from dovetail.text.tokenization import Tokenizer
from dovetail.text.windowed import Windowed
from dovetail.threads import expect_forks, use_threads

OnError = Callable[[int, Exception], object]
"""Called with the index of a text that is left out, from 0, and its error."""


class Extractor(OnHub):
    """Extracts entities and relations with a trained model.

    Examples:
        >>> extractor = Extractor.load("news")              # doctest: +SKIP
        >>> extractor.extract("Ada Lovelace lived in London.").relations    # doctest: +SKIP

    Threads may share it.  With several threads of its own it predicts as many batches at once, and
    finds what one thread finds.  Pickled it is the place that it was loaded from and its
    threads, without the weights, so a model that was changed in memory is not what arrives; a
    process loads each model once.  A copy by `copy.deepcopy` has weights of its own.

    A model of several schemas predicts `news/Person`; `of_schema("news")` is the extractor of one.
    """

    def __init__(self, model: Predictor, *, reading: ModelReading = DEFAULT_READING) -> None:
        self.model = model.eval()
        self.reading = reading
        self.tokenizer = Tokenizer(reading.language, reading.unit)
        self.chosen = ONLY
        self.floor: float | None = None
        self._loaded_from: tuple[str, int | None] | None = None
        self._turn = ProcessLock()
        self._visible = VisibleOnly()
        expect_forks()

    @classmethod
    def load(cls, path_or_name: str | Path, *, threads: int | None = 0) -> Self:
        """Load a model folder, or by its name a model of the package or of a hub.

        Args:
            path_or_name: a folder that training left, one of `shipped_models`, or owner/name.
            threads: of torch's operators, in the whole process; 0 leaves the choice to Dovetail (at
                most four), and None leaves the process as it is (`use_threads`).

        Raises:
            ModelError: if there is no such model, or it cannot be loaded.
        """
        use_threads(threads)
        folder = model_folder(path_or_name)
        model, reading, *_ = load_predictor(folder)
        model.use_fast_precision()
        extractor = cls(model, reading=reading)
        is_shipped = folder == shipped_models().get(str(path_or_name))
        place = str(path_or_name) if is_shipped else str(folder.resolve())
        extractor._loaded_from = place, threads
        _ALIVE[place, threads, _written(folder)] = extractor
        return extractor

    @property
    def name(self) -> str:
        """The model's own name, or that of its run; empty if it was made in memory."""
        return "" if self._loaded_from is None else name_of_model(self._loaded_from[0])

    def __reduce__(self) -> tuple[Any, ...]:
        if self._loaded_from is None:
            raise TypeError(
                "an Extractor is pickled as the folder that it was loaded from, and this one was "
                "made from a model in memory; save the model, and load it by Extractor.load"
            )
        return _loaded_once, (*self._loaded_from, self.chosen, self.floor)

    def __copy__(self) -> Extractor:
        copied = object.__new__(type(self))
        copied.__dict__.update(self.__dict__)
        return copied

    def __deepcopy__(self, memo: dict[int, Any]) -> Extractor:
        copied = copy.copy(self)  # a tokenizer does not change, so one is enough
        copied.model = copy.deepcopy(self.model, memo)
        copied._turn = ProcessLock()
        return copied

    def of_schema(self, name: str) -> Extractor:
        """This extractor for one of the model's schemas, with the types as that names them.

        Raises:
            ModelError: if the model has no schema of this name.
        """
        chosen = copy.copy(self)
        chosen.chosen = self.model.of_schema(name).name
        return chosen

    def down_to(self, floor: float | None) -> Extractor:
        """This extractor, which takes relations from this probability on, below thresholds too."""
        lower = copy.copy(self)
        lower.floor = floor
        return lower

    @property
    def _asked(self) -> AskedSchemas:
        return AskedSchemas(self.model, self.chosen, self.floor)

    @property
    def schemas(self) -> tuple[str, ...]:
        """The names of several schemas that are asked for, which stand before their types."""
        return self._asked.shown

    @property
    def schema(self) -> Schema:
        """The entity and relation types that can be found."""
        return self._asked.schema

    @property
    def thresholds(self) -> dict[str, float]:
        """The probability from which each relation type is taken."""
        return self._asked.thresholds

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
        its error has a note with the index.  `on_error` is called with the index (from 0) and the
        error of a text that cannot be read, which is left out; without it the error is raised.

        Raises:
            TypeError: if given one text, whose characters would be taken for texts, or no texts at
                all, or if one of them is no str; names its index and its type.
            TextError: if a text holds half a surrogate pair, which is no character.
        """
        if isinstance(texts, str):
            raise TypeError("expected texts, found one; extract() takes a single text")
        if isinstance(texts, bytes | bytearray | Mapping) or not isinstance(texts, Iterable):
            refuse_type("a str, or several in a list or another iterable", texts)
        return self.pipe_documents(documents_of(texts, self.tokenizer.document, on_error))

    def pipe_documents(self, documents: Iterable[Document]) -> Iterator[Extraction]:
        """Extract from a stream of documents that have their sentences already, as `pipe` does.

        Raises:
            TypeError: if one is no `Document`.
        """
        for buffered in buffers(checked(documents, Document, "a Document")):
            sentences = [sentence for document in buffered for sentence in document.sentences]
            annotated = iter(self.annotate(sentences))
            for document in buffered:
                yield self.extraction(document, islice(annotated, len(document.sentences)))

    def extraction(self, document: Document, annotated: Iterable[Sentence]) -> Extraction:
        """The extraction of a document whose sentences this extractor has annotated."""
        document = replace(document, sentences=tuple(annotated))
        return Extraction(document, self.thresholds, self.schemas)

    def featurise(self, sentences: Sequence[Sequence[str]]) -> list[Features]:
        """The features of a batch, from the tokens of its sentences."""
        return self.model.featurise(sentences)

    def annotate(self, sentences: Sequence[Sentence]) -> list[Sentence]:
        """The same sentences, in the same order, with predictions in place of annotations.

        Entities in which nothing can be seen are left out.

        Raises:
            TypeError: if one is no `Sentence`.
        """
        return result_of(self.annotating(sentences))

    def annotating(
        self, sentences: Sequence[Sentence], *, given_entities: bool = False
    ) -> Generator[Done, None, list[Sentence]]:
        """As `annotate`, batch by batch: tells how many tokens are done, and returns all.

        With `given_entities` the sentences keep theirs, as far as the model can express them, and
        relations are predicted between these.

        Raises:
            ModelError: if entities are given to several schemas at once.
        """
        if given_entities and self.schemas:
            raise ModelError(
                f"entities are of one schema, and the model has {', '.join(self.schemas)}: take "
                f"one of these by of_schema"
            )
        whole = checked(sentences, Sentence, "a Sentence")
        bare = (s.with_annotations(s.entities if given_entities else (), ()) for s in whole)
        windowed = Windowed.of(bare, self.reading)
        predicted = yield from self._asked.predict(
            windowed.parts,
            self.featurise,
            given_entities=given_entities,
            at_once=self._at_once,
            turn=self._turn,
        )
        merged = {name: windowed.merged(own) for name, own in predicted.items()}
        return list(map(self._visible, self._asked.joined(merged)))

    @property
    def _at_once(self) -> int:
        return self.model.at_once


_ALIVE: WeakValueDictionary[tuple[str, int | None, int], Extractor] = WeakValueDictionary()
"""The extractors that this process loaded, or its parent before the fork."""


def _loaded_once(
    place: str, threads: int | None, schema: str = ONLY, floor: float | None = None
) -> Extractor:
    """The extractor that a pickle names, loaded once by each process; anew for a new folder."""
    written = _written(model_folder(place))
    extractor = _ALIVE.get((place, threads, written)) or _kept(place, threads, written)
    extractor = extractor.of_schema(schema) if schema else extractor
    return extractor if floor is None else extractor.down_to(floor)


@lru_cache(maxsize=4)
def _kept(place: str, threads: int | None, written: int) -> Extractor:
    """Load a model and keep it, since between two tasks of a pool nobody else does."""
    return Extractor.load(place, threads=threads)


def _written(folder: Path) -> int:
    return (folder / DESCRIPTION).stat().st_mtime_ns
