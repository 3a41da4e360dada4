"""Several models that are trained in one run: each learns as alone, and they decide as one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from tests.corpus import DEV, save_corpus
from tests.networks import pretrained, tiny_config
from tests.training.conftest import metrics
from typer.testing import CliRunner

from dovetail.cli import app
from dovetail.config import (
    CommitteeConfig,
    Config,
    DataConfig,
    dump_config,
    load_config,
)
from dovetail.config.sections.committee_section import seeds_of_members
from dovetail.errors import ConfigError
from dovetail.evaluation import evaluate
from dovetail.extractor import Extractor
from dovetail.model.ensemble import Ensemble
from dovetail.report.run_report import report_of_run
from dovetail.running.steps import result_of
from dovetail.saved.ensemble_folder import load_predictor, save_ensemble
from dovetail.saved.model_folder import load_model
from dovetail.strategies import DepthSharingConfig
from dovetail.strategies.listing import sections_by_kind
from dovetail.training import EpochResult, RunFinished, StepResult, training_events
from dovetail.training.committee import CommitteeLoop
from dovetail.training.job import Job
from dovetail.training.preparation import prepare, prepare_one
from dovetail.training.results import StageProgress

FOUND = 4
"""The doctor's exit status where there is something to say."""


def committee(data: DataConfig, members: int = 3, **settings: Any) -> Config:
    config = tiny_config(data, **settings)
    return config.model_copy(update={"committee": CommitteeConfig(members=members)})


def finished(config: Config, path: Path, **options: Any) -> RunFinished:
    *_, last = training_events(config, path, **options)
    assert isinstance(last, RunFinished)
    return last


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def learning(data: DataConfig) -> Config:
    """The config of two members that find something."""
    return committee(
        data,
        2,
        sharing=DepthSharingConfig(hidden_dim=8, dropout=0.0, relation_layers=1),
        relation_head={"dropout": 0.0, "threshold": "tuned"},
        training={"epochs": 12, "learning_rate": 2e-2, "patience_epochs": 0},
    )


