"""Learning from annotations: in a process of its own, beside the server, for the better alone."""

from __future__ import annotations

import gc
import json
import os
import signal
import time
import weakref
from multiprocessing import active_children

import pytest
from tests.label_studio.conftest import CONFIG, TINY, serving, until
from tests.label_studio.stand_in import TOKEN, standing_in
from tests.label_studio.test_protocol import TEXTS, predicted, request_of

from dovetail.errors import ConfigError, DovetailError
from dovetail.label_studio.backend import Start
from dovetail.label_studio.folder import BackendFolder


def test_backend_learns_while_it_answers_and_serves_what_it_learned_after_a_restart_too(
    learning, label_studio
):
    how = learning()
    label_studio.config = CONFIG.replace("</Labels>", '<Label value="Ship"/></Labels>')
    with serving(learning=how) as backend:
        assert backend.told_to_train().json() == {"said": "training 1 begins"}
        answers = []
        while backend.training()["state"] == "running":
            answers.append(predicted(backend, TEXTS))
            time.sleep(0.2)
        assert backend.training()["state"] == "taken"
        before = predicted(backend, TEXTS)
        version = backend.backend.version
        assert version.startswith("training-1-")
        assert {own["model_version"] for own in answers} <= {"", version}
        for answer in [*answers, before]:  # each is of one version alone
            assert {own["model_version"] for own in answer["results"] if own} <= {
                answer["model_version"]
            }
        assert "training 1: no annotated task to learn from has Ship, so these are not found" in (
            backend.log
        )
        assert any("30 annotated tasks, 6 of them are the dev set" in line for line in backend.log)
        assert sum("epoch 15 of at most 15: dev score" in line for line in backend.log) == 1
        assert TOKEN not in str(backend.log)
        assert any(own["result"] for own in before["results"])
    with serving(learning=how) as backend:
        assert backend.backend.version == version
        assert predicted(backend, TEXTS) == before
    broken = how.folder.training(2)
    broken.mkdir()
    (broken / "outcome.json").write_text(json.dumps({"accepted": True, "said": "taken"}))
    with serving(learning=how) as backend:  # the newest that can be loaded
        assert backend.backend.version == version
        assert any(line.startswith("warning: ") for line in backend.log)


def test_old_model_serves_while_another_is_trained(learning, label_studio, trained_model):
    with serving(Start(str(trained_model), threads=1), learning()) as backend:
        label_studio.holds.clear()  # so that the training waits for its annotations
        backend.told_to_train()
        until(lambda: "asking" in backend.training()["said"])
        assert predicted(backend, TEXTS)["model_version"].startswith("run-")


def test_models_that_are_not_served_any_more_are_not_held(trained_model):
    with serving(Start(str(trained_model), threads=1)) as backend:
        old = backend.backend.service.models
        predicted(backend, TEXTS)
        backend.backend._serve(str(trained_model), "", None, 7)
        assert predicted(backend, TEXTS)["model_version"].startswith("training-7-")
        extractor = weakref.ref(old.find(old.default, "").extractor)
        del old
        gc.collect()
        assert extractor() is None


def test_model_that_is_worse_is_not_taken_and_that_is_said(learning, trained_model, tmp_path):
    weak = tmp_path / "weak.toml"
    weak.write_text(TINY.replace("epochs = 15", "epochs = 1"), encoding="utf-8")
    how = learning(config=weak)
    with serving(Start(str(trained_model), threads=1), how) as backend:
        old = backend.backend.version
        backend.told_to_train()
        outcome = backend.wait_for_training(1)
        assert outcome["state"] == "not taken"
        assert "not taken, for it is not better: its score is 0.000" in outcome["said"]
        assert backend.backend.version == old
        assert not how.folder.model(1).exists()
        assert how.folder.accepted == []


def test_one_training_runs_at_a_time_and_another_is_remembered(learning, label_studio):
    label_studio.tasks = label_studio.tasks[:9]  # too few, so that they end at once
    with serving(learning=learning()) as backend:
        label_studio.holds.clear()
        assert backend.told_to_train().json() == {"said": "training 1 begins"}
        said = {"said": "training 1 is running; another begins when it ends"}
        assert [backend.told_to_train().json() for _ in range(3)] == [said] * 3
        assert len(active_children()) == 1
        label_studio.holds.set()
        backend.wait_for_training(2)
        assert backend.training()["number"] == 2  # and no third one
        assert backend.backend.learning.folder.numbers == [1, 2]


