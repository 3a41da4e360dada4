"""Agreement of gradients: whether tasks pull shared layers into the same direction.

For each shared layer, the cosine between the gradients of the losses of two tasks: 1 where both
want the same change, 0 where they have nothing to do with each other, -1 where one undoes what the
other does.  Two tasks of one schema are compared on the same sentences, others on a batch of each.
A task's agreement with itself on other sentences says what is the most that can be expected.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import combinations
from statistics import fmean, stdev

import torch
from torch import Tensor, nn

from dovetail.layers.sequence import LayerStack, SequenceLayer
from dovetail.model.joint import JointModel
from dovetail.strategies.block import SharingBlock
from dovetail.tensors.features import Batch
from dovetail.text.document import Sentence
from dovetail.training.batches import epoch_batches, shuffled_batches
from dovetail.training.frozen_states import device_of
from dovetail.training.loop import Loop

ENCODERS = "encoders"
"""The name of what the encoders train, which all tasks share."""

ROUNDS = 8
"""Batches of each schema that gradients are compared on."""

Round = Sequence[Batch]
"""A batch with targets of each schema."""


@dataclass(frozen=True)
class Agreement:
    """The cosines of two tasks' gradients in one layer; `one` and `other` may be the same task.

    `spread` is the standard deviation over the batches, 0 of a single one.
    """

    layer: str
    one: str
    other: str
    mean: float
    spread: float
    batches: int


def agreement_in(loop: Loop, *, rounds: int = ROUNDS, seed: int = 0) -> list[Agreement]:
    """The agreement in the model of a training, on training sentences that the seed draws."""
    return gradient_agreement(loop.model, rounds_of(loop, rounds, seed))


def agreement_on(
    model: JointModel,
    sentences: Mapping[str, Sequence[Sentence]],
    *,
    batch_size: int = 16,
    rounds: int = ROUNDS,
    seed: int = 0,
) -> list[Agreement]:
    """The agreement in a model, such as one that was loaded, on annotated sentences of its schemas.

    Args:
        model: a model, whose layers are not frozen.
        sentences: by the name of their schema, which is `ONLY` where there is one.
        batch_size: sentences in a batch.
        rounds: batches of each schema, or fewer if there are not so many.
        seed: what the batches are drawn by.
    """
    drawn = {
        name: shuffled_batches([len(s.tokens) for s in own], batch_size=batch_size, seed=seed)
        for name, own in sentences.items()
    }
    number = min(rounds, *(len(own) for own in drawn.values()))

    def batch(name: str, indices: Sequence[int]) -> Batch:
        chosen = [sentences[name][index] for index in indices]
        made = replace(Batch.from_sentences(chosen, model.encoder.featurise), schema=name)
        return model.of_schema(name).with_targets(made).to(device_of(model.encoder))

    return gradient_agreement(
        model, ([batch(name, own[place]) for name, own in drawn.items()] for place in range(number))
    )


def rounds_of(loop: Loop, rounds: int, seed: int) -> Iterator[Round]:
    """Draw batches as training does, until there are enough or too few of a schema."""
    model, train, size = loop.model, loop.train, loop.config.batch_size
    by_schema: defaultdict[str, list[Sequence[int]]] = defaultdict(list)
    for schema, indices in epoch_batches(loop.portions, train.lengths, batch_size=size, seed=seed):
        by_schema[schema].append(indices)
    number = min(rounds, *(len(own) for own in by_schema.values()))
    for place in range(number):
        drawn = (
            (schema, train.batch(own[place], model.encoder, schema))
            for schema, own in by_schema.items()
        )
        yield [model.of_schema(name).with_targets(own).to(loop.device) for name, own in drawn]


def gradient_agreement(model: JointModel, rounds: Iterable[Round]) -> list[Agreement]:
    """The agreement of each pair of tasks in each shared layer, from the bottom to the top.

    Dropout is off meanwhile, so that it is the sentences that differ.
    """
    layers = shared_layers(model)
    cosines: defaultdict[tuple[str, str, str], list[float]] = defaultdict(list)
    before: Gradients = {}
    with _without_dropout(model):
        for batches in rounds:
            gradients: Gradients = {}
            for batch in batches:
                gradients |= gradients_of(model, batch, layers)
            for layer in layers:
                for one, other, cosine in _cosines(layer, gradients, before):
                    cosines[layer, one, other].append(cosine)
            before = gradients
    return [
        Agreement(*key, fmean(own), stdev(own) if len(own) > 1 else 0.0, len(own))
        for key, own in sorted(cosines.items(), key=lambda item: [*layers].index(item[0][0]))
    ]


Gradients = dict[str, dict[str, Tensor]]
"""For each task, the gradient of its loss in each layer, as one vector."""


def gradients_of(model: JointModel, batch: Batch, layers: Mapping[str, list[str]]) -> Gradients:
    """The gradients of the losses that a batch has; no parameter's `grad` is changed."""
    losses = model.outputs(batch).losses
    names = [name for own in layers.values() for name in own]
    parameters = [model.get_parameter(name) for name in names]
    found: Gradients = {}
    for task, loss in losses.items():
        if not loss.requires_grad:  # nothing in the batch is annotated for it
            continue
        own = torch.autograd.grad(loss, parameters, retain_graph=True, allow_unused=True)
        by_name = {
            name: (torch.zeros_like(p) if g is None else g).detach().float().flatten()
            for name, p, g in zip(names, parameters, own, strict=True)
        }
        found[task] = {
            layer: torch.cat([by_name[name] for name in own]) for layer, own in layers.items()
        }
    return found


