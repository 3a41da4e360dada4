"""Token vectors from a pretrained transformer: any encoder that the transformers library loads.

The data path: words -> pieces in windows (`pieces.py`) -> states of all layers (`transformer.py`)
-> pooled to tokens -> joined over layers (`layer_mix.py`) -> projected.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from dovetail.encoders.encoder import Encoder, Features, Words
from dovetail.encoders.layer_mix import ConcatenatedLayers, LastLayer, LayerMix, Layers
from dovetail.encoders.pieces import Pooling
from dovetail.encoders.transformer import Transformer
from dovetail.errors import ModelError


class PretrainedEncoder(Encoder):
    """Pools the pieces of each token and joins the layers.

    Args:
        transformer: the pretrained layers, frozen or not.
        pooling: which pieces make a token.
        layers: what is read of the layers, that of the embeddings included.
        projection_dim: width of a learned linear layer on top; None leaves it out.
        dropout: share of what is read of the layers that is dropped in training.
    """

    def __init__(
        self,
        transformer: Transformer,
        *,
        pooling: Pooling = "first",
        layers: Layers = "mix",
        projection_dim: int | None = None,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.transformer = transformer
        self.pooling = pooling
        self.layers = layers
        self.join, joined_dim = self._join(layers)
        self.projection = nn.Linear(joined_dim, projection_dim) if projection_dim else nn.Identity()
        self.dropout = nn.Dropout(dropout)
        self.output_dim = projection_dim or joined_dim

    def _join(self, layers: Layers) -> tuple[nn.Module, int]:
        """The module that reads the layers, and the width of what it puts out."""
        num_layers, width = self.transformer.num_states, self.transformer.hidden_dim
        match layers:
            case "mix":
                return LayerMix(num_layers), width
            case "concatenated":
                return ConcatenatedLayers(), num_layers * width
            case "last":
                return LastLayer(), width

    def featurise(self, sentences: Words) -> Features:
        """The features of `PieceTokenizer.featurise`; only ``counts`` has the batch as axis 0."""
        return self.transformer.tokenizer.featurise(sentences, pooling=self.pooling)

    def forward(self, features: Features) -> Float[Tensor, "batch tokens output_dim"]:
        states = features.get("states")
        if states is None:
            states = self.states(features)
        if states is None:
            states = self._token_states(features)
        vectors: Tensor = self.projection(self.dropout(self.join(states.float())))
        return vectors.float()

    @torch.no_grad()
    def states(self, features: Features) -> Float[Tensor, "batch tokens layers dim"] | None:
        """All layers (or the last) of a frozen transformer, pooled to tokens; None if trained."""
        if not self.transformer.is_frozen:
            return None
        # Outside of autocast, states are the same for training, for evaluation and for the cache.
        with torch.autocast(features["pieces"].device.type, enabled=False):
            return self._token_states(features)

    def _token_states(self, features: Features) -> Tensor:
        states = self.transformer(
            features["pieces"], features["lengths"], every_layer=self.layers != "last"
        )
        return pool_pieces(states[features["positions"]], features["tokens"], features["counts"])

    def assets(self) -> dict[str, Any]:
        return {
            "kind": "pretrained",
            "name": self.transformer.files.name,
            "sha256": self.transformer.files.sha256,
            "trained_layers": self.transformer.trained_layers,
            "precision": self.transformer.precision,
            "pooling": self.pooling,
            "layers": self.layers,
            "projection_dim": getattr(self.projection, "out_features", None),
            "dropout": self.dropout.p,
        }

    @classmethod
    def from_assets(cls, assets: Mapping[str, Any]) -> Self:
        """Find the same pretrained weights again.

        Raises:
            MissingExtraError: if the encoder's package is not installed.
            ModelError: if the weights are missing or have another digest, or no digest is known.
        """
        if not isinstance(assets["sha256"], str):
            raise ModelError(
                f"the saved model does not say which weights of {assets['name']!r} it stands on: "
                f"expected their sha256, found {assets['sha256']!r}"
            )
        try:
            transformer = Transformer.load(
                assets["name"],
                sha256=assets["sha256"],
                trained_layers=assets["trained_layers"],
                precision=assets["precision"],
            )
        except ModelError as error:
            raise ModelError(
                f"the saved model stands on the encoder {assets['name']!r}, which is not stored "
                f"with it: {error}"
            ) from error
        own = ("pooling", "layers", "projection_dim", "dropout")
        return cls(transformer, **{name: assets[name] for name in own})

    def unstored_names(self) -> frozenset[str]:
        """Whatever of the transformer is not trained: its name and digest are enough."""
        return frozenset(f"transformer.{name}" for name in self.transformer.frozen_names())


def pool_pieces(
    states: Float[Tensor, "read layers dim"],
    tokens: Int[Tensor, " read"],
    counts: Int[Tensor, "batch tokens"],
) -> Float[Tensor, "batch tokens layers dim"]:
    """Average the pieces of each token; padded tokens, which have none, are zero."""
    sums = states.new_zeros(counts.numel(), *states.shape[1:]).index_add(0, tokens, states)
    means = sums / counts.flatten().clamp(min=1).to(states.dtype)[:, None, None]
    return means.reshape(*counts.shape, *states.shape[1:])
