"""Copying saved tensors into a network, exactly or not at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from dovetail.errors import ModelError

_NAMED = 5  # tensors that a message names


@torch.no_grad()
def copy_exactly(own: Mapping[str, Tensor], saved: Mapping[str, Tensor], *, owner: str) -> None:
    """Write `saved` into the tensors `own`, which share memory with a network.

    Raises:
        ModelError: if a tensor is missing, unexpected or of another shape; nothing is written then.
    """
    missing, unexpected = sorted({*own} - {*saved}), sorted({*saved} - {*own})
    if missing or unexpected:
        raise ModelError(
            f"the saved weights do not fit {owner}; missing: {_listed(missing)}; "
            f"unexpected: {_listed(unexpected)}"
        )
    for name, tensor in own.items():
        if tensor.shape != saved[name].shape:
            raise ModelError(
                f"the saved weights do not fit {owner}: expected {name} of shape "
                f"{tuple(tensor.shape)}, found {tuple(saved[name].shape)}"
            )
    for name, tensor in own.items():
        tensor.copy_(saved[name])


def _listed(names: Sequence[str]) -> str:
    """Some names of tensors, and how many more there are."""
    rest = len(names) - _NAMED
    listed = ", ".join(names[:_NAMED]) or "nothing"
    return f"{listed} and {rest:,} more" if rest > 0 else listed
