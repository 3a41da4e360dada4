"""From the configs of the heads to the heads, and to what links them."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

from dovetail.config import EntityHeadConfig, RelationHeadConfig, SpanEntityHeadConfig
from dovetail.heads import (
    CrfEntityHead,
    EntityHead,
    EntityLink,
    RelationHead,
    SpanEntityHead,
    TrainingRegime,
)
from dovetail.heads.entity.span_scorer import SpanScorer
from dovetail.heads.marked_layers import MarkedLayers
from dovetail.heads.relation.label_embedding import LabelEmbedding
from dovetail.heads.relation.pair_features import PairFeatures
from dovetail.heads.relation.pair_scorer import PairHiddenLayer, PairScorer
from dovetail.heads.span_vectors import SpanVectors
from dovetail.layers.recurrent import BidirectionalLayer
from dovetail.text.schema import Schema
from dovetail.text.tagging import TagSet


def build_entity_head(
    config: EntityHeadConfig, *, input_dim: int, entity_types: Sequence[str]
) -> EntityHead:
    """The entity head that a config describes."""
    if isinstance(config, SpanEntityHeadConfig):
        scorer = SpanScorer(
            input_dim=input_dim,
            hidden_dim=config.hidden_dim,
            num_types=len(entity_types),
            max_width=config.max_width,
            pooled=config.span == "pooled",
            activation=config.activation,
        )
        return SpanEntityHead(
            entity_types=entity_types,
            scorer=scorer,
            overlaps=config.overlaps,
            dropout=config.dropout,
        )
    return CrfEntityHead(
        input_dim=input_dim,
        hidden_dim=config.hidden_dim,
        tag_set=TagSet(config.scheme, entity_types),
        activation=config.activation,
        dropout=config.dropout,
    )


def build_link(config: RelationHeadConfig, *, token_dim: int, num_types: int) -> EntityLink:
    """The link that tells the relation head of a sentence's entities, as the config says."""
    if not config.marked_layers:
        return EntityLink(config.labels, config.candidates)

    def make_layer(width: int) -> BidirectionalLayer:
        return BidirectionalLayer(
            "gru", input_dim=width, hidden_dim=config.marked_hidden_dim, normalise=True
        )

    marked = MarkedLayers(
        make_layer,
        token_dim=token_dim,
        num_types=num_types,
        num_layers=config.marked_layers,
        dropout=config.marked_dropout,
    )
    return EntityLink(config.labels, config.candidates, marked)


def build_relation_head(
    config: RelationHeadConfig, *, input_dim: int, num_labels: int, schema: Schema
) -> RelationHead:
    """The relation head that a config describes."""
    num_types = len(schema.coded.relation_types)
    spans = SpanVectors(input_dim, config.span, config.width_dim)
    entity_dim = spans.output_dim + config.label_dim
    pairs = PairFeatures(
        token_dim=input_dim,
        entity_dim=entity_dim,
        between=config.between,
        distance_dim=config.distance_dim,
        bilinear_dim=config.bilinear_dim,
    )
    hidden = None
    if config.pair_hidden_dim:
        hidden = PairHiddenLayer(
            input_dim=config.pair_hidden_dim,
            num_types=num_types,
            activation=config.activation,
            dropout=config.pair_dropout,
        )
    scorer = PairScorer(
        input_dim=entity_dim,
        hidden_dim=config.hidden_dim,
        num_types=num_types,
        activation=config.activation,
        feature_dim=pairs.output_dim,
        hidden=hidden,
    )
    return RelationHead(
        labels=LabelEmbedding(num_labels, config.label_dim),
        spans=spans,
        pairs=pairs if pairs.output_dim else None,
        scorer=scorer,
        schema=schema,
        regime=TrainingRegime(config.dropout, config.positive_weight, config.normalisation),
    )


def build_linked_relation_head(
    config: RelationHeadConfig, *, token_dim: int, num_labels: int, schema: Schema
) -> tuple[RelationHead, EntityLink]:
    """The relation head that a config describes, and the link that tells it of entities.

    Args:
        config: of both.
        token_dim: width of the relation stream.
        num_labels: number of labels that the entity head gives.
        schema: the types that entities have, and relations.
    """
    link = build_link(config, token_dim=token_dim, num_types=len(schema.coded.entity_types))
    with warnings.catch_warnings():
        # A corpus without relations leaves nothing to be drawn for their types.
        warnings.filterwarnings("ignore", "Initializing zero-element tensors")
        relation_head = build_relation_head(
            config,
            input_dim=token_dim if link.marked is None else link.marked.output_dim,
            num_labels=num_labels,
            schema=schema,
        )
    return relation_head, link
