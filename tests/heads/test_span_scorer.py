from __future__ import annotations

import pytest
import torch
from torch import Tensor

from dovetail.heads.entity.span_scorer import SpanScorer, running_maximum, spans_within

DIM, TYPES = 4, 2


def scorer_of(*, max_width: int = 3, pooled: bool = False, activation: str = "tanh") -> SpanScorer:
    torch.manual_seed(0)
    return SpanScorer(
        input_dim=DIM,
        hidden_dim=6,
        num_types=TYPES,
        max_width=max_width,
        pooled=pooled,
        activation=activation,
    )


def score(scorer: SpanScorer, tokens: Tensor, start: int, end: int) -> Tensor:
    """The scores of one span of one sentence, from its formula."""
    parts = tokens[start:end]
    hidden = scorer.as_start(parts[0]) + scorer.as_end(parts[-1]) + scorer.as_width[len(parts) - 1]
    if scorer.as_part is not None:
        hidden = hidden + scorer.as_part(parts).max(0).values
    return scorer.output(scorer.activation(hidden))


@pytest.mark.parametrize("activation", ["tanh", "relu"])
@pytest.mark.parametrize("pooled", [False, True])
@pytest.mark.parametrize("length", [1, 2, 5])
def test_every_span_of_a_sentence_has_the_scores_of_the_formula(
    length: int, pooled: bool, activation: str
) -> None:
    scorer = scorer_of(pooled=pooled, activation=activation)
    tokens = torch.randn(2, length, DIM)
    scores = scorer(tokens)
    assert scores.shape == (2, length, min(3, length), TYPES)
    mask = torch.ones(2, length, dtype=torch.bool)
    checked = 0
    for row, start, width in spans_within(mask, scores.shape[2]).nonzero().tolist():
        expected = score(scorer, tokens[row], start, start + width + 1)
        torch.testing.assert_close(scores[row, start, width], expected)
        checked += 1
    assert checked == 2 * sum(min(3, length - start) for start in range(length))


@pytest.mark.parametrize("pooled", [False, True])
def test_gradients_are_those_of_finite_differences(pooled: bool) -> None:
    scorer = scorer_of(pooled=pooled).double()
    tokens = torch.randn(2, 4, DIM, dtype=torch.float64, requires_grad=True)
    within = spans_within(torch.ones(2, 4, dtype=torch.bool), 3)
    assert torch.autograd.gradcheck(lambda read: scorer(read)[within], (tokens,))


def test_spans_within_a_sentence_end_within_it() -> None:
    mask = torch.tensor([[True] * 4, [True, True, False, False]])
    expected = [
        [[start + width < length for width in range(3)] for start in range(4)] for length in (4, 2)
    ]
    assert spans_within(mask, 3).tolist() == expected


def test_maximum_runs_over_the_tokens_of_a_span() -> None:
    tokens = torch.tensor([[[-3.0], [-1.0], [-2.0]]])
    found = running_maximum(tokens, 2)
    assert found[0, 0].flatten().tolist() == [-3.0, -1.0]
    assert found[0, 1].flatten().tolist() == [-1.0, -1.0]


def test_memory_grows_with_the_width_of_spans_and_not_with_the_square_of_the_sentence() -> None:
    scores = scorer_of(max_width=4)(torch.randn(1, 2000, DIM))
    assert scores.shape == (1, 2000, 4, TYPES)
