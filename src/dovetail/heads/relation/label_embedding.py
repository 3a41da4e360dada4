"""Embeddings of labels, given as indices or as probabilities."""

from __future__ import annotations

from jaxtyping import Float, Int
from torch import Tensor, nn


class LabelEmbedding(nn.Embedding):
    """A vector for each label; labels given as probabilities give the expected vector.

    Args:
        num_labels: number of labels.
        dim: width of an embedding; 0 for none.
    """

    def __init__(self, num_labels: int, dim: int) -> None:
        super().__init__(num_labels, dim)
        if dim:
            nn.init.xavier_uniform_(self.weight)

    def forward(
        self, labels: Int[Tensor, "batch entities"] | Float[Tensor, "batch entities labels"]
    ) -> Float[Tensor, "batch entities dim"]:
        """The vector of each label."""
        if labels.is_floating_point():
            return labels @ self.weight
        return super().forward(labels)
