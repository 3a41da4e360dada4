"""The layers of a pretrained transformer, each run by itself as the whole model would run it.

So the frozen layers below need to run once only, and those above may be copied and trained.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from functools import partial

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from transformers import PreTrainedConfig, PreTrainedModel
from transformers.masking_utils import create_bidirectional_mask


class PretrainedLayer(nn.Module):
    """One layer over windows of pieces; its output is as wide as its input.

    `layers_above` is how many layers of the encoder stand above it.
    """

    def __init__(self, layer: nn.Module, config: PreTrainedConfig, *, layers_above: int) -> None:
        super().__init__()
        self.layer = layer
        self.config = config
        self.layers_above = layers_above
        self.output_dim: int = config.hidden_size

    def forward(
        self,
        states: Float[Tensor, "windows pieces dim"],
        mask: Bool[Tensor, "windows pieces"],
    ) -> Float[Tensor, "windows pieces dim"]:
        """States in context; what stands at padded pieces means nothing."""
        attended = create_bidirectional_mask(
            config=self.config, inputs_embeds=states, attention_mask=mask
        )
        output = self.layer(states, attention_mask=attended)
        after: Tensor = output[0] if isinstance(output, tuple) else output
        return after


def module_of_layers(model: PreTrainedModel) -> nn.ModuleList | None:
    """The list of all layers in a model, if there is one."""
    count = model.config.num_hidden_layers
    lists = (part for part in model.modules() if isinstance(part, nn.ModuleList))
    return next((part for part in lists if len(part) == count), None)


def layers_of(model: PreTrainedModel) -> list[PretrainedLayer]:
    """The layers from the bottom to the top; none if they cannot be told apart."""
    found = module_of_layers(model) or ()
    return [
        PretrainedLayer(layer, model.config, layers_above=len(found) - number)
        for number, layer in enumerate(found, start=1)
    ]


def embedded(model: nn.Module, pieces: Int[Tensor, "windows pieces"]) -> Tensor:
    """The input of the first layer, (windows, pieces, dim)."""
    states: Tensor = model.get_submodule("embeddings")(input_ids=pieces)
    return states


@torch.no_grad()
def run_apart(model: PreTrainedModel, layers: Sequence[PretrainedLayer]) -> bool:
    """Whether the layers, run one after another, give the states of the whole model.

    They do not where a model hands more from layer to layer than states and a mask, or changes the
    last states once more.  The answer is tried out, for two windows of which one is padded.
    """
    if not layers or not hasattr(model, "embeddings"):
        return False
    pieces = torch.arange(8).reshape(2, 4) % model.config.vocab_size
    mask = torch.tensor([[True, True, True, False], [True] * 4])
    if "attention_mask" not in inspect.signature(layers[0].layer.forward).parameters:
        return False
    output = model(input_ids=pieces, attention_mask=mask.long(), output_hidden_states=True)
    try:
        states = embedded(model, pieces)
        own = [states]
        for layer in layers:
            states = layer(states, mask)
            own.append(states)
    except (TypeError, ValueError, RuntimeError):  # a layer that asks for more
        return False
    whole = [*output.hidden_states[:-1], output.last_hidden_state]
    close = partial(torch.allclose, rtol=1e-3, atol=1e-4)
    return len(whole) == len(own) and all(
        ours.shape == theirs.shape and close(ours[mask], theirs[mask])
        for ours, theirs in zip(own, whole, strict=True)
    )
