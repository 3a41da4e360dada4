"""From a job to the objectives of its couplings."""

from __future__ import annotations

from collections.abc import Mapping

from dovetail.couplings.coupling import CouplingGround, coupling_of
from dovetail.strategies.objective import Objective
from dovetail.training.job import Job


def couplings_of(
    job: Job, output_dims: Mapping[str, int], *, steps_per_epoch: int
) -> tuple[Objective, ...]:
    """The objectives by which the tasks of a job teach each other.

    Raises:
        TrainingError: if its corpora are not those that a coupling needs.
    """
    ground = CouplingGround(
        schemas=job.schemas,
        sentences={corpus.name: corpus.splits.train for corpus in job.corpora},
        output_dims=output_dims,
        steps_per_epoch=steps_per_epoch,
        seed=job.config.seed,
    )
    return tuple(
        objective
        for section in job.config.couplings
        for objective in coupling_of(section).objectives(section, ground)
    )
