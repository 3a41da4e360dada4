"""The relation scorer of Crone (2020), over ordered pairs of a sentence's entities."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import normalize

from dovetail.heads.activations import ACTIVATIONS
from dovetail.heads.relation.candidate_pairs import Pairs
from dovetail.heads.rows_of_types import RowsOfTypes
from dovetail.layers.dropout import Dropout


class PairHiddenLayer(nn.Sequential):
    """From the sum over all parts of a pair to its types.

    Args:
        input_dim: width of the sum.
        num_types: number of relation types.
        activation: one of `ACTIVATIONS`.
        dropout: share of the hidden layer's values that training sets to zero.
    """

    def __init__(
        self, *, input_dim: int, num_types: int, activation: str = "relu", dropout: float = 0.0
    ) -> None:
        hidden = nn.Sequential(ACTIVATIONS[activation](), Dropout(dropout))
        super().__init__(hidden, nn.Linear(input_dim, num_types))
        self.input_dim = input_dim
        self.activation, self.dropout = activation, dropout

    def another(self, *, num_types: int) -> PairHiddenLayer:
        """A new layer of the same kind, for so many types."""
        return PairHiddenLayer(
            input_dim=self.input_dim,
            num_types=num_types,
            activation=self.activation,
            dropout=self.dropout,
        )


class PairScorer(nn.Module):
    """Scores ordered pairs of entities for every relation type.

    With g the entities' vectors, f = FF(g) their projections and m_r a vector for relation r,

        score(i, j) = W [f_i; f_j; cos(f_i, f_j); (g_i * m_1) . g_j; …; (g_i * m_R) . g_j] + b,

    after Crone (2020), section 3.  DistMult with a diagonal matrix is symmetric in i and j, so the
    direction of a relation comes from the first two parts of W alone.

    Two things beyond the paper can be switched on: features of the pair as one more part beside the
    others, and a hidden layer between all parts and the types.

    Args:
        input_dim: width of an entity's vector g.
        hidden_dim: width of its projection f.
        num_types: number of relation types.
        activation: one of `ACTIVATIONS`.
        feature_dim: width of the features of a pair; 0 for none.
        hidden: the hidden layer; None for the paper's linear layer.
    """

    def __init__(
        self,
        *,
        input_dim: int,
        hidden_dim: int,
        num_types: int,
        activation: str = "relu",
        feature_dim: int = 0,
        hidden: PairHiddenLayer | None = None,
    ) -> None:
        super().__init__()
        self.projection = nn.Sequential(nn.Linear(input_dim, hidden_dim), ACTIVATIONS[activation]())
        self.diagonals = nn.Parameter(torch.empty(num_types, input_dim))
        nn.init.normal_(self.diagonals, std=input_dim**-0.5)
        # The layer over all parts of a pair is the sum of one layer over each part, so their
        # concatenation for all pairs never has to be stored.
        width = num_types if hidden is None else hidden.input_dim
        self.as_head = nn.Linear(hidden_dim, width)
        self.as_tail = nn.Linear(hidden_dim, width, bias=False)
        self.as_cosine = nn.Parameter(torch.zeros(width))
        self.as_product = nn.Linear(num_types, width, bias=False)
        self.as_features = nn.Linear(feature_dim, width, bias=False) if feature_dim else None
        self.output = nn.Identity() if hidden is None else hidden
        self.activation = activation

    def another(self, *, num_types: int) -> PairScorer:
        """A new scorer of the same pairs, with weights of its own, for so many types."""
        hidden = self.output if isinstance(self.output, PairHiddenLayer) else None
        return PairScorer(
            input_dim=self.diagonals.shape[1],
            hidden_dim=self.as_head.in_features,
            num_types=num_types,
            activation=self.activation,
            feature_dim=0 if self.as_features is None else self.as_features.in_features,
            hidden=None if hidden is None else hidden.another(num_types=num_types),
        )

    def rows_of_types(self) -> list[RowsOfTypes]:
        """A row for each type, in the map after the hidden layer or in each of the paper's.

        The weights of the cosine and of the products are left out: there are as many products as
        types.
        """
        rows = torch.arange(len(self.diagonals)).unsqueeze(1)
        if isinstance(self.output, PairHiddenLayer):
            return [RowsOfTypes(self.output, "1", rows)]
        names = ["as_head", "as_tail"] + ["as_features"] * (self.as_features is not None)
        return [RowsOfTypes(self, name, rows) for name in names]

    def forward(
        self,
        entities: Float[Tensor, "batch entities input_dim"],
        pairs: Pairs,
        features: Float[Tensor, "pairs feature_dim"] | None = None,
    ) -> Float[Tensor, "pairs types"]:
        """The logits of each pair, by relation type."""
        projected = self.projection(entities)
        heads, tails = self.as_head(projected), self.as_tail(projected)
        directions = normalize(projected, dim=2, eps=1e-8)
        cosine = (pairs.of_heads(directions) * pairs.of_tails(directions)).sum(1, keepdim=True)
        products = (pairs.of_heads(entities) * pairs.of_tails(entities)) @ self.diagonals.t()
        scores = pairs.of_heads(heads) + pairs.of_tails(tails)
        scores = scores + cosine * self.as_cosine + self.as_product(products)
        if self.as_features is not None:
            scores = scores + self.as_features(features)
        return self.output(scores)
