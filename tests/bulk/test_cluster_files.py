"""What examples/cluster says to Kubernetes and to Slurm is what the commands understand."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess

import pytest
import typer.main
import yaml
from tests.markdown import PROJECT

from dovetail import __version__
from dovetail.cli import app

FOLDER = PROJECT / "examples" / "cluster"
SCRIPT = FOLDER / "bulk.sbatch"
JOB = yaml.safe_load((FOLDER / "kuberay.yaml").read_text(encoding="utf-8"))
HEAD = JOB["spec"]["rayClusterSpec"]["headGroupSpec"]["template"]["spec"]
(GROUP,) = JOB["spec"]["rayClusterSpec"]["workerGroupSpecs"]
WORKER = GROUP["template"]["spec"]


def options_of(command):
    return {option for parameter in command.params for option in parameter.opts}


def parsed(words):
    """The parameters that `dovetail bulk` takes from words; wrong ones end the test."""
    command = typer.main.get_command(app).commands["bulk"]
    return command.make_context("bulk", list(words)).params


def mounts(pod):
    (container,) = pod["containers"]
    return {own["mountPath"]: own for own in container["volumeMounts"]}


def test_job_runs_a_command_that_exists_on_volumes_that_are_mounted():
    program, command, *words = shlex.split(JOB["spec"]["entrypoint"])
    assert (program, command) == ("dovetail", "bulk")
    told = parsed(words)
    assert told["ray"] == "auto"
    assert told["resume"]  # it is tried again
    assert str(told["output"]).startswith("/found/")
    assert "/found" in mounts(HEAD)
    for pod in (HEAD, WORKER):
        assert all(os.path.dirname(own) in mounts(pod) for own in told["inputs"])
        assert {own["name"] for own in mounts(pod).values()} == {v["name"] for v in pod["volumes"]}


def test_pods_are_of_one_image_with_this_version_and_the_ray_that_was_tested():
    (head,), (worker,) = HEAD["containers"], WORKER["containers"]
    assert head["image"] == worker["image"]
    assert head["image"].endswith(f":{__version__}")
    version = JOB["spec"]["rayClusterSpec"]["rayVersion"]
    assert f"\nray=={version}\n" in (PROJECT / "constraints.txt").read_text(encoding="utf-8")


def test_each_core_has_the_memory_that_a_worker_needs_and_the_head_takes_no_work():
    (worker,) = WORKER["containers"]
    limits = worker["resources"]["limits"]
    assert int(limits["memory"].removesuffix("Gi")) > int(limits["cpu"])
    assert JOB["spec"]["rayClusterSpec"]["headGroupSpec"]["rayStartParams"]["num-cpus"] == "0"
    assert GROUP["minReplicas"] <= GROUP["replicas"] <= GROUP["maxReplicas"]


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="there is no shellcheck")
def test_script_is_clean_for_shellcheck():
    run = subprocess.run(["shellcheck", SCRIPT], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout


@pytest.fixture
def on_slurm(tmp_path):
    """Run the script where Slurm's and Ray's commands only write down what they are told."""
    commands = tmp_path / "bin"
    commands.mkdir()
    told = shlex.quote(str(tmp_path / "told"))
    record = f'printf "%s\\n" "$(basename "$0") $*" >> {told}\n'
    more = {
        "scontrol": "echo node1; echo node2; echo node3\n",
        # What it starts beside itself has written by then, as machines are there by then.
        "dovetail": f"until [ $(grep -c ^srun {told}) -ge $STARTS ]; do sleep 0.05; done\n",
    }
    for name in ("srun", "ray", "dovetail", "scontrol"):
        text = f"#!/bin/sh\n{record}{more.get(name, '')}"
        (commands / name).write_text(text, encoding="utf-8")
        (commands / name).chmod(0o755)

    def run(*arguments, nodes=3):
        environment = {
            "PATH": f"{commands}:{os.environ['PATH']}",
            "SLURM_JOB_ID": "70001",
            "SLURM_JOB_NODELIST": "node[1-3]",
            "SLURM_JOB_NUM_NODES": str(nodes),
            "SLURM_CPUS_PER_TASK": "16",
            "STARTS": str(min(nodes, 2)),
        }
        command = ["bash", SCRIPT, *arguments]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        told = tmp_path / "told"
        lines = told.read_text(encoding="utf-8").splitlines() if told.exists() else []
        return done, [line.split() for line in lines]

    return run


def test_script_starts_a_head_and_the_others_and_then_one_command(on_slurm):
    done, told = on_slurm("news", "found", "a b.jsonl", "c.jsonl")
    assert done.returncode == 0, done.stderr
    (bulk,) = (words for words in told if words[0] == "dovetail")
    assert parsed(bulk[2:])["resume"]
    assert bulk[:2] == ["dovetail", "bulk"]
    address = bulk[bulk.index("--ray") + 1]
    starts = [words for words in told if words[0] == "srun"]
    (head,) = (words for words in starts if "--head" in words)
    (others,) = (words for words in starts if f"--address={address}" in words)
    (port,) = (word.removeprefix("--port=") for word in head if word.startswith("--port="))
    assert address == f"node1:{port}"
    assert {"--nodelist=node1", "--nodes=1"} <= {*head}
    assert {"--exclude=node1", "--nodes=2", "--ntasks=2"} <= {*others}


def test_script_on_one_machine_starts_no_others(on_slurm):
    _, told = on_slurm("news", "found", "a.jsonl", nodes=1)
    assert sum(words[0] == "srun" for words in told) == 1


@pytest.mark.parametrize("arguments", [(), ("news",), ("news", "found")])
def test_script_says_what_it_expects(on_slurm, arguments):
    done, told = on_slurm(*arguments)
    assert done.returncode != 0
    assert "expected MODEL OUTPUT INPUT..." in done.stderr
    assert told == []


def test_what_the_script_tells_ray_are_options_of_ray():
    scripts = pytest.importorskip("ray.scripts.scripts")
    text = SCRIPT.read_text(encoding="utf-8")
    starts = re.findall(r"^\s*(?:ray )?start .*--.*$", text, re.MULTILINE)
    words = {word.partition("=")[0] for line in starts for word in line.split() if "--" in word}
    assert {"--head", "--address", "--block"} <= words
    assert words - {"--nodelist", "--exclude"} <= options_of(scripts.start)
    assert "--address" in options_of(scripts.status)
