"""From the section of a strategy that is made of layers to what makes these layers."""

from __future__ import annotations

from dovetail.layers.recurrent import BidirectionalLayer
from dovetail.layers.residual import Residual
from dovetail.layers.sequence import LayerFactory
from dovetail.layers.transformer_layer import TransformerLayer
from dovetail.strategies.layers_config import LayersConfig


def layer_factory(config: LayersConfig) -> LayerFactory:
    """What makes the layers of a placement, all but copies of pretrained ones."""

    def recurrent(width: int) -> BidirectionalLayer:
        return BidirectionalLayer(
            config.cell,
            input_dim=width,
            hidden_dim=config.hidden_dim,
            dropout=config.dropout,
            normalise=config.normalise,
        )

    def transformer(width: int) -> TransformerLayer:
        return TransformerLayer(
            input_dim=width,
            output_dim=2 * config.hidden_dim,
            num_heads=config.attention_heads,
            dropout=config.dropout,
            normalise=config.normalise,
        )

    return transformer if config.cell == "transformer" else recurrent


def without_normalising(config: LayersConfig) -> LayersConfig:
    """The same layers, whose outputs are normalised by what stands behind them."""
    return config.model_copy(update={"normalise": False})


def residual_factory(config: LayersConfig) -> LayerFactory:
    """What makes layers that add to what they read, of twice the config's hidden_dim."""
    make_layer = layer_factory(without_normalising(config))
    if config.cell == "transformer":  # such a layer adds by itself, and normalises before
        return make_layer
    return lambda width: Residual(make_layer(width), normalise=config.normalise)
