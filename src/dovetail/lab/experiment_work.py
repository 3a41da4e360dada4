"""The work of one cell, in a process of its own: train or gather, then score once.

The process reads a cell as JSON from its standard input.  It opens test files when the cell's model
is final, and not before.
"""

from __future__ import annotations

import json
import sys
import traceback
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import Any

from dovetail.config import dump_config
from dovetail.corpora import read_corpus
from dovetail.document import Sentence
from dovetail.errors import DovetailError
from dovetail.extractor import Extractor
from dovetail.files import write_text
from dovetail.lab.cell_folder import CellFolder, write_json
from dovetail.lab.cell_scoring import DEV, TEST, ScoredSplit
from dovetail.lab.costs import costs_of
from dovetail.lab.experiment_cells import Cell
from dovetail.reading import Reading
from dovetail.saved_ensemble import save_ensemble
from dovetail.threads import prepare_threads
from dovetail.training import EpochResult, RunFinished, RunStarted, train
from dovetail.training.splits import read_splits
from dovetail.version import __version__


class Ending(Enum):
    """How an attempt at a cell ended; the values are exit codes."""

    FINISHED = 0
    FAILED = 1
    TAKEN = 75
    """Another process is at it."""


@dataclass(frozen=True)
class Final:
    """A cell whose model is final: the dev sentences it was chosen on, and its training."""

    dev: tuple[Sentence, ...]
    training: dict[str, Any]


def attempt(cell: Cell, root: Path) -> Ending:
    """Do a cell unless it is finished or taken; what goes wrong is left in its folder."""
    folder = CellFolder(root, cell.key)
    with folder.claimed() as mine:
        if not mine:
            return Ending.TAKEN
        if folder.is_finished:
            return Ending.FINISHED
        folder.failure.unlink(missing_ok=True)
        try:
            final = gather(cell, root) if cell.is_ensemble else trained(cell, folder)
            write_json(folder.result, scored(cell, folder, final))
        except Exception as error:
            _log(folder, traceback.format_exc())
            told = str(error) if isinstance(error, DovetailError) else repr(error)
            folder.note_failure(told)
            return Ending.FAILED
    return Ending.FINISHED


def trained(cell: Cell, folder: CellFolder) -> Final:
    """Train, or go on with a training that was interrupted."""
    dev: tuple[Sentence, ...] = ()
    finished: RunFinished | None = None
    trainable = 0
    write_text(folder.planned, dump_config(cell.config))
    for event in train(cell.config, folder.path, resume=folder.config.is_file()):
        match event:
            case RunStarted():
                dev, trainable = event.splits.dev, event.trainable_parameters
                _log(folder, "".join(f"warning: {line}\n" for line in event.splits.warnings))
            case EpochResult():
                _log(folder, f"epoch {event.epoch}: score {event.score:.4f}\n")
            case RunFinished():
                finished = event
    seconds = [
        json.loads(line)["seconds"] for line in folder.metrics.read_text("utf-8").splitlines()
    ]
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
    return Final(read_splits(cell.config.data).dev, {**training, "best_epoch": None})


def scored(cell: Cell, folder: CellFolder, final: Final) -> dict[str, Any]:
    """Score the final model on dev and test sentences; the values of the result."""
    extractor = Extractor.load(folder.model, threads=1)
    splits = {DEV: final.dev} if final.dev else {}
    if cell.test:
        splits[TEST] = test_sentences(cell, extractor.reading.of_corpora)
    scores, counts = {}, {}
    for split, gold in splits.items():
        predicted = tuple(extractor.annotate(gold))
        compared = ScoredSplit(gold, predicted, extractor.schema.symmetric)
        compared.write(folder.path, split)
        scores[split] = compared.evaluation().to_dict()
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


def _log(folder: CellFolder, text: str) -> None:
    with folder.open_log() as file:
        file.write(text)


def main() -> None:
    """Do the cell that standard input describes; the exit code is the ending."""
    values = json.loads(sys.stdin.read())
    sys.exit(attempt(Cell.from_json(values["cell"]), Path(values["root"])).value)


if __name__ == "__main__":
    prepare_threads()
    main()
