"""Frozen weights that several encoders have in common, held in memory once.

An encoder that is pretrained and frozen is most of a model, and models that stand on the same one
bring it along each.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import torch
from torch import Tensor

from dovetail.encoders.encoder import Encoder


def share_frozen(encoder: Encoder, known: Encoder) -> None:
    """Let an encoder use the frozen weights of another with the same assets, bit by bit its own."""
    for name in encoder.unstored_names():
        path, _, leaf = name.rpartition(".")
        setattr(encoder.get_submodule(path), leaf, getattr(known.get_submodule(path), leaf))


def share_equal(encoders: Iterable[Encoder]) -> int:
    """Let encoders use the same tensors where frozen weights of theirs are equal bit by bit.

    Returns how many bytes are not held twice any more.
    """
    known: defaultdict[tuple[str, torch.dtype, torch.Size], list[Tensor]] = defaultdict(list)
    saved = 0
    for encoder in encoders:
        for name in sorted(encoder.unstored_names()):
            path, _, leaf = name.rpartition(".")
            module = encoder.get_submodule(path)
            own: Tensor = getattr(module, leaf)
            others = known[name, own.dtype, own.shape]
            equal = next((other for other in others if torch.equal(other, own)), None)
            if equal is None:
                others.append(own)
            elif equal is not own:
                setattr(module, leaf, equal)
                saved += own.nbytes
    return saved
