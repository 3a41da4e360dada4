"""Encoders of all kinds but BERT, as the transformers library builds and runs them.

It is imported where such an encoder is loaded, because importing that library takes seconds.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoConfig,
    AutoModel,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)
from transformers.utils import logging as transformers_logging

from dovetail.encoders.lower_layers import check_count, check_cut, leave_out_what_follows
from dovetail.encoders.pieces import LoadedTokenizer
from dovetail.errors import ModelError
from dovetail.tensors.header import StoredTensor


def load_with_transformers(
    folder: Path,
    header: Mapping[str, StoredTensor],
    *,
    name: str,
    dtype: torch.dtype,
    layers_read: int | None,
) -> PreTrainedModel:
    """An encoder in evaluation mode, its weights cast to `dtype`.

    Args:
        folder: its files.
        header: the tensors of the folder's safetensors files.
        name: of the encoder, for errors.
        dtype: of all weights.
        layers_read: how many of the lower layers are loaded; None for all.

    Raises:
        ModelError: if the files do not make an encoder whose weights are all there, or it has not
            so many layers.
        Exception: what the library raises of content that it does not expect.
    """
    local: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    with _quiet_transformers():
        config = AutoConfig.from_pretrained(folder, **local)
        whole: int = config.num_hidden_layers
        if layers_read is not None:
            check_count(layers_read, whole, name=name)
            config.num_hidden_layers = layers_read
        model, report = AutoModel.from_pretrained(
            folder,
            config=config,
            dtype=dtype,
            output_loading_info=True,
            use_safetensors=True,
            **local,
        )
    model.eval()
    # A pooler makes one vector of a sentence.  It is never read here, and many models lack it.
    missing = sorted(name for name in report["missing_keys"] if not name.startswith("pooler."))
    if missing:
        raise ModelError(f"{folder}: the weights lack {len(missing)} tensors: {missing[:5]}")
    if model.config.is_encoder_decoder:
        raise ModelError(f"{folder}: {model.config.model_type!r} is not an encoder alone")
    if layers_read not in (None, whole):
        check_cut(model, header, name=name)
        leave_out_what_follows(model)
    return model


def load_tokenizer_with_transformers(folder: Path) -> LoadedTokenizer:
    """A folder's tokenizer, for words that are split already.

    Raises:
        ModelError: if it is not of the fast kind.
        Exception: what the library raises of content that it does not expect.
    """
    with _quiet_transformers():
        # Byte-level tokenizers tell a word from the inside of one by the space before it.
        tokenizer = AutoTokenizer.from_pretrained(
            folder, add_prefix_space=True, local_files_only=True, trust_remote_code=False
        )
    if not isinstance(tokenizer, PreTrainedTokenizerFast):
        raise ModelError(
            f"{folder}: the tokenizer {type(tokenizer).__name__} is written in Python; "
            f"expected one that comes as a tokenizer.json"
        )
    return LoadedTokenizer.of(
        tokenizer.backend_tokenizer,
        tokenizer.pad_token_id,
        tokenizer.unk_token_id,
        longest=tokenizer.model_max_length,
    )


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
