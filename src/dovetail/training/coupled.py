"""From a job to the objectives of its couplings."""

from __future__ import annotations

from dovetail.couplings.coupling import CouplingGround, Domain, coupling_of
from dovetail.model.joint import JointModel
from dovetail.strategies.objective import Objective
from dovetail.text.named_schemas import named
from dovetail.training.job import Job


def couplings_of(job: Job, model: JointModel, *, steps_per_epoch: int) -> tuple[Objective, ...]:
    """The objectives by which the tasks of a job teach each other.

    Raises:
        TrainingError: if its corpora are not those that a coupling needs.
    """
    ground = CouplingGround(
        schemas=job.schemas,
        domains=domains_of(job),
        heads={name: model.of_schema(name).main_parts for name in job.schemas},
        output_dims=model.sharing.output_dims,
        learned=frozenset(task for task, weight in job.loss_weights.items() if weight),
        steps_per_epoch=steps_per_epoch,
        seed=job.config.seed,
    )
    return tuple(
        objective
        for section in job.config.couplings
        for objective in coupling_of(section).objectives(section, ground)
    )


def domains_of(job: Job) -> tuple[Domain, ...]:
    """The pools of all corpora, in the order in which training reads them."""
    return tuple(
        Domain(named(corpus.name, pool.name), pool.sentences, pool.schema)
        for corpus in job.corpora
        for pool in corpus.splits.pools
    )
