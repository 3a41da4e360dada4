"""Find, verify and load the files of a pretrained encoder.

Three places are known: that of an encoder with a short name (`known_encoders.py`), a folder on
disk, and a Hugging Face hub by name.  Weights are read from safetensors only, and no code that
comes with a model is ever run.  This module knows nothing of tokens, pooling or batches.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError

from dovetail.encoders.bert import BertConfig
from dovetail.encoders.bert_files import load_bert, load_bert_tokenizer
from dovetail.encoders.known_encoders import KNOWN
from dovetail.encoders.lower_layers import check_count
from dovetail.encoders.pieces import LoadedTokenizer
from dovetail.encoders.transformer_layers import PretrainedModel
from dovetail.errors import ModelError
from dovetail.files.bounded import check_regular, read_json
from dovetail.tensors.allocation import AllocationLimit, TooLargeError
from dovetail.tensors.header import StoredTensor, read_header

_READ_BYTES = 1 << 20

_MAX_CONFIG_BYTES = 1 << 20
_MAX_BYTES = {".json": 1 << 28, ".txt": 1 << 26, ".model": 1 << 26}
"""Largest files beside the weights, by the ends of their names."""

_SPARE_TENSORS = 500
"""Tensors that an encoder is made of beside those that are stored."""

_MAX_INTEGER, _MAX_LABELS = 4_000_000, 100_000
"""Largest count in a config.json, such as pieces; a name is made for each label."""


@dataclass(frozen=True)
class PretrainedFiles:
    """The verified files of one pretrained encoder."""

    name: str
    """The requested encoder: a name in `KNOWN`, a folder, or a name on the hub."""
    folder: Path
    sha256: str


def find_pretrained(name: str, *, sha256: str | None = None) -> PretrainedFiles:
    """Find the files of an encoder, download them if need be, and verify them.

    Args:
        name: a key of `KNOWN`, the path of a folder, or ``owner/name`` on the hub.
        sha256: what `weights_sha256` must give, for a model that was trained on these weights.

    Raises:
        MissingExtraError: if the encoder's package is not installed.
        ModelError: if the encoder is nowhere to be found, or its weights are not the expected ones.
    """
    known = KNOWN.get(name)
    if known is not None:
        folder = known.folder(name)
    elif name and Path(name).expanduser().is_dir():
        folder = Path(name).expanduser()
    else:
        folder = _hub_folder(name)
    found = weights_sha256(folder)
    for expected in (sha256, None if known is None else known.sha256):
        if expected not in (None, found):
            raise ModelError(
                f"the weights of the encoder {name!r} in {folder} have the SHA-256 {found}, "
                f"expected {expected}: they are not the weights asked for; install those again"
            )
    return PretrainedFiles(name, folder, found)


def _hub_folder(name: str) -> Path:
    """The folder of a hub's model: the local cache if it is complete, else downloaded."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError

    known = f"a folder, one of {sorted(KNOWN)}, or a name on the hub ('owner/name')"
    for local_files_only in (True, False):
        try:
            folder = Path(
                snapshot_download(
                    name,
                    local_files_only=local_files_only,
                    allow_patterns=["*.json", "*.safetensors", "*.txt", "*.model"],
                    ignore_patterns=["*/*"],
                )
            )
        except HFValidationError as error:
            raise ModelError(f"no encoder {name!r}: expected {known}") from error
        except OSError as error:  # the hub's errors, no network, and offline mode are all of this
            reason = error
        else:
            if not local_files_only or _is_complete(folder):
                return folder
    raise ModelError(
        f"the encoder {name!r} is not a folder, not in the local cache and cannot be downloaded "
        f"({str(reason).strip().splitlines()[0]}); expected {known}"
    ) from reason


def _is_complete(folder: Path) -> bool:
    return (folder / "config.json").is_file() and any(folder.glob("*.safetensors"))


def weights_sha256(folder: Path) -> str:
    """The SHA-256 of a folder's safetensors files, taken together in the order of their names.

    Raises:
        ModelError: if the folder holds no safetensors file.
    """
    paths = sorted(folder.glob("*.safetensors"))
    if not paths:
        raise ModelError(
            f"{folder}: expected a config.json, a tokenizer and weights as *.safetensors, found no "
            f"*.safetensors; other formats of weights can run code and are not read"
        )
    digest = hashlib.sha256()
    for path in paths:
        try:
            check_regular(path)
        except OSError as error:
            raise ModelError(f"{path} cannot be read: {error.strerror}") from error
        with path.open("rb") as file:
            while block := file.read(_READ_BYTES):
                digest.update(block)
    return digest.hexdigest()


