"""The device that a model is trained on."""

from __future__ import annotations

import torch


def training_device() -> torch.device:
    """A CUDA GPU if there is one, or else the CPU.

    The CRF sums in float64, which other devices that torch may find (Apple's) do not have.
    """
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
