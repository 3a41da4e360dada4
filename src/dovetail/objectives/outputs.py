"""What the model says of a batch in training."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor

from dovetail.sharing import Streams


class Outputs(NamedTuple):
    """The streams, what each head of the batch's schema makes of them, and its own loss by task.

    The relation head reads the gold entities here, so that each task has its own signal; where
    training gives it predicted ones besides (`EntityLink`), they come after the gold ones.
    There are no relation logits where the schema has no relation types.
    `taught` are the heads' losses against what a teacher says; there is none without a teacher.
    `penalties` are what the sharing adds to the loss, by name.
    """

    streams: Streams
    emissions: Float[Tensor, "batch tokens *scores"]
    relation_logits: Float[Tensor, "batch entities entities types"] | None
    losses: Mapping[str, Float[Tensor, ""]]
    taught: Mapping[str, Float[Tensor, ""]] = MappingProxyType({})
    penalties: Mapping[str, Float[Tensor, ""]] = MappingProxyType({})
