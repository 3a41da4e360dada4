"""With the real Label Studio: raw texts, predictions, annotations, trainings, better predictions.

It is found by the environment variable DOVETAIL_LABEL_STUDIO, the path of its program:

    python -m venv build/label-studio && build/label-studio/bin/pip install label-studio==1.23.2
    DOVETAIL_LABEL_STUDIO=build/label-studio/bin/label-studio pytest -m slow tests/label_studio
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from dovetail.corpora import read_corpus, write_corpus
from dovetail.evaluation import evaluate
from dovetail.text.reading import Reading

PROJECT = Path(__file__).resolve().parents[2]
HARBOUR = PROJECT / "examples" / "harbour"
USER, PASSWORD, TOKEN = "me@example.com", "a-long-password-1", "0123456789abcdef" * 2 + "01234567"
KEY = "fedcba9876543210fedcba9876543210"
LONG_ENOUGH = 600
FIRST, ALL = 12, 155
"""Annotated tasks at the first training, and at the second."""

TINY = """
[[encoders]]
kind = "characters"
embedding_dim = 16
hidden_dim = 32

[[encoders]]
kind = "casing"

[sharing]
kind = "depth"
hidden_dim = 32

[training]
epochs = 12
batch_size = 8
learning_rate = 1e-2
patience_epochs = 0
threads = 1
"""


@pytest.fixture(scope="module")
def program() -> str:
    path = os.environ.get("DOVETAIL_LABEL_STUDIO", "")
    if not Path(path).is_file():
        pytest.skip("there is no Label Studio: set DOVETAIL_LABEL_STUDIO to its program")
    return path


@contextmanager
def running(command: list[str], log: Path, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process until the end of the block, whose output is in a file."""
    own = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    with log.open("wb") as file:
        process = subprocess.Popen(
            command,
            env=own | environment,
            stdout=file,
            stderr=subprocess.STDOUT,
            cwd=log.parent,
        )
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def until(what: Callable[[], Any], log: Path) -> Any:
    """What is given once it is there."""
    end = time.monotonic() + LONG_ENOUGH
    while True:
        try:
            if found := what():
                return found
        except httpx.TransportError:
            pass
        assert time.monotonic() < end, log.read_text()[-4000:]
        time.sleep(0.5)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as one:
        return one.getsockname()[1]


@pytest.fixture(scope="module")
def label_studio(program, tmp_path_factory) -> Iterator[httpx.Client]:
    """Label Studio with a user, on SQLite and loopback, which asks nobody else."""
    folder = tmp_path_factory.mktemp("label-studio")
    port = free_port()
    command = [program, "start", "--no-browser", "--internal-host", "127.0.0.1",
               "--port", str(port), "--username", USER, "--password", PASSWORD,
               "--user-token", TOKEN, "--enable-legacy-api-token"]  # fmt: skip
    environment = {
        "LABEL_STUDIO_BASE_DATA_DIR": str(folder / "data"),
        "DJANGO_DB": "sqlite",
        "COLLECT_ANALYTICS": "false",
        "LATEST_VERSION_CHECK": "false",
        "SENTRY_DSN": "",
        "FRONTEND_SENTRY_DSN": "",
        "ML_BLOCK_LOCAL_IP": "false",  # otherwise no backend on this machine can be connected
        "SSRF_PROTECTION_ENABLED": "false",  # otherwise no webhook reaches it
    }
    address = f"http://127.0.0.1:{port}"
    headers = {"Authorization": f"Token {TOKEN}"}
    with (
        running(command, folder / "log", **environment),
        httpx.Client(base_url=address, headers=headers, timeout=LONG_ENOUGH) as client,
    ):
        until(lambda: client.get("/api/projects").status_code == 200, folder / "log")
        yield client


@contextmanager
def backend(folder: Path, label_studio: httpx.Client) -> Iterator[httpx.Client]:
    """`dovetail label-studio` as a user starts it, without a model, with a personal token."""
    token = label_studio.post("/api/token/", json={}).json().get("token", "")
    token = token or (folder / "token").read_text()  # there is one of these at a time
    (folder / "token").write_text(token)
    (folder / "keys").write_text(KEY)
    (folder / "tiny.toml").write_text(TINY)
    port = free_port()
    command = [sys.executable, "-m", "dovetail", "label-studio", "--folder", "learned",
               "--url", str(label_studio.base_url).rstrip("/"), "--token-file", "token",
               "--config", "tiny.toml", "--every", str(ALL - FIRST), "--api-key-file", "keys",
               "--port", str(port)]  # fmt: skip
    log = folder / "backend.log"
    with (
        running(command, log, PYTHONPATH=os.pathsep.join(sys.path)),
        httpx.Client(
            base_url=f"http://127.0.0.1:{port}", auth=("me", KEY), timeout=LONG_ENOUGH
        ) as client,
    ):
        until(lambda: client.get("/health").status_code == 200, log)
        yield client
    assert token not in log.read_text()


