"""Predictions from a file find their gold sentences, or the user learns which one does not."""

from __future__ import annotations

import pytest

from dovetail.errors import CorpusError
from dovetail.evaluation import align
from dovetail.text.document import Entity, Sentence


def sentence(text: str, id: str = "") -> Sentence:
    return Sentence.from_tokens(text.split(), id=id)


def test_unique_ids_undo_another_order() -> None:
    gold = [sentence("a b", "1"), sentence("c", "2"), sentence("a b", "3")]
    shuffled = [gold[2], gold[0], gold[1]]
    assert align(gold, shuffled) == gold


@pytest.mark.parametrize(
    ("gold_ids", "predicted_ids"),
    [("  ", "  "), ("11", "12"), ("12", "11"), ("12", "34")],
    ids=["no ids", "gold repeats", "predictions repeat", "other numbering"],
)
def test_without_common_unique_ids_position_decides(gold_ids: str, predicted_ids: str) -> None:
    gold = [sentence("a b", gold_ids[0].strip()), sentence("c", gold_ids[1].strip())]
    predicted = [
        Sentence.from_tokens(["a", "b"], entities=[Entity(0, 1, "X")], id=predicted_ids[0].strip()),
        sentence("c", predicted_ids[1].strip()),
    ]
    assert align(gold, predicted) == predicted


def test_other_tokens_under_one_id_are_refused() -> None:
    with pytest.raises(CorpusError, match=r"sentence 2 \(id '2'\) differs at token 0.*'c'.*'d'"):
        align(
            [sentence("a", "1"), sentence("c", "2")],
            [sentence("d", "2"), sentence("a", "1")],
        )


@pytest.mark.parametrize(
    ("gold", "predicted", "message"),
    [
        ("1 2 3", "3 1", r"3 sentences and the predictions 2.*lack is sentence 2 \(id '2'\): 't2'"),
        ("1 2", "2 1 5", r"first that the corpus lacks is sentence 3 \(id '5'\): 't5'"),
        ("1 1 2", "1 2", r"first that the predictions lack is sentence 2 \(id '1'\): 't1'"),
        ("1 1", "1 1 1", r"first that the corpus lacks is sentence 3 \(id '1'\): 't1'"),
    ],
)
def test_other_number_names_the_first_without_partner(
    gold: str, predicted: str, message: str
) -> None:
    with pytest.raises(CorpusError, match=message):
        align(
            [sentence(f"t{id}", id) for id in gold.split()],
            [sentence(f"t{id}", id) for id in predicted.split()],
        )
