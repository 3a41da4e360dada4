"""Relations are scored for as many sentences at once as memory is meant to hold."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.corpus import SENTENCES
from tests.networks import talkative_model, tiny_config

import dovetail.model.prediction
from dovetail.model.ensemble import Ensemble
from dovetail.model.prediction import CELLS_AT_ONCE, groups_of_rows
from dovetail.tensors.features import Batch


@given(st.lists(st.integers(0, 3000), min_size=1, max_size=80))
def test_groups_hold_all_rows_in_order_and_not_too_many_cells(numbers: list[int]) -> None:
    groups = groups_of_rows(numbers)
    assert [row for own in groups for row in range(own.start, own.stop)] == [*range(len(numbers))]
    for own in groups:
        cells = (own.stop - own.start) * max(numbers[own]) ** 2
        assert cells <= CELLS_AT_ONCE or own.stop - own.start == 1
    for before, after in itertools.pairwise(groups):
        more = numbers[before.start : after.start + 1]
        assert len(more) * max(more) ** 2 > CELLS_AT_ONCE  # no group ends early


def test_batches_of_sentences_are_one_group() -> None:
    assert groups_of_rows([24] * 64) == [slice(0, 64)]


@pytest.mark.parametrize("marked", [0, 1])
def test_groups_say_what_the_batch_says(marked: int, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tiny_config(relation_head={"marked_layers": marked, "labels": "probabilities"})
    first, second = (talkative_model(config, seed=seed) for seed in (0, 1))
    ensemble = Ensemble([first, second]).eval()
    for model in (first, ensemble):
        batch = Batch.from_sentences(SENTENCES, model.featurise)
        together = model.predict(batch)
        assert any(sentence.relations for sentence in together)
        monkeypatch.setattr(dovetail.model.prediction, "CELLS_AT_ONCE", 5)
        apart = model.predict(batch)
        monkeypatch.undo()
        assert apart == together
        for one, other in zip(apart, together, strict=True):
            confidences = [
                [relation.confidence for relation in own.sorted_relations] for own in (one, other)
            ]
            assert confidences[0] == pytest.approx(confidences[1], rel=1e-3)