class Project:
    """A project in Label Studio whose texts somebody annotates as the examples say."""

    def __init__(self, client: httpx.Client, folder: Path) -> None:
        self.client = client
        self.gold, config = self.converted(HARBOUR / "train.jsonl", folder / "train.json")
        self.unseen, _ = self.converted(HARBOUR / "dev.jsonl", folder / "unseen.json")
        texts = [{"text": own["data"]["text"]} for own in [*self.gold, *self.unseen]]
        self.number = self.posted("/api/projects", title="Harbour", label_config=config)["id"]
        self.posted(f"/api/projects/{self.number}/import", texts)
        listed = client.get("/api/tasks", params={"project": self.number, "page_size": 500}).json()
        self.tasks = {own["data"]["text"]: own["id"] for own in listed["tasks"]}

    def converted(self, corpus: Path, path: Path) -> tuple[list[dict[str, Any]], str]:
        write_corpus(read_corpus(corpus).documents, path, format="labelstudio")
        config = path.with_name(f"{path.stem}.config.xml").read_text(encoding="utf-8")
        return json.loads(path.read_text(encoding="utf-8")), config

    def posted(self, path: str, values: Any = None, **fields: Any) -> Any:
        answer = self.client.post(path, json=fields if values is None else values)
        assert answer.status_code in (200, 201), f"{path}: {answer.text}"
        return answer.json() if answer.content else None

    def connect(self, backend: httpx.Client) -> int:
        return self.posted(
            "/api/ml",
            project=self.number,
            url=str(backend.base_url).rstrip("/"),
            title="dovetail",
            auth_method="BASIC_AUTH",
            basic_auth_user="me",
            basic_auth_pass=KEY,
        )["id"]

    def let_webhooks_in(self) -> None:
        """Give the webhook that Label Studio made for the backend the key of the backend."""
        own = self.client.get("/api/webhooks/", params={"project": self.number}).json()
        headers = {"headers": {"Authorization": f"Bearer {KEY}"}}
        answer = self.client.patch(f"/api/webhooks/{own[0]['id']}/", json=headers)
        assert answer.status_code == 200, answer.text

    def annotate(self, tasks: list[dict[str, Any]]) -> None:
        for own in tasks:
            number = self.tasks[own["data"]["text"]]
            result = own["annotations"][0]["result"]
            self.posted(f"/api/tasks/{number}/annotations/", result=result)

    def predictions(self) -> list[dict[str, Any]]:
        """What the backend predicts for texts that are not annotated, asked for in the list."""
        numbers = [self.tasks[own["data"]["text"]] for own in self.unseen]
        self.posted(
            f"/api/dm/actions?id=retrieve_tasks_predictions&project={self.number}",
            selectedItems={"all": False, "included": numbers},
        )
        listed = self.client.get("/api/predictions", params={"project": self.number}).json()
        newest = {own["task"]: own for own in sorted(listed, key=lambda own: own["id"])}
        return [newest[number] for number in numbers if number in newest]

    def score(self, predictions: list[dict[str, Any]], folder: Path) -> float:
        """The mean of the F1 of entities and relations, read as any user would read a file."""
        path = folder / "predicted.json"
        tasks = [
            {"data": {**own["data"], "id": str(place)}, "predictions": [found]}
            for place, (own, found) in enumerate(zip(self.unseen, predictions, strict=True))
        ]
        path.write_text(json.dumps(tasks), encoding="utf-8")
        reading = Reading(language="en")
        gold = read_corpus(folder / "unseen.json", reading=reading).sentences
        return evaluate(
            gold, read_corpus(path, reading=reading).sentences, bootstrap_samples=0
        ).mean_f1


def trained(backend: httpx.Client, number: int, log: Path) -> dict[str, Any]:
    """The health of the backend when a training is over."""

    def over() -> dict[str, Any] | None:
        health = backend.get("/health").json()
        own = health["training"]
        return health if own["number"] == number and own["state"] != "running" else None

    return until(over, log)


@pytest.mark.slow
def test_annotations_in_label_studio_make_its_predictions_better(label_studio, tmp_path):
    project = Project(label_studio, tmp_path)
    log = tmp_path / "backend.log"
    with backend(tmp_path, label_studio) as own:
        model = project.connect(own)
        assert project.predictions() == []  # there is no model yet
        scores = []
        for number, tasks in enumerate((project.gold[:FIRST], project.gold[FIRST:ALL]), start=1):
            project.annotate(tasks)
            if number == 1:  # the second one begins by itself, after so many annotations
                project.posted(f"/api/ml/{model}/train")
                project.let_webhooks_in()
            health = trained(own, number, log)
            assert health["training"]["state"] == "taken", health
            predictions = project.predictions()
            assert {found["model_version"] for found in predictions} == {health["model_version"]}
            assert all(0 <= item["score"] <= 1 for found in predictions for item in found["result"])
            scores.append(project.score(predictions, tmp_path))
        assert scores[1] > max(scores[0] + 0.1, 0.3)
        version = health["model_version"]
        assert own.get("/health", auth=None).status_code == 401
    with backend(tmp_path, label_studio) as own:  # which starts again
        assert own.get("/versions").json() == {"versions": [version]}
