"""Read and check the two files that a published ELMo model comes in.

The options are JSON, the weights HDF5, both as bilm-tf (Peters et al. 2018) writes them.  This
module knows the names and shapes in them, and nothing of how a network uses them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from dovetail.errors import MissingExtraError, ModelError
from dovetail.files.bounded import check_regular, read_json

MAX_OPTIONS_BYTES = 1 << 20
"""Of an options file, which has some hundreds."""

MAX_LAYERS = 128
"""Of a network: layers of its language model, convolutions, and highway layers."""

NUM_CHARACTERS = 261
"""Rows of ``char_embed``: the 256 bytes and five marks."""

# What else stands in a weights file (a softmax, say) is not part of the network.
_NETWORK = ("char_embed", "CNN", "RNN_")

_Size = Annotated[int, Field(ge=1, le=1_000_000)]
_Limit = Annotated[float, Field(gt=0)]
_Published = ConfigDict(frozen=True, extra="ignore")


class LstmOptions(BaseModel):
    """The section ``lstm``: both directions have these layers."""

    model_config = _Published

    dim: _Size
    """Width of the memory cell."""
    projection_dim: _Size
    """Width of what goes in, and of the state that a layer puts out."""
    n_layers: Annotated[int, Field(ge=1, le=MAX_LAYERS)] = 1
    cell_clip: _Limit | None = None
    """The largest absolute value of a number in the memory cell."""
    proj_clip: _Limit | None = None
    """The largest absolute value of a number in the state."""
    use_skip_connections: bool
    """Whether layers above the first add what they read to what they put out."""


class _CharacterEmbeddingOptions(BaseModel):
    model_config = _Published

    dim: _Size


class CharacterOptions(BaseModel):
    """The section ``char_cnn``: from the characters of a word to its vector."""

    model_config = _Published

    activation: Literal["relu", "tanh"]
    embedding: _CharacterEmbeddingOptions
    filters: Annotated[tuple[tuple[_Size, _Size], ...], Field(min_length=1, max_length=MAX_LAYERS)]
    """Width in characters and number of the filters of each convolution."""
    max_characters_per_token: Annotated[int, Field(ge=3)]
    """How many characters of a word are read, the marks of its begin and end included."""
    n_characters: Literal[261, 262]
    """262 counts a character of padding too, which the weights lack and which is never read."""
    n_highway: Annotated[int, Field(ge=0, le=MAX_LAYERS)] = 0

    @model_validator(mode="after")
    def _check_widths(self) -> Self:
        if self.widest_filter > self.max_characters_per_token:
            raise ValueError(
                f"a filter of {self.widest_filter} characters does not fit into a word of "
                f"{self.max_characters_per_token}"
            )
        return self

    @property
    def widest_filter(self) -> int:
        """In characters."""
        return max(width for width, _ in self.filters)

    @property
    def num_filters(self) -> int:
        """Of all convolutions together."""
        return sum(number for _, number in self.filters)


class ElmoOptions(BaseModel):
    """What the options file says of the network; how it was trained is not kept.

    The names are those of the file.
    """

    model_config = _Published

    lstm: LstmOptions
    char_cnn: CharacterOptions

    @classmethod
    def parse(cls, values: Any, *, source: str) -> Self:
        """Check the values of an options file.

        Raises:
            ModelError: if they are not options that can be computed; all that is wrong is said.
        """
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            problems = "; ".join(
                f"{'.'.join(map(str, problem['loc'])) or 'the file'}: {problem['msg']}"
                for problem in error.errors()
            )
            raise ModelError(f"{source}: not the options of an ELMo model: {problems}") from error

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read an options file.

        Raises:
            ModelError: if there is no such file, or it holds no such options.
        """
        try:
            values = read_json(path, at_most=MAX_OPTIONS_BYTES)
        except OSError as error:
            raise ModelError(
                f"{path}: cannot read the options of ELMo: {error.strerror}"
            ) from error
        except ValueError as error:
            raise ModelError(f"{path}: expected the options of ELMo as JSON: {error}") from error
        return cls.parse(values, source=str(path))

    def shapes(self) -> Iterator[tuple[str, tuple[int, ...]]]:
        """The names and shapes of the weights that these options ask for."""
        characters, lstm = self.char_cnn, self.lstm
        yield "char_embed", (NUM_CHARACTERS, characters.embedding.dim)
        for index, (width, number) in enumerate(characters.filters):
            yield f"CNN/W_cnn_{index}", (1, width, characters.embedding.dim, number)
            yield f"CNN/b_cnn_{index}", (number,)
        for index in range(characters.n_highway):
            for gate in ("carry", "transform"):
                yield f"CNN_high_{index}/W_{gate}", (characters.num_filters,) * 2
                yield f"CNN_high_{index}/b_{gate}", (characters.num_filters,)
        yield "CNN_proj/W_proj", (characters.num_filters, lstm.projection_dim)
        yield "CNN_proj/b_proj", (lstm.projection_dim,)
        for direction in (0, 1):
            for layer in range(lstm.n_layers):
                cell = lstm_cell(direction, layer)
                yield f"{cell}/W_0", (2 * lstm.projection_dim, 4 * lstm.dim)
                yield f"{cell}/B", (4 * lstm.dim,)
                yield f"{cell}/W_P_0", (lstm.dim, lstm.projection_dim)


