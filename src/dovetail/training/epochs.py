"""The epochs of a training, of one model or of several: a generator of results.

What is shown, logged and saved, its caller decides.

for result in training.run():      # StepResult…, EpochResult, StepResult…
    if isinstance(result, EpochResult): training.checkpoint().save(folder)
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

import torch
from torch import nn

from dovetail.config import TrainingConfig
from dovetail.encoders import ConcatenatedEncoder
from dovetail.evaluation import Evaluation
from dovetail.model.prediction import Predictor
from dovetail.strategies.curriculum import Curriculum, Phase
from dovetail.tensors.features import Batch
from dovetail.text.document import Sentence
from dovetail.training.checkpoint import Checkpoint, Progress
from dovetail.training.dev_scores import DevSets, Selection, dev_scores
from dovetail.training.encoded_sentences import EncodedSentences
from dovetail.training.phase_ends import is_over, phase_is_over
from dovetail.training.phase_tasks import score_in
from dovetail.training.results import EpochResult, LoopEvent, StageProgress, StepResult


@dataclass(frozen=True)
class Learned:
    """What an epoch of steps came to: mean losses, sentences read, the rate of the last step."""

    losses: Mapping[str, float]
    sentences: int
    learning_rate: float


class Epochs(ABC):
    """Goes through the phases of a curriculum, from the start or from a checkpoint.

    After each epoch what was learned is scored on the dev sentences, and the best is kept.
    """

    curriculum: Curriculum
    config: TrainingConfig
    dev: DevSets
    selection: Selection
    device: torch.device
    dtype: torch.dtype

    @property
    @abstractmethod
    def model(self) -> Predictor:
        """What learns, as it stands."""

    @property
    @abstractmethod
    def encoder(self) -> ConcatenatedEncoder:
        """The encoders whose features it reads."""

    @property
    @abstractmethod
    def progress(self) -> Progress:
        """Where training stands."""

    @property
    @abstractmethod
    def parameters(self) -> Sequence[nn.Parameter]:
        """What the phase trains."""

    @abstractmethod
    def checkpoint(self) -> Checkpoint:
        """All that `restore` needs, as it stands at the end of an epoch."""

    @abstractmethod
    def restore(self, checkpoint: Checkpoint) -> None:
        """Go on where a checkpoint was taken."""

    @abstractmethod
    def use_best(self) -> None:
        """Take the weights of the best epoch."""

    @abstractmethod
    def next_phase(self) -> None:
        """Go on from the best weights of the phase that is over; the next one chooses its own."""

    @abstractmethod
    def learn(self) -> Generator[StepResult, None, Learned]:
        """Make the steps of the next epoch."""

    @abstractmethod
    def averages_in_force(self) -> AbstractContextManager[None]:
        """Put averaged weights in the place of the last ones, where there are any."""

    @abstractmethod
    def note(self, epoch: int, score: float) -> None:
        """Count an epoch as done, and keep the weights if they are the best so far."""

    @property
    def phase(self) -> Phase:
        """The phase that training is in."""
        return self.curriculum[self.progress.phase]

    @property
    def epochs(self) -> int:
        """The epochs that are over when the curriculum is, if patience ends no phase before."""
        ahead = self.curriculum[self.progress.phase :]
        return self.progress.phase_start + sum(phase.epochs for phase in ahead)

    @property
    def phase_is_over(self) -> bool:
        """Whether the last epoch of the phase is done, or patience is at its end."""
        return phase_is_over(self.curriculum, self.progress, self.config.patience_epochs)

    @property
    def is_done(self) -> bool:
        """Whether the last phase is over."""
        return is_over(self.curriculum, self.progress, self.config.patience_epochs)

    def run(self) -> Iterator[LoopEvent]:
        """Train until the curriculum is over; afterwards `use_best` puts the best weights back."""
        while not self.is_done:
            if self.phase_is_over:
                self.next_phase()
            yield from self._epoch()

    def _epoch(self) -> Iterator[LoopEvent]:
        started = time.perf_counter()
        epoch = self.progress.epoch + 1
        learned = yield from self.learn()
        trained = time.perf_counter() - started
        with self.averages_in_force():
            dev = yield from self.evaluate()
            found = score_in(self.phase, self.selection, self.dev, dev)
            score = float(epoch) if found is None else found
            self.note(epoch, score)
        yield EpochResult(
            phase=self.phase.name,
            epoch=epoch,
            epochs=self.epochs,
            losses=learned.losses,
            dev_by_corpus=dev,
            score=score,
            best_epoch=self.progress.best_epoch,
            learning_rate=learned.learning_rate,
            seconds=time.perf_counter() - started,
            sentences_per_second=learned.sentences / trained,
        )

    def evaluate(self) -> Generator[StageProgress, None, dict[str, Evaluation]]:
        """Scores on the dev set of each corpus, without intervals."""
        model = self.model.eval()
        symmetric = {name: schema.symmetric for name, schema in model.schemas.items()}

        def batch_of(dev: EncodedSentences, indices: Sequence[int]) -> Batch:
            return dev.batch(indices, self.encoder).to(self.device)

        def predict(batch: Batch) -> list[Sentence]:
            with self.autocast():
                return model.predict(batch)

        return (
            yield from dev_scores(
                self.dev.by_corpus, batch_of, predict, symmetric, at_once=model.at_once
            )
        )

    def autocast(self) -> torch.autocast:
        """The precision of training."""
        return torch.autocast(self.device.type, self.dtype, enabled=self.dtype != torch.float32)
