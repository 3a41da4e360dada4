"""The component: a model in a pipeline, with which it is saved and loaded."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import srsly
from spacy.tokens import Doc

from dovetail.errors import CorpusError, ModelError
from dovetail.saved.ensemble_folder import copy_saved
from dovetail.saved.finding import HubName, model_folder
from dovetail.spacy_component.annotation import Ents, annotate
from dovetail.spacy_component.packed_model import Folder, packed, unpacked
from dovetail.spacy_component.relations import register

if TYPE_CHECKING:
    from dovetail.extractor import Extractor
    from dovetail.text.document import Document
    from dovetail.text.extraction import Extraction

ErrorHandler = Callable[[str, "DovetailComponent", list[Doc], Exception], Any]

_LOG = logging.getLogger(__name__)


class DovetailComponent:
    """Entities and relations on the documents of a spaCy pipeline.

    The model is loaded at once, if it is here.  When a saved pipeline is loaded, spaCy makes the
    component before it gives it the model in the pipeline's folder; so a hub is asked, and a model
    that cannot be loaded is an error, when the component is used.

    Args:
        model: a folder, the name of a shipped model, or that of a model on a hub.
        name: of the component in its pipeline.
        ents: what becomes of `doc.ents`: ``add``, ``overwrite`` or ``leave``.
        spans_key: the span group that gets all entities.
        threads: as `Extractor.load` takes it.

    Raises:
        DovetailError: if another package has ``doc._.relations``.
    """

    def __init__(
        self,
        model: str,
        *,
        name: str = "dovetail",
        ents: Ents = "add",
        spans_key: str = "dovetail",
        threads: int | None = 0,
    ) -> None:
        register()
        self.name = name
        self.ents: Ents = ents
        self.spans_key = spans_key
        self.threads = threads
        self._model = model
        self._folder: Folder | None = None
        self._extractor: Extractor | None = None
        self._on_error: ErrorHandler = _raise
        self._told_of_growth = False
        # Another one may come with the folder of the pipeline: no hub is asked in vain, least of
        # all for a name in a stranger's config, and what is missing is an error on use only.
        if HubName.meant(model) is None:
            with suppress(ModelError):
                self._take(Folder(model_folder(model)))

    @property
    def extractor(self) -> Extractor:
        """What extracts.

        Raises:
            ModelError: if there is no model of the given name, or it cannot be loaded.
        """
        if self._extractor is None:
            self._take(Folder(model_folder(self._model)))
        assert self._extractor is not None
        return self._extractor

    def __call__(self, doc: Doc) -> Doc:
        """Annotate one document."""
        self._annotate(doc, self.extractor.extract(doc.text))
        return doc

    def pipe(self, stream: Iterable[Doc], *, batch_size: int | None = None) -> Iterator[Doc]:
        """Annotate a stream of documents, in its order.

        Batches are filled by tokens, as `Extractor.pipe` does, whatever `batch_size` is.
        """
        waiting: deque[Doc] = deque()
        for extraction in self.extractor.pipe_documents(self._documents(stream, waiting)):
            doc = waiting.popleft()
            self._annotate(doc, extraction)
            yield doc

    def _documents(self, stream: Iterable[Doc], waiting: deque[Doc]) -> Iterator[Document]:
        """The texts as the model reads them; whose `Doc`s wait for what is found."""
        for doc in stream:
            try:
                document = self.extractor.tokenizer.document(doc.text)
            except CorpusError as error:
                self._on_error(self.name, self, [doc], error)
                continue
            waiting.append(doc)
            yield document

    def _annotate(self, doc: Doc, extraction: Extraction) -> None:
        grown = annotate(doc, extraction, ents=self.ents, spans_key=self.spans_key)
        if grown and not self._told_of_growth:
            self._told_of_growth = True
            _LOG.warning(
                "entities that begin or end inside a token of spaCy's have grown to its borders; "
                "doc.spans[%r].attrs['grown'] lists them with their own characters",
                self.spans_key,
            )

    def set_error_handler(self, error_handler: ErrorHandler) -> None:
        """Have what is called for documents that cannot be read, as spaCy's components have."""
        self._on_error = error_handler

    def get_error_handler(self) -> ErrorHandler:
        """What is called for documents that cannot be read."""
        return self._on_error

    def to_disk(self, path: Path | str, *, exclude: Sequence[str] = ()) -> None:
        """Write the model into the pipeline's folder, as `save_model` left it.

        Raises:
            ModelError: if there is no model, or the folder cannot be written.
        """
        copy_saved(self._known_folder().path, Path(path))

    def from_disk(self, path: Path | str, *, exclude: Sequence[str] = ()) -> DovetailComponent:
        """Take the model of the pipeline's folder, wherever the component's own may be.

        Raises:
            ModelError: if it is not there, or damaged.
        """
        self._take(Folder(model_folder(Path(path))))
        return self

    def to_bytes(self, *, exclude: Sequence[str] = ()) -> bytes:
        """The files of the model, in msgpack.

        Raises:
            ModelError: if there is no model.
        """
        content: bytes = srsly.msgpack_dumps(packed(self._known_folder()))
        return content

    def from_bytes(self, content: bytes, *, exclude: Sequence[str] = ()) -> DovetailComponent:
        """Take the model that `to_bytes` gave.

        Raises:
            ModelError: if these are other bytes, or the model is damaged.
        """
        self._take(unpacked(content))
        return self

    def _known_folder(self) -> Folder:
        if self._folder is None:
            return Folder(model_folder(self._model))
        return self._folder

    def _take(self, folder: Folder) -> None:
        """Load the model of a folder, unless it is the one that is loaded."""
        from dovetail.extractor import Extractor  # which needs torch

        if self._folder is None or self._folder.digest != folder.digest:
            self._extractor = Extractor.load(folder.path, threads=self.threads)
        self._folder = folder

    def __getstate__(self) -> dict[str, Any]:
        """Go to another process without weights, or with the files where no folder holds them."""
        state = {**self.__dict__, "_extractor": None, "_folder": None}
        folder = self._folder
        if folder is not None:
            state["_folder"] = packed(folder) if folder.is_temporary else str(folder.path)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        register()
        folder = state.pop("_folder")
        self.__dict__.update({**state, "_folder": None})
        if isinstance(folder, str):
            self._take(Folder(model_folder(folder)))
        elif folder is not None:
            self._take(unpacked(srsly.msgpack_dumps(folder)))


def _raise(name: str, component: DovetailComponent, docs: list[Doc], error: Exception) -> NoReturn:
    raise error