def lstm_cell(direction: int, layer: int) -> str:
    """The group of a layer's weights; direction 0 reads forwards, 1 backwards."""
    return f"RNN_{direction}/RNN/MultiRNNCell/Cell{layer}/LSTMCell"


@dataclass(frozen=True)
class ElmoFiles:
    """The options, and the verified file of weights."""

    options: ElmoOptions
    path: Path
    sha256: str


def find_elmo(options: ElmoOptions, path: Path, *, sha256: str | None = None) -> ElmoFiles:
    """Find and verify a file of weights.

    Args:
        options: what the network is.
        path: the HDF5 file.
        sha256: what the file's digest must be, for a model that was trained on these weights.

    Raises:
        ModelError: if there is no such file, or it is not the expected one.
    """
    try:
        check_regular(path)
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ModelError(f"{path}: cannot read the weights of ELMo: {error.strerror}") from error
    if sha256 not in (None, found):
        raise ModelError(
            f"the weights of ELMo in {path} have the SHA-256 {found}, expected {sha256}: they are "
            f"not the weights asked for"
        )
    return ElmoFiles(options, path, found)


def read_elmo_weights(files: ElmoFiles) -> dict[str, NDArray[np.float32]]:
    """Read all weights that the options ask for, by their names in the file.

    Raises:
        MissingExtraError: if h5py is not installed.
        ModelError: if the file is no HDF5 file, or holds other layers or shapes than the options
            say; all that differs is named.
    """
    try:
        import h5py  # type: ignore[import-untyped]
    except ImportError as error:
        raise MissingExtraError("the encoder 'elmo'", extra="elmo") from error
    expected = dict(files.options.shapes())
    try:
        with h5py.File(files.path, "r") as file:
            names: list[str] = []
            file.visititems(lambda name, item: _note_dataset(names, name, item))
            found = {name: file[name].shape for name in names if name.startswith(_NETWORK)}
            _check_shapes(expected, found, files.path)
            _check_room(sum(map(prod, expected.values())), files.path)
            return {name: _numbers(file[name], f"{files.path}: {name}") for name in expected}
    except OSError as error:
        raise ModelError(f"{files.path}: expected the weights as HDF5: {error}") from error


def _check_room(numbers: int, path: Path) -> None:
    """Refuse a file that names more numbers than it holds, which HDF5 would fill up."""
    size = path.stat().st_size
    if numbers > size:  # published files take four bytes for each
        raise ModelError(
            f"{path}: expected {numbers:,} numbers, found a file of {size:,} bytes, which cannot "
            f"hold them; get the weights anew"
        )


def _note_dataset(names: list[str], name: str, item: Any) -> None:
    if hasattr(item, "shape"):  # groups have none
        names.append(name)


def _numbers(dataset: Any, source: str) -> NDArray[np.float32]:
    if dataset.dtype.kind != "f":
        raise ModelError(f"{source}: expected numbers in floating point, found {dataset.dtype}")
    return np.asarray(dataset, dtype=np.float32)


def _check_shapes(
    expected: Mapping[str, tuple[int, ...]], found: Mapping[str, tuple[int, ...]], path: Path
) -> None:
    differences = [
        f"{name}: expected {_shape(expected.get(name))}, found {_shape(found.get(name))}"
        for name in [*expected, *sorted({*found} - {*expected})]
        if expected.get(name) != found.get(name)
    ]
    if differences:
        rest = len(differences) - 5
        raise ModelError(
            f"{path}: the weights of ELMo do not fit its options; {'; '.join(differences[:5])}"
            f"{f'; and {rest} more' if rest > 0 else ''}; name the options file that belongs to "
            f"these weights"
        )


def _shape(shape: tuple[int, ...] | None) -> str:
    return "nothing" if shape is None else f"the shape {shape}"
