from __future__ import annotations

import torch
from torch import Tensor

from dovetail.layers.pair_features import DISTANCES, MOST_BETWEEN, PairFeatures

SPANS = torch.tensor([[[0, 2], [3, 4], [4, 7], [9, 10], [1, 6]]])
TOKEN_DIM, ENTITY_DIM = 3, 4


def features_of(**switches: int) -> PairFeatures:
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


def test_between_is_the_maximum_over_the_tokens_strictly_between() -> None:
    features = features_of(between=True)
    tokens, entities, spans, mask = inputs()
    found = features(tokens, entities, spans, mask)[0]
    for i, (start, end) in enumerate(SPANS[0].tolist()):
        for j, (other_start, other_end) in enumerate(SPANS[0].tolist()):
            inside = tokens[0, min(end, other_end) : max(start, other_start)]
            expected = inside.amax(0) if len(inside) else features.nothing
            assert torch.equal(found[i, j], expected)


def test_distance_counts_tokens_and_entities_between_apart_for_either_order() -> None:
    features = features_of(distance_dim=2)
    assert features.distance is not None
    assert features.number is not None
    found = features(*inputs())[0]
    starts = SPANS[0, :, 0].tolist()
    for i, (start, end) in enumerate(SPANS[0].tolist()):
        for j, (other_start, other_end) in enumerate(SPANS[0].tolist()):
            tokens = max(0, max(start, other_start) - min(end, other_end))
            bucket = sum(limit < tokens for limit in DISTANCES)
            row = 2 * bucket + (start > other_start)
            low, high = sorted((start, other_start))
            between = min(MOST_BETWEEN, sum(low < place < high for place in starts))
            expected = torch.cat([features.distance.weight[row], features.number.weight[between]])
            assert torch.equal(found[i, j], expected)


def test_products_are_of_the_head_and_the_tail_projection() -> None:
    features = features_of(bilinear_dim=5)
    assert features.as_head is not None
    assert features.as_tail is not None
    tokens, entities, spans, mask = inputs()
    found = features(tokens, entities, spans, mask)[0]
    for i in range(5):
        for j in range(5):
            expected = features.as_head(entities[0, i]) * features.as_tail(entities[0, j])
            torch.testing.assert_close(found[i, j], expected)
    assert not torch.allclose(found, found.transpose(0, 1))


def test_all_features_stand_side_by_side_and_reach_every_parameter() -> None:
    features = features_of(between=True, distance_dim=2, bilinear_dim=5)
    found = features(*inputs())
    assert found.shape == (1, 5, 5, features.output_dim)
    found.square().sum().backward()
    for name, parameter in features.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.any(), name


def test_padding_entities_and_tokens_change_nothing() -> None:
    features = features_of(between=True, distance_dim=2, bilinear_dim=5)
    tokens, entities, spans, mask = inputs()
    alone = features(tokens, entities, spans, mask)
    padding = torch.tensor([[[0, 1], [0, 1]]])
    padded = features(
        torch.cat([tokens, torch.full((1, 3, TOKEN_DIM), 1e6)], dim=1),
        torch.cat([entities, torch.zeros(1, 2, ENTITY_DIM)], dim=1),
        torch.cat([spans, padding], dim=1),
        torch.cat([mask, torch.zeros(1, 2, dtype=torch.bool)], dim=1),
    )
    torch.testing.assert_close(padded[:, :5, :5], alone)
    assert torch.isfinite(padded).all()
