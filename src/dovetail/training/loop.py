"""The training loop: a generator of results.  What is shown, logged and saved, its caller decides.

for result in loop.run():      # StepResult…, EpochResult, StepResult…
    if isinstance(result, EpochResult): loop.checkpoint().save(folder)
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from dovetail.config import TrainingConfig
from dovetail.encoders.precision import dtype_of_precision
from dovetail.errors import TrainingError
from dovetail.evaluation import Evaluation
from dovetail.model.joint import JointModel
from dovetail.strategies.curriculum import Curriculum, Phase
from dovetail.tensors.state import copy_exactly
from dovetail.text.document import Sentence
from dovetail.training.averaging import AveragedWeights
from dovetail.training.batches import (
    EncodedSentences,
    Portion,
    epoch_batches,
    number_of_batches,
    places_of,
)
from dovetail.training.checkpoint import (
    Checkpoint,
    Progress,
    copied,
    restore_optimiser,
    seed_epoch,
    tensors_from_optimiser,
)
from dovetail.training.dev_scores import DevSets, Selection, dev_scores
from dovetail.training.device import training_device
from dovetail.training.initial_weights import InitialWeights
from dovetail.training.opponents import Opponents
from dovetail.training.optimiser import build_optimiser, build_schedule
from dovetail.training.phase_ends import afresh_after, is_over, phase_is_over
from dovetail.training.phase_tasks import outputs_in, portions_of, score_in
from dovetail.training.results import EpochResult, LoopEvent, Means, StageProgress, StepResult


class Loop:
    """Trains a model through the phases of a curriculum, from the start or from a checkpoint.

    `portions` says which of the training sentences an epoch reads; all of them unless told.
    """

    def __init__(
        self,
        model: JointModel,
        *,
        train: EncodedSentences,
        dev: DevSets,
        curriculum: Curriculum,
        config: TrainingConfig,
        seed: int,
        portions: Sequence[Portion] | None = None,
    ) -> None:
        self.model = model
        self.train, self.dev = train, dev
        whole = Portion(len(train.sentences), len(train.sentences))
        self.all_portions = (whole,) if portions is None else tuple(portions)
        self.curriculum = curriculum
        self.config, self.seed = config, seed
        self.selection = dev.selection or Selection(config.select)
        self.progress = Progress()
        self.best: dict[str, Tensor] = {}
        self.device = training_device()
        self.model.to(self.device)
        distinct = dict.fromkeys(own for phase in curriculum for own in phase.objectives)
        self.objectives = nn.ModuleList(distinct).to(self.device)
        self.dtype = dtype_of_precision(config.precision, self.device)
        self.initial = InitialWeights(model, self.objectives, curriculum)
        self._score = 0.0
        self._change()
        self._begin_phase()

    @property
    def sentences_per_epoch(self) -> int:
        """How many of the training sentences an epoch reads."""
        return sum(portion.drawn for portion in self.portions)

    @property
    def phase(self) -> Phase:
        """The phase that training is in."""
        return self.curriculum[self.progress.phase]

    def _begin_phase(self) -> None:
        """Build the optimiser from what the phase trains, and nothing else.

        The rates go on after the epochs of the phase that are done.
        """
        parameters = list(self.model.trainable_parameters())
        for name, parameter in parameters:
            parameter.requires_grad_(self.phase.trains(name))
        trained = {name: parameter for name, parameter in parameters if parameter.requires_grad}
        for objective in self.phase.objectives:
            parameters += objective.own_parameters()
        self.opponents = Opponents(self.phase.objectives)
        self.portions = portions_of(self.phase, self.all_portions)
        self.steps = number_of_batches(self.portions, self.config.batch_size)
        optimiser = build_optimiser(parameters, self.config, layers_above=self.model.layers_above)
        self.schedule = build_schedule(
            optimiser,
            self.config,
            total_steps=self.phase.epochs * self.steps,
            steps_done=(self.progress.epoch - self.progress.phase_start) * self.steps,
        )
        self.optimiser = optimiser
        self.parameters = [p for group in optimiser.param_groups for p in group["params"]]
        self.average = AveragedWeights(
            trained,
            kind=self.config.average,
            decay=self.config.average_decay,
            first_step=round(self.config.average_start * self.phase.epochs * self.steps),
        )

    def restore(self, checkpoint: Checkpoint) -> None:
        """Go on where a checkpoint was taken."""
        self.progress = checkpoint.progress
        self.model.load_stored_state(checkpoint.model)
        self.best = dict(checkpoint.best)
        copy_exactly(self.objectives.state_dict(), checkpoint.objectives, owner="the objectives")
        self._begin_phase()
        restore_optimiser(self.optimiser, checkpoint.optimiser)
        self.average.restore(checkpoint.average)
        self.opponents.restore(checkpoint.opponents)

    def checkpoint(self) -> Checkpoint:
        """All that `restore` needs, as it stands at the end of an epoch."""
        return Checkpoint(
            self.progress,
            self.model.stored_state(),
            self.best,
            tensors_from_optimiser(self.optimiser),
            self.objectives.state_dict(),
            self.average.state(),
            self.opponents.state(),
        )

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
                self._next_phase()
            yield from self._epoch()

    def _next_phase(self) -> None:
        """Go on from the best weights of the phase that is over; the next one chooses its own.

        One that starts afresh goes on from the last ones, but for those that it trains.
        """
        if not afresh_after(self.curriculum, self.progress):
            self.use_best()
        self.progress = replace(
            self.progress,
            phase=self.progress.phase + 1,
            phase_start=self.progress.epoch,
            best_epoch=self.progress.epoch,
            best_score=Progress.best_score,
        )
        self._change()
        self._begin_phase()

    def _change(self) -> None:
        """Make of the model what the phase begins with."""
        if self.phase.afresh:
            self.initial.put_back(self.model, self.phase)
        if self.phase.begin is not None:
            with torch.no_grad():
                self.phase.begin(self.model)

    def use_best(self) -> None:
        """Give the model the weights of the best epoch."""
        if self.best:
            self.model.load_stored_state(self.best)

    def _epoch(self) -> Iterator[LoopEvent]:
        started = time.perf_counter()
        epoch = self.progress.epoch + 1
        seed = seed_epoch(self.seed, phase=self.progress.phase, epoch=epoch)
        batches = self._batches(seed)
        means = Means(len(batches))
        self.model.train()
        for step, (schema, indices) in enumerate(batches, start=1):
            losses = self._step(schema, indices)
            means.add(losses)
            yield StepResult(epoch, self.epochs, step, len(batches), losses, len(indices))
        trained = time.perf_counter() - started
        rate = float(self.schedule.get_last_lr()[-1])
        with self.average.in_force():
            dev = yield from self.evaluate()
            score = score_in(self.phase, self.selection, self.dev, dev)
            self._note(epoch, float(epoch) if score is None else score)
        yield EpochResult(
            phase=self.phase.name,
            epoch=epoch,
            epochs=self.epochs,
            losses=means.by_name(),
            dev_by_corpus=dev,
            score=self._score,
            best_epoch=self.progress.best_epoch,
            learning_rate=rate,
            seconds=time.perf_counter() - started,
            sentences_per_second=self.sentences_per_epoch / trained,
        )

    def _batches(self, seed: int) -> list[tuple[str, list[int]]]:
        """The sentences of an epoch by schema, drawn and shuffled by its seed."""
        size, lengths = self.config.batch_size, self.train.lengths
        return epoch_batches(self.portions, lengths, batch_size=size, seed=seed)

    def _note(self, epoch: int, score: float) -> None:
        """Keep the weights if they are the best so far."""
        self._score = score
        self.progress = replace(self.progress, epoch=epoch)
        if score > self.progress.best_score:
            self.progress = replace(self.progress, best_epoch=epoch, best_score=score)
            self.best = copied(self.model.stored_state())

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, self.dtype, enabled=self.dtype != torch.float32)

    def _step(self, schema: str, indices: Sequence[int]) -> dict[str, float]:
        """One optimiser step on a batch.

        Raises:
            TrainingError: if the loss is not a number any more.
        """
        batch = self.train.batch(indices, self.model.encoder, schema)
        batch = self.model.of_schema(schema).with_targets(batch)
        domains = torch.tensor(places_of(indices, self.portions))
        batch = replace(batch, domains=domains).to(self.device)
        if self.phase.before_step is not None:
            with torch.no_grad():
                done = self.schedule.last_epoch / (self.phase.epochs * self.steps)
                self.phase.before_step(self.model, done)
        with self._autocast():
            outputs = outputs_in(self.phase, self.model.outputs(batch))
        terms: dict[str, Tensor] = {}
        for objective in self.phase.objectives:
            terms |= objective(outputs, batch, self.progress.step)
        loss = torch.stack(list(terms.values())).sum()
        if not bool(torch.isfinite(loss)):
            raise TrainingError(
                f"the loss is {loss.item()} at step {self.progress.step}: lower "
                f"training.learning_rate, or set training.precision = 'fp32'"
            )
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.parameters, self.config.clip_norm)
        self.optimiser.step()
        if self.phase.after_step is not None:
            with torch.no_grad():
                self.phase.after_step(self.model, self.optimiser)
        self.schedule.step()
        self.average.update(self.schedule.last_epoch)
        self.progress = replace(self.progress, step=self.progress.step + 1)
        losses = {name: term.item() for name, term in terms.items()}
        return losses | self.opponents.learn(outputs, batch)

    def evaluate(self) -> Generator[StageProgress, None, dict[str, Evaluation]]:
        """Scores on the dev set of each corpus, without intervals."""
        self.model.eval()
        symmetric = {name: schema.symmetric for name, schema in self.model.schemas.items()}
        return (yield from dev_scores(self.dev.by_corpus, self._predict, symmetric))

    def _predict(self, dev: EncodedSentences, indices: Sequence[int]) -> list[Sentence]:
        batch = dev.batch(indices, self.model.encoder).to(self.device)
        with self._autocast():
            return self.model.predict(batch)
