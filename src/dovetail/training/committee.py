"""The training of several models that decide together, epoch by epoch.

Each member learns as it would alone with its own seed, to the bit.  What they have in common are
the frozen encoders and what these make of the sentences; the epoch that is kept, and when patience
is at its end, which their common dev score decides; one run, one checkpoint, one model.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from statistics import fmean

from torch import nn

from dovetail.encoders import ConcatenatedEncoder
from dovetail.model.ensemble import Ensemble
from dovetail.running.steps import retold
from dovetail.training.checkpoint import Checkpoint, Progress
from dovetail.training.epochs import Epochs, Learned
from dovetail.training.loop import Loop
from dovetail.training.results import StepResult


class CommitteeLoop(Epochs):
    """Trains several models over the same sentences, with curricula that have the same phases.

    Raises:
        ModelError: if their scores do not mean the same.
    """

    def __init__(self, loops: Sequence[Loop]) -> None:
        self.loops = tuple(loops)
        first = self.loops[0]
        self.curriculum, self.config = first.curriculum, first.config
        self.dev, self.selection = first.dev, first.selection
        self.device, self.dtype = first.device, first.dtype
        self._model = self._together()

    def _together(self) -> Ensemble:
        """The members as they stand: some decoders are means of theirs."""
        return Ensemble([loop.model for loop in self.loops])

    @property
    def model(self) -> Ensemble:
        return self._model

    @property
    def encoder(self) -> ConcatenatedEncoder:
        return self.loops[0].encoder

    @property
    def progress(self) -> Progress:
        return self.loops[0].progress  # the same of all

    @property
    def parameters(self) -> Sequence[nn.Parameter]:
        return [parameter for loop in self.loops for parameter in loop.parameters]

    def checkpoint(self) -> Checkpoint:
        return Checkpoint.joined([loop.checkpoint() for loop in self.loops])

    def restore(self, checkpoint: Checkpoint) -> None:
        for place, loop in enumerate(self.loops):
            loop.restore(checkpoint.of_member(place))
        self._model = self._together()

    def use_best(self) -> None:
        for loop in self.loops:
            loop.use_best()
        self._model = self._together()

    def next_phase(self) -> None:
        for loop in self.loops:
            loop.next_phase()

    def learn(self) -> Generator[StepResult, None, Learned]:
        """The steps of one member after another, so that each has the chance of its own seed."""
        found: list[Learned] = []
        for loop in self.loops:
            counted = partial(self._counted, before=len(found))
            found.append((yield from retold(loop.learn(), counted)))
        names = dict.fromkeys(name for own in found for name in own.losses)
        losses = {
            name: fmean(own.losses[name] for own in found if name in own.losses) for name in names
        }
        return replace(found[0], losses=losses, sentences=sum(own.sentences for own in found))

    def _counted(self, step: StepResult, *, before: int) -> StepResult:
        """A step of a member, counted on from those of the members before it."""
        number, whole = before * step.steps + step.step, len(self.loops) * step.steps
        return replace(step, step=number, steps=whole)

    @contextmanager
    def averages_in_force(self) -> Iterator[None]:
        with ExitStack() as averages:
            for loop in self.loops:
                averages.enter_context(loop.averages_in_force())
            self._model = self._together()
            yield

    def note(self, epoch: int, score: float) -> None:
        for loop in self.loops:
            loop.note(epoch, score)
