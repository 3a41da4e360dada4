"""The entity head for entities that may overlap: each span is a type or none (Eberts & Ulges 2020).

Unlike their classifier it sees all spans in training, and not a sample of those that are none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from typing import Self

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, pad

from dovetail.heads.entity.entity_head import EntityHead
from dovetail.heads.entity.span_scorer import SpanScorer, spans_within
from dovetail.heads.rows_of_types import RowsOfTypes
from dovetail.layers.dropout import Dropout
from dovetail.tensors.features import Candidates, Expectations, Targets
from dovetail.text.document import ENTITY_TASK, Entity
from dovetail.text.overlaps import Overlaps, longest_first, without_conflicts

UNCOUNTED = -100
"""The target of a cell that is no span, or whose sentence is not annotated."""


class SpanEntityHead(EntityHead):
    """Decides about every span by itself; entities may lie within others.

    An emission is the log-odds of a type against none: with scores s_1 … s_n of a span, type k has
    the probability exp(s_k) / (1 + exp(s_1) + … + exp(s_n)).

    The label of an entity is its type; what is no entity has a label too, which only probabilities
    ever give a share.

    Args:
        entity_types: the types, in the order of the scores.
        scorer: scores spans for each type.
        overlaps: which found entities may share tokens; of others the more probable one stays.
        dropout: share of the stream's values that training sets to zero.
    """

    def __init__(
        self,
        *,
        entity_types: Sequence[str],
        scorer: SpanScorer,
        overlaps: Overlaps = "nested",
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.entity_types = tuple(entity_types)
        self.max_width = scorer.max_width
        self.overlaps = overlaps
        self.scorer = nn.Sequential(Dropout(dropout), scorer)

    @classmethod
    def of_mean(cls, heads: Sequence[Self]) -> Self:
        """A head that decodes the mean of the emissions of these heads, which score the same spans.

        A span's probabilities are then the normalised geometric means of those that they give it.
        """
        head = deepcopy(heads[0])
        head.scorer = nn.Sequential()  # what it is given are emissions already
        return head

    @property
    def meaning(self) -> Mapping[str, str]:
        return {"width of spans": str(self.max_width), "rule for overlaps": self.overlaps}

    def expressible(self, entities: Iterable[Entity]) -> list[Entity]:
        """Entities that are not too long; of those that conflict the longest is taken."""
        short = (entity for entity in entities if entity.end - entity.start <= self.max_width)
        return without_conflicts(longest_first(short), self.overlaps)

    @property
    def num_labels(self) -> int:
        return len(self.entity_types) + 1

    def labels(self, candidates: Candidates) -> Int[Tensor, "batch entities"]:
        return candidates.types

    @torch.no_grad()
    def label_probabilities(
        self,
        emissions: Float[Tensor, "batch tokens widths types"],
        mask: Bool[Tensor, "batch tokens"],
        candidates: Candidates,
    ) -> Float[Tensor, "batch entities labels"]:
        """Probability of each type at each candidate, and of none; passes no gradient."""
        return with_none(self._at(emissions, candidates)).softmax(2)

    @staticmethod
    def _at(emissions: Tensor, candidates: Candidates) -> Float[Tensor, "batch entities types"]:
        starts, ends = candidates.spans.unbind(2)
        rows = torch.arange(len(starts), device=starts.device).unsqueeze(1)
        return emissions[rows, starts, ends - starts - 1]

    def type_probabilities(
        self,
        emissions: Float[Tensor, "batch tokens widths types"],
        mask: Bool[Tensor, "batch tokens"],
        candidates: Candidates,
    ) -> Float[Tensor, "batch entities types"]:
        """Probability of each type at each candidate, with gradients."""
        return with_none(self._at(emissions, candidates)).softmax(2)[..., :-1]

    @property
    def num_token_labels(self) -> int:
        return len(self.entity_types)

    def token_probabilities(
        self,
        emissions: Float[Tensor, "batch tokens widths types"],
        mask: Bool[Tensor, "batch tokens"],
    ) -> Float[Tensor, "batch tokens types"]:
        """Probability that an entity of each type, of any width, starts at the token.

        Spans are decided one by one, so it is that not all of them are none.
        """
        inside = spans_within(mask, emissions.shape[2]).unsqueeze(3)
        types = with_none(emissions).softmax(3)[..., :-1] * inside
        return 1 - (1 - types).prod(2)

    def span_log_probabilities(
        self,
        emissions: Float[Tensor, "batch tokens widths types"],
        mask: Bool[Tensor, "batch tokens"],
        spans: Int[Tensor, "batch spans 2"],
        types: Int[Tensor, "batch spans kinds"],
    ) -> Float[Tensor, "batch spans kinds"]:
        """Of each span by itself, whatever overlaps with it."""
        starts, ends = spans.unbind(2)
        rows = torch.arange(len(starts), device=starts.device).unsqueeze(1)
        scores = with_none(emissions[rows, starts, ends - starts - 1].double())
        return scores.log_softmax(2).gather(2, types)

    def rows_of_types(self) -> list[RowsOfTypes]:
        """A row for each type."""
        rows = torch.arange(len(self.entity_types)).unsqueeze(1)
        return [RowsOfTypes(self.scorer.get_submodule("1"), "output", rows)]

    def forward(
        self, stream: Float[Tensor, "batch tokens input_dim"]
    ) -> Float[Tensor, "batch tokens widths types"]:
        """Emissions: the log-odds of each type for the span of w + 1 tokens from each token on."""
        emissions: Tensor = self.scorer(stream)
        return emissions.float()

    def loss(
        self,
        emissions: Float[Tensor, "batch tokens widths types"],
        targets: Targets,
        mask: Bool[Tensor, "batch tokens"],
    ) -> Float[Tensor, ""]:
        """Cross-entropy of all spans of a sentence, in nats per annotated sentence."""
        annotated = targets.annotated[ENTITY_TASK]
        counted = spans_within(mask, emissions.shape[2]) & annotated[:, None, None]
        none = len(self.entity_types)
        wanted = torch.where(counted, none, UNCOUNTED)
        candidates = targets.candidates
        rows, places = (candidates.mask & annotated.unsqueeze(1)).nonzero(as_tuple=True)
        starts, ends = candidates.spans[rows, places].unbind(1)
        wanted[rows, starts, ends - starts - 1] = candidates.types[rows, places]
        scores = with_none(emissions).flatten(0, 2)
        total = cross_entropy(scores, wanted.flatten(), ignore_index=UNCOUNTED, reduction="sum")
        return total / annotated.sum().clamp(min=1)

    @torch.no_grad()
    def expectations(
        self,
        emissions: Float[Tensor, "batch tokens widths types"],
        mask: Bool[Tensor, "batch tokens"],
        *,
        temperature: float = 1.0,
    ) -> Expectations:
        """The probability of each type, and of none, for each span; of sentences nothing more."""
        scores = (with_none(emissions) / temperature).log_softmax(3)
        entropy = self._cross_entropy(scores.exp(), scores, mask)
        return Expectations(scores.exp(), scores.new_zeros(len(mask), 0), entropy)

    def distillation_loss(
        self,
        emissions: Float[Tensor, "batch tokens widths types"],
        taught: Expectations,
        mask: Bool[Tensor, "batch tokens"],
        *,
        temperature: float = 1.0,
    ) -> Float[Tensor, ""]:
        """The sum of the divergences of all spans."""
        scores = (with_none(emissions) / temperature).log_softmax(3)
        losses = self._cross_entropy(taught.of_tokens, scores, mask) - taught.entropy
        return temperature**2 * losses.mean()

    @staticmethod
    def _cross_entropy(probabilities: Tensor, scores: Tensor, mask: Tensor) -> Tensor:
        """Of each sentence, over its spans."""
        of_spans = -(probabilities * scores).sum(3)
        return (of_spans * spans_within(mask, scores.shape[2])).sum((1, 2))

    @torch.no_grad()
    def decode(
        self,
        emissions: Float[Tensor, "batch tokens widths types"],
        mask: Bool[Tensor, "batch tokens"],
    ) -> list[list[Entity]]:
        """The spans that are more probably some type than none, without conflicts.

        They are taken from the most probable one down; the confidence is the probability.
        """
        best, types = emissions.max(dim=3)
        found = (best > 0) & spans_within(mask, emissions.shape[2])
        confidences = (best - with_none(emissions).logsumexp(3))[found].exp().tolist()
        spans: list[list[Entity]] = [[] for _ in mask]
        for (row, start, width), type_, confidence in zip(
            found.nonzero().tolist(), types[found].tolist(), confidences, strict=True
        ):
            end = start + width + 1
            spans[row].append(Entity(start, end, self.entity_types[type_], min(confidence, 1.0)))
        return [
            without_conflicts(sorted(row, key=_most_probable_first), self.overlaps) for row in spans
        ]


def with_none(emissions: Float[Tensor, "*spans types"]) -> Float[Tensor, "*spans labels"]:
    """The scores with that of none behind them, which is 0."""
    return pad(emissions, (0, 1))


def _most_probable_first(entity: Entity) -> tuple[float, Entity]:
    return -(entity.confidence or 0.0), entity
