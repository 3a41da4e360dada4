"""Static word vectors (GloVe, word2vec, fastText): looked up, never trained."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from dovetail.config import StaticEncoderConfig
from dovetail.encoders.encoder import Encoder, Features, Words, listed_texts, padded_indices
from dovetail.encoders.word_vectors import WordVectors, read_word_vectors
from dovetail.layers.dropout import Dropout
from dovetail.text.vocabulary import Vocabulary


class StaticEncoder(Encoder):
    """Looks each word up, as it stands and then in lower case.

    The vectors are fp16 and are saved with a model, so that it works where their file is not:
    2 bytes for each number, 10 MB for 100,000 words of 50 dimensions.

    Args:
        word_vectors: words, vectors and the vector of all other words.
        lowercase: look a word that is not known up in lower case.
        dropout: share of the output that is dropped in training.
    """

    vectors: Tensor

    def __init__(
        self, word_vectors: WordVectors, *, lowercase: bool = True, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.vocabulary = Vocabulary(word_vectors.words)
        self.lowercase = lowercase
        self.output_dim = word_vectors.dim
        # Row 0 is the vector of unknown words, as index 0 of a vocabulary is.
        rows = torch.empty(len(word_vectors.words) + 1, word_vectors.dim, dtype=torch.float16)
        np.concatenate([word_vectors.unknown[None], word_vectors.vectors], out=rows.numpy())
        self.register_buffer("vectors", rows)
        self.dropout = Dropout(dropout)

    @classmethod
    def build(cls, section: StaticEncoderConfig, words: Words) -> Self:
        vectors = read_word_vectors(
            section.path, vocabulary=section.vocabulary, max_words=section.max_words
        )
        return cls(vectors, lowercase=section.lowercase, dropout=section.dropout)

    def featurise(self, sentences: Words) -> Features:
        """``words`` (batch, tokens): the row of each word."""
        return {"words": padded_indices([list(map(self._index, words)) for words in sentences])}

    def _index(self, word: str) -> int:
        candidates = (word, word.lower()) if self.lowercase else (word,)
        return self.vocabulary.index_of_first_known(candidates)

    def forward(self, features: Features) -> Float[Tensor, "batch tokens output_dim"]:
        return self.dropout(functional.embedding(features["words"], self.vectors).float())

    def assets(self) -> dict[str, Any]:
        return {
            "kind": "static",
            "words": self.vocabulary.to_list(),
            "dim": self.output_dim,
            "lowercase": self.lowercase,
            "dropout": self.dropout.p,
        }

    @classmethod
    def from_assets(cls, assets: Mapping[str, Any]) -> Self:
        """An encoder of zero vectors, to be filled by `load_stored_state`."""
        words, dim = listed_texts(assets, "words"), assets["dim"]
        zero = np.zeros((), dtype=np.float16)  # which takes the room of one number
        empty = WordVectors(
            words, np.broadcast_to(zero, (len(words), dim)), np.broadcast_to(zero, (dim,))
        )
        return cls(empty, lowercase=assets["lowercase"], dropout=assets["dropout"])
