"""From a config to the phases of its training, and to what each of them minimises."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from dovetail.config import Config
from dovetail.objectives import Balanced, Distilled, Objective, Supervised
from dovetail.strategies.curriculum import Curriculum, Phase
from dovetail.strategies.strategy import strategy_of
from dovetail.text.document import ENTITY_TASK, RELATION_TASK
from dovetail.text.named_schemas import is_auxiliary


def curriculum_of(
    config: Config,
    weights: Mapping[str, float] | None = None,
    *,
    steps_per_epoch: int,
    coupled: Sequence[Objective] = (),
) -> Curriculum:
    """The joint phase, or what the strategy makes of it.

    Args:
        config: of the run.
        weights: the factor of each task's loss, by default that of the kind of task.
        steps_per_epoch: steps of the optimiser.
        coupled: the objectives of the couplings; a phase of one task alone has none of them.
    """
    section = config.sharing
    strategy = strategy_of(section)
    own = strategy.objectives(section, steps_per_epoch=steps_per_epoch)
    objectives = (*supervision(config, weights), *own)
    weights = loss_weights(config) if weights is None else weights
    learned = tuple(task for task, weight in weights.items() if weight)
    joint = Phase("joint", config.training.epochs, objectives, tasks=learned)
    return tuple(
        phase
        if phase.only is not None
        else replace(phase, objectives=(*phase.objectives, *coupled))
        for phase in strategy.curriculum(section, joint)
    )


def supervision(config: Config, weights: Mapping[str, float] | None = None) -> list[Objective]:
    """The objectives of the tasks: annotations, a teacher, or both."""
    weights = loss_weights(config) if weights is None else weights
    share = config.distillation.weight if config.distillation.teacher else 0.0
    auxiliary = {task: own for task, own in weights.items() if is_auxiliary(task)}
    main = {task: own for task, own in weights.items() if task not in auxiliary}
    objectives: list[Objective] = []
    # Of auxiliary tasks a teacher says nothing.
    if share < 1 or auxiliary:
        kind = Balanced if config.training.balance == "learned" else Supervised
        objectives.append(kind({task: (1 - share) * own for task, own in main.items()} | auxiliary))
    if share > 0:
        objectives.append(Distilled({task: share * own for task, own in main.items()}))
    return objectives


def loss_weights(config: Config) -> dict[str, float]:
    """The factor of each task's loss."""
    return {
        ENTITY_TASK: config.training.entity_loss_weight,
        RELATION_TASK: config.training.relation_loss_weight,
    }


def learned_tasks(config: Config) -> frozenset[str]:
    """The tasks that have a weight."""
    return frozenset(task for task, weight in loss_weights(config).items() if weight)
