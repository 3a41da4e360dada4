"""The protocol, over HTTP as Label Studio speaks it, with a model that does not learn."""

from __future__ import annotations

import base64
import json

import pytest
from tests.label_studio.conftest import CONFIG, serving

from dovetail.corpora import read_corpus
from dovetail.errors import ModelError
from dovetail.extractor import Extractor
from dovetail.label_studio.backend import Backend, Start
from dovetail.server.guard import Access

TEXTS = [
    "Ada Lovelace lives in London .",
    "🚢 Carl joined Nobel Works in Paris .",
    "It rained .",
    "",
]
KEY = "0123456789abcdef0123456789abcdef"


def request_of(texts, config=CONFIG, field="sentence"):
    """A request as Label Studio 1.23 sends it."""
    tasks = [
        {"id": 10 + place, "data": {field: text}, "annotations": [], "predictions": [], "meta": {}}
        for place, text in enumerate(texts)
    ]
    params = {"login": None, "password": None, "context": None}
    return {"tasks": tasks, "project": "1.1796032945", "label_config": config, "params": params}


def setup_of(config):
    return {
        "project": "1.1796032945",
        "schema": config,
        "hostname": "http://192.0.2.1",
        "access_token": "secret",
        "extra_params": None,
    }


def predicted(served, texts, config=CONFIG):
    answer = served.post("/predict", request_of(texts, config))
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_predictions_are_what_the_library_finds_and_the_corpus_reader_reads(
    served, trained_model, tmp_path
):
    results = predicted(served, TEXTS)["results"]
    tasks = [
        {"data": {"text": text}, "id": place, "predictions": [result]}
        for place, (text, result) in enumerate(zip(TEXTS, results, strict=True))
    ]
    path = tmp_path / "tasks.json"
    path.write_text(json.dumps(tasks), encoding="utf-8")
    extractor = Extractor.load(trained_model, threads=1)
    expected = extractor.extract(TEXTS)
    assert sum(len(own.entities) for own in expected) > 2
    assert sum(len(own.relations) for own in expected) > 0
    read = read_corpus(path, reading=extractor.reading.of_corpora).documents
    for own, found in zip(expected, read, strict=False):
        for sentence, other in zip(own.document.sentences, found.sentences, strict=True):
            assert sentence.entities == other.entities
            assert sentence.relations == other.relations
    for result, own in zip(results, expected, strict=True):
        regions = [item for item in result["result"] if item["type"] == "labels"]
        for region, entity in zip(regions, own.entities, strict=True):
            value = region["value"]
            assert (value["start"], value["end"]) == (entity.start_char, entity.end_char)
            assert value["text"] == entity.text == own.text[value["start"] : value["end"]]
            assert (region["from_name"], region["to_name"]) == ("kind", "words")
            assert region["score"] == pytest.approx(entity.confidence, abs=0.01)


def test_every_prediction_has_a_version_and_the_mean_score_of_its_entities(served):
    values = predicted(served, TEXTS)
    version = served.backend.version
    assert version.startswith("run-")
    assert values["model_version"] == version
    for result in values["results"]:
        scores = [item["score"] for item in result["result"] if item["type"] == "labels"]
        assert all(0 <= item["score"] <= 1 for item in result["result"])
        assert result["model_version"] == version
        if scores:
            assert result["score"] == pytest.approx(sum(scores) / len(scores))
        else:
            assert "score" not in result


def test_regions_have_names_that_no_other_task_has(served):
    results = predicted(served, TEXTS * 3)["results"]
    names = [item["id"] for own in results for item in own["result"] if "id" in item]
    assert len({*names}) == len(names) > 6


def test_labels_that_the_config_lacks_are_not_sent_and_setup_says_which(served):
    less = CONFIG.replace('<Label value="Place"/>', "").replace('<Relation value="lives_in"/>', "")
    answer = served.post("/setup", setup_of(less)).json()
    assert answer == {
        "model_version": served.backend.version,
        "said": ["the labelling config has no label for Place, lives_in: these are not sent"],
    }
    assert served.log[-1] == answer["said"][0]
    items = [item for own in predicted(served, TEXTS, less)["results"] for item in own["result"]]
    labels = {
        label for item in items for label in item.get("labels", item.get("value", {}).get("labels"))
    }
    assert labels
    assert labels <= {"Person", "Company", "works_for", "based_in"}
    known = {item["id"] for item in items if item["type"] == "labels"}
    assert all({i["from_id"], i["to_id"]} <= known for i in items if i["type"] == "relation")


def test_setup_of_a_config_that_fits_says_the_version_and_is_logged_once(served):
    for _ in range(3):
        answer = served.post("/setup", setup_of(CONFIG))
        assert answer.json() == {"model_version": served.backend.version, "said": []}
    assert "secret" not in str(served.log)


def test_config_in_which_nothing_fits_is_refused_in_a_sentence(served):
    other = CONFIG.replace("Person", "Ship").replace("Company", "Port").replace("Place", "Sea")
    for config, said in [
        (other, "none of the labels Ship, Port, Sea is an entity type of the model run-"),
        ("<View/>", "marks nothing in a text"),
    ]:
        answer = served.post("/setup", setup_of(config))
        assert answer.status_code == 422
        assert said in answer.json()["detail"]
        assert said in served.log[-1]


