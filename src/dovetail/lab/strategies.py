"""The costs of each way of sharing with a config: models are built and counted, none is trained."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from statistics import fmean
from typing import Any

from dovetail.build import build_encoder, with_auxiliary
from dovetail.build.model import assemble, sharing_over
from dovetail.config import Config, SharingConfig, with_changes
from dovetail.config.structure import KIND, kind_of
from dovetail.encoders import ConcatenatedEncoder
from dovetail.errors import ConfigError, ModelError
from dovetail.lab.costs import (
    COUNTED_SENTENCES,
    multiply_adds_of_streams,
    spread,
    windows_of,
)
from dovetail.model.ensemble import num_stored
from dovetail.model.joint import JointModel
from dovetail.strategies import LayersConfig
from dovetail.strategies.listing import Costs, Counted, listed, sections_by_kind
from dovetail.text.document import Sentence
from dovetail.text.stored_sentences import TokensOf
from dovetail.training.job import Job


def strategies(job: Job) -> Iterator[Counted]:
    """Every kind of sharing: the config's own with its settings, the others with their defaults.

    What layers are made of, the others take from the config.  What a strategy chooses in training
    is counted as it stands before.

    Raises:
        TrainingError: if the config names types that the training sentences lack.
        ModelError: if a pretrained encoder cannot be found.
    """
    config, splits = job.config, job.splits
    words = TokensOf(splits.learned)
    encoder = ConcatenatedEncoder([build_encoder(own, words) for own in config.encoders])
    sentences = windows_of(spread(splits.dev or splits.train, COUNTED_SENTENCES), config.reading)
    for kind, section in sections_by_kind().items():
        costs, problem = None, ""
        try:
            changed = with_changes(config, {"sharing": settings(config, section)})
            # Layers that are copied are taken from the encoder, which the other kinds need whole.
            own = copy.deepcopy(encoder) if changed.sharing.copies_layers else encoder
            model = assemble(changed, job.schemas, own, sharing_over(own, changed, job.schemas))
            model = with_auxiliary(model, changed, job.auxiliary)
            costs = costs_before_training(model, sentences)
        except (ConfigError, ModelError) as error:
            problem = str(error).removeprefix("config: ")
        yield Counted(listed(section), kind == config.sharing.kind, costs, problem)


def settings(config: Config, section: type[SharingConfig]) -> dict[str, Any]:
    """The config's own sharing, or another kind's defaults with the same sort of layers."""
    own = config.sharing.model_dump(mode="json", exclude_none=True)
    kind = kind_of(section)
    if kind == config.sharing.kind:
        return own
    of_layers = (LayersConfig.model_fields.keys() - {KIND}) & section.model_fields.keys()
    return {KIND: kind} | {name: value for name, value in own.items() if name in of_layers}


def costs_before_training(model: JointModel, sentences: Sequence[Sequence[Sentence]]) -> Costs:
    """The costs of a new model for sentences, each in its windows.

    What it stores and runs is its final form.
    """
    final = model.finalize().eval()
    return Costs(
        stored=num_stored(final),
        trained=sum(parameter.numel() for _, parameter in model.trainable_parameters()),
        multiply_adds=round(
            fmean(
                sum(multiply_adds_of_streams(final, window) for window in windows)
                for windows in sentences
            )
        ),
    )
