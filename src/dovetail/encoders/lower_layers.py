"""A pretrained encoder cut to its lower layers: what lies above is neither loaded nor run."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn

from dovetail.encoders.transformer_layers import (
    PretrainedModel,
    example_windows,
    module_of_layers,
)
from dovetail.errors import ModelError


def check_count(count: int, whole: int, *, name: str) -> None:
    """Check that so many layers can be kept of an encoder that has so many.

    Raises:
        ModelError: if it has not so many; it tells the `name` of the encoder.
    """
    if not 1 <= count <= whole:
        raise ModelError(
            f"the encoder {name!r} has {whole} layers; cannot read the lower {count} of them: set "
            f"layers_read to 1 to {whole}, or leave it out"
        )


def check_cut(model: PretrainedModel, stored: Iterable[str], *, name: str) -> None:
    """Check that a model which was built without its upper layers is one of the lower layers.

    Args:
        model: the lower layers.
        stored: the names of the weights of the whole encoder.
        name: of the encoder, for errors.

    Raises:
        ModelError: if its layers cannot be told apart.
    """
    layers = module_of_layers(model)
    path = next((path for path, part in model.named_modules() if part is layers), None)
    first_above = f"{path}.{model.config.num_hidden_layers}."
    if path is None or not any(
        own.startswith(first_above) or f".{first_above}" in own for own in stored
    ):
        raise ModelError(
            f"cannot tell the layers of the encoder {name!r} ({type(model).__name__}) apart, so "
            f"none of them can be left out: leave layers_read out"
        )


@torch.no_grad()
def leave_out_what_follows(model: PretrainedModel) -> None:
    """Take away what a model does with its last states after all layers, such as one more norm.

    Of a whole encoder it is part of its last states.  Those of a layer below have nothing of it.
    The model is to be in evaluation mode.
    """
    layers = module_of_layers(model)
    if layers is None:
        return
    called: list[str] = []
    hooks = [layers[-1].register_forward_hook(lambda *_: called.clear())]
    for path, part in model.named_modules():
        inside = any(step.isdecimal() for step in path.split("."))
        if path and not inside and not path.startswith("pooler") and not list(part.children()):
            hooks.append(part.register_forward_hook(lambda *_, path=path: called.append(path)))
    pieces, mask = example_windows(model)
    model(input_ids=pieces, attention_mask=mask.long())
    for hook in hooks:
        hook.remove()
    for path in called:
        model.set_submodule(path, nn.Identity())
