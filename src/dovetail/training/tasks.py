"""Which tasks are learned: those that the config gives a weight, as far as the data have them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from dovetail.config import Config
from dovetail.errors import TrainingError
from dovetail.text.auxiliary_tasks import BOUNDARY
from dovetail.text.document import ENTITY_TASK, RELATION_TASK
from dovetail.text.reading import DEFAULT_LANGUAGE
from dovetail.training.pools import Splits
from dovetail.training.supervision import learned_tasks


def fitted_to(splits: Splits, config: Config, *, asked: bool = True) -> tuple[Config, Splits]:
    """The config as the training sentences are: their language, and whether they have relations.

    Without relations entities alone are learned, and chosen by, and a note says so.

    Args:
        splits: the sentences.
        config: of a model of them.
        asked: whether the config speaks of this corpus, and not of others too.

    Raises:
        TrainingError: if the config itself wants relations that are not there.
    """
    config = in_language_of(config, splits)
    refuse_unjoined(config, splits)
    if RELATION_TASK not in learned_tasks(config) or any(s.relations for s in splits.train):
        return config, splits
    number = len(splits.train)
    annotated = sum(RELATION_TASK in sentence.annotated for sentence in splits.train)
    found = (
        f"the {number:,} training sentences hold no relation"
        if annotated
        else f"none of the {number:,} training sentences is annotated for relations"
    )
    links = discontinuous_in(splits) > 0
    wishes = list(_wishes(config, links=links)) if asked else []
    if wishes:
        raise TrainingError(
            f"{found}, so there is nothing to learn them from, and the config asks for them by "
            f"{' and '.join(wishes)}: leave that out to learn entities alone, or check data.train "
            f"and data.format (`dovetail inspect` shows what was read)"
        )
    alone: dict[str, Any] = {"select": ENTITY_TASK}
    how = 'training.select = "entity"'
    if links:
        how += "; the relation head joins their fragments"
    else:
        alone["relation_loss_weight"] = 0.0
        how = f"training.relation_loss_weight = 0, {how}"
    training = config.training.model_copy(update=alone)
    note = (
        f"note: {found}, so entities alone are learned ({how}); `dovetail inspect` shows what was "
        f"read"
    )
    fitted = config.model_copy(update={"training": training})
    return fitted, replace(splits, notes=(*splits.notes, note))


def discontinuous_in(splits: Splits) -> int:
    """How many discontinuous entities there are to learn."""
    return sum(bool(entity.fragments) for s in splits.train for entity in s.entities)


def refuse_unjoined(config: Config, splits: Splits) -> None:
    """Raise `TrainingError` if there are fragments to learn and nothing that learns to join them.

    The relation head joins what the entity head finds.
    """
    number = discontinuous_in(splits)
    if number and RELATION_TASK not in learned_tasks(config):
        raise TrainingError(
            f"{number:,} training entities have several fragments, which the relation head joins, "
            f"and training.relation_loss_weight = 0 leaves it untrained: give it a weight, also "
            f'for entities alone, or set data.discontinuous to "drop" or "cover"'
        )


def _wishes(config: Config, *, links: bool) -> Iterator[str]:
    """The settings that somebody chose who wants relations, or only links between fragments."""
    training, sharing = config.training, config.sharing
    if "relation_loss_weight" in training.model_fields_set and not links:
        yield f"training.relation_loss_weight = {training.relation_loss_weight:g}"
    if training.select == RELATION_TASK:
        yield 'training.select = "relation"'
    yield from sharing.asks_for(RELATION_TASK)
    for own in config.auxiliary:
        if own.weight and own.asked.kind != BOUNDARY:
            yield f'auxiliary = "{own.task}"'


def in_language_of(config: Config, splits: Splits) -> Config:
    """The config with the language that its texts were cut by, so that the model keeps it."""
    if any(own.language is not None for own in config.sources):
        return config
    return config.in_language(splits.language or DEFAULT_LANGUAGE)
