"""A server as its users start and end it: a process, signals, and no request lost."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx
import pytest
from typer.testing import CliRunner

from dovetail.cli import app
from dovetail.cli.serve_command import access_to
from dovetail.errors import DovetailError
from dovetail.server.guard import ANY_HOST
from dovetail.server.running import bind, loopback_address

SECONDS = 90


@contextmanager
def started(*arguments, workers=1):
    """`dovetail serve` on a free port, when it answers: the process, its address, what it says."""
    command = [sys.executable, "-m", "dovetail", "serve", *arguments, "--port", "0"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    said = []
    address = None
    ready = 0
    for line in process.stderr:
        said.append(line)
        found = re.search(r"http://\S+", line)
        address = found[0] if found else address
        ready += "is ready" in line
        if address and (workers == 1 or ready == workers):
            break
    reading = threading.Thread(target=lambda: said.extend(process.stderr), daemon=True)
    reading.start()
    try:
        yield process, address, said
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(SECONDS)
        reading.join(SECONDS)
        process.stderr.close()


def test_sigterm_under_load_loses_no_request_that_was_accepted(trained_model):
    """Whoever is answered at all gets a whole answer, or is told that the server ends."""
    text = "Ada Lovelace lives in London . " * 40
    outcomes = []
    began = threading.Event()

    def ask(address):
        with httpx.Client(base_url=address, timeout=SECONDS) as client:
            while True:
                try:
                    answered = client.post("/v1/extract", json={"texts": text})
                except httpx.ConnectError:
                    return "closed"  # the server was gone before it was asked
                if answered.status_code == 503:
                    assert answered.headers["retry-after"]
                    return "told"
                assert answered.status_code == 200
                assert answered.json()["documents"][0]["text"] == text
                outcomes.append(200)
                if len(outcomes) >= 12:
                    began.set()

    with started(str(trained_model), "--drain", "1") as (process, address, said):
        with ThreadPoolExecutor(12) as pool:
            asked = [pool.submit(ask, address) for _ in range(12)]
            assert began.wait(SECONDS)
            process.send_signal(signal.SIGTERM)
            ends = [own.result() for own in asked]  # raises if an answer broke off
        assert "told" in ends
        assert process.wait(SECONDS) == 0
    assert "Traceback" not in "".join(said)


def test_second_signal_ends_it_at_once_and_without_a_traceback(trained_model):
    with started(str(trained_model), "--drain", "60") as (process, address, said):
        assert httpx.get(f"{address}/healthz", timeout=SECONDS).status_code == 200
        process.send_signal(signal.SIGTERM)
        while httpx.get(f"{address}/readyz", timeout=SECONDS).status_code != 503:
            time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        process.wait(SECONDS / 3)
    assert "Traceback" not in "".join(said)
    assert "Error" not in "".join(said)


def test_workers_share_a_port_and_their_counts_and_end_together(trained_model):
    with started(str(trained_model), "--workers", "2", workers=2) as (process, address, said):
        for _ in range(12):  # new connections, which the system gives to both
            answered = httpx.post(f"{address}/v1/extract", json={"texts": "Ada"}, timeout=SECONDS)
            assert answered.status_code == 200
        metrics = httpx.get(f"{address}/metrics", timeout=SECONDS).text
        counted = re.search(r'dovetail_texts_total\{model="run"\} (\S+)', metrics)
        assert float(counted[1]) == 12
        process.send_signal(signal.SIGINT)
        assert process.wait(SECONDS) == 0
    assert "Traceback" not in "".join(said)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere"], "there is no model at 'nowhere'"),
        (["news", "--api-key-file", "nowhere"], "the key file nowhere cannot be read"),
        (["news", "--host", "192.0.2.1"], "cannot listen at 192.0.2.1"),
    ],
)
def test_what_cannot_be_served_is_said_in_a_sentence(arguments, said):
    result = CliRunner().invoke(app, ["serve", *arguments, "--port", "0"])
    assert isinstance(result.exception, DovetailError)
    assert said in str(result.exception)


def test_key_file_that_others_may_read_is_warned_of(tmp_path):
    keys = tmp_path / "keys"
    keys.write_text("0123456789abcdef\n", encoding="utf-8")
    keys.chmod(0o644)
    options = ["--api-key-file", str(keys), "--port", "0"]
    result = CliRunner().invoke(app, ["serve", "nowhere", *options])
    assert f"other users of this machine can read {keys}" in result.output
    keys.chmod(0o600)
    result = CliRunner().invoke(app, ["serve", "nowhere", *options])
    assert "warning" not in result.output


def test_server_that_others_reach_without_a_key_is_warned_of():
    result = CliRunner().invoke(app, ["serve", "nowhere", "--host", "192.0.2.1"])
    assert "whoever reaches 192.0.2.1 can use the server" in result.output


@pytest.mark.parametrize(
    ("host", "names"),
    [
        ("127.0.0.1", {"127.0.0.1", "localhost", "::1"}),
        ("127.0.0.2", {"127.0.0.2", "localhost"}),
        ("127.2", {"127.0.0.2", "localhost"}),  # as it is reached by
        ("LOCALHOST", {"localhost", "127.0.0.1"}),
    ],
)
def test_host_of_this_machine_alone_keeps_other_names_out(host, names, capsys):
    access = access_to(host, None, ["Proxy.example"])
    assert {*names, "proxy.example"} <= {*access.hosts}
    assert ANY_HOST not in access.hosts
    assert "warning" not in capsys.readouterr().err


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "no such host", "\ud800", "a" * 300])
def test_other_hosts_are_not_taken_for_this_machine(host):
    assert loopback_address(host) is None


def test_port_that_is_taken_is_named():
    with bind("127.0.0.1", 0) as listening:
        port = listening.getsockname()[1]
        with pytest.raises(DovetailError, match=f"port {port}.*name another --host or --port"):
            bind("127.0.0.1", port)