def test_task_without_a_text_gets_no_prediction_and_the_others_theirs(served):
    asked_for = request_of(TEXTS[:3])
    asked_for["tasks"][0]["data"] = {"title": "x"}
    asked_for["tasks"][2]["data"] = {"sentence": ["not", "a text"]}
    asked_for["tasks"].append({"id": 99, "data": {"sentence": "half \ud800"}})
    first, second, third, fourth = served.post("/predict", asked_for).json()["results"]
    assert (first, third, fourth) == ([], [], [])
    assert second["result"]


def test_backend_without_a_model_predicts_nothing_at_all(learning):
    with serving(learning=learning()) as cold:
        assert predicted(cold, TEXTS) == {"results": [[]] * 4, "model_version": ""}
        answer = cold.post("/setup", setup_of(CONFIG)).json()
        assert answer["model_version"] == ""
        assert "until the first training" in answer["said"][0]
        with cold.client() as client:
            assert client.get("/versions").json() == {"versions": []}
            assert client.post("/v1/extract", json={"texts": "x"}).status_code == 404


def test_health_and_versions_say_what_is_served(served):
    with served.client() as client:
        assert client.get("/").json() == {"status": "UP"}
        expected = {"status": "UP", "model_version": served.backend.version}
        assert client.get("/health").json() == expected
        assert client.get("/versions").json() == {"versions": [served.backend.version]}


def test_backend_that_does_not_learn_says_so_when_told_to(served):
    answer = served.told_to_train()
    assert answer.status_code == 409
    assert "start it with a --folder" in answer.json()["detail"]
    answer = served.post("/train", {"project": "1.1796032945", "annotations": []})
    assert answer.status_code == 409


@pytest.mark.parametrize("project", [None, {}, {"id": "1/../2"}, {"id": -1}, {"id": None}])
def test_training_without_the_number_of_a_project_is_refused(served, project):
    answer = served.post("/webhook", {"action": "START_TRAINING", "project": project})
    assert answer.status_code == 422
    assert "let the webhook send its payload" in answer.json()["detail"]


@pytest.mark.parametrize("action", ["PROJECT_UPDATED", "TASKS_CREATED", "ANNOTATION_CREATED", "?"])
def test_other_events_are_noted(served, action):
    answer = served.post("/webhook", {"action": action, "project": {"id": 1, "title": "x"}})
    assert answer.json() == {"said": "noted"}


def test_a_key_may_come_as_the_password_that_label_studio_sends(trained_model):
    access = Access(keys=(KEY,), passwords=True)
    paths = {"/health": "get", "/versions": "get", "/setup": "post", "/predict": "post",
             "/webhook": "post", "/train": "post"}  # fmt: skip
    with (
        serving(Start(str(trained_model), threads=1), access=access) as own,
        own.client() as client,
    ):
        assert client.get("/").json() == {"status": "UP"}
        for path, method in paths.items():
            assert client.request(method, path).status_code == 401
        for user in ("anyone", "", "Käthe"):
            assert client.get("/health", auth=(user, KEY)).status_code == 200
        latin = base64.b64encode(f"Käthe:{KEY}".encode("latin-1")).decode()
        assert client.get("/health", headers={"Authorization": f"Basic {latin}"}).is_success
        assert client.get("/health", headers={"Authorization": f"Bearer {KEY}"}).status_code == 200
        wrong = ["Basic", "Basic ??", f"Basic {KEY}", f"Digest {KEY}", KEY]
        wrong += [
            "Basic " + base64.b64encode(own).decode()
            for own in (b"\xff:x", KEY.encode(), f"{KEY}:".encode())
        ]
        for header in wrong:
            assert client.get("/health", headers={"Authorization": header}).status_code == 401


def test_passwords_are_no_keys_of_other_servers():
    header = "Basic " + base64.b64encode(f"me:{KEY}".encode()).decode()
    assert Access(keys=(KEY,), passwords=True)._key(header) == KEY
    assert Access(keys=(KEY,))._key(header) == ""


def test_what_is_too_large_or_no_request_is_refused_without_a_trace(served):
    with served.client() as client:
        large = client.post(
            "/predict", content=b"x" * (2 << 20), headers={"Content-Type": "application/json"}
        )
        assert large.status_code == 413
        for path in ("/predict", "/setup", "/webhook", "/train"):
            for body in (b"", b"[]", b"{}", b"{", b'{"tasks": 1, "label_config": 2}'):
                answer = client.post(
                    path, content=body, headers={"Content-Type": "application/json"}
                )
                assert answer.status_code == 422
                assert "Traceback" not in answer.text
            assert client.post(path, data={"a": "b"}).status_code == 415


def test_nothing_to_serve_and_nothing_to_learn_is_refused():
    with pytest.raises(ModelError, match="name a MODEL, or a --folder"):
        Backend(Start(), None, print)
