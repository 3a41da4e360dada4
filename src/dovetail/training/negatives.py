"""Negatives: sentences that are learned from because no relation holds in them.

They are a pool like others.  Beside the sentences that scores are made on, whole documents are kept
out of it: those that a dev or held-out sentence is of, and those that are never learned from.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dovetail.config import DataConfig
from dovetail.corpora import Corpus, read_corpus
from dovetail.corpora.negatives import of_documents, read_negatives
from dovetail.errors import TrainingError
from dovetail.text.document import RELATION_TASK, TASKS, Sentence
from dovetail.text.reading import Reading
from dovetail.training.pools import NEGATIVES, LeftOut, Source, Splits, account
from dovetail.training.read_files import ReadFiles, read_files

FIELD = "data.negatives"
HELD_OUT, IN_DEV = "in data.held_out", "in the dev set"
NEVER_LEARNED = "of a document in data.negatives_held_out"
OF_SCORED = {
    HELD_OUT: "of a document that a sentence of data.held_out is of",
    IN_DEV: "of a document that a dev sentence is of",
}
"""Why a document is kept out, by why its sentences are."""

Known = Mapping[str, Collection[str]]
"""Wordings that are not learned from, by the reason."""


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
    number = sum(bool(sentence.relations) for sentence in splits.train)
    if not number:
        raise TrainingError(
            f"{FIELD} teaches in which sentences nothing is related, and data.train holds no "
            f"relation to tell them from; leave it out"
        )
    per_epoch = config.negatives_per_epoch
    drawn = per_epoch if isinstance(per_epoch, int) else max(1, round(per_epoch * number))
    limit = config.max_sentences
    found = read_files(
        config.negatives, config, learn, split=NEGATIVES, limit=limit, read=read_negatives
    )
    listed = list(listed_documents(config, learn))
    documents = Documents.of(config, read, listed, known)
    kept, left_out = divided(found, documents.reason)
    tasks = TASKS if config.negatives_for == "both" else (RELATION_TASK,)
    source = Source(NEGATIVES, FIELD, config.negatives, tasks, drawn if per_epoch else 0)
    try:
        pool, others, _ = source.pool((negative(own, tasks) for own in kept), splits.train, known)
    except TrainingError as error:
        raise TrainingError(f"{error}{_listed(left_out)}") from error
    left_out += others
    return replace(
        splits,
        pools=(*splits.pools, pool),
        left_out=(*splits.left_out, *left_out),
        notes=(
            *splits.notes,
            account(FIELD, len(pool.sentences), left_out),
            *notes_of(config, found, documents),
        ),
        warnings=(*splits.warnings, *found.notes, *warnings_of(config, found, documents)),
        files=(*splits.files, *found.files),
    )


def listed_documents(config: DataConfig, learn: Reading) -> Iterator[ReadFiles]:
    """What says of which document a sentence is.

    It is read by line besides, for a sentence of a corpus with its own tokens may be two elsewhere.
    """

    def recognised(path: Path, reading: Reading) -> Corpus:
        return read_corpus(path, reading=reading)

    for unit in dict.fromkeys((learn.unit, "line")):
        reading = replace(learn, unit=unit)
        yield read_files(config.documents, config, reading, read=recognised)


def _listed(left_out: Sequence[LeftOut]) -> str:
    """What was left out before, by document."""
    return f" ({account(FIELD, 0, left_out)})" if left_out else ""


def divided(
    found: ReadFiles, reason_of: Callable[[str], str | None]
) -> tuple[list[Sentence], list[LeftOut]]:
    """The sentences of documents that are learned from, and those that are left out."""
    kept: list[Sentence] = []
    left_out: list[LeftOut] = []
    for id, document in zip(found.ids, found.documents, strict=True):
        reason = reason_of(id)
        sentences = [sentence for sentence in document if sentence.tokens]
        if reason is None:
            kept += sentences
        else:
            left_out += [LeftOut(sentence, FIELD, reason) for sentence in sentences]
    return kept, left_out


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
