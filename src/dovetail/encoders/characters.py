"""A recurrent network over the characters of each word (Lample et al. 2016)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence

from dovetail.config import CharactersEncoderConfig
from dovetail.encoders.encoder import Encoder, Features, Words, listed_texts, padded_indices
from dovetail.layers.dropout import Dropout
from dovetail.text.vocabulary import UNKNOWN_INDEX, Vocabulary

END_CHARACTERS = 24
"""Of a word longer than twice this, so many characters from either end are read."""


def character_vocabulary(sentences: Words) -> Vocabulary:
    """The characters that occur at least twice in training sentences.

    Those that occur once are unknown in training too, so that the unknown vector is learned.
    """
    return Vocabulary.from_occurrences(
        (character for words in sentences for word in words for character in word),
        minimum_count=2,
    )


class CharacterEncoder(Encoder):
    """The last states of a bidirectional GRU: after the last character, and before the first.

    Each distinct word of a batch is encoded once.

    Args:
        vocabulary: the known characters, as from `character_vocabulary`.
        embedding_dim: width of a character's vector.
        hidden_dim: width of the state of each direction.
        dropout: share of the output that is dropped in training.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        *,
        embedding_dim: int = 32,
        hidden_dim: int = 32,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.vocabulary = vocabulary
        self.embedding = nn.Embedding(len(vocabulary), embedding_dim)
        self.rnn = nn.GRU(embedding_dim, hidden_dim, batch_first=True, bidirectional=True)
        self.dropout = Dropout(dropout)
        self.output_dim = 2 * hidden_dim

    @classmethod
    def build(cls, section: CharactersEncoderConfig, words: Words) -> Self:
        return cls(
            character_vocabulary(words),
            embedding_dim=section.embedding_dim,
            hidden_dim=section.hidden_dim,
            dropout=section.dropout,
        )

    def featurise(self, sentences: Words) -> Features:
        """Spell the distinct words of a batch.

        Returns:
            ``characters`` (words, longest) and ``lengths`` (words), by descending length, and
            ``words`` (batch, tokens), the row of each token's word in them.
        """
        distinct = {word for words in sentences for word in words} or {""}
        spellings = {word: self._spelling(word) for word in distinct}
        ordered = sorted(distinct, key=lambda word: (-len(spellings[word]), word))
        row_by_word = {word: row for row, word in enumerate(ordered)}
        return {
            "characters": padded_indices([spellings[word] for word in ordered]),
            "lengths": torch.tensor([len(spellings[word]) for word in ordered]),
            "words": padded_indices([[row_by_word[word] for word in words] for words in sentences]),
        }

    def _spelling(self, word: str) -> list[int]:
        if len(word) > 2 * END_CHARACTERS:
            word = word[:END_CHARACTERS] + word[-END_CHARACTERS:]
        return self.vocabulary.indices(word) or [UNKNOWN_INDEX]

    def forward(self, features: Features) -> Float[Tensor, "batch tokens output_dim"]:
        # Packed, the backward direction starts at the last character and not in the padding.
        characters = pack_padded_sequence(
            self.embedding(features["characters"]), features["lengths"].cpu(), batch_first=True
        )
        _, (forwards, backwards) = self.rnn(characters)  # each (words, hidden)
        vectors = torch.cat([forwards, backwards], dim=-1)
        return self.dropout(vectors[features["words"]])

    def assets(self) -> dict[str, Any]:
        return {
            "kind": "characters",
            "characters": self.vocabulary.to_list(),
            "embedding_dim": self.embedding.embedding_dim,
            "hidden_dim": self.rnn.hidden_size,
            "dropout": self.dropout.p,
        }

    @classmethod
    def from_assets(cls, assets: Mapping[str, Any]) -> Self:
        own = ("embedding_dim", "hidden_dim", "dropout")
        return cls(
            Vocabulary(listed_texts(assets, "characters")), **{name: assets[name] for name in own}
        )