def shared_layers(model: JointModel) -> dict[str, list[str]]:
    """The trained parameters that several tasks share, by layer; names are those in the model."""
    if len(model.sharing.tasks) < 2:
        return {}
    trained = {name for name, own in model.trainable_parameters() if own.requires_grad}
    encoders = [name for name in sorted(trained) if name.startswith("encoder.")]
    by_layer: dict[str, list[str]] = {ENCODERS: encoders} if encoders else {}
    numbers: dict[str, str] = {}
    for name, _ in model.sharing.named_parameters():
        if len(model.sharing.owners(name)) > 1 and f"sharing.{name}" in trained:
            path = _layer_of(model.sharing, name)
            layer = numbers.setdefault(path, f"shared layer {len(numbers) + 1}")
            by_layer.setdefault(layer, []).append(f"sharing.{name}")
    return by_layer


def _layer_of(sharing: SharingBlock, parameter: str) -> str:
    """The path of the outermost layer that holds a parameter, or of the module that does."""
    parts = parameter.split(".")[:-1]
    for end in range(1, len(parts) + 1):
        module = sharing.get_submodule(".".join(parts[:end]))
        is_layer = isinstance(module, SequenceLayer)
        if is_layer and not isinstance(module, LayerStack | SharingBlock):
            return ".".join(parts[:end])
    return ".".join(parts)


def _cosines(
    layer: str, gradients: Gradients, before: Gradients
) -> Iterator[tuple[str, str, float]]:
    """The cosines of this round's tasks, and of each with itself in the round before."""
    pairs = [
        *(
            (one, other, gradients[one], gradients[other])
            for one, other in combinations(gradients, 2)
        ),
        *((task, task, own, before[task]) for task, own in gradients.items() if task in before),
    ]
    for one, other, mine, theirs in pairs:
        norms = mine[layer].norm() * theirs[layer].norm()
        if norms > 0:
            yield one, other, float(mine[layer] @ theirs[layer] / norms)


@contextmanager
def _without_dropout(model: nn.Module) -> Iterator[None]:
    """Switch dropout off, and nothing else: recurrent layers on an accelerator have to train."""
    was_training = model.training
    model.train()
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.eval()
    try:
        yield
    finally:
        model.train(was_training)
