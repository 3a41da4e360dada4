"""The layers of a pretrained transformer, each run by itself as the whole model would run it.

So the frozen layers below need to run once only, and those above may be copied and trained.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, TypeAlias, cast

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from dovetail.encoders.bert import BertConfig, BertEncoder, BertLayer

if TYPE_CHECKING:  # importing it takes longer than most commands do
    from torch.nn.attention.flex_attention import BlockMask
    from transformers import PreTrainedConfig, PreTrainedModel

PretrainedModel: TypeAlias = "BertEncoder | PreTrainedModel"
"""Dovetail's own, or one of the transformers library."""


class PositionBias(nn.Module):
    """What MPNet adds to the scores of attention in each layer, by how far pieces stand apart.

    One table serves all layers.  It is not trained with some of them.
    """

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.table: nn.Embedding = encoder.get_submodule("relative_attention_bias")  # type: ignore[assignment]
        self._bucket = type(encoder).relative_position_bucket  # type: ignore[attr-defined]

    def forward(
        self, states: Float[Tensor, "windows pieces dim"]
    ) -> Float[Tensor, "_ heads pieces pieces"]:
        """The same for all windows."""
        places = torch.arange(states.shape[1], device=states.device)
        bias: Tensor = self.table(self._bucket(places - places.unsqueeze(1)))
        return bias.permute(2, 0, 1).unsqueeze(0).to(states.dtype)

    def apart(self) -> PositionBias:
        """A copy that holds its table as no parameter: it is neither trained nor stored."""
        copied = copy.deepcopy(self)
        weight = copied.table.weight.detach()
        del copied.table.weight
        copied.table.register_buffer("weight", weight, persistent=False)
        return copied


class PretrainedLayer(nn.Module):
    """One layer over windows of pieces; its output is as wide as its input.

    `layers_above` is how many layers of the encoder stand above it, and `position_bias` what a
    layer is handed beside states and mask, if it is.
    """

    def __init__(
        self,
        layer: nn.Module,
        config: BertConfig | PreTrainedConfig,
        *,
        layers_above: int,
        position_bias: PositionBias | None = None,
    ) -> None:
        super().__init__()
        self.layer = layer
        self.config = config
        self.layers_above = layers_above
        self.position_bias = position_bias
        self.output_dim: int = config.hidden_size

    def forward(
        self,
        states: Float[Tensor, "windows pieces dim"],
        mask: Bool[Tensor, "windows pieces"],
    ) -> Float[Tensor, "windows pieces dim"]:
        """States in context; what stands at padded pieces means nothing."""
        more = {} if self.position_bias is None else {"position_bias": self.position_bias(states)}
        output = self.layer(states, attention_mask=self._attended(states, mask), **more)
        after: Tensor = output[0] if isinstance(output, tuple) else output
        return after

    def _attended(self, states: Tensor, mask: Tensor) -> Tensor | BlockMask | None:
        """The mask as the layer expects it; without padding, attention takes a faster path."""
        if isinstance(self.layer, BertLayer):
            return None if bool(mask.all()) else mask
        from transformers.masking_utils import create_bidirectional_mask

        config = cast("PreTrainedConfig", self.config)  # all but BERT's is of that library
        return create_bidirectional_mask(config=config, inputs_embeds=states, attention_mask=mask)

    def apart(self) -> PretrainedLayer:
        """The same layer, with nothing that other layers have too."""
        bias = None if self.position_bias is None else self.position_bias.apart()
        above = self.layers_above
        return PretrainedLayer(self.layer, self.config, layers_above=above, position_bias=bias)


def module_of_layers(model: PretrainedModel) -> nn.ModuleList | None:
    """The list of all layers in a model, if there is one."""
    count = model.config.num_hidden_layers
    lists = (part for part in model.modules() if isinstance(part, nn.ModuleList))
    return next((part for part in lists if len(part) == count), None)


def layers_of(model: PretrainedModel) -> list[PretrainedLayer]:
    """The layers from the bottom to the top; none if they cannot be told apart."""
    found = module_of_layers(model) or ()
    encoder: nn.Module = getattr(model, "encoder", model)
    bias = PositionBias(encoder) if hasattr(encoder, "compute_position_bias") else None
    return [
        PretrainedLayer(layer, model.config, layers_above=len(found) - number, position_bias=bias)
        for number, layer in enumerate(found, start=1)
    ]


def embedded(model: nn.Module, pieces: Int[Tensor, "windows pieces"]) -> Tensor:
    """The input of the first layer, (windows, pieces, dim)."""
    states: Tensor = model.get_submodule("embeddings")(input_ids=pieces)
    return states


def example_windows(
    model: PretrainedModel,
) -> tuple[Int[Tensor, "windows pieces"], Bool[Tensor, "windows pieces"]]:
    """Two windows to try a model with, and the mask of their pieces; one of them is padded."""
    pieces = torch.arange(8).reshape(2, 4) % model.config.vocab_size
    return pieces, torch.tensor([[True, True, True, False], [True] * 4])


def read_by_the_lowest(model: PretrainedModel, layers: Sequence[PretrainedLayer]) -> frozenset[str]:
    """The names of the parameters beside the layers that the lowest layer reads already.

    Those are the embeddings, and what all layers have in common; of a model whose layers cannot be
    told apart only the embeddings are named.
    """
    if not layers:
        names = (name for name, _ in model.named_parameters())
        return frozenset(name for name in names if name.startswith("embeddings."))
    inside = {id(weight) for layer in layers for weight in layer.layer.parameters()}
    outside = {
        name: weight
        for name, weight in model.named_parameters()
        if weight.requires_grad and id(weight) not in inside
    }
    if not outside:
        return frozenset()
    pieces, mask = example_windows(model)
    with torch.enable_grad():
        output = model(input_ids=pieces, attention_mask=mask.long(), output_hidden_states=True)
        reached = torch.autograd.grad(
            output.hidden_states[1].sum(), list(outside.values()), allow_unused=True
        )
    return frozenset(
        name for name, found in zip(outside, reached, strict=True) if found is not None
    )


@torch.no_grad()
def run_apart(model: PretrainedModel, layers: Sequence[PretrainedLayer]) -> bool:
    """Whether the layers, run one after another, give the states of the whole model.

    They do not where a model hands more from layer to layer than states and a mask, or changes the
    last states once more.  The answer is tried out, for two windows of which one is padded.
    """
    if not layers or not hasattr(model, "embeddings"):
        return False
    pieces, mask = example_windows(model)
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
