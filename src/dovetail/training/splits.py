"""The sentences to learn from and the sentences to choose by, checked before any work is done.

It opens the files that a config names and no other; of `held_out` it keeps nothing but which
sentences must not be learned from.  Only `dovetail.training.job` calls it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from functools import partial

from dovetail.config import DataConfig, DistillationConfig
from dovetail.corpora.templates import names_in, read_templates
from dovetail.errors import TrainingError
from dovetail.text.document import ENTITY_TASK, RELATION_TASK, TASKS, Sentence
from dovetail.text.reading import Reading
from dovetail.text.wording import CorpusPart, wording, wordings
from dovetail.training.dev_negatives import FIELD, HELD_OUT, IN_DEV, Known
from dovetail.training.dev_split import set_apart
from dovetail.training.negatives import with_negatives
from dovetail.training.pools import (
    EXTRA,
    TEMPLATES,
    TRAINING,
    UNLABELLED,
    Pool,
    Source,
    Splits,
    unknown_types,
)
from dovetail.training.read_files import ReadFiles, read_file_by_file, read_files, read_texts

_ENOUGH_DOCUMENTS = 10
"""Of so many documents one may be set apart, even if that is more than the share asked for."""

LISTED = 5
"""How many sentences a warning quotes."""

UNTAUGHT = DistillationConfig()


def read_splits(config: DataConfig, distillation: DistillationConfig = UNTAUGHT) -> Splits:
    """Read, split, and check what the sections of a config name.

    Raises:
        CorpusError: if a file cannot be read.
        TrainingError: if the training sentences hold no entity, if no dev sentence can be set
            apart, or if a pool has types that training lacks, or no sentence left.
    """
    limit = config.max_sentences
    read = read_file_by_file if config.on_disk else read_files
    learn = read(config.train, config, config.reading_to_learn, split=TRAINING, limit=limit)
    scored = replace(config.reading, language=config.language or learn.language)
    dev = read_files(config.dev, config, scored, split="dev", limit=limit)
    notes = [*learn.notes, *dev.notes]
    train_sentences, dev_sentences = learn.sentences, dev.sentences
    if config.dev_fraction:
        apart = read_files(config.train, config, scored, limit=limit)
        train_sentences, dev_sentences, said = divided(learn, apart, config)
        notes += said
    dev_kept = tuple(s for s in dev_sentences if s.tokens)
    train = train_sentences
    if not config.on_disk:  # where none is empty
        train = tuple(s for s in train_sentences if s.tokens)
    train, said_of_part = part_of(train, config)
    refuse_useless(train)
    refuse_unannotated_dev(dev_kept)
    splits = Splits(
        (Pool(TRAINING, train, config.per_epoch or len(train)),),
        dev_kept,
        (*learn.warnings, *dev.warnings, *notes, *warnings_of(train, dev_kept)),
        said_of_part,
        files=(*learn.files, *dev.files),
        language=learn.language,
    )
    return with_pools(splits, config, distillation, scored_in=dev if config.dev else learn)


def with_pools(
    splits: Splits,
    config: DataConfig,
    distillation: DistillationConfig,
    *,
    scored_in: ReadFiles,
) -> Splits:
    """Add the pools of further sentences, none of which is scored, chosen by, or known already.

    `scored_in` are the files that the dev sentences are of.

    Raises:
        CorpusError: if a file cannot be read.
        TrainingError: if a pool has types that the training sentences lack, or no sentence left.
    """
    sources = sources_of(config, distillation)
    if not (sources or config.held_out or config.negatives):
        return splits
    learn = replace(config.reading_to_learn, language=config.language or splits.language)
    held_out_in = read_files(config.held_out, config, learn)
    held_out = wordings(held_out_in.sentences)
    known: dict[str, Collection[str]] = {
        HELD_OUT: held_out,
        IN_DEV: wordings(splits.dev),
        "in data.train": wordings(splits.train),
    }
    if config.negatives:
        splits = with_negatives(splits, config, learn, (scored_in, held_out_in), known)
        known[IN_DEV] = wordings(splits.dev)
    for source in sources:
        splits, pool = with_source(splits, source, config, learn, known)
        known[f"in {source.field}"] = wordings(pool.sentences)
    fields = [source.field for source in sources if source.name != TEMPLATES] + [FIELD] * bool(
        config.negatives
    )
    warnings = warnings_of_held_out(splits, held_out, fields)
    return replace(splits, warnings=(*splits.warnings, *warnings))


def sources_of(config: DataConfig, distillation: DistillationConfig) -> list[Source]:
    """The pools of sentences that are annotated for some tasks, or for none, as far as named."""
    named = (
        Source(TEMPLATES, "data.templates", config.templates, TASKS, 0),
        Source(EXTRA, "data.extra", config.extra, config.extra_tasks, config.extra_per_epoch),
        Source(
            *(UNLABELLED, "distillation.unlabelled", distillation.unlabelled, ()),
            distillation.unlabelled_per_epoch,
        ),
    )
    return [source for source in named if source.paths]


def with_source(
    splits: Splits, source: Source, config: DataConfig, learn: Reading, known: Known
) -> tuple[Splits, Pool]:
    """Add the pool of a source; the pool is told as well."""
    read = read_source(source, config, learn, splits.train)
    pool, left_out, note = source.pool(
        (own for own in read.sentences if own.tokens), splits.train, known
    )
    if source.name == EXTRA and config.extra_unrelated:
        pool = without_relations(pool)
    added = replace(
        splits,
        pools=(*splits.pools, pool),
        left_out=(*splits.left_out, *left_out),
        notes=(*splits.notes, note),
        warnings=(*splits.warnings, *read.notes),
        files=(*splits.files, *read.files),
    )
    return added, pool


def without_relations(pool: Pool) -> Pool:
    """The pool, learned from as if nothing that nobody annotated were related."""
    sentences = tuple(
        replace(own, annotated=own.annotated | {RELATION_TASK}) for own in pool.sentences
    )
    return replace(pool, sentences=sentences, unrelated=True)


def read_source(
    source: Source, config: DataConfig, learn: Reading, train: Sequence[Sentence]
) -> ReadFiles:
    """The files of a source; templates are filled with the names of the training sentences.

    Raises:
        CorpusError: if one cannot be read.
    """
    limit = config.max_sentences
    if not source.tasks:
        return read_texts(source.paths, config, learn.language, limit=limit)
    if source.name != TEMPLATES:
        return read_files(source.paths, config, learn, split=source.name, limit=limit)
    fill = partial(read_templates, names=names_in(train), times=config.templates_times)
    return read_files(source.paths, config, learn, split=source.name, read=fill)


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


def part_of(
    train: Sequence[Sentence], config: DataConfig
) -> tuple[Sequence[Sentence], tuple[str, ...]]:
    """The part of the training sentences that is learned from, and what is to be said of it.

    Raises:
        TrainingError: if no sentence is in it.
    """
    if config.is_whole:
        return train, ()
    part = CorpusPart.parse(config.part).of(train, seed=config.part_seed)
    said = f"{config.described_part}, has {len(part):,} of {len(train):,} training sentences"
    if not part:
        raise TrainingError(f"{said}, so there is nothing to learn from; set a larger data.part")
    return part, (said,)


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
    """Warnings of what makes the dev scores, or the model, less than they seem."""
    warnings = []
    if not any(ENTITY_TASK in sentence.annotated for sentence in train):
        warnings.append(
            "no training sentence is annotated for entities, as where pairs alone are marked: the "
            "model will find none to link; add sentences with all their entities to data.train"
        )
    scored = {sentence.tokens for sentence in dev}
    seen = {sentence.tokens for sentence in train if sentence.tokens in scored}
    repeated = [sentence for sentence in dev if sentence.tokens in seen]
    if repeated:
        quoted = "".join(f"\n  {' '.join(sentence.tokens)[:100]}" for sentence in repeated[:LISTED])
        more = f"\n  … and {len(repeated) - LISTED} more" if len(repeated) > LISTED else ""
        warnings.append(
            f"{len(repeated)} of {len(dev)} dev sentences are in the training data word for word, "
            f"so dev scores are too good:{quoted}{more}"
        )
    warnings += (
        f"the dev set has {task} types that training lacks and the model cannot learn: "
        f"{', '.join(unknown)}"
        for task, unknown, _ in unknown_types(dev, train)
    )
    return warnings


def warnings_of_held_out(
    splits: Splits, held_out: Collection[str], fields: Iterable[str]
) -> list[str]:
    """Return warnings on test sentences that may be learned from, so that final scores mislead."""
    known = sum(wording(sentence) in held_out for sentence in splits.train)
    if not held_out:
        return [
            f"data.held_out is empty, so nothing keeps sentences that final scores are made on out "
            f"of {field}; name their files there"
            for field in fields
        ]
    return [
        f"{known} of {len(splits.train)} training sentences are in data.held_out too, whatever "
        f"their case, spaces and punctuation; they are learned from, since data.train is taken as "
        f"it is"
    ] * (known > 0)
