from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
import torch
from tests.corpus import SENTENCES
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from dovetail.heads import RelationHead, TrainingRegime
from dovetail.heads.relation.candidate_pairs import Pairs
from dovetail.heads.relation.label_embedding import LabelEmbedding
from dovetail.heads.relation.pair_scorer import PairScorer
from dovetail.heads.span_vectors import SpanVectors
from dovetail.tensors.features import Candidates, Targets
from dovetail.text.document import Entity, Relation, Sentence
from dovetail.text.schema import Schema
from dovetail.text.tagging import TagSet, reachable

DIM, LABEL_DIM = 5, 3
SCHEMA = Schema.from_sentences(SENTENCES)
TAGS = TagSet("bio", SCHEMA.entity_types)
ENTITIES = [Entity(0, 2, "Person"), Entity(3, 4, "Place"), Entity(5, 7, "Company")]


def head_of(schema: Schema = SCHEMA, regime: TrainingRegime | None = None) -> RelationHead:
    torch.manual_seed(0)
    return RelationHead(
        labels=LabelEmbedding(len(TAGS), LABEL_DIM),
        spans=SpanVectors(DIM, "last"),
        scorer=PairScorer(
            input_dim=DIM + LABEL_DIM, hidden_dim=4, num_types=len(schema.relation_types)
        ),
        schema=schema,
        regime=regime or TrainingRegime(),
    ).eval()


def candidates_of(*rows: list[Entity]) -> Candidates:
    return Candidates.from_entities(rows, SCHEMA.entity_types)


def everything(candidates: Candidates) -> Tensor:
    """Logits that make every cell as probable as can be."""
    return torch.full((*candidates.pairs.shape, len(SCHEMA.relation_types)), 50.0)


def last_tags(candidates: Candidates) -> Tensor:
    """The tag of each entity's last token, read off the tags of a sentence with that entity."""
    found = [
        [
            TAGS.tags_from_entities([Entity(start, end, SCHEMA.entity_types[type_])], length=9)[
                end - 1
            ]
            for (start, end), type_ in zip(spans, types, strict=True)
        ]
        for spans, types in zip(candidates.spans.tolist(), candidates.types.tolist(), strict=True)
    ]
    return torch.tensor(found)


def read(head: RelationHead, rows: list[list[Entity]]) -> tuple[Tensor, Candidates, Tensor, Tensor]:
    """Logits of some entities over random streams, with all that went into them."""
    stream = torch.randn(len(rows), 9, DIM, generator=torch.Generator().manual_seed(1))
    candidates = candidates_of(*rows)
    labels = last_tags(candidates)
    return head(stream, labels, candidates), candidates, stream, labels


def test_no_pair_leaves_that_its_signature_forbids_however_probable() -> None:
    head, candidates = head_of(), candidates_of(ENTITIES)
    (relations,) = head.decode(everything(candidates), candidates, [ENTITIES])
    person, place, company = ENTITIES
    assert set(relations) == {
        Relation(person, place, "lives_in"),
        Relation(person, company, "works_for"),
        Relation(company, place, "based_in"),
    }


def test_without_signatures_every_pair_of_two_different_entities_can_leave() -> None:
    schema = replace(SCHEMA, signatures={})
    head, candidates = head_of(schema), candidates_of(ENTITIES, ENTITIES[:1], [])
    found = head.decode(everything(candidates), candidates, [ENTITIES, ENTITIES[:1], []])
    assert [len(relations) for relations in found] == [3 * 2 * 3, 0, 0]
    assert all(relation.head != relation.tail for relation in found[0])


@pytest.mark.parametrize(
    ("thresholds", "expected"),
    [
        ({}, {"lives_in", "based_in"}),
        ({"lives_in": 0.75}, {"based_in"}),
        ({"works_for": 0.25}, {"lives_in", "based_in", "works_for"}),
        ({"based_in": 0.9, "lives_in": 0.9}, set()),
    ],
)
def test_each_relation_is_taken_from_its_own_threshold(
    thresholds: Mapping[str, float], expected: set[str]
) -> None:
    head, candidates = head_of(), candidates_of(ENTITIES)
    head.set_thresholds([thresholds.get(type_, 0.5) for type_ in SCHEMA.relation_types])
    probability_by_type = {"lives_in": 0.7, "based_in": 0.8, "works_for": 0.3}
    probabilities = torch.tensor([probability_by_type[type_] for type_ in SCHEMA.relation_types])
    logits = torch.logit(probabilities).expand(*candidates.pairs.shape, -1)
    (relations,) = head.decode(logits, candidates, [ENTITIES])
    assert {relation.type for relation in relations} == expected
    for relation in relations:
        assert relation.confidence == pytest.approx(probability_by_type[relation.type])


def test_logits_are_the_scorers_of_last_token_and_label() -> None:
    head = head_of()
    logits, candidates, stream, labels = read(head, [ENTITIES])
    last = [entity.end - 1 for entity in ENTITIES]
    vectors = torch.cat([stream[0, last], head.label_embedding.weight[labels[0]]], dim=1)
    possible = head.possible(candidates).any(3)
    scores = head.scorer(vectors.unsqueeze(0), Pairs.where(possible))
    torch.testing.assert_close(logits[possible], scores)
    assert not logits[~possible].any()


def test_padding_entities_change_nothing() -> None:
    head = head_of()
    alone, candidates, *_ = read(head, [ENTITIES[:2]])
    padded, wider, *_ = read(head, [ENTITIES[:2], ENTITIES])
    torch.testing.assert_close(padded[:1, :2, :2], alone)
    assert torch.equal(head.possible(wider)[:1, :2, :2], head.possible(candidates))
    assert not head.possible(wider)[0, 2].any()
    assert not head.possible(wider)[0, :, 2].any()


