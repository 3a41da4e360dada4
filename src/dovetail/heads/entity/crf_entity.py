"""The entity head of Crone (2020) for flat entities: feed-forward, then a CRF over tags."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from typing import Self

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from dovetail.heads.activations import ACTIVATIONS
from dovetail.heads.entity.entity_head import EntityHead
from dovetail.heads.rows_of_types import RowsOfTypes
from dovetail.heads.span_vectors import token_vectors
from dovetail.layers.crf import ConditionalRandomField
from dovetail.layers.dropout import Dropout
from dovetail.layers.path_sums import PathExpectations
from dovetail.tensors.features import Candidates, Expectations, Targets
from dovetail.text.document import ENTITY_TASK, Entity
from dovetail.text.tagging import TagSet, reachable


class CrfEntityHead(EntityHead):
    """Tags tokens with the borders and types of flat entities.

    Args:
        input_dim: width of the entity task's stream.
        hidden_dim: width of the hidden layer.
        tag_set: the tags and which may follow which.
        activation: one of `ACTIVATIONS`.
        dropout: share of the stream's values that training sets to zero.
    """

    label_by_type: Tensor
    tag_by_part: Tensor

    def __init__(
        self,
        *,
        input_dim: int,
        hidden_dim: int,
        tag_set: TagSet,
        activation: str = "tanh",
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.tag_set = tag_set
        self.entity_types = tag_set.entity_types
        self.scorer = nn.Sequential(
            Dropout(dropout),
            nn.Linear(input_dim, hidden_dim),
            ACTIVATIONS[activation](),
            nn.Linear(hidden_dim, len(tag_set)),
        )
        last_tags = [
            [tag_set.last_tag(type_, single=single) for single in (True, False)]
            for type_ in tag_set.entity_types
        ]
        self.register_buffer("label_by_type", torch.tensor(last_tags), persistent=False)
        # The tags of entities of one and of three tokens: all that a type has.
        parts = [
            [
                tag
                for length in (1, 3)
                for tag in tag_set.tags_from_entities([Entity(0, length, type_)], length=length)
            ]
            for type_ in tag_set.entity_types
        ]
        self.register_buffer("tag_by_part", torch.tensor(parts), persistent=False)
        self.crf = ConditionalRandomField(
            may_follow=tag_set.may_follow,
            may_start=tag_set.may_start,
            may_end=tag_set.may_end,
            continues=tag_set.continues,
        )

    @classmethod
    def of_mean(cls, heads: Sequence[Self]) -> Self:
        """A head that decodes the mean of the emissions of these heads, which have the same tags.

        The scores of its CRF are the means of theirs.
        """
        head = deepcopy(heads[0])
        head.scorer = nn.Sequential()  # what it is given are emissions already
        with torch.no_grad():
            for name, parameter in head.crf.named_parameters():
                parameter.copy_(torch.stack([h.crf.get_parameter(name) for h in heads]).mean(0))
        return head.requires_grad_(requires_grad=False)

    @property
    def meaning(self) -> Mapping[str, str]:
        return {"tags": ", ".join(self.tag_set.tags)}

    def expressible(self, entities: Iterable[Entity]) -> list[Entity]:
        """A token has one tag, so of entities that overlap the longest is taken."""
        return reachable(entities)

    def tags(self, candidates: Candidates, *, length: int) -> Int[Tensor, "batch tokens"]:
        """The tags of sentences with these entities, none of which may overlap."""
        positions = torch.arange(length, device=candidates.spans.device)
        starts, ends = (border.unsqueeze(2) for border in candidates.spans.unbind(2))
        within = (starts <= positions) & (positions < ends) & candidates.mask.unsqueeze(2)
        part = 1 + (positions > starts).long() + (positions == ends - 1).long()
        part = torch.where(ends - starts == 1, 0, part)
        tags = self.tag_by_part[candidates.types.unsqueeze(2), part]
        return (tags * within).sum(1)

    @property
    def num_labels(self) -> int:
        """How many labels an entity can have: here its label is the tag of its last token."""
        return len(self.tag_set)

    def labels(self, candidates: Candidates) -> Int[Tensor, "batch entities"]:
        """The label of each entity, which its type and its length decide."""
        spans = candidates.spans
        longer = (spans[..., 1] - spans[..., 0] > 1).long()
        found: Tensor = self.label_by_type[candidates.types, longer]
        return found

    @torch.no_grad()
    def label_probabilities(
        self,
        emissions: Float[Tensor, "batch tokens tags"],
        mask: Bool[Tensor, "batch tokens"],
        candidates: Candidates,
    ) -> Float[Tensor, "batch entities labels"]:
        """Probability of each label at each candidate, over all tag paths; passes no gradient."""
        marginals = self.crf.marginals(emissions, mask)
        return token_vectors(marginals, candidates.last_tokens)

    def span_log_probabilities(
        self,
        emissions: Float[Tensor, "batch tokens tags"],
        mask: Bool[Tensor, "batch tokens"],
        spans: Int[Tensor, "batch spans 2"],
        types: Int[Tensor, "batch spans kinds"],
    ) -> Float[Tensor, "batch spans kinds"]:
        """Over all tag paths; spans may overlap, of which a path has one."""
        # In double: a sum of hundreds would leave nothing of what a probability lacks to 1.
        emissions = emissions.double()
        single, first, inside, last = self.tag_by_part[types].unbind(3)
        alone = (spans[..., 1] - spans[..., 0] == 1).unsqueeze(2)
        tags = [torch.where(alone, single, part) for part in (first, inside, last)]
        lattice = self.crf.lattice(emissions, mask)
        return self.crf.segment_log_probabilities(
            lattice, emissions, mask, spans, torch.stack(tags, 3)
        )

    def rows_of_types(self) -> list[RowsOfTypes]:
        """Those of the tags of each type; the tag outside of entities is of none."""
        tags = [sorted({*own}) for own in self.tag_by_part.tolist()]
        return [RowsOfTypes(self.scorer, "3", torch.tensor(tags, dtype=torch.int64))]

    def type_probabilities(
        self,
        emissions: Float[Tensor, "batch tokens tags"],
        mask: Bool[Tensor, "batch tokens"],
        candidates: Candidates,
    ) -> Float[Tensor, "batch entities types"]:
        """Probability, over all tag paths, of the last tag of an entity of each type.

        With gradients, and only where the candidate ends: its other tokens are not asked.
        """
        marginals = self.crf.marginals(emissions, mask)
        at_ends = token_vectors(marginals, candidates.last_tokens)
        longer = (candidates.spans[..., 1] - candidates.spans[..., 0] > 1).long()
        return at_ends.gather(2, self.label_by_type.t()[longer])

    @property
    def num_token_labels(self) -> int:
        return len(self.tag_set)

    def token_probabilities(
        self,
        emissions: Float[Tensor, "batch tokens tags"],
        mask: Bool[Tensor, "batch tokens"],
    ) -> Float[Tensor, "batch tokens tags"]:
        """Probability of each tag, over all tag paths, with gradients."""
        return self.crf.marginals(emissions, mask)

    def forward(
        self, stream: Float[Tensor, "batch tokens input_dim"]
    ) -> Float[Tensor, "batch tokens tags"]:
        """Emissions: what the CRF reads."""
        emissions: Tensor = self.scorer(stream)
        return emissions.float()

    def loss(
        self,
        emissions: Float[Tensor, "batch tokens tags"],
        targets: Targets,
        mask: Bool[Tensor, "batch tokens"],
    ) -> Float[Tensor, ""]:
        """Negative log-likelihood of the gold tags, in nats per annotated sentence (Crone 2020)."""
        annotated = targets.annotated[ENTITY_TASK]
        tags = self.tags(targets.candidates, length=emissions.shape[1])
        likelihood = self.crf.log_likelihood(emissions, tags, mask)
        return -(likelihood * annotated).sum() / annotated.sum().clamp(min=1)

    @torch.no_grad()
    def expectations(
        self,
        emissions: Float[Tensor, "batch tokens tags"],
        mask: Bool[Tensor, "batch tokens"],
        *,
        temperature: float = 1.0,
    ) -> Expectations:
        """The expectations that the `distillation_loss` of another head of the same tags learns.

        For each token the probabilities of its tags, for each sentence how often one tag follows
        another: nothing else of the distribution over tag paths is needed.
        """
        expected = self.crf.expectations(emissions, mask, temperature)
        entropy = self.crf.cross_entropy(emissions, expected, mask, temperature)
        return Expectations(expected.tags, expected.moves, entropy)

    def distillation_loss(
        self,
        emissions: Float[Tensor, "batch tokens tags"],
        taught: Expectations,
        mask: Bool[Tensor, "batch tokens"],
        *,
        temperature: float = 1.0,
    ) -> Float[Tensor, ""]:
        """Divergence of the tag paths from the teacher's, exact over all of them."""
        expected = PathExpectations(taught.of_tokens, taught.of_sentences)
        losses = self.crf.cross_entropy(emissions, expected, mask, temperature) - taught.entropy
        return temperature**2 * losses.mean()

    def decode(
        self,
        emissions: Float[Tensor, "batch tokens tags"],
        mask: Bool[Tensor, "batch tokens"],
    ) -> list[list[Entity]]:
        """The entities of the most probable tags, in reading order.

        The confidence of an entity is the probability, over all tag paths, that an entity of this
        type has exactly these borders.
        """
        tags = self.crf.decode(emissions, mask)
        entities = [
            self.tag_set.entities_from_tags(row[:length])
            for row, length in zip(tags.tolist(), mask.sum(1).tolist(), strict=True)
        ]
        candidates = Candidates.from_entities(entities, self.entity_types)
        spans = candidates.spans.to(tags.device)
        types = candidates.types.to(tags.device).unsqueeze(2)
        found = self.span_log_probabilities(emissions, mask, spans, types).squeeze(2)
        confidences = found.exp().clamp(max=1.0).tolist()
        return [
            [replace(entity, confidence=value) for entity, value in zip(row, values, strict=False)]
            for row, values in zip(entities, confidences, strict=True)
        ]
