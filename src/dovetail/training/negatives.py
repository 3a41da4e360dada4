"""Negatives: sentences that are learned from because no relation holds in them.

They are a pool like others.  Beside the sentences that scores are made on, whole documents are kept
out of it: those that a dev or held-out sentence is of, and those that are never learned from.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dovetail.config import DataConfig
from dovetail.corpora import Corpus, read_corpus
from dovetail.corpora.negatives import of_documents, read_negatives
from dovetail.errors import TrainingError
from dovetail.text.document import RELATION_TASK, TASKS, Sentence
from dovetail.text.reading import Reading
from dovetail.text.wording import wordings
from dovetail.training.dev_negatives import (
    FIELD,
    IN_DEV,
    OF_SCORED,
    Divided,
    Known,
    NegativeDocument,
    divided,
    notes_of_dev,
)
from dovetail.training.pools import NEGATIVES, LeftOut, Pool, Source, Splits, account
from dovetail.training.read_files import ReadFiles, read_files

NEVER_LEARNED = "of a document in data.negatives_held_out"


@dataclass(frozen=True)
class Documents:
    """The ids of documents whose sentences are not learned from, by the reason."""

    patterns: Sequence[str]
    scored: Mapping[str, Collection[str]]
    listed: int
    """How many sentences that scores are made on the files of `data.documents` have."""

    @classmethod
    def of(
        cls,
        config: DataConfig,
        read: Iterable[ReadFiles],
        listed: Sequence[ReadFiles],
        known: Known,
    ) -> Documents:
        """Of the wordings that scores are made on, by what files say of which document they are."""
        by_wording: dict[str, set[str]] = {}
        for files in (*read, *listed):
            for words, ids in files.ids_by_wording().items():
                by_wording.setdefault(words, set()).update(ids)
        scored = {
            reason: {id for words in known[why] for id in by_wording.get(words, ())}
            for why, reason in OF_SCORED.items()
        }
        in_scores = {words for why in OF_SCORED for words in known[why]}
        told = {words for files in listed for words in files.ids_by_wording()}
        return cls(config.negatives_held_out, scored, len(in_scores & told))

    def reason(self, id: str) -> str | None:
        """Why the sentences of a document are not learned from; None if they are."""
        if of_documents(id, self.patterns):
            return NEVER_LEARNED
        return next((reason for reason, ids in self.scored.items() if id in ids), None)

    def judged(self, found: ReadFiles) -> Iterator[NegativeDocument]:
        """The negatives by document, of several files too, and whether they are learned from."""
        by_id: dict[str | int, list[Sentence]] = {}
        for number, (id, document) in enumerate(zip(found.ids, found.documents, strict=True)):
            own = [sentence for sentence in document if sentence.tokens]
            by_id.setdefault(id or number, []).extend(own)
        for name, sentences in by_id.items():
            yield NegativeDocument(
                tuple(sentences), self.reason(name if isinstance(name, str) else "")
            )


def with_negatives(
    splits: Splits, config: DataConfig, learn: Reading, read: Sequence[ReadFiles], known: Known
) -> Splits:
    """Add the pool of negatives to the others.

    Args:
        splits: what is learned from beside them.
        config: names their files.
        learn: how texts that are learned from are read.
        read: the files that dev and held-out sentences are of.
        known: the wordings of sentences that are not learned from.

    Raises:
        CorpusError: if a file cannot be read, or holds a relation.
        TrainingError: if none is left, they have types that the training sentences lack, or these
            hold no relation.
    """
    if not related(splits.train):
        raise TrainingError(
            f"{FIELD} teaches in which sentences nothing is related, and data.train holds no "
            f"relation to tell them from; leave it out"
        )
    limit = config.max_sentences
    found = read_files(
        config.negatives, config, learn, split=NEGATIVES, limit=limit, read=read_negatives
    )
    listed = list(listed_documents(config, learn))
    documents = Documents.of(config, read, listed, known)
    asked = as_many(config.negatives_in_dev, splits.dev)
    parts = divided(list(documents.judged(found)), asked, config.dev_seed, known)
    pool, dev, left_out = pooled(parts, config, splits.train, known)
    return replace(
        splits,
        pools=(*splits.pools, pool),
        dev=(*splits.dev, *dev),
        left_out=(*splits.left_out, *left_out),
        notes=(
            *splits.notes,
            account(FIELD, len(pool.sentences), left_out),
            *notes_of_dev(len(dev)),
            *notes_of(config, found, documents),
        ),
        warnings=(*splits.warnings, *found.notes, *warnings_of(config, found, documents)),
        files=(*splits.files, *found.files),
    )


def pooled(
    parts: Divided, config: DataConfig, train: Sequence[Sentence], known: Known
) -> tuple[Pool, tuple[Sentence, ...], tuple[LeftOut, ...]]:
    """The pool of what is learned, the dev sentences as they are scored, and all that is left out.

    Raises:
        TrainingError: if none is left, or they have types that the training sentences lack.
    """
    tasks = TASKS if config.negatives_for == "both" else (RELATION_TASK,)
    dev = tuple(negative(own, tasks) for own in parts.dev)
    known = {**known, IN_DEV: {*known[IN_DEV], *wordings(dev)}}
    drawn = as_many(config.negatives_per_epoch, train)
    source = Source(NEGATIVES, FIELD, config.negatives, tasks, drawn)
    try:
        learned = (negative(own, tasks) for own in parts.learned)
        pool, others, _ = source.pool(learned, train, known)
    except TrainingError as error:
        raise TrainingError(f"{error}{_listed(parts.left_out, len(dev))}") from error
    return replace(pool, unrelated=True), dev, (*parts.left_out, *others)


def related(sentences: Iterable[Sentence]) -> int:
    """How many of some sentences hold a relation."""
    return sum(bool(sentence.relations) for sentence in sentences)


def as_many(given: float, others: Iterable[Sentence]) -> int:
    """A number as it is given, a whole one, or so many for each of the others with a relation."""
    return given if isinstance(given, int) else max(bool(given), round(given * related(others)))


def listed_documents(config: DataConfig, learn: Reading) -> Iterator[ReadFiles]:
    """What says of which document a sentence is.

    It is read by line besides, for a sentence of a corpus with its own tokens may be two elsewhere.
    """

    def recognised(path: Path, reading: Reading) -> Corpus:
        return read_corpus(path, reading=reading)

    for unit in dict.fromkeys((learn.unit, "line")):
        reading = replace(learn, unit=unit)
        yield read_files(config.documents, config, reading, read=recognised)


def _listed(left_out: Sequence[LeftOut], in_dev: int) -> str:
    """What was left out before, by document, and what is in the dev set."""
    said = [account(FIELD, 0, left_out)] * bool(left_out) + list(notes_of_dev(in_dev))
    return f" ({'; '.join(said)})" if said else ""


def negative(sentence: Sentence, tasks: Collection[str]) -> Sentence:
    """The sentence as it is learned: without relations, and with no entity that is not on it."""
    return replace(sentence, annotated=frozenset(tasks), unaligned=frozenset())


def notes_of(config: DataConfig, found: ReadFiles, documents: Documents) -> Iterator[str]:
    """A note if ids keep nothing out, perhaps because files name the same documents otherwise."""
    ids = {*found.ids} - {""}
    if ids and not config.documents and not any(ids & {*own} for own in documents.scored.values()):
        yield (
            f"by their ids none of the {len(ids):,} documents of data.negatives is one that a dev "
            f"or held-out sentence is of; where that may not be so, name files in data.documents "
            f"that have these sentences and the ids of data.negatives"
        )


def warnings_of(config: DataConfig, found: ReadFiles, documents: Documents) -> Iterator[str]:
    """Warnings of what is not kept out although somebody may think so."""
    ids = {*found.ids}
    for pattern in config.negatives_held_out:
        if not any(of_documents(id, [pattern]) for id in ids):
            yield (
                f"data.negatives_held_out: no document of data.negatives has an id as {pattern!r}; "
                f"ids are such as {', '.join(map(repr, sorted(ids)[:3]))}"
            )
    if config.documents and not documents.listed:
        yield (
            "data.documents names no sentence of the dev set or of data.held_out, so it keeps no "
            "document of data.negatives out: expected files with the same sentences"
        )
