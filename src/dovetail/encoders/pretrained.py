"""Token vectors from a pretrained transformer: any encoder that the transformers library loads.

The data path: words -> pieces in windows (`pieces.py`) -> states of all layers (`transformer.py`)
-> pooled to tokens -> joined over layers (`layer_mix.py`) -> projected.
Below trained layers, what is cached ends with the states of the last frozen layer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import torch
from jaxtyping import Float
from torch import Tensor, nn

from dovetail.config import PretrainedEncoderConfig
from dovetail.encoders.encoder import Encoder, Features, Words
from dovetail.encoders.layer_mix import ConcatenatedLayers, LastLayer, LayerMix, Layers
from dovetail.encoders.pieces import Pooling
from dovetail.encoders.transformer import Transformer
from dovetail.encoders.transformer_layers import PretrainedLayer
from dovetail.errors import ModelError
from dovetail.layers.dropout import Dropout
from dovetail.layers.piece_states import PieceStates, pool_pieces


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
        self.dropout = Dropout(dropout)
        self._read_layers(projection_dim)

    def _read_layers(self, projection_dim: int | None) -> None:
        """Make what reads all layers that the transformer has."""
        num_layers, width = self.transformer.num_states, self.transformer.hidden_dim
        self.join: nn.Module
        match self.layers:
            case "mix":
                self.join, joined_dim = LayerMix(num_layers), width
            case "concatenated":
                self.join, joined_dim = ConcatenatedLayers(), num_layers * width
            case "last":
                self.join, joined_dim = LastLayer(), width
        self.projection = nn.Linear(joined_dim, projection_dim) if projection_dim else nn.Identity()
        self.output_dim = projection_dim or joined_dim

    @property
    def projection_dim(self) -> int | None:
        """Width of the projection, if there is one."""
        return getattr(self.projection, "out_features", None)

    hands_on = True

    @classmethod
    def build(cls, section: PretrainedEncoderConfig, words: Words) -> Self:
        return cls(
            Transformer.load(
                section.name,
                trained_layers=section.trained_layers,
                layers_read=section.layers_read,
            ),
            pooling=section.pooling,
            layers=section.layers,
            projection_dim=section.projection_dim or None,
            dropout=section.dropout,
        )

    def hand_on(self, count: int) -> list[PretrainedLayer]:
        """Part with the top layers of the transformer, and read those that are left.

        Raises:
            ModelError: as `Transformer.hand_on`.
        """
        layers = self.transformer.hand_on(count)
        self._read_layers(self.projection_dim)
        return layers

    def featurise(self, sentences: Words) -> Features:
        """The features of `PieceTokenizer.featurise`; only ``counts`` has the batch as axis 0."""
        return self.transformer.tokenizer.featurise(sentences, pooling=self.pooling)

    def forward(self, features: Features) -> Float[Tensor, "batch tokens output_dim"]:
        features = self.with_states(features)
        states = features["states"] if "states" in features else self._frozen_states(features)[0]
        if self.transformer.divides and not self.transformer.is_frozen:
            states = torch.cat([states.float(), self._trained_states(features)], dim=2)
        vectors: Tensor = self.projection(self.dropout(self.join(states.float())))
        return vectors.float()

    def states(self, features: Features) -> Float[Tensor, "batch tokens layers dim"] | None:
        """The frozen layers (or the last), pooled to tokens; None if all layers are trained."""
        return self.with_states(features).get("states")

    @torch.no_grad()
    def with_states(self, features: Features) -> Features:
        """The result of `states`, as ``"states"``.

        Below layers that are trained or handed on, all other features stay, and there are
        ``"piece_states"`` (pieces, dim): what the first of those layers reads, of all windows.
        """
        transformer = self.transformer
        if "states" in features or not (transformer.is_frozen or transformer.divides):
            return features
        # Outside of autocast, states are the same for training, for evaluation and for the cache.
        with torch.autocast(features["pieces"].device.type, enabled=False):
            states, piece_states = self._frozen_states(features)
        if transformer.divides:
            return {**features, "states": states, "piece_states": piece_states}
        return {"states": states}

    def split(self, features: Features, lengths: Sequence[int]) -> list[Features]:
        parts = super().split(features, lengths)
        if "piece_states" in features:
            windows = torch.split(features["piece_states"], features["lengths"].tolist())
            rows = features["rows"].tolist()
            for row, part in enumerate(parts):
                own = [window for window, at in zip(windows, rows, strict=True) if at == row]
                part["piece_states"] = torch.cat(own)
        return parts

    def merge(self, sentences: Words, parts: Sequence[Features]) -> Features:
        merged = super().merge(sentences, parts)
        if not self.transformer.divides:
            return merged
        features = self.featurise(sentences)
        remaining = [part["piece_states"] for part in parts]
        windows = []
        for row, length in zip(
            features["rows"].tolist(), features["lengths"].tolist(), strict=True
        ):
            windows.append(remaining[row][:length])
            remaining[row] = remaining[row][length:]
        return {**features, **merged, "piece_states": torch.cat(windows)}

    def _frozen_states(self, features: Features) -> tuple[Tensor, Tensor]:
        """The outputs of `Transformer.forward`, pooled to tokens, and its last layer's pieces."""
        states = self.transformer(
            features["pieces"], features["lengths"], every_layer=self.layers != "last"
        )
        read = states[features["positions"]]
        return pool_pieces(read, features["tokens"], features["counts"]), states[:, -1]

    def _trained_states(self, features: Features) -> Float[Tensor, "batch tokens layers dim"]:
        """The trained layers, pooled to tokens."""
        states = list(self.transformer.top(self._pieces(features)))
        read = states[-1:] if self.layers == "last" else states
        return torch.stack([layer.pooled() for layer in read], dim=2)

    def piece_states(self, features: Features) -> PieceStates | None:
        return self._pieces(features) if self.transformer.handed_layers else None

    def _pieces(self, features: Features) -> PieceStates:
        return PieceStates.from_flat(
            features["piece_states"],
            features["lengths"],
            positions=features["positions"],
            tokens=features["tokens"],
            counts=features["counts"],
        )

    def layers_above(self) -> Mapping[str, int]:
        above = self.transformer.layers_above()
        return {f"transformer.{name}": count for name, count in above.items()}

    def use_fast_precision(self) -> None:
        self.transformer.use_fast_precision()

    def assets(self) -> dict[str, Any]:
        return {
            "kind": "pretrained",
            "name": self.transformer.files.name,
            "sha256": self.transformer.files.sha256,
            "layers_read": self.transformer.layers_read,
            "trained_layers": self.transformer.trained_layers,
            "handed_layers": self.transformer.handed_layers,
            "precision": self.transformer.precision,
            "pooling": self.pooling,
            "layers": self.layers,
            "projection_dim": self.projection_dim,
            "dropout": self.dropout.p,
        }

    @classmethod
    def from_assets(cls, assets: Mapping[str, Any]) -> Self:
        """Find the same pretrained weights again; layers are to be handed on anew.

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
                layers_read=assets.get("layers_read"),  # older models do not say that all are
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
