"""The sections of the heads, which predict entities and relations from the tasks' streams."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Literal

from pydantic import Field

from dovetail.config.section import Contradiction, Section
from dovetail.config.values import (
    Dropout,
    Fraction,
    Layers,
    OptionalWidth,
    Positive,
    Text,
    Width,
)

Activation = Literal["tanh", "relu", "gelu"]
"""The activation between two linear layers of a head."""


class CrfEntityHeadConfig(Section):
    """A feed-forward layer and a linear-chain CRF over the tags of a sentence.

    Its entities are flat: of two that overlap, the longer one is learned.
    """

    kind: Literal["crf"] = "crf"
    """A tagger, for flat entities."""

    scheme: Literal["bio", "bilou"] = "bio"
    """How entities are written as tags: begin, inside and outside; or also last and unit."""

    hidden_dim: Width = 64
    """Width of the hidden layer."""

    activation: Activation = "tanh"
    """Activation of the hidden layer."""

    dropout: Dropout = 0.0
    """Probability with which a number of the hidden layer's input is dropped in training."""

    threshold: Fraction = 0.0
    """Confidence below which the trained model leaves an entity out, and its relations with it;
    0 takes all that the head finds. Training compares epochs without it."""


class SpanEntityHeadConfig(Section):
    """A scorer of all spans up to a width, for entities that lie within others."""

    kind: Literal["span"] = "span"
    """A scorer of spans, for nested and overlapping entities."""

    max_width: Annotated[int, Field(ge=1, le=4096)] = 12
    """Tokens of the longest entity that can be found; time and memory grow with it."""

    overlaps: Literal["nested", "all", "none"] = "nested"
    """Which entities may share tokens: one that lies within another, any two, or none.
    Of two that may not, the more probable one is found; none has the borders of another."""

    span: Literal["ends", "pooled"] = "ends"
    """Tokens of a span that are read: the first and the last, or these and the maximum over
    all."""

    hidden_dim: Width = 128
    """Width of the hidden layer."""

    activation: Activation = "tanh"
    """Activation of the hidden layer."""

    dropout: Dropout = 0.0
    """Probability with which a number of the hidden layer's input is dropped in training."""

    threshold: Fraction = 0.0
    """Confidence below which the trained model leaves an entity out, and its relations with it;
    0 takes all that the head finds. Training compares epochs without it."""


EntityHeadConfig = Annotated[
    CrfEntityHeadConfig | SpanEntityHeadConfig, Field(discriminator="kind")
]
"""Any of the entity heads; `kind` says which."""


class RelationHeadConfig(Section):
    """The scorer of all ordered pairs of entities, for each relation type.

    The defaults are the scorer of Crone (2020); what is off by default goes beyond it.
    """

    label_dim: OptionalWidth = 25
    """Width of the embedding of an entity's label; 0 for none."""

    labels: Literal["gold", "probabilities", "predicted"] = "gold"
    """Label that is embedded in training: the gold label of each entity, the probabilities that the
    entity head gives to all labels, or the label that it predicts. Of predicted entities,
    probabilities are read where training read them, and else the predicted label."""

    candidates: Literal["gold", "predicted"] = "gold"
    """Between which entities training looks for relations: the gold ones, or besides them what the
    entity head wrongly takes for an entity, with which nothing is related."""

    span: Literal["last", "ends", "pooled"] = "last"
    """Tokens of an entity that are read: the last, the first and the last, or these and the
    maximum over all."""

    width_dim: OptionalWidth = 0
    """Size of an embedding of the number of an entity's tokens; 0 for none."""

    marked_layers: Layers = 0
    """Recurrent layers of the relation task above those of `sharing` that also read which tokens
    belong to entities, and of which types."""

    marked_hidden_dim: Width = 128
    """Width of the state of each direction of these layers."""

    marked_dropout: Dropout = 0.35
    """Probability with which a number that these layers read of a token is dropped in training."""

    between: bool | Literal["attention"] = False
    """Whether the tokens between the two entities are read too: their maximum, or (attention) a
    mean of them whose weights the two entities decide."""

    distance_dim: OptionalWidth = 0
    """Size of the embeddings of the number of tokens and of entities between the two, for either
    order; 0 for none."""

    bilinear_dim: OptionalWidth = 0
    """Rank of a bilinear form of head and tail, which tells directions apart; 0 for none."""

    pair_hidden_dim: OptionalWidth = 0
    """Size of a hidden layer over all that is known of a pair; 0 for none, as in the paper."""

    pair_dropout: Dropout = 0.0
    """Probability with which a number of that hidden layer is dropped in training."""

    hidden_dim: Width = 128
    """Width that head and tail are projected to."""

    activation: Activation = "relu"
    """Activation of the projections."""

    dropout: Dropout = 0.5
    """Probability with which a number of the scorer's input is dropped in training."""

    positive_weight: Positive = 1.0
    """Weight of a relation that holds in the loss; a pair without one has 1."""

    normalisation: Literal["cells", "sentences"] = "cells"
    """Divisor of the loss: the number of cells (pairs, for each relation type that their
    types admit), or the number of sentences, as the entity loss is. Relations then weigh more;
    training.relation_loss_weight says how much."""

    threshold: Fraction | Literal["tuned"] = "tuned"
    """Probability from which a pair counts as a relation, from 0 to 1; `"tuned"` moves that of
    each relation type from 0.5 as far as enough relations of the dev set speak for it, between 0.2
    and 0.8."""

    signatures: Literal["learned", "declared", "off"] = "learned"
    """Which entity types a relation may link: the pairs seen in training, those of `declared`,
    or any."""

    declared: Mapping[Text, tuple[tuple[Text, Text], ...]] = Field(default_factory=dict)
    """The `[head type, tail type]` pairs that each relation type admits, such as
    `{Live_In = [["Peop", "Loc"]]}`; only with `signatures = "declared"`.
    A relation type that is missing here admits every pair."""

    def contradictions(self) -> Iterator[Contradiction]:
        if self.labels != "gold" and not self.label_dim:
            yield Contradiction(
                "labels",
                "with label_dim = 0 no label is read; set label_dim (such as 25), or "
                'labels = "gold"',
            )
        if self.pair_dropout and not self.pair_hidden_dim:
            yield Contradiction(
                "pair_dropout",
                "with pair_hidden_dim = 0 there is no hidden layer to drop from; set "
                "pair_hidden_dim (such as 128), or leave pair_dropout out",
            )
        if self.signatures == "declared" and not self.declared:
            yield Contradiction(
                "declared",
                'signatures = "declared" needs at least one relation type with its '
                '[head type, tail type] pairs; add them, or set signatures = "learned"',
            )
        if self.signatures != "declared" and self.declared:
            yield Contradiction(
                "declared",
                f'signatures = "{self.signatures}" would ignore the pairs declared for '
                f'{", ".join(self.declared)}; set signatures = "declared", or leave them out',
            )
        for relation_type, pairs in self.declared.items():
            if not pairs:
                yield Contradiction(
                    "declared",
                    f"{relation_type} admits no pair and could never be found; "
                    f"give it a pair, or leave it out to admit every pair",
                )
