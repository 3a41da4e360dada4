"""The container file: that it installs what `make` installs, offline, and serves as it says."""

from __future__ import annotations

import fnmatch
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer.main
from tests.markdown import PROJECT

from dovetail.cli import app

SEPARATE_NETWORK = ("unshare", "--map-root-user", "--net")
"""Before a command that is to reach no network, not even by mistake."""


def text_of(name: str) -> str:
    return (PROJECT / name).read_text(encoding="utf-8")


def instructions(text: str) -> list[tuple[str, str]]:
    """The instructions of a container file, each with what follows it."""
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [tuple(line.split(maxsplit=1)) for line in lines]


INSTRUCTIONS = instructions(text_of("Containerfile"))


def said(name: str) -> list[str]:
    return [rest for instruction, rest in INSTRUCTIONS if instruction == name]


def installs() -> list[str]:
    """The commands that install packages."""
    return [command for command in said("RUN") if "pip install" in command]


def words_of(instruction: str) -> list[str]:
    (words,) = said(instruction)
    return json.loads(words)


def health_program() -> str:
    (check,) = said("HEALTHCHECK")
    python, option, program = json.loads(check.partition("CMD ")[2])
    assert (python, option) == ("python3", "-c")
    return program


def test_every_instruction_is_one_that_both_engines_know():
    known = {
        *("ARG", "FROM", "COPY", "RUN", "ENV", "USER", "WORKDIR", "EXPOSE"),
        *("ENTRYPOINT", "CMD", "HEALTHCHECK"),
    }
    assert {instruction for instruction, _ in INSTRUCTIONS} == known


def test_base_is_an_argument_and_of_the_python_that_the_pins_are_for():
    assert INSTRUCTIONS[0][0] == "ARG"
    base = said("ARG")[0].removeprefix("BASE=")
    assert {line.split()[0] for line in said("FROM")} == {"${BASE}"}
    assert f"Python {re.search(r'python:([0-9.]+)-', base)[1]}." in text_of("constraints.txt")


def test_every_installation_is_offline_and_pinned():
    assert installs()
    for command in installs():
        assert "--no-index" in command
        assert "--find-links /wheels" in command
        assert "--constraint /constraints.txt" in command


def test_what_is_installed_is_what_make_installs_without_the_tools_of_tests():
    lines = [line for line in text_of("Makefile").splitlines() if "$(PIP) install" in line]
    encoder = next(line.split()[-1] for line in lines if "--no-deps" in line)
    assert [c.split()[-1] for c in installs() if "--no-deps" in c] == [encoder]
    (ours,) = (c.split()[-1] for c in installs() if "--no-deps" not in c)
    project = tomllib.loads(text_of("pyproject.toml"))["project"]
    name, extra = re.fullmatch(r"'(\w+)\[(\w+)\]'", ours).groups()
    assert name == project["name"]
    assert extra in project["optional-dependencies"]
    gathered = re.findall(r"^gather (.+)$", text_of("scripts/gather_wheels"), re.MULTILINE)
    assert f"--no-deps {encoder}" in gathered
    assert f'"$temporary/{name}[{extra}]"' in gathered
    # So that pip resolves torch before anything asks for it, as `make` does.
    assert gathered[0] == "torch"
    assert lines[0].endswith(" torch")


def test_whatever_is_copied_is_handed_to_the_engine_and_nothing_else():
    patterns = text_of(".dockerignore").split()
    assert patterns[0] == "*"
    handed = {pattern.removeprefix("!") for pattern in patterns[1:]}
    copied = {
        source.rstrip("/")
        for line in said("COPY")
        if not line.startswith("--from")
        for source in line.split()[:-1]
    }
    assert copied == handed


def test_wheels_are_not_of_the_repository():
    assert any(fnmatch.fnmatch("/wheels/", line) for line in text_of(".gitignore").split())


def test_server_runs_as_a_user_without_privileges():
    (user,) = said("USER")
    assert int(user) > 0
    (made,) = (command for command in said("RUN") if command.startswith("useradd"))
    assert f"--uid {user} " in made
    last_run = max(place for place, (name, _) in enumerate(INSTRUCTIONS) if name == "RUN")
    assert last_run < [name for name, _ in INSTRUCTIONS].index("USER")


