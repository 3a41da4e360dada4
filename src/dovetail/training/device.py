"""The device that a model is trained on."""

from __future__ import annotations

import torch
from accelerate import Accelerator


def training_device() -> torch.device:
    """The device that accelerate finds, if the model runs there, or else the CPU.

    The CRF sums in float64, which some devices that accelerate finds (Apple's) do not have.
    """
    return supported(Accelerator().device)


def supported(device: torch.device) -> torch.device:
    """The device itself if it is a CUDA GPU, or else the CPU."""
    return device if device.type == "cuda" else torch.device("cpu")