@pytest.fixture(scope="module")
def whole(data: DataConfig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nothing interrupted."""
    path = tmp_path_factory.mktemp("runs") / "tiny"
    finished(learning(data), path)
    return path


def test_each_member_learns_what_it_learns_alone_with_its_seed(
    data: DataConfig, tmp_path: Path
) -> None:
    undecided = data.model_copy(update={"dev": ()})
    settings = {"relation_head": {"threshold": 0.5}, "training": {"patience_epochs": 0}}
    together = committee(undecided, **settings)
    finished(together, tmp_path / "together")
    for number, own in enumerate(together.of_members, start=1):
        finished(own, tmp_path / own.name)
        path = Path("members") / str(number) / "weights.safetensors"
        expected = load_file(tmp_path / own.name / "model" / "weights.safetensors")
        found = load_file(tmp_path / "together" / "model" / path)
        assert found.keys() == expected.keys()
        assert all(torch.equal(found[name], expected[name]) for name in found)
    first = tiny_config(undecided, **settings)
    finished(first, tmp_path / "alone")
    names = "model/members/1/weights.safetensors", "model/weights.safetensors"
    one, other = (tmp_path / "together" / names[0], tmp_path / "alone" / names[1])
    assert one.read_bytes() == other.read_bytes()


def test_committee_of_one_is_the_model(data: DataConfig, tmp_path: Path) -> None:
    finished(committee(data, 1), tmp_path / "committee")
    finished(tiny_config(data), tmp_path / "model")
    assert contents(tmp_path / "committee" / "model") == contents(tmp_path / "model" / "model")
    loop = CommitteeLoop([result_of(prepare_one(Job.of(tiny_config(data))))])
    other = result_of(prepare_one(Job.of(tiny_config(data))))
    ours, theirs = ([e for e in own.run() if isinstance(e, EpochResult)] for own in (loop, other))
    assert [own.score for own in ours] == [own.score for own in theirs]
    loop.use_best()
    other.use_best()
    (member,) = loop.model
    for name, tensor in other.model.stored_state().items():
        assert torch.equal(member.stored_state()[name], tensor)


def test_ensemble_of_the_members_says_what_the_committee_says(whole: Path, tmp_path: Path) -> None:
    members = [whole / "model" / "members" / place for place in "12"]
    save_ensemble(tmp_path / "apart", members)
    found = Extractor.load(whole / "model").annotate(DEV)
    assert found == Extractor.load(tmp_path / "apart").annotate(DEV)
    assert any(own.entities for own in found)
    alone = [Extractor.load(member).annotate(DEV) for member in members]
    assert alone[0] != alone[1]


def test_gradients_reach_every_member(data: DataConfig) -> None:
    loop = result_of(prepare(Job.of(committee(data))))
    assert isinstance(loop, CommitteeLoop)
    before = [
        {name: own.detach().clone() for name, own in member.trainable_parameters()}
        for member in loop.model
    ]
    steps = loop.learn()
    for _ in steps:
        pass
    for member, known in zip(loop.model, before, strict=True):
        assert member.training
        changed = {n for n, own in member.trainable_parameters() if not torch.equal(own, known[n])}
        assert changed == known.keys()
    names = dict(loop.model.members[0].named_parameters()).keys() & before[0].keys()
    assert any(not torch.equal(before[0][name], before[1][name]) for name in names)


def test_frozen_states_are_computed_once_for_all_members(
    data: DataConfig, pretrained_folder: Path
) -> None:
    encoders = (pretrained(pretrained_folder),)
    counts = []
    for members in (1, 3):
        steps = prepare(Job.of(committee(data, members, encoders=encoders)))
        told = []
        loop = result_of(steps, told.append)
        counts.append([own for own in told if isinstance(own, StageProgress)])
    assert counts[0] == counts[1]
    assert counts[0]
    assert isinstance(loop, CommitteeLoop)
    assert loop.model.num_shared_encoders == 1
    runs: list[int] = []
    for number, member in enumerate(loop.model):
        (encoder,) = member.encoder
        transformer = encoder.get_submodule("transformer")
        transformer.register_forward_hook(lambda *_, number=number: runs.append(number))
    for _ in loop.run():
        pass
    assert runs == []


def test_run_that_goes_on_ends_with_the_same_bits(
    data: DataConfig, whole: Path, tmp_path: Path
) -> None:
    config, path = learning(data), tmp_path / "run"
    seen: list[object] = []
    for event in training_events(config, path, should_stop=lambda: epochs(seen) == 3):
        seen.append(event)
    assert epochs(seen) == 3
    finished(config, path, resume=True)
    assert contents(path / "model") == contents(whole / "model")
    assert metrics(path) == metrics(whole)


def epochs(events: list[object]) -> int:
    return sum(isinstance(event, EpochResult) for event in events)


def test_steps_of_all_members_are_counted(data: DataConfig, tmp_path: Path) -> None:
    events = list(training_events(committee(data, 2, training={"epochs": 1}), tmp_path / "run"))
    steps = [event for event in events if isinstance(event, StepResult)]
    assert [own.step for own in steps] == [*range(1, steps[0].steps + 1)]


def test_scores_and_thresholds_are_those_of_all_members_together(whole: Path) -> None:
    """And they are what whoever loads the model finds."""
    values = json.loads((whole / "finished.json").read_text("utf-8"))
    model = load_predictor(whole / "model").model
    assert isinstance(model, Ensemble)
    found = evaluate(DEV, Extractor.load(whole / "model").annotate(DEV), bootstrap_samples=0)
    known = values["dev"]
    assert found.entity_strict.micro.f1 == known["entity"]["strict"]["micro"]["f1"]
    assert found.relation_strict.micro.f1 == known["relation"]["strict"]["micro"]["f1"]
    assert known["relation"]["strict"]["micro"]["f1"] > 0
    thresholds = model.relation_head.known_thresholds
    for member in model:
        assert member.relation_head.known_thresholds == pytest.approx(thresholds)


def test_sentence_alone_is_read_as_in_a_batch(whole: Path) -> None:
    extractor = Extractor.load(whole / "model")
    together = extractor.annotate(DEV)
    assert [extractor.annotate([sentence])[0] for sentence in DEV] == together


def test_commands_take_a_run_of_a_committee(whole: Path, data: DataConfig, tmp_path: Path) -> None:
    assert report_of_run(whole).dev is not None
    dev = save_corpus(DEV, tmp_path / "dev.jsonl")
    for arguments in (
        ["evaluate", str(whole), str(dev)],
        ["extract", str(whole), "Ada Lovelace lives in London ."],
        ["report", str(whole), "-o", str(tmp_path / "report.html")],
        ["doctor", str(whole)],
        ["calibrate", str(whole), "-o", str(tmp_path / "calibrated")],
        ["train", "--resume", "--runs", str(whole.parent), str(whole / "config.toml")],
    ):
        result = CliRunner().invoke(app, arguments, catch_exceptions=False)
        assert result.exit_code in (0, FOUND), (arguments, result.output)
    card = (whole / "model" / "README.md").read_text("utf-8")
    assert "A committee of 2" in card
    assert "Scores on the dev set" in card


def test_one_model_learns_from_a_committee(whole: Path, data: DataConfig, tmp_path: Path) -> None:
    config = tiny_config(data, training={"epochs": 1})
    taught = config.model_copy(
        update={
            "distillation": config.distillation.model_copy(update={"teacher": str(whole / "model")})
        }
    )
    finished(taught, tmp_path / "student")
    assert load_model(tmp_path / "student" / "model")


@pytest.mark.parametrize("kind", ["sequential", "gates", "variational", "context", "exits"])
def test_any_way_of_sharing_can_have_members(kind: str, data: DataConfig, tmp_path: Path) -> None:
    section = sections_by_kind()[kind]
    small = {"hidden_dim": 6, "context_dim": 4, "normal_component": True}
    values = {name: value for name, value in small.items() if name in section.model_fields}
    sharing = section.model_validate({"kind": kind, **values})
    config = committee(data, 2, sharing=sharing, training={"epochs": 1})
    last = finished(config, tmp_path / "run")
    assert len(Extractor.load(last.model_folder).annotate(DEV)) == len(DEV)


def test_config_says_nothing_of_a_committee_of_one(data: DataConfig, tmp_path: Path) -> None:
    assert "committee" not in dump_config(tiny_config(data))
    config = committee(data)
    (tmp_path / "config.toml").write_text(dump_config(config), encoding="utf-8")
    assert load_config(tmp_path / "config.toml") == config
    assert all(own.committee.members == 1 for own in config.of_members)
    with pytest.raises(ConfigError, match="members"):
        CommitteeConfig(members=0)


def test_committees_of_neighbouring_seeds_have_no_member_in_common() -> None:
    seeds = [seed for first in range(100) for seed in seeds_of_members(first, 5)]
    assert len({*seeds}) == len(seeds)
    assert [*seeds_of_members(7, 3)] == [*seeds_of_members(7, 5)][:3]