def test_entry_point_and_default_arguments_are_of_the_command_line():
    program, command, *options = words_of("ENTRYPOINT")
    assert (program, command) == ("dovetail", "serve")
    parsed = typer.main.get_command(app).commands[command]
    with parsed.make_context(command, [*options, *words_of("CMD")]) as context:
        assert context.params["host"] == "0.0.0.0"
        assert context.params["allow_host"] == ["localhost", "127.0.0.1"]
        assert [str(context.params["port"])] == said("EXPOSE")
        assert context.params["models"] == ["news", "adverse-effects"]


def ask_health(port: int) -> int:
    """Run what the image runs, at another port."""
    program = health_program().replace("8000", str(port))
    return subprocess.run([sys.executable, "-c", program], capture_output=True).returncode


@pytest.fixture
def served(trained_model: Path) -> Iterator[int]:
    """The port of a server that runs as in the image."""
    pytest.importorskip("uvicorn", reason="the server needs dovetail[serve]")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    _, *words = words_of("ENTRYPOINT")
    command = [sys.executable, "-m", "dovetail", *words, "--port", str(port), str(trained_model)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert any("serving" in line for line in process.stderr)
            yield port
        finally:
            process.terminate()
    assert process.returncode == 0


def test_health_is_asked_as_the_server_answers(served):
    assert ask_health(served) == 0


def test_health_is_bad_where_nobody_answers():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert ask_health(port) != 0


def test_server_of_the_image_answers_to_the_names_of_loopback_alone(served):
    from http.client import HTTPConnection

    for name, status in (("localhost", 200), ("127.0.0.1", 200), ("models.example.org", 421)):
        asking = HTTPConnection("127.0.0.1", served, timeout=60)
        asking.request("GET", "/readyz", headers={"Host": name})
        with asking.getresponse() as answer:
            assert answer.status == status, answer.read()
        asking.close()


def without_network() -> tuple[str, ...]:
    """What runs a command without a network; empty where this machine does not let us."""
    if not shutil.which("unshare"):
        return ()
    tried = subprocess.run([*SEPARATE_NETWORK, "true"], capture_output=True, check=False)
    return SEPARATE_NETWORK if tried.returncode == 0 else ()


@pytest.mark.slow
def test_gathered_wheels_are_enough_where_there_is_no_network(tmp_path):
    """The image's installation, in a folder instead of an image."""
    gather = [str(PROJECT / "scripts" / "gather_wheels"), str(tmp_path / "wheels")]
    subprocess.run(gather, check=True, env={**os.environ, "PYTHON": sys.executable})
    shutil.copy(PROJECT / "constraints.txt", tmp_path)
    for command in said("RUN"):
        if command.startswith("useradd"):
            continue
        here = command.replace("/opt/dovetail", str(tmp_path / "installed"))
        here = here.replace(" /wheels", f" {tmp_path / 'wheels'}")
        here = here.replace(" /constraints.txt", f" {tmp_path / 'constraints.txt'}")
        clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        subprocess.run([*without_network(), "bash", "-c", here], check=True, env=clean)
    command = [str(tmp_path / "installed/bin/dovetail"), "extract", "news", "Ada lived in London."]
    found = subprocess.run(
        [*without_network(), *command], capture_output=True, text=True, check=True, env=clean
    )
    assert '"London"' in found.stdout


@pytest.mark.slow
def test_image_is_built_without_a_network_and_finds_entities():
    """Needs an engine, `wheels/`, and the name of a base that lies on this machine."""
    engine = next((name for name in ("podman", "docker") if shutil.which(name)), None)
    base = os.environ.get("DOVETAIL_CONTAINER_BASE")
    if not (engine and base and (PROJECT / "wheels").is_dir()):
        pytest.skip("needs podman or docker, wheels/, and DOVETAIL_CONTAINER_BASE")
    name = "dovetail-of-a-test"
    options = ("--network", "none", "--build-arg", f"BASE={base}", "-f", "Containerfile")
    subprocess.run([engine, "build", *options, "-t", name, "."], cwd=PROJECT, check=True)
    try:
        run = (engine, "run", "--rm", "--network", "none", "--read-only", "--tmpfs", "/tmp")
        command = (*run, "--entrypoint", "dovetail", name, "extract", "news", "Ada is in London.")
        found = subprocess.run(command, capture_output=True, text=True, check=True)
        assert '"London"' in found.stdout
    finally:
        subprocess.run([engine, "rmi", name], check=False)
