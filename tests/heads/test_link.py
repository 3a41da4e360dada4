from __future__ import annotations

from dataclasses import replace
from typing import Literal, NamedTuple

import pytest
import torch
from tests.corpus import SENTENCES, TRAIN
from tests.networks import batch_of, reached, talkative_model, tiny_config
from torch import Tensor

from dovetail.heads import CrfEntityHead, EntityLink
from dovetail.heads.link import MOST_SPURIOUS
from dovetail.tensors.features import Candidates, Targets
from dovetail.text.document import Entity

Source = Literal["gold", "probabilities", "predicted"]


class Read(NamedTuple):
    head: CrfEntityHead
    emissions: Tensor
    mask: Tensor
    targets: Targets

    def labels(self, source: Source, *, training: bool) -> Tensor:
        return EntityLink(source).read(
            self.head, self.emissions, self.mask, self.targets.candidates, training=training
        )


def read_sentences() -> Read:
    """What an untrained entity head makes of the corpus."""
    model = talkative_model()
    batch = batch_of(SENTENCES, model)
    assert batch.targets is not None
    emissions = model.entity_head(model(batch)["entity"])
    return Read(model.entity_head, emissions, batch.mask, batch.targets)


@pytest.mark.parametrize("training", [True, False])
def test_gold_labels_are_those_of_the_entities(training: bool) -> None:
    read = read_sentences()
    expected = read.head.labels(read.targets.candidates)
    assert torch.equal(read.labels("gold", training=training), expected)


@pytest.mark.parametrize("training", [True, False])
def test_probabilities_are_read_in_training_and_afterwards(training: bool) -> None:
    read = read_sentences()
    found = read.labels("probabilities", training=training)
    marginals = read.head.crf.marginals(read.emissions, read.mask)
    for row, place in read.targets.candidates.mask.nonzero().tolist():
        token = int(read.targets.candidates.spans[row, place, 1]) - 1
        assert torch.equal(found[row, place], marginals[row, token])
    assert not found.requires_grad


def test_predicted_labels_are_the_most_probable_ones_in_training() -> None:
    read = read_sentences()
    found = read.labels("predicted", training=True)
    assert torch.equal(found, read.labels("probabilities", training=True).argmax(2))
    kept = read.targets.candidates.mask
    assert (found != read.head.labels(read.targets.candidates))[kept].any()  # it errs, and sees it


def test_afterwards_predicted_labels_are_those_of_the_predicted_entities() -> None:
    read = read_sentences()
    expected = read.head.labels(read.targets.candidates)
    assert torch.equal(read.labels("predicted", training=False), expected)


def test_predicted_candidates_follow_the_gold_ones_and_have_no_relations() -> None:
    read = read_sentences()
    gold = read.targets
    targets = EntityLink(candidates="predicted").targets(read.head, read.emissions, read.mask, gold)
    decoded = read.head.decode(read.emissions, read.mask)
    found = targets.candidates.entities(read.head.entity_types)
    wanted = [sentence.entities for sentence in SENTENCES]
    assert found == [set(own) | set(more) for own, more in zip(wanted, decoded, strict=True)]
    assert any(len(more) > len(own) for more, own in zip(found, wanted, strict=True))
    width = gold.candidates.mask.shape[1]
    assert torch.equal(targets.candidates.spans[:, :width], gold.candidates.spans)
    assert torch.equal(targets.relations[:, :width, :width], gold.relations)
    assert targets.relations.sum() == gold.relations.sum() > 0


def test_gold_candidates_stay_alone_unless_predicted_ones_are_asked_for() -> None:
    read = read_sentences()
    assert EntityLink().targets(read.head, read.emissions, read.mask, read.targets) is read.targets


def spurious(targets: Targets, *rows: list[Entity], most: int = MOST_SPURIOUS) -> list[set[Entity]]:
    """The candidates with these predicted ones."""
    types = ("Company", "Person", "Place")
    return targets.with_spurious(rows, types, most=most).candidates.entities(types)


def test_only_the_most_confident_spurious_entities_are_added() -> None:
    model = talkative_model()
    targets = batch_of(TRAIN[5:6], model).targets  # "Nobody was there ."
    assert targets is not None
    likely, unlikely = Entity(0, 1, "Person", 0.9), Entity(2, 3, "Place", 0.2)
    assert spurious(targets, [unlikely, likely], most=1) == [{likely}]
    assert spurious(targets, [unlikely, likely]) == [{likely, unlikely}]


def test_wrong_types_and_borders_are_spurious_and_gold_entities_are_not() -> None:
    model = talkative_model()
    targets = batch_of(TRAIN[:1], model).targets  # "Ada Lovelace lives in London ."
    assert targets is not None
    person, place = TRAIN[0].sorted_entities
    wrong_type, wrong_border = replace(person, type="Place"), replace(person, end=person.end - 1)
    added = targets.with_spurious(
        [[person, wrong_type, wrong_border]], model.schema.entity_types, most=MOST_SPURIOUS
    )
    assert added.candidates.mask.sum() == 4
    assert spurious(targets, [person, wrong_type, wrong_border]) == [
        {person, place, wrong_type, wrong_border}
    ]
    assert targets.with_spurious([[place]], model.schema.entity_types, most=8) is targets


def test_sentences_without_entity_annotation_get_no_spurious_entities() -> None:
    model = talkative_model()
    sentence = replace(TRAIN[0], annotated=frozenset({"relation"}))
    targets = batch_of([sentence, TRAIN[1]], model).targets
    assert targets is not None
    wrong = Entity(3, 4, "Person")
    first, second = spurious(targets, [wrong], [wrong])
    assert wrong in second - first


@pytest.mark.parametrize("labels", ["gold", "probabilities", "predicted"])
def test_relation_loss_of_predicted_candidates_never_reaches_the_entity_head(labels: str) -> None:
    switches = {"labels": labels, "candidates": "predicted"}
    model = talkative_model(tiny_config(relation_head=switches))
    outputs = model.outputs(batch_of(TRAIN, model))
    assert outputs.relation_logits.shape[1] > batch_of(TRAIN, model).targets.relations.shape[1]
    outputs.losses["relation"].backward()
    assert not {name for name in reached(model) if "entity" in name}


def test_candidates_of_other_sentences_change_nothing() -> None:
    """Sentences with many spurious entities pad those with few."""
    model = talkative_model(tiny_config(relation_head={"candidates": "predicted"}))
    sentences = [sentence for sentence in SENTENCES if sentence.relations]
    together = model.outputs(batch_of(sentences, model)).losses["relation"]
    total, cells = 0.0, 0
    for sentence in sentences:
        batch = batch_of([sentence], model)
        assert batch.targets is not None
        emissions = model.entity_head(model(batch)["entity"])
        targets = model.link.targets(model.entity_head, emissions, batch.mask, batch.targets)
        counted = int(model.relation_head.possible(targets.candidates).sum())
        total += model.outputs(batch).losses["relation"].item() * counted
        cells += counted
    assert together.item() == pytest.approx(total / cells, rel=1e-5)


def test_candidates_stand_behind_one_another_with_their_padding() -> None:
    types = ("Person",)
    first = Candidates.from_entities([[Entity(0, 1, "Person")], []], types)
    second = Candidates.from_entities([[], [Entity(2, 4, "Person"), Entity(5, 6, "Person")]], types)
    joined = first.followed_by(second)
    assert joined.mask.tolist() == [[True, False, False], [False, True, True]]
    assert joined.entities(types) == [
        {Entity(0, 1, "Person")},
        {Entity(2, 4, "Person"), Entity(5, 6, "Person")},
    ]
