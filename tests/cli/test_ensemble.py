"""`dovetail ensemble`, and what an ensemble is used for."""

from __future__ import annotations

import json
from pathlib import Path

from tests.corpus import DEV, save_corpus
from tests.networks import talkative_model, tiny_config
from typer.testing import CliRunner, Result

from dovetail.cli import app
from dovetail.saved.model_folder import save_model


def run(*arguments: object) -> Result:
    return CliRunner().invoke(
        app, [str(argument) for argument in arguments], catch_exceptions=False
    )


def test_ensemble_is_evaluated_and_extracts_like_a_model(
    trained_model: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    save_model(other, talkative_model(), tiny_config())
    made = run("ensemble", trained_model, other, "--output", tmp_path / "both")
    assert made.exit_code == 0
    first, last = made.stdout.splitlines()
    assert first.startswith("2 models, ")
    assert last == f"ensemble: {tmp_path / 'both'}"

    corpus = save_corpus(DEV, tmp_path / "dev.jsonl")
    evaluated = run("evaluate", tmp_path / "both", corpus, "--json", "--samples", "0")
    assert json.loads(evaluated.stdout)["sentences"] == len(DEV)
    extracted = run("extract", tmp_path / "both", "Ada Lovelace lives in London .")
    assert json.loads(extracted.stdout.splitlines()[-1])["text"] == "Ada Lovelace lives in London ."
