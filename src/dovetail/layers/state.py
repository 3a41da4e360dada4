"""Copying saved tensors into a network, exactly or not at all."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from dovetail.errors import ModelError


@torch.no_grad()
def copy_exactly(own: Mapping[str, Tensor], saved: Mapping[str, Tensor], *, owner: str) -> None:
    """Write `saved` into the tensors `own`, which share memory with a network.

    Raises:
        ModelError: if a tensor is missing, unexpected or of another shape; nothing is written then.
    """
    missing, unexpected = sorted({*own} - {*saved}), sorted({*saved} - {*own})
    if missing or unexpected:
        raise ModelError(
            f"the saved weights do not fit {owner}; missing: {', '.join(missing) or 'nothing'}; "
            f"unexpected: {', '.join(unexpected) or 'nothing'}"
        )
    for name, tensor in own.items():
        if tensor.shape != saved[name].shape:
            raise ModelError(
                f"the saved weights do not fit {owner}: expected {name} of shape "
                f"{tuple(tensor.shape)}, found {tuple(saved[name].shape)}"
            )
    for name, tensor in own.items():
        tensor.copy_(saved[name])
