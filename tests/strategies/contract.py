"""The promises of a sharing block, as checks of any of them."""

from __future__ import annotations

from typing import Any

import torch
from tests.networks import reached
from torch import Tensor

from dovetail.layers.piece_states import PieceStates
from dovetail.strategies.block import SharingBlock
from dovetail.strategies.streams import Streams

INPUT_DIM = 5
"""Width of the tokens that `inputs` makes."""


def moved(block: SharingBlock) -> SharingBlock:
    """The block with what its tasks learn moved a little, so that nothing in it is zero."""
    with torch.no_grad():
        for parameter in block.parameters():
            if parameter.requires_grad:
                parameter.add_(0.1 * torch.rand_like(parameter))
    return block


def inputs(*lengths: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    tokens = torch.randn(len(lengths), max(lengths), INPUT_DIM, generator=generator)
    return tokens, torch.arange(max(lengths)) < torch.tensor(lengths).unsqueeze(1)


def pieces_of(tokens: Tensor, mask: Tensor) -> PieceStates:
    """Pieces that hold the vector of their token; every other token has two of them."""
    counts = mask * (1 + torch.arange(mask.shape[1]) % 2)
    lengths, rows = counts.sum(1).sort(stable=True)
    places = torch.arange(mask.numel()).reshape(mask.shape)
    repeated = places[rows].flatten().repeat_interleave(counts[rows].flatten())
    return PieceStates.from_flat(
        tokens.flatten(0, 1)[repeated],
        lengths,
        positions=torch.arange(len(repeated)),
        tokens=repeated,
        counts=counts,
    )


def run(block: SharingBlock, tokens: Tensor, mask: Tensor) -> Streams:
    return block(Streams.tied(tokens, mask, block.tasks, pieces=pieces_of(tokens, mask)))


def same(first: Streams, second: Streams, **limits: Any) -> None:
    assert tuple(first.by_task) == tuple(second.by_task)
    for task in first.by_task:
        torch.testing.assert_close(
            first[task][first.mask], second[task][second.mask], **(limits or {"rtol": 0, "atol": 0})
        )


def padding_changes_nothing(block: SharingBlock) -> None:
    """What stands behind a sentence has no say in it."""
    tokens, mask = inputs(4, 2)
    other = tokens.masked_fill(~mask.unsqueeze(2), 1e3)
    same(run(block, tokens, mask), run(block, other, mask))


def alone_as_in_a_batch(block: SharingBlock) -> None:
    """Nor have the other sentences of the batch."""
    tokens, mask = inputs(4, 2)
    batch, alone = run(block, tokens, mask), run(block, tokens[1:, :2], mask[1:, :2])
    for task in block.tasks:
        torch.testing.assert_close(batch[task][1, :2], alone[task][0])


def losses_reach_what_is_declared(block: SharingBlock) -> None:
    """Gradients are held against `owners` and `reads`."""
    for task in block.tasks:
        block.zero_grad(set_to_none=True)
        tokens, mask = inputs(4, 3)
        stream = run(block, tokens.requires_grad_(), mask)[task]
        stream[mask].square().sum().backward()
        assert reached(block) == block.reached_by(task)


def every_parameter_serves_a_task(block: SharingBlock) -> None:
    """And those that are frozen serve none.

    In training: elsewhere a search leaves out what it only tries.
    """
    block.train()
    names = {name for name, parameter in block.named_parameters() if parameter.requires_grad}
    assert all(block.owners(name) <= set(block.tasks) for name in names)
    frozen = {name for name, _ in block.named_parameters()} - names
    assert not any(block.owners(name) for name in frozen)
    reached_by_losses = set().union(*(block.reached_by(task) for task in block.tasks))
    assert reached_by_losses == names - block.left_to_penalties()
    assert block.left_to_penalties() <= names


def others_stay_where_tasks_are_left_out(block: SharingBlock, *tasks: str) -> SharingBlock:
    """Without some tasks a block is of the others alone, which see the same on the same weights.

    Nothing is left in it that serves none of them, and the block itself stays as it is.
    """
    tokens, mask = inputs(4, 2)
    before, names = run(block, tokens, mask), list(block.state_dict())
    rest = block.without(tasks)
    others = tuple(task for task in block.tasks if task not in tasks)
    assert rest.tasks == others
    assert rest.output_dims == {task: block.output_dims[task] for task in others}
    kept = {task: before[task] for task in others}
    same(run(rest, tokens, mask), Streams(kept, mask))
    same(run(rest.finalize(), tokens, mask), Streams(kept, mask))
    own = dict(block.named_parameters())
    for name, parameter in rest.named_parameters():
        assert parameter is own[name]
        assert rest.owners(name) == block.owners(name) & {*others}
        assert rest.owners(name) or not parameter.requires_grad
    for name in own.keys() - dict(rest.named_parameters()).keys() - block.left_to_penalties():
        assert block.owners(name) <= {*tasks}
    losses_reach_what_is_declared(rest)
    every_parameter_serves_a_task(rest)
    assert list(block.state_dict()) == names
    same(run(block, tokens, mask), before)
    return rest


def some_alone_as_among_all(block: SharingBlock) -> None:
    """Of a block that takes streams of some tasks, these come out as they do among all others.

    Those come in with a task that it reads.
    """
    tokens, mask = inputs(4, 2)
    together = run(block, tokens, mask)
    for asked in (block.tasks[:1], block.tasks[1:]) if block.takes_some else ():
        needed = frozenset().union(*(block.needs[task] for task in asked))
        some = tuple(task for task in block.tasks if task in needed)
        alone = block(Streams.tied(tokens, mask, some, pieces=pieces_of(tokens, mask)))
        same(alone, Streams({task: together[task] for task in some}, mask))
