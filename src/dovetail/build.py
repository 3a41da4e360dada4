"""From a config to a model: the only place that sees both configs and classes.

Boring on purpose.  Networks take plain numbers, so each function here names what goes where.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from dovetail.config import (
    BottomSharingConfig,
    BrownEncoderConfig,
    CasingEncoderConfig,
    CharactersEncoderConfig,
    Config,
    DepthSharingConfig,
    ElmoEncoderConfig,
    EncoderConfig,
    EntityHeadConfig,
    ExitsSharingConfig,
    PretrainedEncoderConfig,
    RelationHeadConfig,
    SharingConfig,
    SpanEntityHeadConfig,
    StaticEncoderConfig,
)
from dovetail.document import ENTITY_TASK, RELATION_TASK
from dovetail.encoders import (
    BrownEncoder,
    CasingEncoder,
    CharacterEncoder,
    ConcatenatedEncoder,
    ElmoEncoder,
    Encoder,
    PretrainedEncoder,
    StaticEncoder,
    Transformer,
    character_vocabulary,
    read_brown_paths,
    read_word_vectors,
)
from dovetail.heads import (
    CrfEntityHead,
    EntityHead,
    EntityLink,
    RelationHead,
    SpanEntityHead,
    TrainingRegime,
)
from dovetail.layers.label_embedding import LabelEmbedding
from dovetail.layers.marked import MarkedLayers
from dovetail.layers.pair_features import PairFeatures
from dovetail.layers.pair_scorer import PairHiddenLayer, PairScorer
from dovetail.layers.recurrent import BidirectionalLayer
from dovetail.layers.span_scorer import SpanScorer
from dovetail.layers.span_vectors import SpanVectors
from dovetail.model import JointModel
from dovetail.schema import Schema
from dovetail.sharing import (
    SharedLayersWithExits,
    SharingBlock,
    bottom,
    depth,
    depth_of_copies,
    exits_of_copies,
)
from dovetail.tagging import TagSet

Words = Sequence[Sequence[str]]


def build_model(config: Config, schema: Schema, *, words: Words) -> JointModel:
    """A new model with random weights; `words` are the tokens of the training sentences.

    Raises:
        ModelError: if a pretrained encoder cannot be found.
    """
    encoders = [build_encoder(encoder, words) for encoder in config.encoders]
    return assemble(config, schema, ConcatenatedEncoder(encoders))


def restore_model(
    config: Config, schema: Schema, assets: Iterable[Mapping[str, Any]]
) -> JointModel:
    """A model like the saved one, ready to take its weights.

    Raises:
        ModelError: if an encoder that it stands on is missing, or is not the same any more.
    """
    return assemble(config, schema, ConcatenatedEncoder.from_assets(assets))


def assemble(config: Config, schema: Schema, encoder: ConcatenatedEncoder) -> JointModel:
    """Put sharing and heads of the widths that fit on an encoder."""
    if config.sharing.cell == "pretrained":
        sharing = build_copied_layers(config.sharing, encoder)
    else:
        sharing = build_sharing(config.sharing, input_dim=encoder.output_dim)
    entity_head = build_entity_head(
        config.entity_head,
        input_dim=sharing.output_dims[ENTITY_TASK],
        entity_types=schema.entity_types,
    )
    relation_dim = sharing.output_dims[RELATION_TASK]
    link = build_link(
        config.relation_head, token_dim=relation_dim, num_types=len(schema.entity_types)
    )
    return JointModel(
        encoder=encoder,
        sharing=sharing,
        entity_head=entity_head,
        relation_head=build_relation_head(
            config.relation_head,
            input_dim=relation_dim if link.marked is None else link.marked.output_dim,
            num_labels=entity_head.num_labels,
            schema=schema,
        ),
        link=link,
    )


def build_encoder(config: EncoderConfig, words: Words) -> Encoder:
    """The encoder that a config describes."""
    match config:
        case PretrainedEncoderConfig():
            return PretrainedEncoder(
                Transformer.load(config.name, trained_layers=config.trained_layers),
                pooling=config.pooling,
                layers=config.layers,
                projection_dim=config.projection_dim or None,
                dropout=config.dropout,
            )
        case ElmoEncoderConfig():
            return ElmoEncoder.load(config.options, config.weights, dropout=config.dropout)
        case StaticEncoderConfig():
            vectors = read_word_vectors(
                config.path, vocabulary=config.vocabulary, max_words=config.max_words
            )
            return StaticEncoder(vectors, lowercase=config.lowercase, dropout=config.dropout)
        case BrownEncoderConfig():
            return BrownEncoder(
                read_brown_paths(config.path),
                prefixes=config.prefixes,
                whole_path=config.whole_path,
                embedding_dim=config.embedding_dim,
            )
        case CharactersEncoderConfig():
            return CharacterEncoder(
                character_vocabulary(words),
                embedding_dim=config.embedding_dim,
                hidden_dim=config.hidden_dim,
                dropout=config.dropout,
            )
        case CasingEncoderConfig():
            return CasingEncoder()


def build_sharing(config: SharingConfig, *, input_dim: int) -> SharingBlock:
    """The placement that a config describes, over token vectors of this width."""

    def make_layer(width: int) -> BidirectionalLayer:
        return BidirectionalLayer(
            config.cell,
            input_dim=width,
            hidden_dim=config.hidden_dim,
            dropout=config.dropout,
            normalise=config.normalise,
        )

    if isinstance(config, ExitsSharingConfig):
        exits = {ENTITY_TASK: config.entity_exit, RELATION_TASK: config.relation_exit}
        return SharedLayersWithExits(make_layer, input_dim=input_dim, exits=exits)
    own = {ENTITY_TASK: config.entity_layers, RELATION_TASK: config.relation_layers}
    place = bottom if isinstance(config, BottomSharingConfig) else depth
    return place(make_layer, input_dim=input_dim, own=own, shared=config.shared_layers)


def build_copied_layers(
    config: DepthSharingConfig | ExitsSharingConfig, encoder: ConcatenatedEncoder
) -> SharingBlock:
    """The placement that a config describes, of copies of the pretrained encoder's top layers.

    The encoder parts with as many layers as the deepest path has.

    Raises:
        ModelError: if the encoder has fewer layers, or they do not run by themselves.
    """
    if isinstance(config, ExitsSharingConfig):
        exits = {ENTITY_TASK: config.entity_exit, RELATION_TASK: config.relation_exit}
        layers = encoder.hand_on(max(exits.values()))
        dims = {"input_dim": encoder.output_dim, "piece_dim": layers[0].output_dim}
        return exits_of_copies(layers, exits=exits, **dims)
    own = {ENTITY_TASK: config.entity_layers, RELATION_TASK: config.relation_layers}
    layers = encoder.hand_on(config.shared_layers + max(own.values()))
    dims = {"input_dim": encoder.output_dim, "piece_dim": layers[0].output_dim}
    return depth_of_copies(layers, shared=config.shared_layers, own=own, **dims)


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
    """What the config says that the relation head is told of a sentence's entities."""
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
    num_types = len(schema.relation_types)
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
