"""The weights of a model as a file: what it holds is compared before it is read, and checked after.

A tensor of another type, or of numbers that no training leaves, is named.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from dovetail.errors import ModelError
from dovetail.heads.relation.relation_head import UNREACHABLE
from dovetail.tensors.header import StoredTensor

THRESHOLDS = "relation_head.thresholds"

_DTYPES = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.bool: "BOOL",
}


def check_types(header: Mapping[str, StoredTensor], own: Mapping[str, Tensor], path: Path) -> None:
    """Compare the types of stored tensors with those of a network that is to take them.

    Numbers of single precision may be stored in half; names and shapes are not compared.

    Raises:
        ModelError: naming the first tensor of another type.
    """
    for name in sorted(header.keys() & own.keys()):
        allowed = [_DTYPES[own[name].dtype]]
        if own[name].dtype == torch.float32:
            allowed.append("F16")
        if header[name].dtype not in allowed:
            raise ModelError(
                f"{path}: the tensor {name} has numbers of the type {header[name].dtype}, "
                f"expected {' or '.join(allowed)}; train the model again, or get it anew"
            )


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read all tensors, each of finite numbers, and the thresholds of probabilities.

    Raises:
        ModelError: naming the first tensor of which that is not so.
        OSError: if the file cannot be read.
        SafetensorError: if it is damaged.
    """
    state: dict[str, Tensor] = load_file(path)
    for name in sorted(state):
        tensor = state[name]
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            raise ModelError(
                f"{path}: the tensor {name} holds numbers that are infinite or none at all (NaN); "
                f"train the model again, or get it anew"
            )
    for threshold in state.get(THRESHOLDS, torch.empty(0)).flatten().tolist():
        if not 0 <= threshold <= 1 and threshold != UNREACHABLE:
            raise ModelError(
                f"{path}: the tensor {THRESHOLDS} holds {threshold:g}, expected probabilities "
                f"from 0 to 1; train the model again, or get it anew"
            )
    return state
