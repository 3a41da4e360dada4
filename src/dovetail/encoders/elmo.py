"""Token vectors from ELMo (Peters et al. 2018), read from its published files, frozen.

The data path: words -> characters, and tokens packed over sentences (`featurise`) -> states of all
layers (`elmo_network.py`) -> joined over layers (`layer_mix.py`).

Every sentence starts from a zero state.  The published programs go on from the last state of the
batch before, so that what a sentence gets depends on what was read earlier; here it depends on the
sentence alone, as it does there for the very first batch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from dovetail.config import ElmoEncoderConfig
from dovetail.encoders.elmo_files import ElmoFiles, ElmoOptions, find_elmo, read_elmo_weights
from dovetail.encoders.elmo_network import language_model
from dovetail.encoders.encoder import Encoder, Features, Words, padded_indices
from dovetail.encoders.layer_mix import LayerMix
from dovetail.encoders.precision import Precision, dtype_of_precision
from dovetail.errors import ModelError
from dovetail.layers.dropout import Dropout

# Characters are the bytes of a word's UTF-8, and these.
BEGIN_SENTENCE, END_SENTENCE, BEGIN_WORD, END_WORD, PADDING = range(256, 261)


class ElmoEncoder(Encoder):
    """A learned weighted mean of the layers of a frozen bidirectional language model.

    Args:
        files: options and weights.
        precision: the type of the weights; the memory cells are fp32 in any case.
        dropout: share of the output that is dropped in training.

    Raises:
        MissingExtraError: if h5py is not installed.
        ModelError: if the weights do not fit the options.
    """

    def __init__(
        self, files: ElmoFiles, *, precision: Precision = "auto", dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.files, self.precision = files, precision
        self.model = language_model(
            files.options, read_elmo_weights(files), dtype=dtype_of_precision(precision)
        )
        self.join = LayerMix(self.model.num_layers)
        self.dropout = Dropout(dropout)
        self.output_dim = self.model.output_dim

    @classmethod
    def load(cls, options: Path, weights: Path, *, dropout: float = 0.0) -> Self:
        """Read the published files.

        Raises:
            MissingExtraError: if h5py is not installed.
            ModelError: if a file is missing or damaged, or they do not fit together.
        """
        return cls(find_elmo(ElmoOptions.read(options), weights), dropout=dropout)

    @classmethod
    def build(cls, section: ElmoEncoderConfig, words: Words) -> Self:
        return cls.load(section.options, section.weights, dropout=section.dropout)

    def featurise(self, sentences: Words) -> Features:
        """Spell the distinct words of a batch, and pack its sentences with begin and end.

        Returns:
            ``characters`` (words, characters): spellings, of which the first two are the begin
            and the end of a sentence;
            ``words``, ``reversal`` (packed) and ``counts`` (steps): see
            `BidirectionalLanguageModel.forward`;
            ``tokens`` (batch, tokens): the place of each token in the packed ones.
        """
        distinct = sorted({word for words in sentences for word in words})
        row_by_word = {word: row for row, word in enumerate(distinct, start=2)}
        rows = [[0, *(row_by_word[word] for word in words), 1] for words in sentences]
        return {"characters": self._characters(distinct), **_packed(rows)}

    def _characters(self, words: Sequence[str]) -> Tensor:
        options = self.files.options.char_cnn
        limit = options.max_characters_per_token
        spellings: list[Sequence[int]] = [
            [BEGIN_SENTENCE],
            [END_SENTENCE],
            *(word.encode("utf-8", errors="ignore")[: limit - 2] for word in words),
        ]
        rows = [[BEGIN_WORD, *spelling, END_WORD] for spelling in spellings]
        characters = padded_indices(rows, padding=PADDING)
        # The model was trained on words padded to the limit.  Behind the longest word a filter
        # sees the same at every place, so one such place is enough for the same largest value.
        length = min(characters.shape[1] + options.widest_filter, limit)
        return functional.pad(characters, (0, length - characters.shape[1]), value=PADDING)

    def forward(self, features: Features) -> Float[Tensor, "batch tokens output_dim"]:
        states = features.get("states")
        if states is None:
            states = self.states(features)
        vectors: Tensor = self.dropout(self.join(states.float()))
        return vectors

    @torch.no_grad()
    def states(self, features: Features) -> Float[Tensor, "batch tokens layers output_dim"]:
        """All layers, that of the words first; padded tokens have those of some other token."""
        counts = features["counts"].tolist()
        # Outside of autocast, states are the same for training, for evaluation and for the cache.
        with torch.autocast(features["words"].device.type, enabled=False):
            packed = self.model(
                features["characters"], features["words"], features["reversal"], counts
            )
        return packed[features["tokens"]]

    def assets(self) -> dict[str, Any]:
        return {
            "kind": "elmo",
            "weights": str(self.files.path),
            "sha256": self.files.sha256,
            "options": self.files.options.model_dump(mode="json"),
            "precision": self.precision,
            "dropout": self.dropout.p,
        }

    @classmethod
    def from_assets(cls, assets: Mapping[str, Any]) -> Self:
        """Find the same weights again; the options are in the assets.

        Raises:
            MissingExtraError: if h5py is not installed.
            ModelError: if the weights are missing or have another digest, or no digest is known.
        """
        path, sha256 = Path(assets["weights"]), assets["sha256"]
        if not isinstance(sha256, str):
            raise ModelError(
                f"the saved model does not say which weights of ELMo it stands on: "
                f"expected their sha256, found {sha256!r}"
            )
        options = ElmoOptions.parse(assets["options"], source="the saved model")
        try:
            files = find_elmo(options, path, sha256=sha256)
        except ModelError as error:
            raise ModelError(
                f"the saved model stands on the ELMo weights {str(path)!r}, which are not stored "
                f"with it: {error}; put them there, or name their place in its model.json"
            ) from error
        return cls(files, precision=assets["precision"], dropout=assets["dropout"])

    def unstored_names(self) -> frozenset[str]:
        """The language model: the digest of its weights is enough."""
        return frozenset(f"model.{name}" for name in self.model.state_dict())


def _packed(rows: Sequence[Sequence[int]]) -> Features:
    """Put the first entries of all rows one after another, then the second ones, and so on.

    Longer rows come first.  Rows have at least two entries, of which ``tokens`` leaves the first
    and the last out.
    """
    longest_first = sorted(range(len(rows)), key=lambda row: -len(rows[row]))
    lengths = torch.tensor([len(rows[row]) for row in longest_first])
    step, rank = torch.arange(int(lengths[0])).unsqueeze(1), torch.arange(len(rows))
    taken = step < lengths  # this and what follows, but for counts and starts: (steps, rows)
    counts = taken.sum(1)
    starts = counts.cumsum(0) - counts
    places = starts.unsqueeze(1) + rank
    mirrored = starts[(lengths - 1 - step).clamp(min=0)] + rank
    inner = torch.where(step < lengths - 1, places, 0)[1:-1]
    return {
        "words": padded_indices([rows[row] for row in longest_first]).t()[taken],
        "reversal": mirrored[taken],
        "counts": counts,
        "tokens": inner.t()[torch.tensor(longest_first).argsort()],
    }
