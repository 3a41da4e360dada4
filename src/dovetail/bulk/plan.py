"""The plan: all records of all inputs, in order, cut into units.

The inputs are read once for it, since only whoever has read them knows where records end, how many
documents there are, and what they will have to hold when their turn comes.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field

from dovetail.bulk.addresses import Input
from dovetail.bulk.contents import BROKEN
from dovetail.bulk.fields import FieldReader
from dovetail.bulk.options import BulkOptions
from dovetail.bulk.parquet_rows import rows_in_largest_group
from dovetail.bulk.records import START, Digest, Place, records_of
from dovetail.errors import CorpusError
from dovetail.running.steps import Done

PARTS_OF_PACKED = 8
"""Whoever begins in the middle of what is packed unpacks all before it, so it is cut into few
parts: as many as this, by its packed bytes, or by the rows of a group in Parquet."""

MOST_PACKED_BYTES = 64_000_000
"""A part of a large packed input is no larger than this, which is in memory with what is found."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Records of an input that stand one after another, by positions; `number` is the first's.

    `sha256` is that of all that is read between the positions.
    """

    input: int
    start: int
    end: int
    number: int
    documents: int
    sha256: str

    @property
    def place(self) -> Place:
        """Where it begins."""
        return Place(self.start, self.number)


@dataclass(frozen=True, slots=True)
class Unit:
    """Pieces that make one shard; `first` is the number of its first document, from 0."""

    number: int
    first: int
    size: int
    pieces: tuple[Piece, ...]

    @property
    def documents(self) -> int:
        """How many documents it has, with those that cannot be read."""
        return sum(piece.documents for piece in self.pieces)

    @property
    def name(self) -> str:
        """The name of its files, without their ending."""
        return f"{self.number:06}"


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with an input from some place on: that much of it is not read."""

    place: str
    reason: str


@dataclass(slots=True)
class Plan:
    """The inputs, the units, and what is wrong with inputs."""

    inputs: list[Input]
    units: list[Unit] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    @property
    def documents(self) -> int:
        """How many documents there are."""
        return sum(unit.documents for unit in self.units)

    def inputs_of(self, unit: Unit) -> dict[int, Input]:
        """The inputs that a unit reads."""
        return {piece.input: self.inputs[piece.input] for piece in unit.pieces}


def planned(
    inputs: Sequence[Input], options: BulkOptions, *, fine: bool = False
) -> Generator[Done, None, Plan]:
    """Cut the inputs into units; tells how many bytes of them are read.

    Args:
        inputs: what to cut.
        options: how large units are.
        fine: whether packed inputs are cut as fine as others, for who reads but a few units.

    Raises:
        CorpusError: if there is no document in them, and something is wrong with one.
    """
    planner = _Planner(inputs, options, fine=fine)
    done, total = 0, sum(source.size for source in inputs)
    for index, source in enumerate(inputs):
        for share in planner.read(index):
            yield Done(done + round(share * source.size), max(total, 1))
        done += source.size
    plan = planner.end()
    if not plan.documents and plan.problems:
        first = plan.problems[0]
        raise CorpusError(f"there is no document in the inputs: {first.place}: {first.reason}")
    return plan


class _Planner:
    """Goes through the inputs, and has a unit under way."""

    def __init__(self, inputs: Sequence[Input], options: BulkOptions, *, fine: bool) -> None:
        self._options, self._fine = options, fine
        self._plan = Plan([*inputs])
        self._pieces: list[Piece] = []
        self._documents, self._size = 0, 0  # of the unit
        self._first = 0

    def read(self, index: int) -> Generator[float]:
        """Cut one input; tells now and then how much of it is read, from 0 to 1."""
        source = self._plan.inputs[index]
        reader, digest = FieldReader(source, self._options), Digest()
        start = end = START
        documents = 0
        try:
            least = 0 if self._fine else least_part(source)
            for count, record in enumerate(records_of(source, self._options, START, digest)):
                is_document = reader.is_document(record)
                documents, end = documents + is_document, record.next
                self._documents, self._size = (
                    self._documents + is_document,
                    self._size + record.size,
                )
                if count % 1024 == 0:
                    yield min(1.0, end.position / max(source.size, 1))
                if documents and self._is_full and end.position - start.position >= least:
                    self._add(index, start, end, documents, digest.cut())
                    self._cut()
                    start, documents = end, 0
        except (*BROKEN, CorpusError) as error:
            self._plan.problems.append(Problem(source.address, said(error, source)))
            if documents:
                self._add(index, start, end, documents, self._digest_again(source, start, end))
        else:
            if documents:
                self._add(index, start, end, documents, digest.cut())

    def end(self) -> Plan:
        """The plan, once all inputs are read."""
        self._cut()
        return self._plan

    @property
    def _is_full(self) -> bool:
        options = self._options
        return self._documents >= options.unit_documents or self._size >= options.unit_bytes

    def _add(self, index: int, start: Place, end: Place, documents: int, sha256: str) -> None:
        self._pieces.append(
            Piece(index, start.position, end.position, start.number, documents, sha256)
        )

    def _cut(self) -> None:
        if self._pieces:
            unit = Unit(len(self._plan.units), self._first, self._size, tuple(self._pieces))
            self._plan.units.append(unit)
            self._first += unit.documents
        self._pieces, self._documents, self._size = [], 0, 0

    def _digest_again(self, source: Input, start: Place, end: Place) -> str:
        """The digest up to where the input is still whole: what broke is in the running one."""
        digest = Digest()
        for record in records_of(source, self._options, start, digest):
            if record.next == end:
                break
        return digest.cut()


def least_part(source: Input) -> int:
    """How much a piece has at least that does not end with its input, by position.

    Of a packed input that is unpacked, and told from its packed bytes, which are all that is known
    before it is read: so there are more parts the better it packs, and never fewer.
    """
    if source.kind == "parquet":
        return rows_in_largest_group(source) // PARTS_OF_PACKED
    return min(source.size // PARTS_OF_PACKED, MOST_PACKED_BYTES) if source.packing else 0


def said(error: Exception, source: Input) -> str:
    """What is wrong with an input, without its address."""
    text = str(error) or type(error).__name__
    if isinstance(error, OSError) and error.strerror:
        text = error.strerror
    return text.removeprefix(f"{source.address} ").removeprefix(f"{source.address}: ")