def sentence_of(entities: list[Entity], relations: list[Relation]) -> Sentence:
    return Sentence.from_tokens(["w"] * 9, entities=entities, relations=relations)


PERSON, PLACE, COMPANY = ENTITIES
LABELLED = [
    sentence_of(ENTITIES, [Relation(PERSON, PLACE, "lives_in")]),
    sentence_of(ENTITIES[:2], []),
]


def test_loss_is_the_mean_cross_entropy_of_the_possible_cells() -> None:
    head = head_of()
    logits, *_ = read(head, [sentence.sorted_entities for sentence in LABELLED])
    targets = Targets.from_sentences(LABELLED, reachable, SCHEMA)
    losses = []
    for row, sentence in enumerate(LABELLED):
        entities = sentence.sorted_entities
        for head_place, first in enumerate(entities):
            for tail_place, second in enumerate(entities):
                for type_, name in enumerate(SCHEMA.relation_types):
                    if first != second and SCHEMA.admits(name, first.type, second.type):
                        gold = Relation(first, second, name) in sentence.relations
                        logit = logits[row, head_place, tail_place, type_]
                        losses.append(
                            binary_cross_entropy_with_logits(logit, torch.tensor(float(gold)))
                        )
    assert len(losses) == 4
    torch.testing.assert_close(head.loss(logits, targets), torch.stack(losses).mean())


@pytest.mark.parametrize("weight", [1.0, 3.0])
def test_loss_per_sentence_sums_weighted_cells(weight: float) -> None:
    unlabelled = replace(LABELLED[0], relations=frozenset(), annotated=frozenset({"entity"}))
    sentences = [*LABELLED, unlabelled]
    head = head_of(regime=TrainingRegime(positive_weight=weight, normalisation="sentences"))
    logits, *_ = read(head, [sentence.sorted_entities for sentence in sentences])
    targets = Targets.from_sentences(sentences, reachable, SCHEMA)
    expected = torch.tensor(0.0)
    for row, head_place, tail_place, type_ in head.possible(targets.candidates).nonzero().tolist():
        if row < len(LABELLED):
            gold = targets.relations[row, head_place, tail_place, type_]
            loss = binary_cross_entropy_with_logits(
                logits[row, head_place, tail_place, type_],
                gold,
                pos_weight=torch.tensor(weight),
            )
            expected = expected + loss / len(LABELLED)
    torch.testing.assert_close(head.loss(logits, targets), expected)


def test_entity_only_sentences_change_the_relation_loss_not_at_all() -> None:
    head = head_of()
    entity_only = replace(LABELLED[0], relations=frozenset(), annotated=frozenset({"entity"}))
    every = [*LABELLED, entity_only]
    logits, *_ = read(head, [sentence.sorted_entities for sentence in every])
    logits = logits.detach().requires_grad_()
    loss = head.loss(logits, Targets.from_sentences(every, reachable, SCHEMA))
    assert torch.equal(
        loss, head.loss(logits[:2], Targets.from_sentences(LABELLED, reachable, SCHEMA))
    )
    (gradient,) = torch.autograd.grad(loss, [logits])
    assert gradient[0].any()
    assert not gradient[2].any()


def test_batch_without_a_possible_cell_has_loss_zero() -> None:
    head = head_of()
    sentences = [sentence_of([], []), sentence_of([PERSON], [])]
    logits, *_ = read(head, [[], [PERSON]])
    assert head.loss(logits, Targets.from_sentences(sentences, reachable, SCHEMA)).item() == 0.0


def test_thresholds_are_part_of_the_state_and_the_schema_is_not() -> None:
    first, second = head_of(), head_of()
    first.set_thresholds([0.2, 0.3, 0.4])
    second.load_state_dict(first.state_dict())
    assert torch.equal(second.thresholds, torch.tensor([0.2, 0.3, 0.4]))
    assert "admitted" not in first.state_dict()


def test_a_symmetric_relation_is_found_once_from_the_first_entity_by_both_directions() -> None:
    schema = replace(SCHEMA, symmetric=frozenset({"lives_in"}))
    head, candidates = head_of(schema), candidates_of(ENTITIES)
    person, place, _ = ENTITIES
    index = schema.relation_types.index("lives_in")
    logits = torch.full((1, 3, 3, len(schema.relation_types)), -50.0)
    logits[0, 0, 1, index], logits[0, 1, 0, index] = -1.0, 2.0
    (relations,) = head.decode(logits, candidates, [ENTITIES])
    assert relations == [Relation(person, place, "lives_in")]
    assert relations[0].confidence == pytest.approx(torch.tensor(0.5).sigmoid().item())
    logits[0, 0, 1, index] = -3.0  # together they say no
    assert head.decode(logits, candidates, [ENTITIES]) == [[]]


def test_targets_of_a_symmetric_relation_go_both_ways() -> None:
    person, place, _ = ENTITIES
    sentence = Sentence.from_tokens(
        ["w"] * 8, entities=ENTITIES, relations=[Relation(person, place, "lives_in")]
    )
    for symmetric, expected in ((frozenset[str](), 1), (frozenset({"lives_in"}), 2)):
        schema = replace(SCHEMA, symmetric=symmetric)
        relations = Targets.from_sentences([sentence], reachable, schema).relations
        assert relations.sum() == expected
        assert torch.equal(relations, relations.transpose(1, 2)) == (expected == 2)
