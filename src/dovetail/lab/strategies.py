"""What each way of sharing costs with a config: models are built and counted, none is trained."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from pydantic import BaseModel

from dovetail.build import build_encoder
from dovetail.build.model import assemble, sharing_over
from dovetail.config import Config, SharingConfig, copies_layers, with_changes
from dovetail.config.layers import LayersConfig
from dovetail.config.structure import KIND, kind_of, sections_in
from dovetail.encoders import ConcatenatedEncoder
from dovetail.errors import ConfigError, ModelError
from dovetail.lab.costs import (
    COUNTED_SENTENCES,
    multiply_adds_of_streams,
    spread,
    stored,
    windows_of,
)
from dovetail.model.joint import JointModel
from dovetail.text.document import Sentence
from dovetail.training.run import schema_of
from dovetail.training.splits import read_splits


@dataclass(frozen=True)
class Costs:
    """Numbers that a saved model holds and that training changes, and multiply-adds of a sentence.

    Multiply-adds are those up to the streams of the tasks, without frozen encoders and heads.
    """

    stored: int
    trained: int
    multiply_adds: int


@dataclass(frozen=True)
class Strategy:
    """A kind of sharing in one sentence, and its costs, or why the config cannot have it."""

    kind: str
    summary: str
    is_configured: bool
    costs: Costs | None
    problem: str = ""


def sharing_sections() -> dict[str, type[BaseModel]]:
    """The section of each kind of sharing, in the order of the union that they make up."""
    return {str(kind_of(section)): section for section in sections_in(SharingConfig)}


def strategies(config: Config) -> Iterator[Strategy]:
    """Every kind of sharing: the config's own with its settings, the others with their defaults.

    What layers are made of, the others take from the config.  What a strategy chooses in training
    is counted as it stands before.

    Raises:
        CorpusError: if the data cannot be read.
        ModelError: if a pretrained encoder cannot be found.
    """
    splits = read_splits(config.data)
    schema = schema_of(config, splits)
    words = [sentence.tokens for sentence in splits.learned]
    encoder = ConcatenatedEncoder([build_encoder(own, words) for own in config.encoders])
    sentences = windows_of(spread(splits.dev or splits.train, COUNTED_SENTENCES), config.reading)
    for kind, section in sharing_sections().items():
        costs, problem = None, ""
        try:
            changed = with_changes(config, {"sharing": settings(config, section)})
            # Layers that are copied are taken from the encoder, which the other kinds need whole.
            own = copy.deepcopy(encoder) if copies_layers(changed.sharing) else encoder
            model = assemble(changed, schema, own, sharing_over(own, changed))
            costs = costs_before_training(model, sentences)
        except (ConfigError, ModelError) as error:
            problem = str(error).removeprefix("config: ")
        summary = (inspect.getdoc(section) or "").partition("\n")[0]
        yield Strategy(kind, summary, kind == config.sharing.kind, costs, problem)


def settings(config: Config, section: type[BaseModel]) -> dict[str, Any]:
    """The config's own sharing, or another kind's defaults with the same sort of layers."""
    own = config.sharing.model_dump(mode="json", exclude_none=True)
    kind = kind_of(section)
    if kind == config.sharing.kind:
        return own
    of_layers = {"cell", *LayersConfig.model_fields} & section.model_fields.keys()
    return {KIND: kind} | {name: value for name, value in own.items() if name in of_layers}


def costs_before_training(model: JointModel, sentences: Sequence[Sequence[Sentence]]) -> Costs:
    """The costs of a new model for sentences, each in its windows.

    What it stores and runs is its final form.
    """
    final = model.finalize().eval()
    return Costs(
        stored=sum(tensor.numel() for tensor in stored(final)),
        trained=sum(parameter.numel() for _, parameter in model.trainable_parameters()),
        multiply_adds=round(
            fmean(
                sum(multiply_adds_of_streams(final, window) for window in windows)
                for windows in sentences
            )
        ),
    )
