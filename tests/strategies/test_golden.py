"""What models of every kind said before strategies had rooms of their own, they say today."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from tests.corpus import DEV, TRAIN, save_corpus
from tests.strategies.golden import SHARING, SHIPPED, said_by, said_by_shipped, tiny

from dovetail.training import training_events
from dovetail.training.results import EpochResult

FOLDER = Path(__file__).parent / "golden"
SAID = {
    line["kind"]: line
    for line in map(json.loads, (FOLDER / "said.jsonl").read_text(encoding="utf-8").splitlines())
}


OF_ROUNDING = 1e-2
"""What confidences differ by between fp32, bf16 and ways to compute attention in bf16."""


def same(found: Any, expected: Any, *, within: float = 1e-5) -> None:
    """The same annotations, with the same confidences."""
    assert len(found) == len(expected)
    for own, other in zip(found, expected, strict=True):
        for part in ("entities", "relations"):
            assert [row[:-1] for row in own[part]] == [row[:-1] for row in other[part]]
            confidences = [row[-1] for row in other[part]]
            assert [row[-1] for row in own[part]] == pytest.approx(confidences, abs=within)


@pytest.mark.parametrize("kind", SHARING)
def test_a_model_that_0_1_0_saved_says_what_it_said(kind: str) -> None:
    same(said_by(FOLDER / kind), SAID[kind]["said"])


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_model_says_what_it_said(name: str) -> None:
    same(said_by_shipped(name), SAID[name]["said"], within=OF_ROUNDING)


@pytest.mark.parametrize("kind", SHARING)
def test_training_goes_as_it_went(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    save_corpus(TRAIN, Path("train.jsonl"))
    save_corpus(DEV, Path("dev.jsonl"))
    shutil.copytree(FOLDER / "depth", Path("depth", "model"))
    losses = []
    for event in training_events(tiny(kind), tmp_path / "run"):
        if isinstance(event, EpochResult):
            losses.append(dict(event.losses))
        if len(losses) == 2:
            break
    for found, expected in zip(losses, SAID[kind]["losses"], strict=True):
        assert found == pytest.approx(expected, rel=1e-3)
