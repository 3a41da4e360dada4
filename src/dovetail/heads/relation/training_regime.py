"""The training regime of the relation head: what its loss counts, and what is dropped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits


@dataclass(frozen=True)
class TrainingRegime:
    """What holds of the relation head in training only.

    * `dropout`: share of the values of an entity's vector that are set to zero, and of a pair's.
    * `positive_weight`: what a relation that holds counts in the loss, where one that does not
      counts 1.  Among all pairs of entities, few are related.
    * `normalisation`: a loss is divided by the number of `"cells"` or of `"sentences"`.  Among
      cells, all pairs weigh the same in a batch; among sentences, as in the entity loss, a
      sentence with many entities weighs more, and relations altogether weigh more.
    """

    dropout: float = 0.0
    positive_weight: float = 1.0
    normalisation: Literal["cells", "sentences"] = "cells"

    def loss(
        self,
        logits: Float[Tensor, "batch entities entities types"],
        relations: Float[Tensor, "batch entities entities types"],
        possible: Bool[Tensor, "batch entities entities types"],
        annotated: Bool[Tensor, " batch"],
    ) -> Float[Tensor, ""]:
        """Binary cross-entropy of the possible cells of annotated sentences, in nats."""
        counted = possible & annotated[:, None, None, None]
        losses = binary_cross_entropy_with_logits(logits, relations, reduction="none")
        weights = 1 + (self.positive_weight - 1) * relations
        number = counted.sum() if self.normalisation == "cells" else annotated.sum()
        return (losses * weights * counted).sum() / number.clamp(min=1)
