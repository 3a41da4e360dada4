"""What Label Studio is asked for, with which token, and what becomes of a wrong answer."""

from __future__ import annotations

import pytest
from tests.label_studio.conftest import CONFIG
from tests.label_studio.stand_in import ACCESS, PERSONAL, TOKEN, standing_in

from dovetail.errors import ConfigError, TrainingError
from dovetail.label_studio.client import (
    TOKEN_VARIABLE,
    LabelStudio,
    checked_url,
    is_overheard,
    read_token,
)
from dovetail.label_studio.labelling_config import LabellingConfig
from dovetail.label_studio.training_process import usable


def test_legacy_token_is_sent_as_it_is_and_a_personal_one_is_exchanged(label_studio, annotated):
    for token, sent in ((TOKEN, f"Token {TOKEN}"), (PERSONAL, f"Bearer {ACCESS}")):
        client = LabelStudio(label_studio.url, token)
        assert client.project(1)["label_config"] == CONFIG
        assert client.annotated_tasks(1) == annotated
        assert label_studio.asked[-1] == ("/api/projects/1/export?exportType=JSON", sent)
        assert token not in repr(client)


def test_token_does_not_follow_to_another_address(label_studio):
    with standing_in(CONFIG) as other:
        label_studio.moved_to = other.url
        with pytest.raises(TrainingError, match="302: it sends on to elsewhere"):
            LabelStudio(label_studio.url, TOKEN).project(1)
        assert other.asked == []


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((200, b"[]"), 'expected an object with "label_config"'),
        ((200, b'{"label_config": 3}'), 'expected an object with "label_config"'),
        ((200, b"<html>"), "did not answer with JSON"),
        ((200, b"\xff"), "did not answer with JSON"),
        ((403, b""), "may not see the project"),
        ((404, b""), "there is no such project"),
        ((500, b"Traceback"), "answered 500 Internal Server Error$"),
    ],
)
def test_wrong_answers_are_sentences(label_studio, answer, said):
    label_studio.answers["/api/projects/1"] = answer
    with pytest.raises(TrainingError, match=said) as caught:
        LabelStudio(label_studio.url, TOKEN).project(1)
    assert TOKEN not in str(caught.value)


def test_wrong_tasks_and_a_wrong_token_are_sentences(label_studio):
    with pytest.raises(TrainingError, match="401 Unauthorized: the token is not known"):
        LabelStudio(label_studio.url, "another").project(1)
    with pytest.raises(TrainingError, match="401"):
        LabelStudio(label_studio.url, "a.b.c").project(1)
    for content in (b"{}", b"[1]", b'[{"id": "x"}]'):
        label_studio.answers["/api/projects/1/export?exportType=JSON"] = (200, content)
        with pytest.raises(TrainingError, match="expected a list of tasks with numbers"):
            LabelStudio(label_studio.url, TOKEN).annotated_tasks(1)


def test_nobody_at_the_address_is_a_sentence():
    with standing_in(CONFIG) as gone:
        pass
    with pytest.raises(TrainingError, match=r"cannot be reached.*is --url the address"):
        LabelStudio(gone.url, TOKEN).project(1)


def test_token_comes_from_a_file_or_the_environment(tmp_path):
    path = tmp_path / "token"
    path.write_text(f" {TOKEN}\n")
    assert read_token(path, {TOKEN_VARIABLE: "other"}) == TOKEN
    assert read_token(None, {TOKEN_VARIABLE: f"{TOKEN}\n"}) == TOKEN
    assert read_token(None, {}) is None
    assert read_token(None, {TOKEN_VARIABLE: " "}) is None


@pytest.mark.parametrize("content", [b"", b" \n", b"two tokens", b"a\nb", "ä".encode(), b"a\x00b"])
def test_what_is_no_token_is_refused_and_not_quoted(tmp_path, content):
    path = tmp_path / "token"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match="token: expected one token of Label Studio") as caught:
        read_token(path, {})
    assert "two" not in str(caught.value)
    with pytest.raises(ConfigError, match="cannot be read"):
        read_token(tmp_path / "nowhere", {})


@pytest.mark.parametrize(
    "url",
    ["", "localhost:8080", "ftp://a", "http://", "file:///etc/passwd", "http://me:pw@a",
     "http://a/?b", "http://a#b", "http://[", "http://a:x"],
)  # fmt: skip
def test_address_that_is_none_is_refused(url):
    with pytest.raises(ConfigError, match="--url: expected the address of Label Studio"):
        checked_url(url)


def test_address_and_whether_a_token_can_be_overheard_on_the_way():
    assert checked_url("https://example.org/labels/") == "https://example.org/labels"
    quiet = ["https://example.org", "http://localhost:8080", "http://127.0.0.2", "http://[::1]:1"]
    assert [is_overheard(url) for url in quiet] == [False] * 4
    assert is_overheard("http://example.org")
    assert is_overheard("http://192.0.2.1:8080")


def test_of_tasks_the_annotations_of_the_text_are_used_alone():
    config = LabellingConfig.parse(CONFIG)
    person = {"id": "a", "type": "labels", "to_name": "words", "value": {}}
    other = {"id": "b", "type": "labels", "to_name": "title", "value": {}}
    choice = {"id": "c", "type": "choices", "to_name": "words", "value": {}}
    inside = {"type": "relation", "from_id": "a", "to_id": "a"}
    outside = {"type": "relation", "from_id": "a", "to_id": "b"}
    done = {"result": [person, other, choice, inside, outside]}
    tasks = [
        {"id": 1, "data": {"sentence": "x"}, "annotations": [done]},
        {"id": 2, "data": {"sentence": "x"}, "annotations": [{**done, "was_cancelled": True}]},
        {"id": 3, "data": {"sentence": 3}, "annotations": [done]},
        {"id": 4, "data": {"title": "x"}, "annotations": [done]},
        {"id": 5, "data": {"sentence": "x"}, "annotations": []},
    ]
    assert usable(tasks, config) == {
        1: {
            "id": 1,
            "data": {"text": "x", "id": "1"},
            "annotations": [{"result": [person, inside]}],
        }
    }
