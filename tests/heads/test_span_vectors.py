from __future__ import annotations

import pytest
import torch

from dovetail.heads.relation.label_embedding import LabelEmbedding
from dovetail.heads.span_vectors import WIDTHS, SpanVectors


@pytest.mark.parametrize("pooling", ["last", "ends", "pooled"])
def test_a_span_is_read_as_its_pooling_says(pooling: str) -> None:
    tokens = torch.randn(2, 8, 3)
    spans = torch.tensor([[[0, 1], [2, 7]], [[3, 5], [0, 8]]])
    found = SpanVectors(3, pooling)(tokens, spans)
    for row in range(2):
        for (start, end), vector in zip(spans[row].tolist(), found[row], strict=True):
            span = tokens[row, start:end]
            parts = {
                "last": [span[-1]],
                "ends": [span[0], span[-1]],
                "pooled": [span[0], span[-1], span.amax(0)],
            }
            assert torch.equal(vector, torch.cat(parts[pooling]))


def test_the_width_stands_behind_in_buckets() -> None:
    vectors = SpanVectors(3, "last", width_dim=2)
    assert vectors.width is not None
    assert vectors.output_dim == 5
    tokens = torch.randn(1, 30, 3)
    spans = torch.tensor([[[4, 4 + width] for width in range(1, 20)]])
    found = vectors(tokens, spans)
    for width, vector in zip(range(1, 20), found[0], strict=True):
        bucket = sum(limit < width for limit in WIDTHS)
        assert torch.equal(vector[:3], tokens[0, 3 + width])
        assert torch.equal(vector[3:], vectors.width.weight[bucket])


def test_a_certain_label_has_the_embedding_of_its_index() -> None:
    embedding = LabelEmbedding(5, 3)
    labels = torch.tensor([[0, 4, 2]])
    certain = torch.nn.functional.one_hot(labels, 5).float()
    torch.testing.assert_close(embedding(certain), embedding(labels))


def test_no_label_is_embedded_in_nothing() -> None:
    assert LabelEmbedding(5, 0)(torch.tensor([[0, 4]])).shape == (1, 2, 0)
