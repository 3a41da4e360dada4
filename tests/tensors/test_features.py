from __future__ import annotations

from dataclasses import replace

import torch
from hypothesis import given
from hypothesis import strategies as st
from tests.corpus import SENTENCES

from dovetail.encoders import CasingEncoder, ConcatenatedEncoder
from dovetail.tensors.features import Batch, Candidates, Targets
from dovetail.text.document import Entity, Relation, Sentence
from dovetail.text.schema import Schema
from dovetail.text.tagging import reachable

SCHEMA = Schema.from_sentences(SENTENCES)

some_sentences = st.lists(st.sampled_from(SENTENCES), min_size=1, max_size=6)


@given(some_sentences)
def test_candidates_hold_the_entities_in_order_and_nothing_else(sentences: list[Sentence]) -> None:
    rows = [sentence.sorted_entities for sentence in sentences]
    candidates = Candidates.from_entities(rows, SCHEMA.entity_types)
    back = [
        [
            Entity(start, end, SCHEMA.entity_types[type_])
            for (start, end), type_, real in zip(spans, types, mask, strict=True)
            if real
        ]
        for spans, types, mask in zip(
            candidates.spans.tolist(),
            candidates.types.tolist(),
            candidates.mask.tolist(),
            strict=True,
        )
    ]
    assert back == rows
    assert candidates.last_tokens[~candidates.mask].eq(0).all()


@given(some_sentences)
def test_pairs_are_all_ordered_pairs_of_different_entities(sentences: list[Sentence]) -> None:
    rows = [sentence.sorted_entities for sentence in sentences]
    pairs = Candidates.from_entities(rows, SCHEMA.entity_types).pairs
    assert pairs.sum((1, 2)).tolist() == [len(row) * (len(row) - 1) for row in rows]
    assert not pairs.diagonal(dim1=1, dim2=2).any()


@given(some_sentences)
def test_targets_hold_every_annotation_of_flat_sentences(sentences: list[Sentence]) -> None:
    targets = Targets.from_sentences(sentences, reachable, SCHEMA)
    for row, sentence in enumerate(sentences):
        entities = sentence.sorted_entities
        assert targets.candidates.entities(SCHEMA.entity_types)[row] == sentence.entities
        found = {
            Relation(entities[head], entities[tail], SCHEMA.relation_types[type_])
            for head, tail, type_ in targets.relations[row].nonzero().tolist()
        }
        assert found == sentence.relations


def test_entities_within_longer_ones_are_left_out_with_their_relations() -> None:
    outer, inner, place = Entity(0, 3, "Company"), Entity(1, 2, "Person"), Entity(4, 5, "Place")
    sentence = Sentence.from_tokens(
        ["the", "Wagner", "Works", "of", "Vienna"],
        entities=[outer, inner, place],
        relations=[Relation(outer, place, "based_in"), Relation(inner, place, "lives_in")],
    )
    targets = Targets.from_sentences([sentence], reachable, SCHEMA)
    assert reachable(sentence.entities) == [outer, place]
    assert targets.candidates.spans[0].tolist() == [[0, 3], [4, 5]]
    based_in = SCHEMA.relation_types.index("based_in")
    assert targets.relations.nonzero().tolist() == [[0, 0, 1, based_in]]


def test_annotated_says_which_tasks_each_sentence_is_labelled_for() -> None:
    sentences = [
        SENTENCES[0],
        replace(SENTENCES[1], annotated=frozenset({"entity"})),
        replace(SENTENCES[2], annotated=frozenset()),
    ]
    annotated = Targets.from_sentences(sentences, reachable, SCHEMA).annotated
    assert annotated["entity"].tolist() == [True, True, False]
    assert annotated["relation"].tolist() == [True, False, False]


@given(some_sentences)
def test_batch_masks_the_tokens_of_its_sentences(sentences: list[Sentence]) -> None:
    encoder = ConcatenatedEncoder([CasingEncoder()])
    batch = Batch.from_sentences(sentences, encoder.featurise)
    lengths = [len(sentence.tokens) for sentence in sentences]
    assert batch.sentences == tuple(sentences)
    assert batch.mask.sum(1).tolist() == lengths
    assert batch.mask.shape[1] == max(lengths)
    assert all(row[:length].all() for row, length in zip(batch.mask, lengths, strict=True))
    assert encoder(batch.features).shape[:2] == batch.mask.shape


def test_moving_a_batch_moves_every_tensor_and_nothing_else() -> None:
    encoder = ConcatenatedEncoder([CasingEncoder()])
    batch = Batch.from_sentences(SENTENCES[:3], encoder.featurise).with_targets(reachable, SCHEMA)
    moved = batch.to(torch.device("meta"))
    assert moved.sentences == batch.sentences
    assert moved.targets is not None
    tensors = [
        moved.mask,
        moved.features[0]["casings"],
        moved.targets.relations,
        moved.targets.candidates.spans,
        moved.targets.candidates.mask,
        *moved.targets.annotated.values(),
    ]
    assert {tensor.device.type for tensor in tensors} == {"meta"}
    assert batch.mask.device.type == "cpu"
