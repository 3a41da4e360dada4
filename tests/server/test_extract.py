"""What the server answers is what the library says."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.corpus import SENTENCES

from dovetail.corpora import read_corpus

TEXTS = [" ".join(sentence.tokens) for sentence in SENTENCES]


def documents(client, texts, **options):
    answered = client.post("/v1/extract", json={"texts": texts, **options})
    assert answered.status_code == 200, answered.text
    return answered.json()["documents"]


def near(document):
    """A document without the last places of its confidences, which may depend on the batch."""
    if isinstance(document, dict):
        return {
            key: pytest.approx(value, abs=1.01e-4) if key == "confidence" else near(value)
            for key, value in document.items()
        }
    return [near(own) for own in document] if isinstance(document, list) else document


def test_one_text_gets_what_the_library_gives(client, extractor):
    (found,) = documents(client, TEXTS[0])
    assert found == extractor.extract(TEXTS[0]).to_dict()
    assert found["entities"]


def test_several_texts_get_their_answers_in_order(client, extractor):
    expected = [near(own.to_dict()) for own in extractor.extract(TEXTS)]
    assert documents(client, TEXTS) == expected
    assert sum(len(own["relations"]) for own in expected) > 5


def test_clients_that_share_batches_get_what_each_would_get_alone(server, extractor):
    expected = [near(own.to_dict()) for own in extractor.extract(TEXTS)] * 4
    with server.client() as client, ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda text: documents(client, text)[0], TEXTS * 4))
    assert answers == expected


def test_long_text_is_cut_and_merged_as_by_the_library(client, extractor):
    long = " ".join(TEXTS * 8)
    (found,) = documents(client, long)
    assert found == near(extractor.extract(long).to_dict())


def test_sentence_longer_than_a_step_is_answered_beside_others(serve, extractor):
    from dovetail.server.limits import Limits

    endless = "Ada Lovelace and London and " * 400
    running = serve(Limits(step_tokens=64))
    with running.client() as client:
        found = documents(client, [TEXTS[0], endless, TEXTS[1]])
    assert found == [near(extractor.extract(t).to_dict()) for t in (TEXTS[0], endless, TEXTS[1])]


def test_documents_keep_their_names(client):
    named = [{"id": "<b>\u00e9", "text": TEXTS[0]}, TEXTS[1]]
    assert [own["id"] for own in documents(client, named)] == ["<b>\u00e9", ""]


def test_answers_are_documents_of_the_native_format(client, tmp_path):
    import json

    file = tmp_path / "found.jsonl"
    found = documents(client, TEXTS[:5])
    file.write_text("\n".join(map(json.dumps, found)) + "\n", encoding="utf-8")
    assert [own.text for own in read_corpus(file).documents] == TEXTS[:5]


def test_texts_without_words_have_no_entities(client):
    found = documents(client, ["", " \n", "\u200b"])
    assert [own["entities"] for own in found] == [[], [], []]
    assert documents(client, []) == []


def test_candidates_and_relations_are_all_from_their_probability_on(client, extractor):
    floor = 0.02
    lower = extractor.down_to(floor)
    for found, expected in zip(
        documents(client, TEXTS, candidates=floor), lower.extract(TEXTS), strict=True
    ):
        everything = {
            (own["head"], own["tail"], own["type"]): own["confidence"]
            for own in found["relations"] + found["candidates"]
        }
        wanted = {
            (own["head"], own["tail"], own["type"]): pytest.approx(own["confidence"], abs=1.01e-4)
            for own in expected.to_dict()["relations"]
        }
        assert everything == wanted
        scores = [own["confidence"] for own in found["candidates"]]
        assert scores == sorted(scores, reverse=True)


def test_asking_for_candidates_changes_nothing_else(client):
    thresholds = {"relations": {"lives_in": 1.0}}
    plain = documents(client, TEXTS, thresholds=thresholds)
    with_candidates = documents(client, TEXTS, thresholds=thresholds, candidates=0.001)
    candidates = [own.pop("candidates") for own in with_candidates]
    assert any(candidates)
    assert [near(own) for own in plain] == with_candidates


def test_thresholds_of_a_request_hold_for_it_alone(server, extractor):
    thresholds = {"relations": {"lives_in": 0.001}, "entities": {"Place": 1.0}}
    with server.client() as client, ThreadPoolExecutor(8) as pool:
        asked = [{"thresholds": thresholds} if i % 2 else {} for i in range(32)]
        answers = list(pool.map(lambda own: documents(client, TEXTS[:4], **own), asked))
    assert all(answer == near(answers[0]) for answer in answers[::2])
    assert all(answer == near(answers[1]) for answer in answers[1::2])
    assert answers[0] == [near(own.to_dict()) for own in extractor.extract(TEXTS[:4])]
    raised = [own for document in answers[1] for own in document["entities"]]
    assert not any(own["type"] == "Place" for own in raised)
    answer = client_answer(server, thresholds)
    assert answer["thresholds"]["lives_in"] == 0.001


def client_answer(server, thresholds):
    with server.client() as client:
        return client.post("/v1/extract", json={"texts": TEXTS[0], "thresholds": thresholds}).json()


def test_models_say_what_they_find(client, extractor):
    listed = client.get("/v1/models").json()["models"]
    assert [(own["name"], own["default"]) for own in listed] == [("tiny", True), ("twin", False)]
    (schema,) = listed[0]["schemas"]
    assert tuple(schema["relation_types"]) == extractor.schema.relation_types
    assert schema["thresholds"] == extractor.thresholds
    assert documents(client, TEXTS[:2], model="twin") == documents(client, TEXTS[:2])


def test_metrics_count_texts_and_steps(client):
    def value(name):
        lines = client.get("/metrics").text.splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.startswith(name))

    before = value("dovetail_texts_total"), value("dovetail_step_tokens_count")
    documents(client, TEXTS)
    assert value("dovetail_texts_total") == before[0] + len(TEXTS)
    assert value("dovetail_step_tokens_count") > before[1]
    assert value("dovetail_waiting_requests") == 0
