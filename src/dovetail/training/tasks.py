"""Which tasks are learned: those that the config gives a weight, as far as the data have them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from dovetail.config import Config
from dovetail.errors import TrainingError
from dovetail.text.document import ENTITY_TASK, RELATION_TASK
from dovetail.text.reading import DEFAULT_LANGUAGE
from dovetail.training.pools import Splits
from dovetail.training.supervision import learned_tasks


def fitted_to(splits: Splits, config: Config) -> tuple[Config, Splits]:
    """The config as the training sentences are: their language, and whether they have relations.

    Without relations entities alone are learned, and chosen by, and a note says so.

    Raises:
        TrainingError: if the config itself wants relations that are not there.
    """
    config = in_language_of(config, splits)
    if RELATION_TASK not in learned_tasks(config) or any(s.relations for s in splits.train):
        return config, splits
    number = len(splits.train)
    annotated = sum(RELATION_TASK in sentence.annotated for sentence in splits.train)
    found = (
        f"the {number:,} training sentences hold no relation"
        if annotated
        else f"none of the {number:,} training sentences is annotated for relations"
    )
    wishes = list(_wishes(config))
    if wishes:
        raise TrainingError(
            f"{found}, so there is nothing to learn them from, and the config asks for them by "
            f"{' and '.join(wishes)}: leave that out to learn entities alone, or check data.train "
            f"and data.format (`dovetail inspect` shows what was read)"
        )
    alone = {"relation_loss_weight": 0.0, "select": ENTITY_TASK}
    training = config.training.model_copy(update=alone)
    note = (
        f"note: {found}, so entities alone are learned (training.relation_loss_weight = 0, "
        f'training.select = "entity"); `dovetail inspect` shows what was read'
    )
    fitted = config.model_copy(update={"training": training})
    return fitted, replace(splits, notes=(*splits.notes, note))


def _wishes(config: Config) -> Iterator[str]:
    """The settings that somebody chose who wants relations."""
    training, sharing = config.training, config.sharing
    if "relation_loss_weight" in training.model_fields_set:
        yield f"training.relation_loss_weight = {training.relation_loss_weight:g}"
    if training.select == RELATION_TASK:
        yield 'training.select = "relation"'
    yield from sharing.asks_for(RELATION_TASK)


def in_language_of(config: Config, splits: Splits) -> Config:
    """The config with the language that its texts were cut by, so that the model keeps it."""
    if config.data.language is not None:
        return config
    language = splits.language or DEFAULT_LANGUAGE
    data = config.data.model_copy(update={"language": language})
    return config.model_copy(update={"data": data})
