"""Inputs at addresses: a real server that speaks S3, and others that fsspec knows.

The server is found by the environment variable DOVETAIL_MOTO, the path of its program:

    python -m venv build/moto && build/moto/bin/pip install 'moto[server]==5.2.5'
    DOVETAIL_MOTO=build/moto/bin/moto_server pytest tests/bulk/test_object_store.py
"""

from __future__ import annotations

import gzip
import os
import socket
import subprocess
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.bulk.conftest import run
from tests.bulk.test_plan import columns, found, plan_of, read
from tests.waiting import until

from dovetail.errors import CorpusError


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of an empty bucket of a server, to which the variables point."""
    program = os.environ.get("DOVETAIL_MOTO", "")
    if not program:
        pytest.skip("there is no server that speaks S3: set DOVETAIL_MOTO to moto's program")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    server = subprocess.Popen(
        [program, "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    for name, value in {
        "AWS_ENDPOINT_URL": address,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }.items():
        monkeypatch.setenv(name, value)
    try:
        until(lambda: answers(address), seconds=60)
        put(f"{address}/mails", b"")
        yield f"{address}/mails"
    finally:
        server.terminate()
        server.wait()


def answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=5):
            return True
    except OSError:
        return False


def put(address: str, content: bytes) -> None:
    headers = {"Content-Type": "application/octet-stream"}
    request = urllib.request.Request(address, content, headers, method="PUT")
    with urllib.request.urlopen(request, timeout=60):
        pass


def test_objects_are_read_as_files_are(
    bucket: str, names: Path, tmp_path: Path, light: None
) -> None:
    content = names.read_bytes()
    half = content.index(b"\n", len(content) // 2) + 1
    put(f"{bucket}/2001/a.jsonl.gz", gzip.compress(content[:half]))
    put(f"{bucket}/2001/b.jsonl", content[half:])
    put(f"{bucket}/c.parquet", columns(["first", "second"], tmp_path / "texts").read_bytes())
    plan, options = plan_of("s3://mails/**/*.jsonl*")
    documents = read(plan, options)
    plan, options = plan_of(names)
    assert found(documents) == found(read(plan, options))
    assert documents[0].place == "s3://mails/2001/a.jsonl.gz:1"
    plan, options = plan_of("s3://mails/c.parquet", "s3://mails/2001")
    assert [source.address for source in plan.inputs] == [
        "s3://mails/2001/a.jsonl.gz",
        "s3://mails/2001/b.jsonl",
        "s3://mails/c.parquet",
    ]
    summary = run(tmp_path / "remote", "s3://mails/2001/*")
    assert summary.total.documents == 60
    with pytest.raises(CorpusError, match=r"s3://mails/no\.jsonl: there is no such file"):
        plan_of("s3://mails/no.jsonl")
    with pytest.raises(CorpusError, match=r"s3://nobody/x\.jsonl"):
        plan_of("s3://nobody/x.jsonl")


def test_archives_and_folders_by_protocol(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    with zipfile.ZipFile(tmp_path / "in" / "mails.zip", "w") as archive:
        archive.writestr("a.txt", "first")
        archive.writestr("b.txt", "second")
    address = f"file://{tmp_path}/in"
    plan, options = plan_of(address)
    assert [text for _, text in found(read(plan, options))] == ["first", "second"]
    plan, options = plan_of(f"zip://b.txt::{address}/mails.zip")
    ((id, text),) = found(read(plan, options))
    assert (id, text) == (f"zip://b.txt::{address}/mails.zip", "second")
