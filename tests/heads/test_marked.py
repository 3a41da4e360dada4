from __future__ import annotations

import pytest
import torch
from tests.networks import layer_factory

from dovetail.heads.marked_layers import MarkedLayers, entity_marks

SPANS = torch.tensor([[[0, 3], [1, 2], [4, 5]], [[2, 4], [0, 1], [0, 1]]])
TYPES = torch.tensor([[[1, 0], [0, 1], [0, 1]], [[1, 0], [0, 0], [0, 0]]])  # two rows are padding
MASK = torch.tensor([[True] * 6, [True] * 4 + [False] * 2])


def test_marks_say_where_each_type_starts_is_and_ends() -> None:
    marks = entity_marks(SPANS, TYPES, num_tokens=6)
    expected = torch.zeros(2, 6, 3, 2)
    for row in range(2):
        for (start, end), types in zip(SPANS[row].tolist(), TYPES[row].tolist(), strict=True):
            for type_, is_real in enumerate(types):
                if is_real:
                    expected[row, start, 0, type_] = 1
                    expected[row, start:end, 1, type_] = 1
                    expected[row, end - 1, 2, type_] = 1
    assert torch.equal(marks, expected.flatten(2))


def test_two_entities_of_a_type_on_one_token_mark_it_once() -> None:
    marks = entity_marks(torch.tensor([[[0, 2], [1, 2]]]), torch.ones(1, 2, 1).long(), num_tokens=3)
    assert marks.tolist() == [[[1, 1, 0], [1, 1, 1], [0, 0, 0]]]


@pytest.mark.parametrize("num_layers", [1, 2])
@pytest.mark.parametrize("training", [True, False])
def test_every_token_may_learn_of_every_entity(num_layers: int, training: bool) -> None:
    torch.manual_seed(0)
    layers = MarkedLayers(layer_factory("gru"), token_dim=4, num_types=2, num_layers=num_layers)
    layers.train(training)
    assert layers.output_dim == 6
    tokens = torch.randn(2, 6, 4)
    without = layers(tokens, MASK, SPANS, torch.zeros_like(TYPES))
    marked = layers(tokens, MASK, SPANS, TYPES)
    changed = (marked != without).any(2)
    assert torch.equal(changed & MASK, MASK)


def test_dropout_spares_the_marks() -> None:
    layers = MarkedLayers(layer_factory("gru"), token_dim=4, num_types=2, dropout=0.999999)
    marked = layers(torch.randn(2, 6, 4), MASK, SPANS, TYPES)
    silent = layers.eval()(torch.zeros(2, 6, 4), MASK, SPANS, TYPES)
    torch.testing.assert_close(marked, silent)
