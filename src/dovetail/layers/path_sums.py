"""Sums over all tag paths of a linear chain, in probabilities that are scaled at every token.

A step from token to token is one product of matrices, where sums in logarithms take an exponential
for every two tags (Rabiner 1989, section V.A).  The probabilities are doubles, and a tag whose
emission is more than 600 nats below the best at its token counts as 600 below, so that no sentence
is left without a path.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.autograd.function import once_differentiable

# Not -inf: a row without any possible predecessor would give NaN gradients.  Its exp is 0 too.
IMPOSSIBLE = -1e4

_LEAST = -600.0
_TINY = torch.finfo(torch.float64).tiny


class ChainScores(NamedTuple):
    """The log scores of a chain without its emissions; impossible ones are `IMPOSSIBLE`."""

    start: Float[Tensor, " tags"]
    transition: Float[Tensor, "tags tags"]
    end: Float[Tensor, " tags"]

    def weights(self) -> ChainScores:
        """Their exponentials, as doubles."""
        return ChainScores(*(scores.double().exp() for scores in self))


class Lattice(NamedTuple):
    """The results of forward-backward: log scores of all partial paths.

    `forward[b, t, y]` sums the paths up to and including token t that end in tag y,
    `backward[b, t, y]` those after token t given tag y at t, `partition[b]` all of the sentence.
    """

    forward: Float[Tensor, "batch tokens tags"]
    backward: Float[Tensor, "batch tokens tags"]
    partition: Float[Tensor, " batch"]


class PathExpectations(NamedTuple):
    """The expectations over all tag paths of a sentence.

    `tags[b, t, y]` is the probability of tag y at token t, zero in padded positions, and
    `moves[b, y, z]` how many times tag z follows tag y.  The score of a path is linear in what it
    holds, so these are all that the mean score of the paths depends on, by any other field.
    """

    tags: Float[Tensor, "batch tokens tags"]
    moves: Float[Tensor, "batch tags tags"]


def lattice_of(
    emissions: Float[Tensor, "batch tokens tags"],
    mask: Bool[Tensor, "batch tokens"],
    scores: ChainScores,
) -> Lattice:
    """Run forward-backward; gradients reach the emissions and the scores."""
    weights = scores.weights()
    likely, tops = _likely(emissions, mask)
    states, scales = _forward(likely, mask, weights)
    forward = _logs(states) + (scales.log() + tops).cumsum(1).unsqueeze(2)
    states_after, scales_after = _backward(likely, mask, weights)
    steps = scales_after.log() + tops
    # A state lacks the steps from all tokens after its own, without that of the token itself.
    lacking = steps.sum(1, keepdim=True) - steps.cumsum(1)
    backward = _logs(states_after) + lacking.unsqueeze(2)
    partition = torch.logsumexp(forward[:, -1] + scores.end, dim=1)
    kind = emissions.dtype
    return Lattice(forward.to(kind), backward.to(kind), partition.to(kind))


def tag_probabilities(
    emissions: Float[Tensor, "batch tokens tags"],
    mask: Bool[Tensor, "batch tokens"],
    scores: ChainScores,
) -> Float[Tensor, "batch tokens tags"]:
    """The probability of each tag at each token, with gradients; zero in padded positions."""
    weights = scores.weights()
    likely, _ = _likely(emissions, mask)
    tags = _forward(likely, mask, weights)[0] * _backward(likely, mask, weights)[0]
    tags = tags / tags.sum(2, keepdim=True)
    return tags.masked_fill(~mask.unsqueeze(2), 0.0).to(emissions.dtype)


def path_expectations(
    emissions: Float[Tensor, "batch tokens tags"],
    mask: Bool[Tensor, "batch tokens"],
    scores: ChainScores,
) -> PathExpectations:
    """What the paths of each sentence hold on average; passes no gradient."""
    with torch.no_grad():
        weights = scores.weights()
        likely, _ = _likely(emissions, mask)
        states, _ = _forward(likely, mask, weights)
        expected = _expected(likely, states, mask, weights)
        return PathExpectations(*(part.to(emissions.dtype) for part in expected))


def log_partition(
    emissions: Float[Tensor, "batch tokens tags"],
    mask: Bool[Tensor, "batch tokens"],
    scores: ChainScores,
) -> Float[Tensor, " batch"]:
    """The log of the sum over all paths of each sentence.

    Its gradient is what the paths hold on average, and is computed as that.

    Raises:
        RuntimeError: if its gradient is differentiated once more, which is not implemented.
    """
    partition: Tensor = _LogPartition.apply(emissions, mask, *scores)  # type: ignore[no-untyped-call]
    return partition


class _LogPartition(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, emissions: Tensor, mask: Tensor, start: Tensor, transition: Tensor, end: Tensor
    ) -> Tensor:
        weights = ChainScores(start, transition, end).weights()
        likely, tops = _likely(emissions, mask)
        states, scales = _forward(likely, mask, weights)
        ctx.save_for_backward(mask, likely, states, *weights)
        grown = (scales.log() + tops).sum(1)
        return ((states[:, -1] @ weights.end).log() + grown).to(emissions.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor, None, Tensor, Tensor, Tensor]:
        mask, likely, states, *weights = ctx.saved_tensors
        tags, moves = _expected(likely, states, mask, ChainScores(*weights))
        share = upstream.double()[:, None, None]
        tags = tags * share
        of_end = tags[torch.arange(len(mask), device=mask.device), mask.sum(1) - 1].sum(0)
        gradients = (tags[:, 0].sum(0), (moves * share).sum(0), of_end)
        start, transition, end = (gradient.to(upstream.dtype) for gradient in gradients)
        return tags.to(upstream.dtype), None, start, transition, end


def _expected(
    likely: Tensor, states: Tensor, mask: Tensor, weights: ChainScores
) -> PathExpectations:
    after, _ = _backward(likely, mask, weights)
    inside = mask.unsqueeze(2)
    tags = states * after
    tags = (tags / tags.sum(2, keepdim=True)).masked_fill(~inside, 0.0)
    before, ahead = states[:, :-1], likely[:, 1:] * after[:, 1:]
    whole = ((before @ weights.transition) * ahead).sum(2, keepdim=True)
    ahead = (ahead / whole.clamp(min=_TINY)).masked_fill(~inside[:, 1:], 0.0)
    return PathExpectations(tags, weights.transition * (before.transpose(1, 2) @ ahead))


def _likely(emissions: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """The exponentials of the emissions over that of the best at each token, and the logs of it."""
    inside = emissions.double().masked_fill(~mask.unsqueeze(2), 0.0)
    tops = inside.detach().amax(2)
    return (inside - tops.unsqueeze(2)).clamp(min=_LEAST).exp(), tops


def _forward(likely: Tensor, mask: Tensor, weights: ChainScores) -> tuple[Tensor, Tensor]:
    """The states (batch, tokens, tags), each of sum 1, and by how much each step grew them.

    In padding they stay as they are.
    """
    state, scale = _scaled(weights.start * likely[:, 0])
    states, scales = [state], [scale]
    for inside, own in zip(mask.t()[1:, :, None], likely.unbind(1)[1:], strict=True):
        moved, scale = _scaled((state @ weights.transition) * own)
        state = torch.where(inside, moved, state)
        states.append(state)
        scales.append(scale)
    return torch.stack(states, 1), _inside(torch.cat(scales, 1), mask)


def _backward(likely: Tensor, mask: Tensor, weights: ChainScores) -> tuple[Tensor, Tensor]:
    """The states after each token, and by how much the step from each token back grew them.

    In padding they are the weights of the end.
    """
    state = weights.end.expand_as(likely[:, 0])
    backwards = weights.transition.t()
    states, scales = [state], []
    steps = zip(mask.t()[1:, :, None], likely.unbind(1)[1:], strict=True)
    for inside, own in reversed([*steps]):
        moved, of_step = _scaled((own * state) @ backwards)
        state = torch.where(inside, moved, state)
        states.append(state)
        scales.append(of_step)
    scales.append(torch.ones_like(likely[:, 0, :1]))  # there is no step from the first token
    return torch.stack(states[::-1], 1), _inside(torch.cat(scales[::-1], 1), mask)


def _scaled(state: Tensor) -> tuple[Tensor, Tensor]:
    scale = state.sum(1, keepdim=True)
    return state / scale, scale


def _inside(scales: Tensor, mask: Tensor) -> Tensor:
    return scales.masked_fill(~mask, 1.0)


def _logs(states: Tensor) -> Tensor:
    possible = states > 0
    return torch.where(possible, states.clamp(min=_TINY).log(), IMPOSSIBLE)
