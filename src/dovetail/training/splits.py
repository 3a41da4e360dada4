"""The sentences to learn from and the sentences to choose by, checked before any work is done.

It opens the files that the config names and no other; of `held_out` it keeps nothing but which
sentences must not be learned from.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from dovetail.config import DataConfig
from dovetail.errors import TrainingError
from dovetail.text.document import ENTITY_TASK, Sentence, digest_of_sentences
from dovetail.text.schema import Schema
from dovetail.training.dev_split import set_apart
from dovetail.training.extra import (
    LeftOut,
    account,
    for_tasks,
    refuse_unknown_types,
    without_known,
    wording,
    wordings,
)
from dovetail.training.read_files import ReadFiles, read_files, read_sentences

_ENOUGH_DOCUMENTS = 10
"""Of so many documents one may be set apart, even if that is more than the share asked for."""

LISTED = 5
"""How many sentences a warning quotes."""


@dataclass(frozen=True)
class Splits:
    """What a model is trained and chosen on; `warnings` and `notes` are for the user to read.

    An epoch draws `extra_per_epoch` of the extra sentences, which are annotated for some tasks
    only, and `unlabelled_per_epoch` of those that only a teacher labels.  `left_out` are the
    sentences of their files that are not learned from.  `language` is the one by whose rules raw
    text among them was cut.
    """

    train: tuple[Sentence, ...]
    dev: tuple[Sentence, ...]
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    extra: tuple[Sentence, ...] = ()
    extra_per_epoch: int = 0
    left_out: tuple[LeftOut, ...] = ()
    unlabelled: tuple[Sentence, ...] = ()
    unlabelled_per_epoch: int = 0
    language: str | None = None

    @property
    def learned(self) -> tuple[Sentence, ...]:
        """All sentences that something is learned from, pool after pool."""
        return (*self.train, *self.extra, *self.unlabelled)

    @property
    def digest(self) -> str:
        """A fingerprint of all sentences: a resumed run must read the data it started with."""
        return digest_of_sentences((*self.train, *self.dev, *self.extra, *self.unlabelled))


def read_splits(config: DataConfig) -> Splits:
    """Read, split, and check what the config names.

    Raises:
        CorpusError: if a file cannot be read.
        TrainingError: if the training sentences hold no entity, or if no dev sentence can be set
            apart.
    """
    limit = config.max_sentences
    learn = read_files(config.train, config, config.reading_to_learn, limit=limit)
    scored = replace(config.reading, language=config.language or learn.language)
    dev = read_files(config.dev, config, scored, limit=limit)
    notes = [*learn.notes, *dev.notes]
    train_sentences, dev_sentences = learn.sentences, dev.sentences
    if config.dev_fraction:
        apart = read_files(config.train, config, scored, limit=limit)
        train_sentences, dev_sentences, said = divided(learn, apart, config)
        notes += said
    train, dev_kept = (
        tuple(s for s in split if s.tokens) for split in (train_sentences, dev_sentences)
    )
    refuse_useless(train)
    refuse_unannotated_dev(dev_kept)
    warnings = (*learn.warnings, *dev.warnings, *notes, *warnings_of(train, dev_kept))
    splits = Splits(train, dev_kept, warnings, language=learn.language)
    return with_extra(splits, config) if config.extra or config.held_out else splits


def divided(
    learn: ReadFiles, apart: ReadFiles, config: DataConfig
) -> tuple[tuple[Sentence, ...], tuple[Sentence, ...], list[str]]:
    """Training and dev sentences of the same files, and what is to be said of the division.

    `learn` has the documents as they are learned from, `apart` as they are scored.

    Raises:
        TrainingError: if no sentence is left for one side.
    """
    said = []
    learned, scored = list(learn.documents), list(apart.documents)
    few = len(learned) < _ENOUGH_DOCUMENTS
    if few and round(config.dev_fraction * len(learned)) < 1:
        # Too few documents to set one apart.  Their sentences are all there is to choose from, and
        # the two readings may cut them differently: the scored one serves both sides.
        learned = scored = [(sentence,) for sentence in apart.sentences]
        said.append(
            f"{len(learn.documents)} documents are too few to set {config.dev_fraction:.3g} of "
            f"them apart, so the dev set is of single sentences, which others of the same document "
            f"tell of: dev scores will be too good. Better name a file in data.dev"
        )
    chosen = set_apart(learned, fraction=config.dev_fraction, seed=config.dev_seed)
    if not chosen or len(chosen) == len(learned):
        raise TrainingError(
            f"data.dev_fraction = {config.dev_fraction:g} leaves no sentence of {len(learned)} for "
            f"one side; name files in data.dev, or set another share"
        )
    train = tuple(s for index, own in enumerate(learned) if index not in chosen for s in own)
    dev = tuple(s for index, own in enumerate(scored) if index in chosen for s in own)
    return train, dev, said


def with_extra(splits: Splits, config: DataConfig) -> Splits:
    """Add the extra sentences that neither scores nor choices are made on, nor known already.

    Raises:
        CorpusError: if a file cannot be read.
        TrainingError: if they have types that the training sentences lack, or none is left.
    """
    held_out = wordings(read_sentences(config.held_out, config)[0])
    sentences, losses = read_sentences(config.extra, config, limit=config.max_sentences)
    read = [sentence for sentence in sentences if sentence.tokens]
    annotated, unannotated = for_tasks(read, config.extra_tasks)
    known = {
        "in data.held_out": held_out,
        "in the dev set": wordings(splits.dev),
        "in data.train": wordings(splits.train),
    }
    extra, repeated = without_known(annotated, known, field="data.extra")
    left_out = (*unannotated, *repeated)
    note = account("data.extra", len(read), left_out)
    if config.extra and not extra:
        raise TrainingError(f"{note}. Leave data.extra out, or name other files")
    refuse_unknown_types(extra, splits.train)
    return replace(
        splits,
        extra=extra,
        extra_per_epoch=min(config.extra_per_epoch or len(extra), len(extra)),
        left_out=left_out,
        notes=(note,) if config.extra else (),
        warnings=(*splits.warnings, *losses, *warnings_of_extra(splits, extra, held_out)),
    )


def refuse_useless(train: Sequence[Sentence]) -> None:
    """Raise `TrainingError` if the sentences hold no entity: nothing is learned without."""
    if not any(sentence.entities for sentence in train):
        raise TrainingError(
            f"the {len(train)} training sentences hold no entity, so there is nothing to learn "
            f"from: check data.train and data.format (`dovetail inspect` shows what was read)"
        )


def refuse_unannotated_dev(dev: Sequence[Sentence]) -> None:
    """Raise `TrainingError` if nothing can be chosen by sentences that carry no annotation."""
    if dev and not any(sentence.annotated for sentence in dev):
        raise TrainingError(
            f"none of the {len(dev)} dev sentences is annotated, so nothing can be chosen by them: "
            f"check data.dev and data.format (`dovetail inspect` shows what was read)"
        )


def warnings_of(train: Sequence[Sentence], dev: Sequence[Sentence]) -> list[str]:
    """What makes the dev scores, or the model, less than they seem."""
    warnings = []
    if not any(ENTITY_TASK in sentence.annotated for sentence in train):
        warnings.append(
            "no training sentence is annotated for entities, as where pairs alone are marked: the "
            "model will find none to link; add sentences with all their entities to data.train"
        )
    seen = {sentence.tokens for sentence in train}
    repeated = [sentence for sentence in dev if sentence.tokens in seen]
    if repeated:
        quoted = "".join(f"\n  {' '.join(sentence.tokens)[:100]}" for sentence in repeated[:LISTED])
        more = f"\n  … and {len(repeated) - LISTED} more" if len(repeated) > LISTED else ""
        warnings.append(
            f"{len(repeated)} of {len(dev)} dev sentences are in the training data word for word, "
            f"so dev scores are too good:{quoted}{more}"
        )
    known, wanted = Schema.from_sentences(train), Schema.from_sentences(dev)
    for kind, types in (
        ("entity", set(wanted.entity_types) - set(known.entity_types)),
        ("relation", set(wanted.relation_types) - set(known.relation_types)),
    ):
        if types:
            warnings.append(
                f"the dev set has {kind} types that training lacks and the model cannot learn: "
                f"{', '.join(sorted(types))}"
            )
    return warnings


def warnings_of_extra(
    splits: Splits, extra: Sequence[Sentence], held_out: Collection[str]
) -> list[str]:
    """What makes final scores with these extra sentences less than they seem."""
    warnings = []
    if extra and not held_out:
        warnings.append(
            "data.held_out is empty, so nothing keeps sentences that final scores are made on out "
            "of data.extra; name their files there"
        )
    known = sum(wording(sentence) in held_out for sentence in splits.train)
    if known:
        warnings.append(
            f"{known} of {len(splits.train)} training sentences are in data.held_out too, whatever "
            f"their case, spaces and punctuation; they are learned from, since data.train is taken "
            f"as it is"
        )
    return warnings


def warnings_of_signatures(schema: Schema, train: Sequence[Sentence]) -> list[str]:
    """Training relations that the declared argument types rule out."""
    lost = Counter(
        f"{link.type} from {link.head.type} to {link.tail.type}"
        for sentence in train
        for link in sentence.relations
        if not schema.allows(link)
    )
    if not lost:
        return []
    listed = ", ".join(f"{count} {name}" for name, count in sorted(lost.items()))
    return [
        f"{lost.total()} training relations link types that relation_head.declared does not admit, "
        f"so they are not learned: {listed}"
    ]


def refuse_unknown(field: str, named: Collection[str], known: Collection[str]) -> None:
    """Raise `TrainingError` if a field of the config names types that the training data lacks."""
    unknown = sorted(set(named) - set(known))
    if unknown:
        raise TrainingError(
            f"{field} names {', '.join(unknown)}, which no training sentence has; expected some "
            f"of: {', '.join(sorted(known))}"
        )
