"""The interface of entity heads: what they can express, their loss, their predictions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Self

from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from dovetail.heads.rows_of_types import RowsOfTypes
from dovetail.tensors.features import Candidates, Expectations, Targets
from dovetail.text.document import Entity


class EntityHead(nn.Module, ABC):
    """Finds entities in the entity task's stream.

    Between the stream and the entities stand emissions, one or more scores for each token.  What
    they mean is the head's own business, but the mean of the emissions of several heads of the same
    `meaning` has to be emissions again: an ensemble decodes it.
    """

    entity_types: tuple[str, ...]

    @classmethod
    @abstractmethod
    def of_mean(cls, heads: Sequence[Self]) -> Self:
        """A head that decodes the mean of the emissions of these heads, of the same meaning."""

    @property
    @abstractmethod
    def meaning(self) -> Mapping[str, str]:
        """The meaning of the emissions beside the entity types, in words by its name."""

    @abstractmethod
    def expressible(self, entities: Iterable[Entity]) -> list[Entity]:
        """Those of a sentence's entities that the head can find together, in reading order."""

    @property
    @abstractmethod
    def num_labels(self) -> int:
        """How many labels an entity can have, which the relation head embeds."""

    @abstractmethod
    def labels(self, candidates: Candidates) -> Int[Tensor, "batch entities"]:
        """The label of each entity."""

    @abstractmethod
    def label_probabilities(
        self,
        emissions: Float[Tensor, "batch tokens *scores"],
        mask: Bool[Tensor, "batch tokens"],
        candidates: Candidates,
    ) -> Float[Tensor, "batch entities labels"]:
        """Probability of each label at each candidate; passes no gradient."""

    @abstractmethod
    def span_log_probabilities(
        self,
        emissions: Float[Tensor, "batch tokens *scores"],
        mask: Bool[Tensor, "batch tokens"],
        spans: Int[Tensor, "batch spans 2"],
        types: Int[Tensor, "batch spans kinds"],
    ) -> Float[Tensor, "batch spans kinds"]:
        """Log probability that an entity of a type stands exactly there, for some types of each.

        In double precision, and it passes gradients.
        """

    @abstractmethod
    def type_probabilities(
        self,
        emissions: Float[Tensor, "batch tokens *scores"],
        mask: Bool[Tensor, "batch tokens"],
        candidates: Candidates,
    ) -> Float[Tensor, "batch entities types"]:
        """Probability of each type at each candidate, with gradients; the rest is that of none."""

    @property
    @abstractmethod
    def num_token_labels(self) -> int:
        """How many numbers `token_probabilities` gives for a token."""

    @abstractmethod
    def token_probabilities(
        self,
        emissions: Float[Tensor, "batch tokens *scores"],
        mask: Bool[Tensor, "batch tokens"],
    ) -> Float[Tensor, "batch tokens labels"]:
        """The entities that are found at each token, as probabilities, with gradients.

        It is zero in padded positions.
        """

    @abstractmethod
    def forward(
        self, stream: Float[Tensor, "batch tokens input_dim"]
    ) -> Float[Tensor, "batch tokens *scores"]:
        """Emissions: what the other methods read."""

    @abstractmethod
    def loss(
        self,
        emissions: Float[Tensor, "batch tokens *scores"],
        targets: Targets,
        mask: Bool[Tensor, "batch tokens"],
    ) -> Float[Tensor, ""]:
        """Negative log-likelihood of the gold entities, in nats per annotated sentence.

        The candidates of the targets are the gold entities and nothing else.  Per sentence and not
        per token: beside the relation loss, which is a mean over cells, the head would otherwise
        hardly be heard in the shared layers.
        """

    def rows_of_types(self) -> list[RowsOfTypes]:
        """The linear maps in which the entity types have rows of their own; none by default."""
        return []

    @abstractmethod
    def expectations(
        self,
        emissions: Float[Tensor, "batch tokens *scores"],
        mask: Bool[Tensor, "batch tokens"],
        *,
        temperature: float = 1.0,
    ) -> Expectations:
        """The expectations that another head's `distillation_loss` learns; no gradient."""

    @abstractmethod
    def distillation_loss(
        self,
        emissions: Float[Tensor, "batch tokens *scores"],
        taught: Expectations,
        mask: Bool[Tensor, "batch tokens"],
        *,
        temperature: float = 1.0,
    ) -> Float[Tensor, ""]:
        """Divergence of the entities' distribution from the teacher's, in nats per sentence.

        It is KL(teacher, student), both at the temperature, times its square, which keeps the size
        of the gradients (Hinton et al. 2015).
        """

    @abstractmethod
    def decode(
        self,
        emissions: Float[Tensor, "batch tokens *scores"],
        mask: Bool[Tensor, "batch tokens"],
    ) -> list[list[Entity]]:
        """The entities of each sentence with their probabilities, in reading order."""
