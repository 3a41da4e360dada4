"""`dovetail label-studio`: its options, and a server that a signal ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest
from typer.testing import CliRunner

pytest.importorskip("fastapi", reason="the server needs dovetail[serve]")

from dovetail.cli import app
from dovetail.errors import ConfigError, DovetailError


def refused(*options, **environment):
    result = CliRunner().invoke(app, ["label-studio", *options], env=environment)
    assert isinstance(result.exception, DovetailError), result.output
    return str(result.exception)


def test_nothing_to_serve_is_refused():
    assert "name a MODEL, or a --folder" in refused("--port", "0")


@pytest.mark.parametrize("option", ["--token-file", "--config", "--every"])
def test_options_for_learning_need_a_folder(option):
    assert f"{option}: to learn, name a --folder" in refused("news", option, "1")


def test_learning_needs_a_token_which_is_no_option(tmp_path):
    said = refused("--folder", str(tmp_path / "learned"), LABEL_STUDIO_API_KEY="")
    assert "takes a token" in said
    assert "--token-file, or set LABEL_STUDIO_API_KEY" in said
    assert not (tmp_path / "learned").exists()


def test_token_that_others_could_hear_is_warned_of(tmp_path):
    options = ["--folder", str(tmp_path / "file" / "x"), "--url", "http://192.0.2.1", "--port", "0"]
    (tmp_path / "file").write_text("")  # in which no folder can be made
    result = CliRunner().invoke(app, ["label-studio", *options], env={"LABEL_STUDIO_API_KEY": "x"})
    assert "warning: the token goes to http://192.0.2.1 without encryption" in result.output
    assert isinstance(result.exception, DovetailError)


def test_token_that_others_can_read_is_warned_of(tmp_path):
    token = tmp_path / "token"
    token.write_text("x")
    options = ["--folder", str(token / "x"), "--token-file", str(token), "--port", "0"]
    for mode, warned in ((0o644, True), (0o600, False)):
        token.chmod(mode)
        result = CliRunner().invoke(app, ["label-studio", *options])
        assert (f"other users of this machine can read {token}" in result.output) == warned


def test_command_says_where_it_listens_and_a_signal_ends_it(tmp_path):
    command = [
        sys.executable,
        "-m",
        "dovetail",
        "label-studio",
        "--port",
        "0",
        "--folder",
        "learned",
    ]
    process = subprocess.Popen(
        command,
        cwd=tmp_path,
        env={**os.environ, "LABEL_STUDIO_API_KEY": "a-token-that-nobody-sees"},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    line = process.stderr.readline()
    while "ready at http://127.0.0.1:" not in line and line:
        line = process.stderr.readline()
    assert "ready at" in line
    process.send_signal(signal.SIGTERM)
    rest = process.communicate(timeout=60)[1]
    assert process.returncode == 0, rest
    assert "nobody-sees" not in line + rest


def test_address_that_is_none_is_refused(tmp_path):
    said = refused("--folder", str(tmp_path), "--url", "nowhere", LABEL_STUDIO_API_KEY="x")
    assert "--url: expected the address" in said
    assert issubclass(ConfigError, DovetailError)
