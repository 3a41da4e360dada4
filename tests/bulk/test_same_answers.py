"""Equal texts have equal answers, whoever is asked, and however the texts are cut into units."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.bulk.test_plan import plan_of
from tests.corpus import SENTENCES
from tests.networks import talkative_model
from tests.server.conftest import load_exactly, start
from typer.testing import CliRunner

from dovetail.bulk.messages import Identity, Setting
from dovetail.bulk.unit_work import Task, UnitWork
from dovetail.cli import app
from dovetail.corpora import read_corpus
from dovetail.extractor import Extractor
from dovetail.server.guard import Access, loopback_names
from dovetail.server.limits import Limits
from dovetail.server.served_models import ServedModels

TEXTS = [" ".join(sentence.tokens) for sentence in SENTENCES]
TEXTS += [" ".join(TEXTS[:9]), "", " \n", " ".join(TEXTS[9:20]).replace(" . ", " .\n\n")]


def near(value: Any) -> Any:
    """Without the last places of confidences, which may depend on the batch, and without names."""
    if isinstance(value, dict):
        return {
            key: pytest.approx(own, abs=1.01e-4) if key == "confidence" else near(own)
            for key, own in value.items()
            if key != "id"
        }
    return [near(own) for own in value] if isinstance(value, list) else value


def bulk(extractor: Extractor, texts: list[str], folder: Path, **options: int) -> list[Any]:
    """What the shards of all units say, in their order."""
    path = folder / "texts.jsonl"
    lines = (json.dumps({"id": place, "text": text}) for place, text in enumerate(texts))
    path.write_text("\n".join(lines), encoding="utf-8")
    plan, chosen = plan_of(path, form="jsonl", **options)
    work, found = UnitWork(extractor, chosen), []
    for unit in plan.units:
        shard = work.shard(Task(unit, plan.inputs_of(unit), {}), lambda *_: None)
        content = shard.files[f"documents/{unit.name}.jsonl"]
        found += [json.loads(line) for line in content.splitlines()[1:]]
    return found


@pytest.fixture(scope="module")
def extractor(trained_model: Path) -> Extractor:
    return load_exactly(trained_model)


@pytest.fixture(scope="module")
def known(extractor: Extractor) -> dict[str, Any]:
    """What each text has by itself."""
    return {text: near(extractor.extract(text).to_dict()) for text in TEXTS}


@pytest.fixture(scope="module")
def client(trained_model: Path) -> Iterator[httpx.Client]:
    """A client of a server of the same model."""
    models = ServedModels({"tiny": load_exactly(trained_model)})
    running = start(models, Limits(), Access(hosts=loopback_names()))
    with running.client() as client:
        yield client
    running.end()


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), documents=st.integers(1, 60), size=st.integers(1, 4000))
def test_no_sharding_and_no_order_changes_an_answer(
    extractor: Extractor,
    known: dict[str, Any],
    client: httpx.Client,
    tmp_path_factory: pytest.TempPathFactory,
    seed: int,
    documents: int,
    size: int,
) -> None:
    chance = random.Random(seed)
    texts = chance.choices(TEXTS, k=chance.randrange(1, 50))
    folder = tmp_path_factory.mktemp("texts")
    found = bulk(extractor, texts, folder, unit_documents=documents, unit_bytes=size)
    assert [own["id"] for own in found] == [str(place) for place in range(len(texts))]
    assert [near(own) for own in found] == [known[text] for text in texts]
    piped = [own.to_dict() for own in extractor.pipe(texts)]
    assert [near(own) for own in found] == [near(own) for own in piped]
    served = client.post("/v1/extract", json={"texts": texts}).json()["documents"]
    assert [near(own) for own in found] == [near(own) for own in served]


def test_there_is_something_to_compare(known: dict[str, Any]) -> None:
    assert sum(len(own["relations"]) for own in known.values()) > 10


def test_a_document_that_raises_costs_the_others_nothing(tmp_path: Path) -> None:
    extractor = Extractor(talkative_model())
    expected = bulk(extractor, [*TEXTS[:3], *TEXTS[4:9]], tmp_path)
    annotating = extractor.annotating

    def fragile(sentences: Any, **options: Any) -> Any:
        if any(TEXTS[3].startswith(sentence.tokens[0]) for sentence in sentences):
            raise RuntimeError("of a library")
        return annotating(sentences, **options)

    extractor.annotating = fragile  # type: ignore[method-assign]
    assert [near(own) for own in bulk(extractor, TEXTS[:9], tmp_path)] == [
        near(own) for own in expected
    ]


def test_the_command_says_what_extract_says(trained_model: Path, tmp_path: Path) -> None:
    source, folder, lines = tmp_path / "texts.txt", tmp_path / "out", tmp_path / "found.jsonl"
    source.write_bytes(
        b"\n".join(text.replace("\n", " ").encode() for text in TEXTS) + b"\ncaf\xe9"
    )
    asked = [str(trained_model), str(source), "--from", "lines", "--to", "jsonl"]
    units = ["--unit-documents", "12", "--workers", "1", "-o", str(folder)]
    done = CliRunner().invoke(app, ["bulk", *asked, *units], catch_exceptions=False)
    assert done.exit_code == 3, done.output
    assert "34 documents, " in done.stderr
    assert "errors.parquet lists the 1 that failed" in done.stderr
    files = sorted(map(str, (folder / "documents").iterdir()))
    assert len(files) == 3
    texts = source.read_bytes().splitlines()[:-1]
    said = CliRunner().invoke(app, ["extract", str(trained_model)], input=b"\n".join(texts))
    header, *expected = map(json.loads, said.stdout.splitlines())
    shards = [
        [json.loads(line) for line in Path(own).read_text("utf-8").splitlines()] for own in files
    ]
    assert [shard[0] for shard in shards] == [header] * 3
    found = [line for shard in shards for line in shard[1:]]
    assert [near(own) for own in found] == [near(own) for own in expected]
    assert found[0]["id"] == f"{source}:1"
    lines.write_text("".join(Path(own).read_text("utf-8") for own in files), encoding="utf-8")
    assert len(read_corpus(lines).documents) == 34
    graph = ["graph", *files, "--to", "csv", "-o", str(tmp_path / "graph")]
    assert CliRunner().invoke(app, graph, catch_exceptions=False).exit_code == 0
    again = CliRunner().invoke(app, ["bulk", *asked, *units])
    assert "--resume" in str(again.exception)


def test_the_identity_of_a_worker_is_its_models(trained_model: Path) -> None:
    from dovetail.bulk.options import BulkOptions
    from dovetail.bulk.worker_process import load
    from dovetail.saved.ensemble_folder import digest_of

    _, identity = load(Setting(str(trained_model), BulkOptions()))
    assert identity == Identity("run", digest_of(trained_model))
