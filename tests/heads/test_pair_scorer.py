from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity

from dovetail.heads.activations import ACTIVATIONS
from dovetail.heads.relation.candidate_pairs import Pairs
from dovetail.heads.relation.pair_scorer import PairHiddenLayer, PairScorer


def scores_of(scorer: PairScorer, entities: Tensor, features: Tensor | None = None) -> Tensor:
    """The scores of all pairs, an entity with itself too, in their cells."""
    batch, number = entities.shape[:2]
    pairs = Pairs.where(torch.ones(batch, number, number, dtype=torch.bool))
    return pairs.spread(scorer(entities, pairs, features), batch=batch, entities=number)


@pytest.mark.parametrize("activation", list(ACTIVATIONS))
def test_scores_equal_a_plain_restatement_of_the_equations(activation: str) -> None:
    torch.manual_seed(0)
    scorer = PairScorer(input_dim=6, hidden_dim=5, num_types=3, activation=activation)
    torch.nn.init.normal_(scorer.as_cosine)
    entities = torch.randn(2, 4, 6)
    scores = scores_of(scorer, entities)
    # The paper's last layer is one matrix over [f_i; f_j; cos; DistMult_1..R]: put it together.
    weight = torch.cat(
        [
            scorer.as_head.weight,
            scorer.as_tail.weight,
            scorer.as_cosine.unsqueeze(1),
            scorer.as_product.weight,
        ],
        dim=1,
    )
    for sentence in range(2):
        for i in range(4):
            for j in range(4):
                g_i, g_j = entities[sentence, i], entities[sentence, j]
                f_i, f_j = scorer.projection(g_i), scorer.projection(g_j)
                distmult = torch.stack(
                    [g_i @ torch.diag(diagonal) @ g_j for diagonal in scorer.diagonals]
                )
                cosine = cosine_similarity(f_i, f_j, dim=0).reshape(1)
                pair = torch.cat([f_i, f_j, cosine, distmult])
                expected = weight @ pair + scorer.as_head.bias
                torch.testing.assert_close(scores[sentence, i, j], expected)


def test_scores_are_directed() -> None:
    scorer = PairScorer(input_dim=6, hidden_dim=5, num_types=3)
    scores = scores_of(scorer, torch.randn(1, 4, 6))
    assert not torch.allclose(scores, scores.transpose(1, 2))


def test_padding_entities_change_nothing_and_stay_finite() -> None:
    scorer = PairScorer(input_dim=6, hidden_dim=5, num_types=3)
    entities = torch.randn(1, 4, 6)
    padded = torch.cat([entities, torch.zeros(1, 2, 6)], dim=1)
    scores = scores_of(scorer, padded)
    torch.testing.assert_close(scores[:, :4, :4], scores_of(scorer, entities))
    assert torch.isfinite(scores).all()


def test_every_parameter_gets_a_gradient() -> None:
    scorer = PairScorer(input_dim=6, hidden_dim=5, num_types=3)
    scores_of(scorer, torch.randn(2, 4, 6)).square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in scorer.parameters())


def test_features_and_hidden_layer_equal_one_network_over_all_parts_of_a_pair() -> None:
    torch.manual_seed(0)
    hidden_layer = PairHiddenLayer(input_dim=7, num_types=3)
    scorer = PairScorer(input_dim=6, hidden_dim=5, num_types=3, feature_dim=2, hidden=hidden_layer)
    torch.nn.init.normal_(scorer.as_cosine)
    entities, features = torch.randn(1, 4, 6), torch.randn(1, 4, 4, 2)
    scores = scores_of(scorer, entities, features.flatten(0, 2))
    assert scorer.as_features is not None
    for i in range(4):
        for j in range(4):
            g_i, g_j = entities[0, i], entities[0, j]
            f_i, f_j = scorer.projection(g_i), scorer.projection(g_j)
            distmult = (g_i * scorer.diagonals * g_j).sum(1)
            hidden = (
                scorer.as_head(f_i)
                + scorer.as_tail(f_j)
                + scorer.as_cosine * cosine_similarity(f_i, f_j, dim=0)
                + scorer.as_product(distmult)
                + scorer.as_features(features[0, i, j])
            )
            expected = hidden_layer[1](hidden.relu())
            torch.testing.assert_close(scores[0, i, j], expected)
    scores.square().sum().backward()
    assert all(p.grad is not None and p.grad.any() for p in scorer.parameters())


def test_the_hidden_layer_drops_its_values_in_training_only() -> None:
    layer = PairHiddenLayer(input_dim=1000, num_types=1, dropout=0.5)
    torch.nn.init.ones_(layer[1].weight)
    torch.nn.init.zeros_(layer[1].bias)
    ones = torch.ones(1000)
    kept = layer.train()(ones).item() / 2  # what is kept counts twice
    assert 400 < kept < 600
    assert layer.eval()(ones).item() == pytest.approx(1000)
