"""The model's outputs for a batch in training."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor

from dovetail.sharing import Streams


class Outputs(NamedTuple):
    """The streams, what each head makes of them, and each head's own loss by task.

    The relation head reads the gold entities here, so that each task has its own signal; where
    training gives it predicted ones besides (`EntityLink`), they come after the gold ones.
    `taught` are the heads' losses against what a teacher says; there is none without a teacher.
    `penalties` are what the sharing adds to the loss, by name.
    """

    streams: Streams
    emissions: Float[Tensor, "batch tokens *scores"]
    relation_logits: Float[Tensor, "batch entities entities types"]
    losses: Mapping[str, Float[Tensor, ""]]
    taught: Mapping[str, Float[Tensor, ""]] = MappingProxyType({})
    penalties: Mapping[str, Float[Tensor, ""]] = MappingProxyType({})
