"""Extractors that go below their thresholds, and extractions that are raised to some again."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.corpus import SENTENCES
from tests.networks import talkative_model

from dovetail.extractor import Extractor

TEXTS = [" ".join(sentence.tokens) for sentence in SENTENCES]
EXTRACTOR = Extractor(talkative_model())
TYPES = EXTRACTOR.schema.relation_types
PROBABILITIES = st.floats(min_value=0, max_value=1)


def sentences_of(extractions):
    return [sentence for own in extractions for sentence in own.document.sentences]


@settings(max_examples=25, deadline=None)
@given(st.dictionaries(st.sampled_from(TYPES), PROBABILITIES), PROBABILITIES)
def test_what_reaches_a_threshold_is_what_a_model_with_it_finds(thresholds, floor):
    model = talkative_model()
    wanted = {type_: max(thresholds.get(type_, 0.5), floor) for type_ in TYPES}
    model.relation_head.set_thresholds([wanted[type_] for type_ in TYPES])
    exact = dict(zip(TYPES, model.relation_head.known_thresholds, strict=True))
    lower = EXTRACTOR.down_to(min(floor, *exact.values())).extract(TEXTS)
    raised = [own.reaching(exact) for own in lower]
    expected = Extractor(model).extract(TEXTS)
    assert sentences_of(raised) == sentences_of(expected)


def test_floor_of_zero_gives_every_pair_that_is_admitted():
    for sentence in EXTRACTOR.down_to(0.0).annotate(SENTENCES):
        pairs = {(own.head, own.tail, own.type) for own in sentence.relations}
        signatures = EXTRACTOR.schema.signatures
        assert pairs == {
            (head, tail, type_)
            for type_ in TYPES
            for head in sentence.entities
            for tail in sentence.entities
            if head != tail and (head.type, tail.type) in signatures[type_]
        }


def test_floor_above_all_thresholds_changes_nothing():
    assert EXTRACTOR.down_to(1.0).extract(TEXTS) == EXTRACTOR.extract(TEXTS)
    assert EXTRACTOR.down_to(0.0).down_to(None).extract(TEXTS) == EXTRACTOR.extract(TEXTS)


def test_extraction_says_from_which_probability_relations_were_taken():
    assert set(EXTRACTOR.down_to(0.05).thresholds.values()) == {0.05}
    (found,) = EXTRACTOR.down_to(0.05).extract(TEXTS[:1])
    assert set(found.reaching({"lives_in": 0.3}).thresholds.values()) == {0.05, 0.3}


def test_entities_below_their_threshold_take_their_relations_along():
    (found,) = EXTRACTOR.extract([" ".join(TEXTS)])
    raised = found.reaching({}, {"Person": 1.1})
    assert {own.type for own in found.entities} > {own.type for own in raised.entities}
    assert raised.relations == tuple(
        own for own in found.relations if "Person" not in (own.head.type, own.tail.type)
    )


def test_pickled_extractor_keeps_its_floor(trained_model):
    lower = Extractor.load(trained_model, threads=1).down_to(0.01)
    assert pickle.loads(pickle.dumps(lower)).floor == pytest.approx(0.01)


def test_links_of_fragments_keep_their_threshold(run_of_fragments):
    from tests.discontinuous import HURT

    extractor = Extractor.load(run_of_fragments, threads=1)
    for one, other in zip(
        extractor.annotate(HURT), extractor.down_to(0.0).annotate(HURT), strict=True
    ):
        assert one.entities == other.entities
