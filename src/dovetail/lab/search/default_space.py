"""The search space where none is given: what the paper tunes, and what goes beyond it."""

from __future__ import annotations

from dataclasses import replace

from dovetail.config import Config, value_of
from dovetail.couplings.coupling import coupling_of
from dovetail.lab.search.entries import Choices, Condition, Entry, Range
from dovetail.lab.search.space import Space
from dovetail.lab.search.space_file import entry_of
from dovetail.strategies.strategy import DROPOUT as TRIED_DROPOUTS
from dovetail.strategies.strategy import strategy_of

DROPOUT = Range(**TRIED_DROPOUTS)

_PAIRS = "relation_head.pair_hidden_dim"
_MARKED = "relation_head.marked_layers"


def default_space(config: Config) -> Space:
    """Layers, sizes, dropouts, learning rates, the loss weight, tags and relation features.

    Of these what the config has, each so wide that the config itself is in the space.
    """
    entries = {
        **_sharing(config),
        **_couplings(config),
        **_auxiliary(config),
        **_training(config),
        **_encoders(config),
        **_heads(),
    }
    present = {f: e for f, e in entries.items() if value_of(config, f) is not None}
    return Space(
        config,
        {field: entry.including(value_of(config, field)) for field, entry in present.items()},
        "the default search space",
    )


def _couplings(config: Config) -> dict[str, Entry]:
    """Return the search spaces of the couplings."""
    return {
        field: entry_of(config, field, value)
        for place, section in enumerate(config.couplings)
        for name, value in coupling_of(section).search_space(section).items()
        if value_of(config, field := f"couplings.{place}.{name}") is not None
    }


def _auxiliary(config: Config) -> dict[str, Entry]:
    """Return the weights of the auxiliary tasks that are learned."""
    places = (place for place, own in enumerate(config.auxiliary) if own.weight)
    return {f"auxiliary.{place}.weight": Range(0.03, 3.0, log=True) for place in places}


def _sharing(config: Config) -> dict[str, Entry]:
    """Return the search space of the strategy, reduced to the fields that its section has."""
    space = strategy_of(config.sharing).search_space(config.sharing)
    fields = {f"sharing.{name}": value for name, value in space.items()}
    present = {f: value for f, value in fields.items() if value_of(config, f) is not None}
    return {field: entry_of(config, field, value) for field, value in present.items()}


def _training(config: Config) -> dict[str, Entry]:
    training = config.training
    entries: dict[str, Entry] = {
        "training.learning_rate": Range(3e-4, 1e-2, log=True),
        "training.weight_decay": Range(1e-3, 0.3, log=True),
        "training.average": Choices(("none", "ema")),
    }
    if training.entity_loss_weight and training.relation_loss_weight:
        entries["training.relation_loss_weight"] = Range(1.0, 30.0, log=True)
    if any(encoder.is_fine_tuned for encoder in config.encoders):
        entries["training.encoder_learning_rate"] = Range(1e-5, 2e-4, log=True)
    return entries


def _encoders(config: Config) -> dict[str, Entry]:
    return {f"encoders.{place}.dropout": DROPOUT for place in range(len(config.encoders))}


def _heads() -> dict[str, Entry]:
    with_labels = Condition("relation_head.label_dim")
    return {
        "entity_head.scheme": Choices(("bio", "bilou")),
        "entity_head.span": Choices(("ends", "pooled")),
        "entity_head.dropout": DROPOUT,
        "relation_head.dropout": DROPOUT,
        "relation_head.span": Choices(("last", "ends", "pooled")),
        "relation_head.width_dim": Choices((0, 16)),
        _MARKED: Choices((0, 1)),
        "relation_head.marked_dropout": replace(DROPOUT, only_if=Condition(_MARKED)),
        "relation_head.between": Choices((False, True, "attention")),
        "relation_head.distance_dim": Choices((0, 16)),
        "relation_head.bilinear_dim": Choices((0, 64)),
        _PAIRS: Choices((0, 128)),
        "relation_head.pair_dropout": replace(DROPOUT, only_if=Condition(_PAIRS)),
        "relation_head.labels": Choices(("gold", "probabilities", "predicted"), with_labels),
        "relation_head.candidates": Choices(("gold", "predicted")),
        "relation_head.normalisation": Choices(("cells", "sentences")),
    }
