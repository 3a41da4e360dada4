"""The work of one cell of an experiment: train or gather, then score once.

Test files are opened when the cell's model is final, and not before.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from dovetail.config import CorpusConfig, dump_config
from dovetail.corpora import read_corpus
from dovetail.extractor import Extractor
from dovetail.files.writing import write_text
from dovetail.lab.cell_events import Epoch
from dovetail.lab.cell_folder import (
    COUNTS_BY_CORPUS,
    SCORES,
    SCORES_BY_CORPUS,
    CellFolder,
    write_json,
)
from dovetail.lab.cell_scoring import DEV, TEST, ScoredSplit, annotated_for, together
from dovetail.lab.costs import OfSchema, costs_of
from dovetail.lab.experiment_cells import Cell
from dovetail.lab.experiment_corpora import learned_tasks_of
from dovetail.lab.workers import Steps
from dovetail.remembering import Remembering
from dovetail.running.steps import result_of
from dovetail.saved.ensemble_folder import save_ensemble
from dovetail.text.document import Sentence
from dovetail.text.named_schemas import ONLY
from dovetail.text.reading import Reading
from dovetail.training import EpochResult, RunFinished, RunStarted, training_events
from dovetail.training.job import Job
from dovetail.training.states_cache import StatesCache
from dovetail.version import __version__


@dataclass(frozen=True)
class CellWork:
    """Does the cells of an experiment, below a folder.

    What frozen encoders compute is kept for the cells after, which mostly learn from the same
    sentences.
    """

    root: Path
    states: StatesCache = field(default_factory=StatesCache)

    def __call__(self, cell: Cell) -> Steps:
        folder = CellFolder(self.root, cell.key)
        return folder.attempt(cell, lambda: self._do(cell, folder))

    def _do(self, cell: Cell, folder: CellFolder) -> Iterator[Any]:
        if cell.is_ensemble:
            final = gather(cell, self.root)
        else:
            final = yield from trained(cell, folder, self.states)
        write_json(folder.result, scored(cell, folder, final))


@dataclass(frozen=True)
class Final:
    """A cell whose model is final: the dev sentences it was chosen on, and its training.

    The sentences are those of each corpus of its job, by name.
    """

    dev: Mapping[str, tuple[Sentence, ...]]
    training: dict[str, Any]


def trained(cell: Cell, folder: CellFolder, states: StatesCache) -> Generator[Any, None, Final]:
    """Train, or go on with a training that was interrupted."""
    dev: dict[str, tuple[Sentence, ...]] = {}
    finished: RunFinished | None = None
    trainable = 0
    write_text(folder.planned, dump_config(cell.config))
    resume = folder.config.is_file()
    for event in training_events(cell.config, folder.path, resume=resume, states=states):
        match event:
            case RunStarted():
                trainable = event.trainable_parameters
                dev = {name: splits.dev for name, splits in event.corpora.items()}
                folder.write_log("".join(f"warning: {own}\n" for own in event.splits.warnings))
            case EpochResult():
                folder.write_log(f"epoch {event.epoch}: score {event.score:.4f}\n")
                yield Epoch(event.epoch, event.epochs, event.score)
            case RunFinished():
                finished = event
            case _:
                yield event
    seconds = folder.epoch_seconds()
    return Final(
        dev,
        {
            "trainable_parameters": trainable,
            "epochs": len(seconds),
            "best_epoch": finished.best_epoch if finished else 0,
            "training_seconds": round(sum(seconds), 1),
        },
    )


def gather(cell: Cell, root: Path) -> Final:
    """Let the models of other cells decide together; it costs what they cost."""
    members = [CellFolder(root, key) for key in cell.needs]
    save_ensemble(CellFolder(root, cell.key).model, [member.model for member in members])
    trainings = [member.read_result() for member in members]
    fields = ("trainable_parameters", "epochs", "training_seconds")
    training = {field: sum(own["training"][field] for own in trainings) for field in fields}
    dev = {corpus.name: corpus.dev for corpus in Job.of_run(cell.config).corpora}
    return Final(dev, {**training, "best_epoch": None})


def scored(cell: Cell, folder: CellFolder, final: Final) -> dict[str, Any]:
    """Score the final model on dev and test sentences; the values of the result."""
    extractor = Remembering.of(Extractor.load(folder.model, threads=1))
    scores, counts, of_schemas = {}, {}, []
    for corpus, dev in dev_of(cell, final).items():
        schema = schema_of(cell, corpus, final) if extractor.schemas else ONLY
        own = extractor.of_schema(schema) if schema else extractor
        of_schemas.append(OfSchema(schema, dev))
        splits = {DEV: dev} if dev else {}
        if corpus in cell.test:
            splits[TEST] = test_sentences(cell, corpus, extractor.reading.of_corpora)
        folder_name = corpus if len(cell.corpora) > 1 else ONLY
        compared = {
            split: ScoredSplit(
                gold,
                tuple(own.annotate(gold)),
                own.schema.symmetric,
                tuple(result_of(own.annotating(gold, given_entities=True))),
            )
            for split, gold in splits.items()
        }
        for split, found in compared.items():
            found.write(folder.path, split, folder_name)
        scores[corpus] = {split: found.scores() for split, found in compared.items()}
        counts[corpus] = {split: found.counts() for split, found in compared.items()}
    one = len(cell.corpora) == 1
    write_text(
        folder.counts, json.dumps(counts[cell.corpora[0]] if one else {COUNTS_BY_CORPUS: counts})
    )
    return {
        **{name: getattr(cell, name) for name in ("row", "fold", "seed")},
        "test": cell.test_values,
        **({SCORES: scores[cell.corpora[0]]} if one else {SCORES_BY_CORPUS: scores}),
        "training": final.training,
        "costs": costs_of(extractor.model, of_schemas, extractor.reading),
        "dovetail": __version__,
    }


def dev_of(cell: Cell, final: Final) -> dict[str, tuple[Sentence, ...]]:
    """The dev sentences of what the scores of a cell are of."""
    if len(cell.corpora) == 1:
        (corpus,) = cell.corpora
        own = tuple(final.dev.values())
        return {corpus: own[0] if len(own) == 1 else together(own)}
    return {corpus: final.dev[corpus] for corpus in cell.corpora}


def schema_of(cell: Cell, corpus: str, final: Final) -> str:
    """The name of a corpus's schema in a model of several."""
    for source in cell.sources[corpus]:
        if isinstance(source, CorpusConfig):
            return source.of_schema
    return next(iter(final.dev))  # the only corpus, added to a base


def test_sentences(cell: Cell, corpus: str, cut: Reading) -> tuple[Sentence, ...]:
    """The test sentences, cut as the model cuts texts, of each file the first so many."""
    sources = cell.sources[corpus]
    reading = replace(sources[0].reading, language=cut.language, unit=cut.unit)
    read = tuple(
        sentence
        for path in cell.test[corpus]
        for sentence in read_corpus(path, format=sources[0].format, reading=reading).sentences[
            : cell.max_test_sentences or None
        ]
        if sentence.tokens
    )
    tasks = learned_tasks_of(sources)
    return read if tasks is None else annotated_for(read, tasks)
