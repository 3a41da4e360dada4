"""The record of `adversarial`."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from dovetail.couplings.adversarial.config import AdversarialCouplingConfig
from dovetail.couplings.adversarial.discriminator import (
    Discriminator,
    FeatureDiscriminator,
    OutputDiscriminator,
)
from dovetail.couplings.adversarial.network import Convolutions
from dovetail.couplings.adversarial.objective import AdversarialObjective, Discriminators
from dovetail.couplings.coupling import Coupling, CouplingGround
from dovetail.errors import TrainingError
from dovetail.heads.parts import HeadParts
from dovetail.strategies.objective import Objective
from dovetail.strategies.strategy import SearchSpace
from dovetail.text.document import ENTITY_TASK
from dovetail.text.named_schemas import kind_of_task, tasks_of

REMEDY = (
    "list two [[corpora]] with the same schema_name and with different tasks, or name data.extra "
    "with data.extra_tasks"
)


class Adversarial(Coupling[AdversarialCouplingConfig]):
    """Outputs on sentences without a task's annotations learn to pass for those on others."""

    def objectives(
        self, section: AdversarialCouplingConfig, ground: CouplingGround
    ) -> tuple[Objective, ...]:
        if max(len(ground.domains_of(name)) for name in ground.schemas) < 2:
            raise TrainingError(
                'the coupling "adversarial" aligns corpora of one schema, and no schema has two; '
                + REMEDY
            )
        tasks = {
            task: name
            for name, schema in ground.schemas.items()
            for task in tasks_of(name, schema)
            if task in ground.learned and is_partly_labelled(task, name, ground)
        }
        if not tasks:
            raise TrainingError(
                'the coupling "adversarial" learns from sentences that are not annotated for a '
                "task which others are annotated for, and there are none; leave it out, or "
                + REMEDY
            )
        if not section.weight:
            return ()
        with torch.random.fork_rng(devices=[]):  # what else is drawn stays as it is without
            torch.manual_seed(ground.seed)
            made = [
                own for task, name in tasks.items() for own in made_for(task, name, ground, section)
            ]
        discriminators = Discriminators(made, section.learning_rate)
        steps = section.warmup_epochs * ground.steps_per_epoch
        return (AdversarialObjective(discriminators, section.weight, steps),)

    def search_space(self, section: AdversarialCouplingConfig) -> SearchSpace:
        return {
            "weight": {"low": 1e-4, "high": 0.1, "log": True},
            "learning_rate": {"low": 1e-5, "high": 1e-3, "log": True},
            "layers": [2, 3],
            "domain_aware": [False, True],
        }

    def card_lines(self, section: AdversarialCouplingConfig) -> list[str]:
        level = "outputs and features" if section.level == "both" else section.level
        return [
            f"Sentences that are not annotated for a task were aligned with others by a "
            f"discriminator of {level} (weight {section.weight:g})"
        ]


def is_partly_labelled(task: str, schema: str, ground: CouplingGround) -> bool:
    """Whether some sentences of two domains are annotated for a task, and others are not."""
    kind = kind_of_task(task)
    domains = ground.domains_of(schema)
    labels = {kind in own.annotated for part in domains.values() for own in part.sentences}
    return len(domains) > 1 and len(labels) == 2


def made_for(
    task: str, schema: str, ground: CouplingGround, section: AdversarialCouplingConfig
) -> Iterator[Discriminator]:
    """The discriminators of a task."""
    domains = [*ground.domains_of(schema)]
    is_entity = kind_of_task(task) == ENTITY_TASK
    sizes = {"hidden_dim": section.hidden_dim, "layers": section.layers}
    if section.level != "features":
        classes = 2 * (len(domains) if section.domain_aware else 1)
        width = output_width(ground.heads[schema], task)
        network = Convolutions(1 if is_entity else 2, input_dim=width, output_dim=classes, **sizes)
        yield OutputDiscriminator(task, network, domains)
    if section.level != "outputs":
        width = ground.output_dims[task]
        network = Convolutions(1, input_dim=width, output_dim=len(domains), **sizes)
        yield FeatureDiscriminator(task, network, domains)


def output_width(heads: HeadParts, task: str) -> int:
    """How many probabilities a task gives to a token or a pair."""
    if kind_of_task(task) == ENTITY_TASK:
        return heads.entity_head.num_token_labels
    if heads.relation_head is None:
        raise ValueError(f"expected a relation head for the task {task}")
    return len(heads.relation_head.schema.coded.relation_types)
