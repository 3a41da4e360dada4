"""Backends on loopback, in threads of the tests, and what they are asked."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx
import pytest
from tests import waiting
from tests.corpus import SENTENCES

pytest.importorskip("fastapi", reason="the server needs dovetail[serve]")
pytest.importorskip("uvicorn", reason="the server needs dovetail[serve]")

from tests.label_studio.stand_in import TOKEN, StandIn, standing_in

from dovetail.corpora import write_corpus
from dovetail.label_studio.backend import Backend, Learning, Start
from dovetail.label_studio.client import LabelStudio
from dovetail.label_studio.folder import BackendFolder
from dovetail.label_studio.running import backend_server
from dovetail.server.guard import Access, loopback_names
from dovetail.server.limits import Limits
from dovetail.server.running import address_of, bind
from dovetail.text.document import Document

LONG_ENOUGH = 300
"""Seconds that a test waits for anything."""

until = partial(waiting.until, seconds=LONG_ENOUGH)

CONFIG = """<View>
  <Relations>
    <Relation value="works_for"/><Relation value="lives_in"/><Relation value="based_in"/>
  </Relations>
  <Labels name="kind" toName="words">
    <Label value="Person"/><Label value="Company"/><Label value="Place"/>
  </Labels>
  <Text name="words" value="$sentence"/>
</View>"""

TINY = """
[[encoders]]
kind = "characters"
embedding_dim = 6
hidden_dim = 4

[[encoders]]
kind = "casing"

[sharing]
kind = "depth"
hidden_dim = 8
dropout = 0.0

[relation_head]
dropout = 0.0

[training]
epochs = 15
learning_rate = 2e-2
patience_epochs = 0
threads = 1
"""


@dataclass
class Served:
    """A backend that runs, and what it logged."""

    backend: Backend
    address: str
    log: list[str]

    def client(self, **options) -> httpx.Client:
        return httpx.Client(base_url=self.address, timeout=LONG_ENOUGH, **options)

    def post(self, path, values, **options):
        with self.client() as client:
            content = json.dumps(values)  # in ASCII, so that half a surrogate pair can be sent
            headers = {"Content-Type": "application/json"}
            return client.post(path, content=content, headers=headers, **options)

    def told_to_train(self, project=1):
        return self.post("/webhook", {"action": "START_TRAINING", "project": {"id": project}})

    def training(self):
        with self.client() as client:
            return client.get("/health").json()["training"]

    def wait_for_training(self, number):
        """The state of a training when it is over."""
        return until(
            lambda: (
                (own := self.training())["state"] != "running" and own["number"] == number and own
            )
        )


@contextmanager
def serving(start=None, learning=None, access=None) -> Iterator[Served]:
    """A backend that runs until the end of the block."""
    log: list[str] = []
    with ExitStack() as stack:
        listening = stack.enter_context(bind("127.0.0.1", 0))
        if learning is not None:
            stack.enter_context(learning.folder.claimed())
        backend = Backend(start or Start(threads=1), learning, log.append)
        if backend.trainer is not None:
            stack.callback(backend.trainer.stop)
        ready = threading.Event()
        server = backend_server(backend, access or Access(hosts=loopback_names()), ready.set)
        thread = threading.Thread(target=lambda: asyncio.run(server.serve([listening])))
        thread.start()
        assert ready.wait(LONG_ENOUGH)
        try:
            yield Served(backend, address_of(listening), log)
        finally:
            server.handle_exit(15, None)
            thread.join(LONG_ENOUGH)
        assert not thread.is_alive()


@pytest.fixture(scope="session")
def annotated(tmp_path_factory) -> list[dict]:
    """Thirty tasks as Label Studio exports them: numbers, a field that is not called `text`."""
    path = tmp_path_factory.mktemp("tasks") / "tasks.json"
    documents = [Document.from_sentence(own) for own in SENTENCES]
    write_corpus(documents, path, format="labelstudio")
    tasks = json.loads(path.read_text(encoding="utf-8"))
    for number, task in enumerate(tasks, start=1):
        task["id"] = number
        task["data"] = {"sentence": task["data"]["text"], "source": "a letter"}
        for annotation in task.setdefault("annotations", [{"result": []}]):
            for result in annotation["result"]:
                if result["type"] == "labels":
                    result |= {"from_name": "kind", "to_name": "words"}
    return tasks


@pytest.fixture
def label_studio(annotated) -> Iterator[StandIn]:
    with standing_in(CONFIG, [*annotated]) as own:
        yield own


@pytest.fixture
def learning(label_studio, tmp_path) -> Callable[..., Learning]:
    """How a backend learns from the stand-in."""
    config = tmp_path / "tiny.toml"
    config.write_text(TINY, encoding="utf-8")

    def made(**changes) -> Learning:
        values = {
            "folder": BackendFolder(tmp_path / "learned"),
            "label_studio": LabelStudio(label_studio.url, TOKEN),
            "config": config,
        }
        return Learning(**values | changes)

    return made


@pytest.fixture(scope="session")
def served(trained_model: Path) -> Iterator[Served]:
    """A backend that predicts and does not learn."""
    with serving(Start(str(trained_model), threads=1, limits=Limits(body_bytes=1 << 20))) as own:
        yield own
