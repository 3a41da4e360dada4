"""Token vectors from a pretrained transformer: any encoder that the transformers library loads.

The data path: words -> pieces in windows (`pieces.py`) -> states of all layers (`transformer.py`)
-> pooled to tokens -> mixed over layers (`layer_mix.py`) -> projected.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from dovetail.encoders.encoder import Encoder, Features, Words
from dovetail.encoders.layer_mix import LayerMix
from dovetail.encoders.pieces import Pooling
from dovetail.encoders.transformer import Transformer


class PretrainedEncoder(Encoder):
    """Pools the pieces of each token and mixes the layers.

    Args:
        transformer: the pretrained layers, frozen or not.
        pooling: which pieces make a token.
        mix_layers: learn a mix of all layers, the embedding layer included, instead of reading
            the last one alone.
        projection_dim: width of a learned linear layer on top; None leaves it out.
        dropout: share of the output that is dropped in training.
    """

    def __init__(
        self,
        transformer: Transformer,
        *,
        pooling: Pooling = "first",
        mix_layers: bool = True,
        projection_dim: int | None = None,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.transformer = transformer
        self.pooling = pooling
        self.mix = LayerMix(transformer.num_states) if mix_layers else None
        self.projection = (
            nn.Linear(transformer.hidden_dim, projection_dim) if projection_dim else None
        )
        self.dropout = nn.Dropout(dropout)
        self.output_dim = projection_dim or transformer.hidden_dim

    def featurise(self, sentences: Words) -> Features:
        """The features of `PieceTokenizer.featurise`; only ``counts`` has the batch as axis 0."""
        return self.transformer.tokenizer.featurise(sentences, pooling=self.pooling)

    def forward(self, features: Features) -> Float[Tensor, "batch tokens output_dim"]:
        states = features.get("states")
        if states is None:
            states = self.states(features)
        if states is None:
            states = self._token_states(features)
        states = states.float()
        vectors = states[:, :, -1] if self.mix is None else self.mix(states)
        return self.dropout(vectors if self.projection is None else self.projection(vectors))

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
            features["pieces"], features["lengths"], every_layer=self.mix is not None
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
            "mix_layers": self.mix is not None,
            "projection_dim": None if self.projection is None else self.projection.out_features,
            "dropout": self.dropout.p,
        }

    @classmethod
    def from_assets(cls, assets: Mapping[str, Any]) -> Self:
        """Find the same pretrained weights again.

        Raises:
            MissingExtraError: if the encoder's package is not installed.
            ModelError: if the weights are missing or have another digest.
        """
        transformer = Transformer.load(
            assets["name"],
            sha256=assets["sha256"],
            trained_layers=assets["trained_layers"],
            precision=assets["precision"],
        )
        own = ("pooling", "mix_layers", "projection_dim", "dropout")
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
