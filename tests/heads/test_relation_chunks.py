"""Many pairs are scored in chunks: same scores, same gradients, and memory that is bounded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from dovetail.heads import RelationHead, TrainingRegime
from dovetail.heads.relation.candidate_pairs import Pairs
from dovetail.heads.relation.label_embedding import LabelEmbedding
from dovetail.heads.relation.pair_features import PairFeatures
from dovetail.heads.relation.pair_scorer import PairHiddenLayer, PairScorer
from dovetail.heads.relation.relation_head import PAIRS_AT_ONCE, in_chunks
from dovetail.heads.span_vectors import SpanVectors
from dovetail.tensors.features import Candidates
from dovetail.text.document import Entity
from dovetail.text.schema import Schema

DIM, LABELS = 6, 2
SCHEMA = Schema(("X", "Y"), ("r", "s"), {}, frozenset())
BETWEEN: list[Literal["attention"] | bool] = [False, True, "attention"]


def head_of(between: Literal["attention"] | bool, dropout: float = 0.0) -> RelationHead:
    torch.manual_seed(0)
    features = PairFeatures(
        token_dim=DIM, entity_dim=DIM + 3, between=between, distance_dim=4, bilinear_dim=5
    )
    return RelationHead(
        labels=LabelEmbedding(LABELS, 3),
        spans=SpanVectors(DIM, "last"),
        pairs=features,
        scorer=PairScorer(
            input_dim=DIM + 3,
            hidden_dim=4,
            num_types=2,
            feature_dim=features.output_dim,
            hidden=PairHiddenLayer(input_dim=7, num_types=2, dropout=dropout),
        ),
        schema=SCHEMA,
        regime=TrainingRegime(dropout=dropout),
    )


def rows_of(*numbers: int) -> tuple[Tensor, Tensor, Candidates]:
    """Token vectors of a batch whose sentences have so many entities, one on every other token."""
    rows = [[Entity(2 * n, 2 * n + 1, "XY"[n % 2]) for n in range(number)] for number in numbers]
    candidates = Candidates.from_entities(rows, SCHEMA.entity_types)
    stream = torch.randn(
        len(rows), 2 * max(numbers) + 1, DIM, generator=torch.Generator().manual_seed(1)
    )
    return stream.requires_grad_(), candidates.types, candidates


def scored(head: RelationHead, numbers: tuple[int, ...], size: int) -> tuple[Tensor, Tensor]:
    """Scores of all pairs, at most `size` at once, and the gradient that the tokens get."""
    stream, labels, candidates = rows_of(*numbers)
    entities = torch.cat([head.spans(stream, candidates.spans), head.label_embedding(labels)], 2)
    pairs = Pairs.where(head.possible(candidates).any(3))

    def scores_of(some: Pairs, rows: slice) -> Tensor:
        spans, mask = candidates.spans[rows], candidates.mask[rows]
        return head._scores(stream[rows], entities[rows], spans, mask, some)

    scores = in_chunks(scores_of, pairs, size)
    (gradient,) = torch.autograd.grad(scores.square().sum(), stream)
    return scores, gradient


@pytest.mark.parametrize("between", BETWEEN)
@pytest.mark.parametrize("size", [1, 7, 19, 10**6])
@pytest.mark.parametrize("training", [True, False])
def test_size_of_chunks_changes_neither_scores_nor_gradients(
    between: Literal["attention"] | bool, size: int, training: bool
) -> None:
    head = head_of(between).train(training)
    numbers = (3, 0, 5, 1, 4)
    for found, expected in zip(
        scored(head, numbers, size), scored(head, numbers, 10**6), strict=True
    ):
        torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("between", BETWEEN)
def test_what_is_computed_again_for_the_gradients_drops_what_was_dropped_before(
    between: Literal["attention"] | bool,
) -> None:
    head = head_of(between, dropout=0.5)
    stream, labels, candidates = rows_of(6, 5)
    pairs = Pairs.where(head.possible(candidates).any(3))

    def gradients(score: Callable[[Callable[[Pairs, slice], Tensor]], Tensor]) -> list[Tensor]:
        entities = torch.cat(
            [head.spans(stream, candidates.spans), head.label_embedding(labels)], 2
        )

        def scores_of(some: Pairs, rows: slice) -> Tensor:
            spans, mask = candidates.spans[rows], candidates.mask[rows]
            return head._scores(stream[rows], entities[rows], spans, mask, some)

        torch.manual_seed(3)
        scores = score(scores_of)
        return [scores, *torch.autograd.grad(scores.square().sum(), (stream, *inside))]

    inside = [weight for name, weight in head.named_parameters() if "label" not in name]
    again = gradients(lambda scores_of: in_chunks(scores_of, pairs, 8))
    kept = gradients(
        lambda scores_of: torch.cat(
            [
                scores_of(chunk.of_sentences(chunk.sentences), chunk.sentences)
                for chunk in pairs.chunks(8)
            ]
        )
    )
    for found, expected in zip(again, kept, strict=True):
        torch.testing.assert_close(found, expected)


class Largest(TorchDispatchMode):
    """Notes how many elements the largest tensor has that any operation gives."""

    elements = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for tensor in result if isinstance(result, tuple | list) else [result]:
            if isinstance(tensor, Tensor):
                self.elements = max(self.elements, tensor.numel())
        return result


@pytest.mark.parametrize("training", [True, False])
def test_no_tensor_of_many_pairs_is_wider_than_a_number_for_each_type(training: bool) -> None:
    number = 300
    head = head_of(between=True).train(training)
    stream, labels, candidates = rows_of(number)
    kept = 0

    def keep(tensor: Tensor) -> Tensor:
        nonlocal kept
        kept += tensor.numel()
        return tensor

    with (
        Largest() as largest,
        torch.set_grad_enabled(training),
        torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor),
    ):
        logits = head(stream, labels, candidates)
        if training:
            logits.square().sum().backward()
    cells = number**2 * len(SCHEMA.relation_types)
    pairs = number * (number - 1)
    widest = DIM + 2 * 4 + 5  # the description of a pair
    assert pairs > 5 * PAIRS_AT_ONCE
    assert largest.elements <= max(2 * cells, PAIRS_AT_ONCE * widest)
    assert largest.elements < pairs * 7  # the hidden layer of all pairs at once
    # Kept for the gradients: no more than the grid and the lists of pairs, and not their vectors.
    assert kept < 8 * cells


def test_without_entities_there_is_nothing_to_score() -> None:
    head = head_of(between=True)
    stream, labels, candidates = rows_of(1, 1)
    assert not head(stream, labels, candidates).any()
