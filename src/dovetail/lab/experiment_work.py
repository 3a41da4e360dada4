"""The work of one cell of an experiment: train or gather, then score once.

Test files are opened when the cell's model is final, and not before.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dovetail.config import dump_config
from dovetail.corpora import read_corpus
from dovetail.errors import TrainingError
from dovetail.extractor import Extractor
from dovetail.files.writing import write_text
from dovetail.lab.cell_events import Epoch
from dovetail.lab.cell_folder import CellFolder, write_json
from dovetail.lab.cell_scoring import DEV, TEST, ScoredSplit
from dovetail.lab.costs import costs_of
from dovetail.lab.experiment_cells import Cell
from dovetail.lab.workers import Steps
from dovetail.running.steps import result_of
from dovetail.saved.ensemble_folder import save_ensemble
from dovetail.text.document import Sentence
from dovetail.text.reading import Reading
from dovetail.training import EpochResult, RunFinished, RunStarted, training_events
from dovetail.training.job import Job
from dovetail.version import __version__


@dataclass(frozen=True)
class CellWork:
    """Does the cells of an experiment, below a folder."""

    root: Path

    def __call__(self, cell: Cell) -> Steps:
        folder = CellFolder(self.root, cell.key)
        return folder.attempt(cell, lambda: self._do(cell, folder))

    def _do(self, cell: Cell, folder: CellFolder) -> Iterator[Any]:
        if cell.is_ensemble:
            final = gather(cell, self.root)
        else:
            final = yield from trained(cell, folder)
        write_json(folder.result, scored(cell, folder, final))


@dataclass(frozen=True)
class Final:
    """A cell whose model is final: the dev sentences it was chosen on, and its training."""

    dev: tuple[Sentence, ...]
    training: dict[str, Any]


def trained(cell: Cell, folder: CellFolder) -> Generator[Any, None, Final]:
    """Train, or go on with a training that was interrupted."""
    dev: tuple[Sentence, ...] = ()
    finished: RunFinished | None = None
    trainable = 0
    if cell.config.corpora:
        raise TrainingError(
            "experiments compare models of one corpus, and this config lists several [[corpora]]: "
            "name one in [data], or train them with `dovetail train`"
        )
    write_text(folder.planned, dump_config(cell.config))
    for event in training_events(cell.config, folder.path, resume=folder.config.is_file()):
        match event:
            case RunStarted():
                dev, trainable = event.splits.dev, event.trainable_parameters
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
    return Final(Job.of_run(cell.config).splits.dev, {**training, "best_epoch": None})


def scored(cell: Cell, folder: CellFolder, final: Final) -> dict[str, Any]:
    """Score the final model on dev and test sentences; the values of the result."""
    extractor = Extractor.load(folder.model, threads=1)
    splits = {DEV: final.dev} if final.dev else {}
    if cell.test:
        splits[TEST] = test_sentences(cell, extractor.reading.of_corpora)
    scores, counts = {}, {}
    for split, gold in splits.items():
        predicted = tuple(extractor.annotate(gold))
        related = tuple(result_of(extractor.annotating(gold, given_entities=True)))
        compared = ScoredSplit(gold, predicted, extractor.schema.symmetric, related)
        compared.write(folder.path, split)
        scores[split] = compared.scores()
        counts[split] = compared.counts()
    write_text(folder.counts, json.dumps(counts))
    return {
        **{name: getattr(cell, name) for name in ("row", "fold", "seed")},
        "test": [str(path) for path in cell.test],
        "scores": scores,
        "training": final.training,
        "costs": costs_of(extractor.model, final.dev, extractor.reading),
        "dovetail": __version__,
    }


def test_sentences(cell: Cell, cut: Reading) -> tuple[Sentence, ...]:
    """The test sentences, cut as the model cuts texts, of each file the first so many."""
    data = cell.config.data
    reading = replace(data.reading, language=cut.language, unit=cut.unit)
    return tuple(
        sentence
        for path in cell.test
        for sentence in read_corpus(path, format=data.format, reading=reading).sentences[
            : cell.max_test_sentences or None
        ]
        if sentence.tokens
    )
