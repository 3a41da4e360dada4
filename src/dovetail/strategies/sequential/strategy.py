"""The record of `sequential`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from dovetail.heads.parts import HeadParts
from dovetail.strategies.block import SharingBlock
from dovetail.strategies.curriculum import Curriculum, Phase
from dovetail.strategies.layer_factory import layer_factory
from dovetail.strategies.sequential.block import ExpertLayers, Transfer
from dovetail.strategies.sequential.chain import ChainedLink
from dovetail.strategies.sequential.config import SequentialSharingConfig
from dovetail.strategies.sequential.steps import StepwiseRelationHead
from dovetail.strategies.sequential.warmup import with_conditional_warmup
from dovetail.strategies.stacks import OwnLayers, SharedLayers, Stack
from dovetail.strategies.strategy import Ground, SearchSpace, Strategy
from dovetail.text.document import ENTITY_TASK, RELATION_TASK
from dovetail.text.named_schemas import SEPARATOR, kind_of_task, named


class Sequential(Strategy[SequentialSharingConfig]):
    """Relations as the step after entities."""

    def build(self, section: SequentialSharingConfig, ground: Ground) -> SharingBlock:
        """Shared layers, experts, own layers, and the transfer on top."""
        make_layer, tasks = layer_factory(section), ground.tasks
        dims: Mapping[str, int] = dict.fromkeys(tasks, ground.encoder.output_dim)
        blocks: list[SharingBlock] = []
        if section.shared_layers:
            shared = SharedLayers(make_layer, input_dims=dims, num_layers=section.shared_layers)
            blocks.append(shared)
        for _ in range(section.expert_layers):
            below = blocks[-1].output_dims if blocks else dims
            experts = ExpertLayers(
                make_layer,
                tasks,
                input_dim=below[tasks[0]],
                num_experts=section.experts,
                indicator_dim=section.indicator_dim,
                selects=section.selector,
            )
            blocks.append(experts)
        own = ground.for_each(entity=section.entity_layers, relation=section.relation_layers)
        if any(own.values()):
            below = blocks[-1].output_dims
            blocks.append(OwnLayers(make_layer, input_dims=below, num_layers=own))
        if section.transfer:
            sources = entity_tasks(tasks)
            below = blocks[-1].output_dims
            blocks.append(Transfer(below, sources, detach=section.detach_transfer))
        return Stack(blocks)

    def heads(
        self, section: SequentialSharingConfig, parts: Mapping[str, HeadParts]
    ) -> Mapping[str, HeadParts]:
        """The heads with the steps and the chain that the section asks for."""
        return {name: _chained(section, own) for name, own in parts.items()}

    def curriculum(self, section: SequentialSharingConfig, joint: Phase) -> Curriculum:
        if section.chain == "conditional":
            return (joint,)
        return with_conditional_warmup(joint, section.warmup_epochs)

    def search_space(self, section: SequentialSharingConfig) -> SearchSpace:
        space = {
            "experts": {"low": 1, "high": 6},
            **{name: [False, True] for name in ("selector", "transfer")},
            **{name: {"low": 0, "high": 2} for name in ("shared_layers", "relation_layers")},
            "steps": [2, 3],
        }
        if section.chain == "entire":
            space |= {"detach_entities": [False, True], "non_entities": [0, 4, 8, 16]}
        return {**space, **super().search_space(section)}

    def card_lines(
        self, section: SequentialSharingConfig, block: SharingBlock, *, num_new: int
    ) -> list[str]:
        """What the confidence of a relation is."""
        if section.chain == "conditional":
            return ["The probability of a relation is given that its two entities are right"]
        return ["The probability of a relation is its own times those of its two entities"]


def entity_tasks(tasks: Sequence[str]) -> dict[str, str]:
    """For each relation task the entity task of its schema, which it reads."""
    return {
        task: named(task.rpartition(SEPARATOR)[0], ENTITY_TASK)
        for task in tasks
        if kind_of_task(task) == RELATION_TASK
    }


def _chained(section: SequentialSharingConfig, parts: HeadParts) -> HeadParts:
    """The heads of a schema with relations as the section chains them; without, as they are."""
    if parts.relation_head is None or parts.link is None:
        return parts
    if section.steps == 3:
        parts = replace(parts, relation_head=StepwiseRelationHead.of(parts.relation_head))
    if section.chain == "conditional" or parts.link is None:
        return parts
    link = ChainedLink(
        parts.link,
        probability=section.entity_probability,
        detach=section.detach_entities,
        non_entities=section.non_entities,
    )
    return replace(parts, link=link)