def test_training_that_fails_says_why_and_the_server_goes_on(learning, label_studio):
    with serving(learning=learning()) as backend:
        label_studio.tasks = label_studio.tasks[:9]
        backend.told_to_train()
        outcome = backend.wait_for_training(1)
        assert outcome["state"] == "failed"
        assert "9 tasks are annotated, and a training needs 10" in outcome["said"]
        label_studio.answers["/api/projects/1"] = (401, b"secret words of somebody")
        backend.told_to_train()
        outcome = backend.wait_for_training(2)
        assert "answered 401 Unauthorized: the token is not known there" in outcome["said"]
        assert "secret words" not in str(backend.log)
        assert backend.post("/predict", request_of(TEXTS)).status_code == 200


def test_training_that_is_killed_is_noted_and_the_server_goes_on(learning, label_studio):
    how = learning()
    with serving(learning=how) as backend:
        label_studio.holds.clear()
        backend.told_to_train()
        until(lambda: "asking" in backend.training()["said"])
        os.kill(active_children()[0].pid, signal.SIGKILL)
        outcome = backend.wait_for_training(1)
        assert outcome["state"] == "failed"
        assert "ended with -9" in outcome["said"]
        label_studio.tasks = label_studio.tasks[:9]
        label_studio.holds.set()
        backend.told_to_train()
        assert "9 tasks are annotated" in backend.wait_for_training(2)["said"]


def test_training_ends_with_the_server_and_its_folder_goes_at_the_next_start(
    learning, label_studio
):
    how = learning()
    with serving(learning=how) as backend:
        label_studio.holds.clear()
        backend.told_to_train()
        until(lambda: "asking" in backend.training()["said"])
        how.folder.training(1).mkdir(parents=True, exist_ok=True)
    assert active_children() == []
    assert how.folder.outcome(1) is None
    with serving(learning=how) as backend:
        assert "training 1 was interrupted" in backend.log[0]
        assert how.folder.numbers == []


def test_training_begins_after_so_many_annotations(learning, label_studio):
    created = {"action": "ANNOTATION_CREATED", "project": {"id": 1}, "annotation": {"id": 5}}
    several = {"action": "ANNOTATIONS_CREATED", "project": {"id": 1}, "annotation": [{}, {}]}
    with serving(learning=learning(every=4)) as backend:
        label_studio.holds.clear()
        assert backend.post("/webhook", created).json()["said"].startswith("1 of 4 annotations")
        assert backend.post("/webhook", several).json()["said"].startswith("3 of 4 annotations")
        assert backend.post("/webhook", created).json() == {"said": "training 1 begins"}
        assert backend.post("/webhook", created).json()["said"].startswith("1 of 4 annotations")


def test_folder_is_for_one_project(learning, label_studio):
    with serving(learning=learning()) as backend:
        label_studio.holds.clear()
        backend.told_to_train()
        answer = backend.told_to_train(2)
        assert answer.status_code == 409
        assert "is for project 1 of" in answer.json()["detail"]


def test_folder_is_for_one_backend(learning):
    how = learning()
    said = "another backend serves from"
    with serving(learning=how), pytest.raises(DovetailError, match=said), serving(learning=how):
        pass


def test_address_that_a_request_names_is_never_asked(learning, label_studio, annotated):
    label_studio.tasks = annotated[:9]
    with standing_in(CONFIG, annotated) as other, serving(learning=learning()) as backend:
        setup = {"project": "1.2", "schema": CONFIG, "hostname": other.url, "access_token": "x"}
        assert backend.post("/setup", setup).status_code == 200
        event = {"action": "START_TRAINING", "project": {"id": 1, "url": other.url}}
        backend.post("/webhook", event | {"hostname": other.url})
        backend.wait_for_training(1)
        assert other.asked == []
        assert len(label_studio.asked) == 2


def test_config_that_cannot_be_right_is_refused_at_the_start(learning, tmp_path):
    wrong = tmp_path / "wrong.toml"
    wrong.write_text("[training]\nepoch = 3\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="epoch"), serving(learning=learning(config=wrong)):
        pass
    several = tmp_path / "several.toml"
    corpora = '[[corpora]]\nname = "a"\ntrain = "a.jsonl"\ndev = "b.jsonl"\n'
    several.write_text(corpora, encoding="utf-8")
    with pytest.raises(ConfigError), serving(learning=learning(config=several)):
        pass
    with serving(learning=learning(config=None)):
        pass


def test_what_a_task_was_once_it_stays_and_every_fifth_is_for_dev(tmp_path):
    folder = BackendFolder(tmp_path / "divided")
    known: dict[int, bool] = {}
    for count in (3, 10, 11, 40, 200):
        tasks = range(1000, 1000 + count)
        dev = BackendFolder(tmp_path / "divided").divide(tasks)
        assert len(dev) == count // 5
        for task in tasks:
            assert known.setdefault(task, task in dev) == (task in dev)
    assert folder.divide(range(1000, 1010)) == {task for task in range(1000, 1010) if known[task]}
