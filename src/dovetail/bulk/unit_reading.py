"""The documents of a unit, as its records are read, and what is wrong with those that are none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from dovetail.bulk.addresses import Input
from dovetail.bulk.contents import BROKEN
from dovetail.bulk.fields import FieldReader, TextFields
from dovetail.bulk.options import BulkOptions
from dovetail.bulk.plan import Piece, Unit
from dovetail.bulk.records import Digest, records_of
from dovetail.errors import CorpusError


@dataclass(frozen=True, slots=True)
class ReadDocument:
    """A document, or why it is none; `number` counts those of all inputs from 0.

    `place` is the address, and the line or row where there are several, `size` its bytes.
    """

    number: int
    place: str
    size: int
    fields: TextFields | None
    problem: str = ""


def documents_of(
    unit: Unit, inputs: Mapping[int, Input], options: BulkOptions
) -> Iterator[ReadDocument]:
    """Read the documents of a unit in their order.

    Raises:
        CorpusError: if an input is not what it was when the plan was made.
    """
    number = unit.first
    for piece in unit.pieces:
        yield from _documents_of_piece(piece, number, inputs[piece.input], options)
        number += piece.documents


def _documents_of_piece(
    piece: Piece, number: int, source: Input, options: BulkOptions
) -> Iterator[ReadDocument]:
    reader, digest = FieldReader(source, options), Digest()
    position = piece.start
    try:
        for record in records_of(source, options, piece.place, digest):
            position = record.next.position
            if reader.is_document(record):
                place = reader.place_of(record.number)
                try:
                    fields = reader.fields_of(record)
                except CorpusError as error:
                    yield ReadDocument(number, place, record.size, None, str(error))
                else:
                    yield ReadDocument(number, place, record.size, fields)
                number += 1
            if position >= piece.end:
                break
    except BROKEN as error:
        raise _changed(source, f": {error}") from error
    if position != piece.end or digest.cut() != piece.sha256:
        raise _changed(source)


def _changed(source: Input, why: str = "") -> CorpusError:
    return CorpusError(
        f"{source.address} is not what it was when the run began{why}: put it back and go on with "
        f"--resume, or begin a run in another folder"
    )
