"""A unit done: its documents read, extracted in groups, and made into a shard."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

from dovetail.bulk.addresses import Input
from dovetail.bulk.options import BulkOptions
from dovetail.bulk.plan import Unit
from dovetail.bulk.shard import Shard, ShardMaker
from dovetail.bulk.unit_reading import ReadDocument, documents_of
from dovetail.errors import CorpusError
from dovetail.running.steps import Done, result_of
from dovetail.text.document import Document
from dovetail.text.extraction import Extraction
from dovetail.text.reading_ahead import BUFFERED_TOKENS

if TYPE_CHECKING:
    from dovetail.extractor import Extractor

Tell = Callable[[int, int, int], None]
"""Is told the first and the last document that are worked on, and how many bytes of the unit are
done; it is called before each document is cut into words, and after each batch of sentences.
"""


@dataclass(frozen=True, slots=True)
class Task:
    """A unit with the inputs that it reads, and the documents that are left out, and why."""

    unit: Unit
    inputs: Mapping[int, Input]
    left_out: Mapping[int, str]


@dataclass(slots=True)
class _Group:
    """Documents that are extracted together, or why they cannot be; `behind` are bytes before."""

    behind: int
    items: list[tuple[ReadDocument, Document | str]] = field(default_factory=list)
    size: int = 0
    tokens: int = 0

    @property
    def documents(self) -> list[Document]:
        return [made for _, made in self.items if isinstance(made, Document)]

    def add(self, read: ReadDocument, made: Document | str) -> None:
        self.items.append((read, made))
        self.size += read.size
        self.tokens += 1  # so that a stream of empty ones is cut too
        if isinstance(made, Document):
            self.tokens += sum(len(sentence.tokens) for sentence in made.sentences)

    def tell(self, tell: Tell, done: Done) -> None:
        """Tell that so much of it is done."""
        first, last = self.items[0][0].number, self.items[-1][0].number
        tell(first, last, self.behind + self.size * done.done // max(done.total, 1))


class UnitWork:
    """Does units with one extractor."""

    def __init__(self, extractor: Extractor, options: BulkOptions) -> None:
        self._extractor = extractor
        self._options = options

    def shard(self, task: Task, tell: Tell) -> Shard:
        """The shard of a unit.

        Raises:
            CorpusError: if an input is not what it was when the plan was made.
            MemoryError: if there is not enough of it.
        """
        maker = ShardMaker(self._options, self._extractor.header())
        for group in self._groups(task, tell):
            found = iter(self._extracted(group.documents, partial(group.tell, tell)))
            for read, made in group.items:
                outcome = next(found) if isinstance(made, Document) else made
                if isinstance(outcome, Extraction):
                    maker.add(read, outcome)
                else:
                    maker.fail(read, outcome)
        return maker.shard(task.unit.name)

    def probe(self, task: Task, numbers: Collection[int], tell: Tell) -> None:
        """Extract some documents of a unit, each by itself, to see whether they can be."""
        for read in documents_of(task.unit, task.inputs, self._options):
            if read.number in numbers:
                tell(read.number, read.number, 0)
                made = self._document(read)
                if isinstance(made, Document):
                    self._alone(made)

    def _groups(self, task: Task, tell: Tell) -> Iterator[_Group]:
        """Documents with so many tokens that they fill batches of similar sentences."""
        group = _Group(0)
        for read in documents_of(task.unit, task.inputs, self._options):
            tell(read.number, read.number, group.behind)
            group.add(read, task.left_out.get(read.number) or self._document(read))
            if group.tokens >= BUFFERED_TOKENS:
                yield group
                group = _Group(group.behind + group.size)
        if group.items:
            yield group

    def _document(self, read: ReadDocument) -> Document | str:
        """The document with its tokens, or why there is none."""
        if read.fields is None:
            return read.problem
        try:
            return self._extractor.tokenizer.document(read.fields.text, read.fields.id)
        except Exception as error:
            return _reason(error)

    def _extracted(
        self, documents: Sequence[Document], tell: Callable[[Done], None]
    ) -> list[Extraction | str]:
        """What is found in each, or why nothing can be.

        They are extracted together; should one of them fail, each is extracted alone.
        """
        sentences = [sentence for document in documents for sentence in document.sentences]
        tell(Done(0, 1))
        try:
            annotated = iter(result_of(self._extractor.annotating(sentences), tell))
            return [
                self._extractor.extraction(document, islice(annotated, len(document.sentences)))
                for document in documents
            ]
        except Exception as error:
            _reason(error)  # memory is not the fault of one of them
        found = []
        for place, document in enumerate(documents):
            tell(Done(place, len(documents)))
            found.append(self._alone(document))
        return found

    def _alone(self, document: Document) -> Extraction | str:
        try:
            return next(iter(self._extractor.pipe_documents([document])))
        except Exception as error:
            return _reason(error)


def _reason(error: Exception) -> str:
    """Why a document is left out.

    Raises:
        MemoryError: if memory ran out, which another attempt may have more of.
    """
    if isinstance(error, MemoryError) or "allocate memory" in str(error):
        raise MemoryError from error
    known = isinstance(error, CorpusError)
    return str(error) if known else f"{type(error).__name__}: {str(error)[:500]}"
