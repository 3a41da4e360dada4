"""The files of a BERT, read without the transformers library."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from tokenizers import Tokenizer
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer
from torch import Tensor

from dovetail.encoders.bert import BertConfig, BertEncoder
from dovetail.encoders.pieces import LoadedTokenizer
from dovetail.errors import ModelError
from dovetail.files.bounded import read_bytes
from dovetail.tensors.header import StoredTensor

_OLD_NAMES = {"gamma": "weight", "beta": "bias"}
"""What the first published files call the parameters of a norm."""

_OF_BERT = {"BertTokenizer", "BertTokenizerFast"}
_OF_ANY_KIND = {"PreTrainedTokenizerFast", "TokenizersBackend"}
"""The class of the transformers library that does what ``tokenizer.json`` says, by both names."""

_DEFAULTS: Mapping[str, Any] = {
    "tokenizer_class": "BertTokenizer",
    "do_lower_case": True,
    "strip_accents": None,
    "tokenize_chinese_chars": True,
    "pad_token": "[PAD]",
    "unk_token": "[UNK]",
}
"""What holds where no file says it."""

_MAX_BYTES = 1 << 26
"""Of a file that describes a tokenizer: it may list all of its tokens."""


def load_bert(
    config: BertConfig,
    folder: Path,
    header: Mapping[str, StoredTensor],
    *,
    dtype: torch.dtype,
) -> BertEncoder:
    """A BERT in evaluation mode, its weights cast to `dtype`; stored layers above are left out.

    Args:
        config: what is built, which may have fewer layers than are stored.
        folder: the files; they are read under the limits of `header`.
        header: the tensors of the folder's safetensors files.
        dtype: of all weights.

    Raises:
        ModelError: if weights are missing, or of other shapes than the config says.
    """
    with torch.device("meta"):
        model = BertEncoder(config)
    shapes = {name: tuple(weight.shape) for name, weight in model.state_dict().items()}
    stored = {_own_name(name): name for name in header}
    if missing := sorted(shapes.keys() - stored.keys()):
        raise ModelError(f"{folder}: the weights lack {len(missing)} tensors: {missing[:5]}")
    if any(header[stored[name]].shape != shape for name, shape in shapes.items()):
        raise ModelError(
            f"cannot load the encoder in {folder}: its config.json does not fit its weights"
        )
    weights = _read(folder, {stored[name]: name for name in shapes}, dtype)
    model.load_state_dict(weights, assign=True)
    return model.eval()


def _own_name(stored: str) -> str:
    """The name in `BertEncoder` of a tensor that may be that of a model around one."""
    name = stored.removeprefix("bert.")
    path, _, last = name.rpartition(".")
    return f"{path}.{_OLD_NAMES.get(last, last)}"


def _read(folder: Path, names: Mapping[str, str], dtype: torch.dtype) -> dict[str, Tensor]:
    """The tensors of a folder's files, by the names that are given to those stored."""
    weights = {}
    for path in sorted(folder.glob("*.safetensors")):
        with safe_open(path, framework="pt") as file:
            for stored in file.keys():  # noqa: SIM118 (no dict)
                if stored in names:
                    weights[names[stored]] = file.get_tensor(stored).to(dtype)
    return weights


def load_bert_tokenizer(folder: Path) -> LoadedTokenizer | None:
    """The tokenizer of a BERT if ``tokenizer.json`` says all of it; None otherwise.

    Raises:
        OSError, ValueError: if a file cannot be read.
        Exception: what the tokenizers library raises of a content that is no tokenizer.
    """
    if not (folder / "tokenizer.json").is_file() or (folder / "added_tokens.json").exists():
        return None
    said = dict(_DEFAULTS)
    for name in ("special_tokens_map.json", "tokenizer_config.json"):
        if (folder / name).exists():
            # Not as `read_json`: a length that is not limited is written as a number of 31 digits.
            values = json.loads(read_bytes(folder / name, at_most=_MAX_BYTES))
            if not isinstance(values, dict):
                return None
            said |= values
    backend = Tokenizer.from_file(str(folder / "tokenizer.json"))
    if not _says_all(backend, said):
        return None
    padding, unknown = (_id_of(backend, said[name]) for name in ("pad_token", "unk_token"))
    most = said.get("model_max_length")
    longest = most if isinstance(most, int) else None
    return LoadedTokenizer.of(backend, padding, unknown, longest=longest)


def _says_all(backend: Tokenizer, said: Mapping[str, Any]) -> bool:
    """Whether the transformers library would make the same tokenizer of what is said beside it."""
    added = said.get("added_tokens_decoder", {})
    if not isinstance(added, dict) or not all(
        token.isdecimal() and _id_of(backend, value) == int(token) for token, value in added.items()
    ):
        return False
    if said["tokenizer_class"] in _OF_ANY_KIND:
        return True
    normal = backend.normalizer
    return (
        said["tokenizer_class"] in _OF_BERT
        and isinstance(normal, BertNormalizer)
        and isinstance(backend.pre_tokenizer, BertPreTokenizer)
        and normal.clean_text
        and (normal.lowercase, normal.strip_accents, normal.handle_chinese_chars)
        == (said["do_lower_case"], said["strip_accents"], said["tokenize_chinese_chars"])
    )


def _id_of(backend: Tokenizer, token: object) -> int | None:
    """The id of a token, which a file names or describes."""
    content = token.get("content") if isinstance(token, dict) else token
    return backend.token_to_id(content) if isinstance(content, str) else None
