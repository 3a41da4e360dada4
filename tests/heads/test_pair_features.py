from __future__ import annotations

from typing import Any, Literal

import pytest
import torch
from torch import Tensor

from dovetail.heads.relation.attention_between import KEY_DIM
from dovetail.heads.relation.candidate_pairs import Pairs
from dovetail.heads.relation.pair_features import DISTANCES, MOST_BETWEEN, PairFeatures

SPANS = torch.tensor([[[0, 2], [3, 4], [4, 7], [9, 10], [1, 6]]])
TOKEN_DIM, ENTITY_DIM = 3, 4
Between = bool | Literal["attention"]
BETWEEN: list[Between] = [True, "attention"]


def features_of(**switches: Any) -> PairFeatures:
    torch.manual_seed(0)
    features = PairFeatures(token_dim=TOKEN_DIM, entity_dim=ENTITY_DIM, **switches)
    for parameter in features.parameters():
        torch.nn.init.normal_(parameter)
    return features


def inputs(spans: Tensor = SPANS) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    tokens = torch.randn(len(spans), 12, TOKEN_DIM, generator=generator)
    entities = torch.randn(*spans.shape[:2], ENTITY_DIM, generator=generator)
    return tokens, entities, spans, torch.ones(spans.shape[:2], dtype=torch.bool)


def described(
    features: PairFeatures, tokens: Tensor, entities: Tensor, spans: Tensor, mask: Tensor
) -> Tensor:
    """All pairs of real entities, an entity with itself too, in their cells."""
    pairs = Pairs.where(mask.unsqueeze(2) & mask.unsqueeze(1))
    found = features(tokens, entities, spans, mask, pairs)
    return pairs.spread(found, batch=len(spans), entities=spans.shape[1])


def test_between_is_the_maximum_over_the_tokens_strictly_between() -> None:
    features = features_of(between=True)
    tokens, entities, spans, mask = inputs()
    found = described(features, tokens, entities, spans, mask)[0]
    for i, (start, end) in enumerate(SPANS[0].tolist()):
        for j, (other_start, other_end) in enumerate(SPANS[0].tolist()):
            inside = tokens[0, min(end, other_end) : max(start, other_start)]
            expected = inside.amax(0) if len(inside) else features.nothing
            assert torch.equal(found[i, j], expected)


def test_attention_is_a_mean_of_the_tokens_between_that_both_entities_weigh() -> None:
    features = features_of(between="attention")
    attention = features.attention
    assert attention is not None
    tokens, entities, spans, mask = inputs()
    found = described(features, tokens, entities, spans, mask)[0]
    for i, (start, end) in enumerate(SPANS[0].tolist()):
        for j, (other_start, other_end) in enumerate(SPANS[0].tolist()):
            inside = tokens[0, min(end, other_end) : max(start, other_start)]
            expected = features.nothing
            if len(inside):
                query = attention.of_head(entities[0, i]) + attention.of_tail(entities[0, j])
                scores = attention.key(inside) @ query / KEY_DIM**0.5
                expected = scores.softmax(0) @ inside
            torch.testing.assert_close(found[i, j], expected)
    assert not torch.allclose(found, found.transpose(0, 1))  # head and tail ask differently


def test_without_a_token_between_attention_passes_no_gradient() -> None:
    features = features_of(between="attention")
    spans = torch.tensor([[[0, 2], [2, 3]]])
    tokens, entities, spans, mask = inputs(spans)
    described(features, tokens.requires_grad_(), entities, spans, mask).sum().backward()
    assert tokens.grad is not None
    assert not tokens.grad.any()
    assert features.nothing is not None
    assert features.nothing.grad is not None
    assert features.nothing.grad.isfinite().all()


def test_distance_counts_tokens_and_entities_between_apart_for_either_order() -> None:
    features = features_of(distance_dim=2)
    assert features.distance is not None
    assert features.number is not None
    nested = torch.cat([SPANS, torch.tensor([[[4, 5]]])], dim=1)  # starts where another does
    found = described(features, *inputs(nested))[0]
    starts = nested[0, :, 0].tolist()
    for i, (start, end) in enumerate(nested[0].tolist()):
        for j, (other_start, other_end) in enumerate(nested[0].tolist()):
            tokens = max(0, max(start, other_start) - min(end, other_end))
            bucket = sum(limit < tokens for limit in DISTANCES)
            row = 2 * bucket + ((start, end) > (other_start, other_end))
            low, high = sorted((start, other_start))
            between = min(MOST_BETWEEN, sum(low < place < high for place in starts))
            expected = torch.cat([features.distance.weight[row], features.number.weight[between]])
            assert torch.equal(found[i, j], expected)


def test_products_are_of_the_head_and_the_tail_projection() -> None:
    features = features_of(bilinear_dim=5)
    assert features.as_head is not None
    assert features.as_tail is not None
    tokens, entities, spans, mask = inputs()
    found = described(features, tokens, entities, spans, mask)[0]
    for i in range(5):
        for j in range(5):
            expected = features.as_head(entities[0, i]) * features.as_tail(entities[0, j])
            torch.testing.assert_close(found[i, j], expected)
    assert not torch.allclose(found, found.transpose(0, 1))


@pytest.mark.parametrize("between", BETWEEN)
def test_all_features_stand_side_by_side_and_reach_every_parameter(between: Between) -> None:
    features = features_of(between=between, distance_dim=2, bilinear_dim=5)
    found = described(features, *inputs())
    assert found.shape == (1, 5, 5, features.output_dim)
    found.square().sum().backward()
    for name, parameter in features.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.any(), name


@pytest.mark.parametrize("between", BETWEEN)
def test_padding_entities_and_tokens_change_nothing(between: Between) -> None:
    features = features_of(between=between, distance_dim=2, bilinear_dim=5)
    tokens, entities, spans, mask = inputs()
    alone = described(features, tokens, entities, spans, mask)
    padding = torch.tensor([[[0, 1], [0, 1]]])
    padded = described(
        features,
        torch.cat([tokens, torch.full((1, 3, TOKEN_DIM), 1e6)], dim=1),
        torch.cat([entities, torch.zeros(1, 2, ENTITY_DIM)], dim=1),
        torch.cat([spans, padding], dim=1),
        torch.cat([mask, torch.zeros(1, 2, dtype=torch.bool)], dim=1),
    )
    torch.testing.assert_close(padded[:, :5, :5], alone)
    assert torch.isfinite(padded).all()


@pytest.mark.parametrize("between", BETWEEN)
def test_a_pair_is_described_alike_whichever_others_are(between: Between) -> None:
    features = features_of(between=between, distance_dim=2, bilinear_dim=5)
    spans = torch.cat([SPANS, SPANS.flip(1)])
    tokens, entities, _, mask = inputs(spans)
    every = described(features, tokens, entities, spans, mask)
    chosen = torch.rand(2, 5, 5, generator=torch.Generator().manual_seed(2)) < 0.3
    for cells in (chosen, torch.zeros_like(chosen)):
        found = features(tokens, entities, spans, mask, Pairs.where(cells))
        torch.testing.assert_close(found, every[cells])