def load_pretrained_model(
    files: PretrainedFiles, *, dtype: torch.dtype, layers_read: int | None = None
) -> PretrainedModel:
    """Load an encoder in evaluation mode, its weights cast to `dtype`.

    Of its layers the lower `layers_read` are loaded, or all.

    Raises:
        ModelError: if the files do not make an encoder whose weights are all there, or it has not
            so many layers.
    """
    header, values = _header_of(files.folder), _config_of(files.folder)
    limit = AllocationLimit.for_shapes(
        (stored.shape for stored in header.values()), spare_tensors=_SPARE_TENSORS
    )
    config = BertConfig.of(values)
    try:
        with limit:
            if config is None:
                from dovetail.encoders.with_transformers import load_with_transformers

                return load_with_transformers(
                    files.folder, header, name=files.name, dtype=dtype, layers_read=layers_read
                )
            if layers_read is not None:
                check_count(layers_read, config.num_hidden_layers, name=files.name)
                config = config.model_copy(update={"num_hidden_layers": layers_read})
            return load_bert(config, files.folder, header, dtype=dtype)
    except ModelError:
        raise
    except TooLargeError as error:
        raise ModelError(
            f"cannot load the encoder in {files.folder}: its config.json asks for {error}, far "
            f"more than its weights hold"
        ) from error
    except Exception as error:  # what the libraries raise of any content is not documented
        raise ModelError(_cannot_load("encoder", files.folder, error)) from error


def load_pretrained_tokenizer(files: PretrainedFiles) -> LoadedTokenizer:
    """Load an encoder's tokenizer, for words that are split already.

    Raises:
        ModelError: if there is none, or none of the fast kind.
    """
    try:
        own = None
        if BertConfig.of(_config_of(files.folder)) is not None:
            own = load_bert_tokenizer(files.folder)
        if own is None:
            from dovetail.encoders.with_transformers import load_tokenizer_with_transformers

            own = load_tokenizer_with_transformers(files.folder)
    except ModelError:
        raise
    except Exception as error:  # what the libraries raise of any content is not documented
        raise ModelError(_cannot_load("tokenizer", files.folder, error)) from error
    return own


def _cannot_load(part: str, folder: Path, error: Exception) -> str:
    if "trust_remote_code" in str(error):  # an advice that nobody can follow here
        return (
            f"the {part} in {folder} comes with Python code of its own, and Dovetail runs none: "
            f"name an encoder of a kind that the transformers library has itself"
        )
    if "ignore_mismatched_sizes" in str(error):
        return f"cannot load the {part} in {folder}: its config.json does not fit its weights"
    return f"cannot load the {part} in {folder}: {error}"


def _header_of(folder: Path) -> dict[str, StoredTensor]:
    """The tensors that a folder's safetensors files hold, after a look at its other files.

    Raises:
        ModelError: if a file is no regular one, or too large.
    """
    header: dict[str, StoredTensor] = {}
    for path in sorted(folder.iterdir()):
        try:
            if path.suffix == ".safetensors":
                header |= read_header(path)
            elif path.suffix in _MAX_BYTES:
                check_regular(path, at_most=_MAX_BYTES[path.suffix])
        except (OSError, SafetensorError) as error:
            what = getattr(error, "strerror", None) or error
            raise ModelError(f"cannot load the encoder in {folder}: {path.name}: {what}") from error
    return header


def _config_of(folder: Path) -> dict[str, Any]:
    """What the ``config.json`` of a folder says.

    Raises:
        ModelError: if it is no JSON object, or a count in it is far too large.
    """
    try:
        values = read_json(folder / "config.json", at_most=_MAX_CONFIG_BYTES)
        if not isinstance(values, dict):
            raise ValueError("expected a JSON object")
        config: dict[str, Any] = values
        for name, value in config.items():
            limit = _MAX_LABELS if name == "num_labels" else _MAX_INTEGER
            if isinstance(value, int) and value > limit:
                raise ValueError(f"expected {name} of at most {limit:,}, found {value:,}")
    except (OSError, ValueError) as error:
        what = getattr(error, "strerror", None) or error
        raise ModelError(f"cannot load the encoder in {folder}: config.json: {what}") from error
    return config
