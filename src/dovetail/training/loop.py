"""The training of one model."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace

import torch
from torch import Tensor, nn

from dovetail.config import TrainingConfig
from dovetail.encoders import ConcatenatedEncoder
from dovetail.encoders.precision import dtype_of_precision
from dovetail.errors import TrainingError
from dovetail.model.joint import JointModel
from dovetail.strategies.curriculum import Curriculum
from dovetail.tensors.state import copy_exactly
from dovetail.threads import on_one_thread
from dovetail.training.averaging import AveragedWeights
from dovetail.training.batches import (
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
from dovetail.training.dev_scores import DevSets, Selection
from dovetail.training.device import training_device
from dovetail.training.encoded_sentences import EncodedSentences
from dovetail.training.epochs import Epochs, Learned
from dovetail.training.initial_weights import InitialWeights
from dovetail.training.opponents import Opponents
from dovetail.training.optimiser import build_optimiser, build_schedule
from dovetail.training.phase_ends import afresh_after
from dovetail.training.phase_tasks import outputs_in, portions_of
from dovetail.training.results import Means, StepResult


class Loop(Epochs):
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
        self._model = model
        self.train, self.dev = train, dev
        whole = Portion(len(train.sentences), len(train.sentences))
        self.all_portions = (whole,) if portions is None else tuple(portions)
        self.curriculum = curriculum
        self.config, self.seed = config, seed
        self.selection = dev.selection or Selection(config.select)
        self._progress = Progress()
        self.best: dict[str, Tensor] = {}
        # Several threads would wait for each other after each of a step's short operators: on a
        # busy machine they take twice as long as one, on an idle one half as long again.
        self._steps_alone = config.threads == 0 and not model.layers_above
        self.device = training_device()
        self.model.to(self.device)
        distinct = dict.fromkeys(own for phase in curriculum for own in phase.objectives)
        self.objectives = nn.ModuleList(distinct).to(self.device)
        self.dtype = dtype_of_precision(config.precision, self.device)
        self.initial = InitialWeights(model, self.objectives, curriculum)
        self._change()
        self._begin_phase()

    @property
    def sentences_per_epoch(self) -> int:
        """How many of the training sentences an epoch reads."""
        return sum(portion.drawn for portion in self.portions)

    @property
    def model(self) -> JointModel:
        return self._model

    @property
    def encoder(self) -> ConcatenatedEncoder:
        return self.model.encoder

    @property
    def progress(self) -> Progress:
        return self._progress

    @property
    def parameters(self) -> Sequence[nn.Parameter]:
        return self._parameters

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
        self._parameters = [p for group in optimiser.param_groups for p in group["params"]]
        self.average = AveragedWeights(
            trained,
            kind=self.config.average,
            decay=self.config.average_decay,
            first_step=round(self.config.average_start * self.phase.epochs * self.steps),
        )

    def restore(self, checkpoint: Checkpoint) -> None:
        self._progress = checkpoint.progress
        self.model.load_stored_state(checkpoint.model)
        self.best = dict(checkpoint.best)
        copy_exactly(self.objectives.state_dict(), checkpoint.objectives, owner="the objectives")
        self._begin_phase()
        restore_optimiser(self.optimiser, checkpoint.optimiser)
        self.average.restore(checkpoint.average)
        self.opponents.restore(checkpoint.opponents)

    def checkpoint(self) -> Checkpoint:
        return Checkpoint(
            self.progress,
            self.model.stored_state(),
            self.best,
            tensors_from_optimiser(self.optimiser),
            self.objectives.state_dict(),
            self.average.state(),
            self.opponents.state(),
        )

    def next_phase(self) -> None:
        # A phase that starts afresh goes on from the last weights, but for those that it trains.
        if not afresh_after(self.curriculum, self.progress):
            self.use_best()
        self._progress = replace(
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
        if self.best:
            self.model.load_stored_state(self.best)

    def learn(self) -> Generator[StepResult, None, Learned]:
        epoch, epochs = self.progress.epoch + 1, self.epochs
        seed = seed_epoch(self.seed, phase=self.progress.phase, epoch=epoch)
        batches = self._batches(seed)
        means = Means(len(batches))
        self.model.train()
        for step, (schema, indices) in enumerate(batches, start=1):
            with on_one_thread(alone=self._steps_alone):
                losses = self._step(schema, indices)
            means.add(losses)
            yield StepResult(epoch, epochs, step, len(batches), losses, len(indices))
        rate = float(self.schedule.get_last_lr()[-1])
        return Learned(means.by_name(), self.sentences_per_epoch, rate)

    def averages_in_force(self) -> AbstractContextManager[None]:
        return self.average.in_force()

    def _batches(self, seed: int) -> list[tuple[str, list[int]]]:
        """The sentences of an epoch by schema, drawn and shuffled by its seed."""
        size, lengths = self.config.batch_size, self.train.lengths
        return epoch_batches(self.portions, lengths, batch_size=size, seed=seed)

    def note(self, epoch: int, score: float) -> None:
        self._progress = replace(self.progress, epoch=epoch)
        if score > self.progress.best_score:
            self._progress = replace(self.progress, best_epoch=epoch, best_score=score)
            self.best = copied(self.model.stored_state())

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
        with self.autocast():
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
        self._progress = replace(self.progress, step=self.progress.step + 1)
        losses = {name: term.item() for name, term in terms.items()}
        return losses | self.opponents.learn(outputs, batch)
