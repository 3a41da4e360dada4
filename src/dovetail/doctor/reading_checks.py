"""Is the corpus read as it was annotated: character positions, language, units.

A suspicion is tried out: the files are read again in another way, and what that mends is counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import get_args

from dovetail.corpora import Corpus
from dovetail.corpora.marking.assembly import CROSSES_SENTENCES
from dovetail.corpora.marking.token_alignment import DISCONTINUOUS
from dovetail.doctor.finding import MOST_EXAMPLES, Disease, Example, Finding, NotCheckedError
from dovetail.doctor.function_words import written_in
from dovetail.doctor.patient import Patient
from dovetail.doctor.places import Places
from dovetail.encoders.known_encoders import KNOWN
from dovetail.text.document import ENTITY_TASK, RELATION_TASK, Document, Sentence
from dovetail.text.reading import Offsets, Reading
from dovetail.text.writing_systems import guess_language

FEW = 3
"""So few annotations may be odd in any corpus."""

ODD = 0.02
"""Share of entities that are no whole tokens, from which on something is wrong with all of them."""

MENDED = 0.5
"""Share of what is odd that another way of reading has to mend to be the explanation."""

TORN = 0.05
"""Share of relations between units, from which on the unit is too short."""

ENOUGH = 0.95
"""Share of the relations that a unit has to hold to be wide enough."""

WIDER = ("sentences:2", "sentences:3", "paragraph", "document")

MOVES = [*product((-1, 0, 1), repeat=2)]
"""By how many characters starts and ends may be off."""


@dataclass(frozen=True)
class Way:
    """Another way of reading: what it is in words, the lines of a config, and what stays odd."""

    disease: Disease
    said: str
    remedy: str
    settings: tuple[str, ...]
    left: int


def examine_offsets(patient: Patient) -> Finding | None:
    """Entities that are no whole tokens because positions are counted otherwise, or wrong."""
    found = _of_borders(patient)
    return found if found is not None and found.disease is Disease.OFFSETS else None


def examine_language(patient: Patient) -> Finding | None:
    """Text that is cut by the rules of another language, or whose function words are of another."""
    found = _of_borders(patient) if patient.raw else None
    if found is not None and found.disease is Disease.LANGUAGE:
        return found
    if not patient.raw and not _reads_english(patient):
        raise NotCheckedError(
            "the corpus brings its own tokens, and encoders may be of any language"
        )
    known = patient.config.data.known_language
    other = written_in(patient.sentences, known)
    if other is None:
        return None
    told = f"{other.share:.0%} of the words are function words of {other.language!r}, and "
    told += f"{other.share_of_known:.0%} of {known!r}"
    return Finding(
        Disease.LANGUAGE,
        f"The text seems to be in {other.language!r}, and is read as {known!r}",
        0.3,
        (told,),
        _encoders_for(patient, other.language),
        (f'data.language = "{other.language}"',) * bool(patient.raw),
        examples=tuple(_examples_of(patient, patient.train)),
    )


def _reads_english(patient: Patient) -> bool:
    """Whether an encoder is one with a short name, all of which know English words alone."""
    return any(getattr(own, "name", None) in KNOWN for own in patient.config.encoders)


def _encoders_for(patient: Patient, language: str) -> str:
    """What to do about the encoders, which know words of their own language."""
    known = [own.kind for own in patient.config.encoders if own.kind != "casing"]
    cut = "cut it by the rules of its language, and " if patient.raw else ""
    return (
        f"{cut}name an encoder that knows {language!r} (the config has: {', '.join(known)}; those "
        f"with a short name read English: {', '.join(sorted(KNOWN))})"
    )


def _examples_of(patient: Patient, sentences: Sequence[Sentence]) -> Iterator[Example]:
    for sentence in sentences[: MOST_EXAMPLES - 2]:
        yield patient.learned_places.example(sentence)


def _of_borders(patient: Patient) -> Finding | None:
    """Why entities begin or end inside words, if many do."""
    if not patient.raw:
        raise NotCheckedError("the corpus brings its own tokens, and no character positions")
    number, total = odd_of(patient.raw)
    if number < FEW or number < ODD * total:
        return None
    ways = [way for way in _other_ways(patient) if way.left <= (1 - MENDED) * number]
    best = min(ways, key=lambda way: way.left, default=None)
    evidence = [f"{number:,} of {total:,} entities begin or end inside a word or outside the text"]
    if best is None:
        best = Way(
            Disease.OFFSETS,
            "no other count of characters, shift, or language that was tried explains them",
            "correct the positions where the examples say, or, where parts of words are meant, let "
            "training entities grow to whole words, which is the default (data.borders)",
            (),
            number,
        )
        evidence.append(best.said)
    else:
        evidence.append(f"{best.said} {best.left:,} would")
    return Finding(
        best.disease,
        "Entities do not stand at the borders of words"
        if best.disease is Disease.OFFSETS
        else "The text is cut into words by the rules of another language",
        number / total,
        tuple(evidence),
        best.remedy,
        best.settings,
        examples=tuple(_odd_examples(patient.raw, patient.places)),
    )


def _other_ways(patient: Patient) -> Iterator[Way]:
    data = patient.config.data
    for offsets in get_args(Offsets):
        if offsets != (data.offsets or "codepoints"):
            number = _odd_in(patient, replace(data.reading, offsets=offsets, on_error="drop"))
            said = f"if positions count {offsets},"
            remedy = "say in which unit positions are counted, or count characters"
            settings = (f'data.offsets = "{offsets}"',)
            yield Way(Disease.OFFSETS, said, remedy, settings, number)
    start, end, number = best_move(patient.raw)
    if (start, end) != (0, 0):
        moves = (("start", start), ("end", end))
        told = " and ".join(f"each {what} is moved by {by:+d}" for what, by in moves if by)
        said = f"if {told},"
        remedy = (
            "positions are counted from 0, and the end is the one behind the last character: move "
            "them where they are written"
        )
        yield Way(Disease.OFFSETS, said, remedy, (), number)
    texts = [document.text for corpus in patient.raw for document in corpus.documents]
    known = patient.raw[0].language
    for language in dict.fromkeys((guess_language(texts).language, "xx")):
        if language != known:
            number = _odd_in(patient, replace(data.reading, language=language, on_error="drop"))
            said = f"by the rules of {language!r} in place of {known!r}"
            settings = (f'data.language = "{language}"',)
            remedy = "name the language whose rules cut the text into words"
            yield Way(Disease.LANGUAGE, said, remedy, settings, number)


def _odd_in(patient: Patient, reading: Reading) -> int:
    """How many entities are odd, or are lost, if the files are read so."""
    corpora = patient.read(reading)
    number, total = odd_of(corpora)
    lost = sum(corpus.ledger["entity"].dropped for corpus in corpora)
    before = sum(corpus.ledger["entity"].dropped for corpus in patient.raw)
    return number + max(0, lost - before) if total else number + lost


def odd_of(corpora: Iterable[Corpus]) -> tuple[int, int]:
    """How many entities are no whole tokens, of how many; those in fragments are none of these."""
    number = total = 0
    for corpus in corpora:
        for sentence in corpus.sentences:
            beside = sentence.unaligned_for(ENTITY_TASK)
            total += len(sentence.entities) + len(beside)
            number += sum(item.reason not in (DISCONTINUOUS, CROSSES_SENTENCES) for item in beside)
        dropped = corpus.ledger.drops
        outside = sum(drop.kind == ENTITY_TASK and "outside" in drop.reason for drop in dropped)
        number, total = number + outside, total + outside
    return number, total


def best_move(corpora: Sequence[Corpus]) -> tuple[int, int, int]:
    """The move of starts and ends by which most entities are whole words, and how many are not."""
    odd = Counter(dict.fromkeys(MOVES, 0))
    for corpus in corpora:
        for document in corpus.documents:
            starts = {start for own in document.sentences for start, _ in own.offsets}
            ends = {end for own in document.sentences for _, end in own.offsets}
            for first, last in _spans_of(document):
                for move in MOVES:
                    odd[move] += first + move[0] not in starts or last + move[1] not in ends
    # Of moves that do the same, the one that changes less is likelier.
    best = min(MOVES, key=lambda move: (odd[move], abs(move[0]) + abs(move[1])))
    return best[0], best[1], odd[best]


def _spans_of(document: Document) -> Iterator[tuple[int, int]]:
    """The character positions of all entities, whole tokens or not."""
    for sentence in document.sentences:
        for entity in sentence.entities:
            yield sentence.offsets[entity.start][0], sentence.offsets[entity.end - 1][1]
        for item in sentence.unaligned_for(ENTITY_TASK):
            if item.reason != DISCONTINUOUS:
                yield item.spans[0]


def _odd_examples(corpora: Sequence[Corpus], places: Places) -> Iterator[Example]:
    number = 0
    for corpus in corpora:
        for document in corpus.documents:
            for sentence in document.sentences:
                for item in sentence.unaligned_for(ENTITY_TASK):
                    if number < MOST_EXAMPLES and item.reason not in (
                        DISCONTINUOUS,
                        CROSSES_SENTENCES,
                    ):
                        number += 1
                        start, end = item.spans[0]
                        around = document.text[max(0, start - 12) : end + 12].replace("\n", " ")
                        said = f"{document.text[start:end]!r} ({item.type}) in …{around}…"
                        yield Example(places.of(sentence), said)


def torn_of(corpora: Iterable[Corpus]) -> tuple[int, int]:
    """How many relations link entities of different units, of how many."""
    torn = total = 0
    for corpus in corpora:
        for sentence in corpus.sentences:
            beside = sentence.unaligned_for(RELATION_TASK)
            total += len(sentence.relations) + len(beside)
            torn += sum(item.reason == CROSSES_SENTENCES for item in beside)
    return torn, total


def examine_units(patient: Patient) -> Finding | None:
    """Relations whose head and tail are in different units."""
    torn, total = torn_of(patient.texts)
    if torn < FEW or torn < TORN * total:
        return None
    unit = patient.config.data.unit
    known = WIDER.index(unit) + 1 if unit in WIDER else 0
    held = {}
    for wider in WIDER[known:]:
        out = torn_of(patient.read(replace(patient.config.data.reading, unit=wider)))[0]
        held[wider] = total - out
        if held[wider] >= ENOUGH * total:
            break
    evidence = [f"{torn:,} of {total:,} relations link entities of different units ({unit})"]
    evidence += (f"{own!r} would hold {number:,} of them" for own, number in held.items())
    best = max(held, key=lambda own: held[own], default=None)
    remedy = (
        "read more at once, so that a unit holds a whole relation; it becomes part of the model"
    )
    return Finding(
        Disease.UNITS,
        "Heads and tails of relations are in different units, between which no model looks",
        torn / total,
        tuple(evidence),
        remedy,
        (f'data.unit = "{best}"',) if best else (),
        examples=tuple(_torn_examples(patient)),
    )


def _torn_examples(patient: Patient) -> Iterator[Example]:
    number = 0
    for corpus in patient.texts:
        for document in corpus.documents:
            for sentence in document.sentences:
                for item in sentence.unaligned_for(RELATION_TASK):
                    if item.reason == CROSSES_SENTENCES and number < MOST_EXAMPLES:
                        number += 1
                        head, tail = (document.text[s:e] for s, e in item.spans[:2])
                        said = f"{item.type} from {head!r} to {tail!r}"
                        yield Example(patient.places.of(sentence), said)
