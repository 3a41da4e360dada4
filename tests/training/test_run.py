"""Whole runs on the tiny corpus, in this process."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from tests.corpus import DEV, TRAIN, save_corpus
from tests.networks import pretrained, tiny_config
from tests.training.conftest import metrics, weights

from dovetail.config import Config, DataConfig, SharingConfig, load_config
from dovetail.config.config import LARGEST_SEED
from dovetail.errors import TrainingError
from dovetail.evaluation import evaluate
from dovetail.extractor import Extractor
from dovetail.saved.model_folder import load_model
from dovetail.strategies import DepthSharingConfig
from dovetail.training import (
    NotKept,
    RunEvent,
    RunFinished,
    RunStarted,
    StageProgress,
    StepResult,
    training_events,
)


def run(config: Config, path: Path, **options: Any) -> list[RunEvent]:
    return list(training_events(config, path, **options))


def after(steps: int) -> Callable[[], bool]:
    """Asked after every event, says to stop after so many."""
    asked = itertools.count(1)
    return lambda: next(asked) >= steps


@pytest.fixture(scope="module")
def whole(data: DataConfig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of three epochs that nothing interrupted."""
    path = tmp_path_factory.mktemp("runs") / "whole"
    run(tiny_config(data), path)
    return path


def test_events_tell_the_run_from_start_to_end(data: DataConfig, tmp_path: Path) -> None:
    events = run(tiny_config(data, training={"epochs": 2}), tmp_path / "run")
    assert isinstance(events[0], RunStarted)
    assert isinstance(events[-1], RunFinished)
    assert events[0].epochs_done == 0
    steps = [event for event in events if isinstance(event, StepResult)]
    assert [(event.epoch, event.step) for event in steps] == [
        (epoch, step) for epoch in (1, 2) for step in range(1, 7)
    ]
    for epoch in (1, 2):
        assert sum(step.sentences for step in steps if step.epoch == epoch) == len(TRAIN)
    assert events[-1].model_folder == tmp_path / "run" / "model"
    assert not events[-1].interrupted


def test_run_folder_holds_what_is_promised(data: DataConfig, whole: Path) -> None:
    assert sorted(path.name for path in whole.iterdir()) == [
        "checkpoint",
        "config.toml",
        "finished.json",
        "metrics.jsonl",
        "model",
        "run.lock",
    ]
    known = data.model_copy(update={"language": "en"})  # what the run took
    assert load_config(whole / "config.toml") == tiny_config(known)
    assert [line["epoch"] for line in metrics(whole)] == [1, 2, 3]
    first, *_, last = metrics(whole)
    assert last["losses"]["entity"] < first["losses"]["entity"]


def test_same_seed_gives_the_same_bits_and_another_seed_others(
    data: DataConfig, whole: Path, tmp_path: Path
) -> None:
    run(tiny_config(data), tmp_path / "again")
    assert weights(tmp_path / "again") == weights(whole)
    assert metrics(tmp_path / "again") == metrics(whole)
    run(tiny_config(data, seed=2), tmp_path / "other")
    assert weights(tmp_path / "other") != weights(whole)


# Events of the whole run: the start, 6 steps and an epoch, 6 steps and an epoch, …
@pytest.mark.parametrize("stops", [[3], [8], [11], [8, 2], [21]])
def test_resumed_run_ends_with_the_bits_of_one_that_never_stopped(
    data: DataConfig, whole: Path, tmp_path: Path, stops: list[int]
) -> None:
    path = tmp_path / "run"
    for number, stop in enumerate(stops):
        *_, last = run(tiny_config(data), path, resume=number > 0, should_stop=after(stop))
        assert isinstance(last, RunFinished)
        assert last.interrupted
        assert load_model(last.model_folder)
    started, *_ = run(tiny_config(data), path, resume=True)
    assert isinstance(started, RunStarted)
    assert started.epochs_done == {3: 0, 8: 1, 11: 1, 21: 3}[stops[0]]
    assert weights(path) == weights(whole)
    assert metrics(path) == metrics(whole)


def test_resuming_a_finished_run_trains_nothing(data: DataConfig, tmp_path: Path) -> None:
    config = tiny_config(data, training={"epochs": 1})
    run(config, tmp_path / "run")
    before = weights(tmp_path / "run")
    events = run(config, tmp_path / "run", resume=True)
    assert [type(event) for event in events] == [RunStarted, RunFinished]
    assert weights(tmp_path / "run") == before


def test_finished_run_is_told_again_without_work(data: DataConfig, tmp_path: Path) -> None:
    config = tiny_config(data, training={"epochs": 1})
    *_, finished = run(config, tmp_path / "run")
    before = (tmp_path / "run" / "model" / "weights.safetensors").stat().st_mtime_ns
    started, again = run(config, tmp_path / "run", resume=True)
    assert isinstance(started, RunStarted)
    assert started.is_over
    assert again == finished
    assert (tmp_path / "run" / "model" / "weights.safetensors").stat().st_mtime_ns == before


@pytest.mark.parametrize("damage", ["record", "torn record", "model", "weights"])
def test_model_of_a_finished_run_is_made_again_unless_it_is_known_to_be_whole(
    data: DataConfig, tmp_path: Path, damage: str
) -> None:
    config, path = tiny_config(data, training={"epochs": 1}), tmp_path / "run"
    *_, finished = run(config, path)
    before = weights(path)
    match damage:
        case "record":
            (path / "finished.json").unlink()
        case "torn record":
            (path / "finished.json").write_text('{"epochs": 1, "best')
        case "model":
            shutil.rmtree(path / "model")
        case "weights":
            (path / "model" / "weights.safetensors").write_bytes(before[:-100])
    *_, again = run(config, path, resume=True)
    assert again == finished
    assert weights(path) == before


def stages_of(events: list[RunEvent]) -> set[str]:
    return {event.stage for event in events if isinstance(event, StageProgress)}


def test_run_that_is_over_is_not_encoded_again(
    data: DataConfig, tmp_path: Path, pretrained_folder: Path
) -> None:
    config = tiny_config(data, encoders=(pretrained(pretrained_folder),), training={"epochs": 1})
    assert {f"encoding the {kind} sentences" for kind in ("training", "dev")} <= stages_of(
        run(config, tmp_path / "run")
    )
    (tmp_path / "run" / "finished.json").unlink()
    stages = stages_of(run(config, tmp_path / "run", resume=True))
    assert not any(stage.startswith("encoding") for stage in stages)
    assert "saving the model" in stages


def test_scores_of_the_end_are_those_of_the_saved_model(data: DataConfig, tmp_path: Path) -> None:
    """With tuned thresholds too, of which candidates are kept, not sentences annotated again."""
    config = tiny_config(data, training={"epochs": 12})
    *_, finished = run(config, tmp_path / "run")
    assert isinstance(finished, RunFinished)
    extractor = Extractor.load(finished.model_folder, threads=1)
    assert finished.dev == evaluate(DEV, extractor.annotate(DEV))


def test_stages_of_scoring_tell_all_tokens(data: DataConfig, tmp_path: Path) -> None:
    events = run(tiny_config(data, training={"epochs": 2}), tmp_path / "run")
    stages = [event for event in events if isinstance(event, StageProgress)]
    tokens = sum(len(sentence.tokens) for sentence in DEV)
    for stage in ("scoring the dev sentences", "scoring the dev sentences with the saved model"):
        own = [event for event in stages if event.stage == stage]
        assert own[0].done == 0
        assert own[-1].done == own[-1].total == tokens
    assert stages[-1] == StageProgress("saving the model")


def test_learned_factors_of_the_losses_resume_to_the_same_bits(
    data: DataConfig, tmp_path: Path
) -> None:
    config = tiny_config(data, training={"epochs": 2, "balance": "learned"})
    run(config, tmp_path / "whole")
    run(config, tmp_path / "run", should_stop=after(10))
    run(config, tmp_path / "run", resume=True)
    assert weights(tmp_path / "run") == weights(tmp_path / "whole")
    assert metrics(tmp_path / "run") == metrics(tmp_path / "whole")
    first, last = (line["losses"]["balance"] for line in metrics(tmp_path / "whole"))
    assert first != last


COPIES = DepthSharingConfig(cell="pretrained", entity_layers=1, relation_layers=1)


@pytest.mark.parametrize("sharing", [None, COPIES], ids=["trained", "copied"])
def test_resumed_run_of_trained_encoder_layers_ends_with_the_same_bits(
    sharing: SharingConfig | None, data: DataConfig, tmp_path: Path, pretrained_folder: Path
) -> None:
    trained_layers = 0 if sharing else 1
    config = tiny_config(
        data,
        encoders=(pretrained(pretrained_folder, trained_layers=trained_layers, dropout=0.1),),
        sharing=sharing,
        training={"epochs": 2, "encoder_learning_rate": 1e-3, "encoder_layer_decay": 0.5},
    )
    run(config, tmp_path / "whole")
    run(config, tmp_path / "run", should_stop=after(10))
    run(config, tmp_path / "run", resume=True)
    assert weights(tmp_path / "run") == weights(tmp_path / "whole")
    stored = load_file(tmp_path / "whole" / "model" / "weights.safetensors")
    assert any(tensor.dtype == torch.float16 for tensor in stored.values())


@pytest.mark.parametrize(
    ("trained_layers", "sharing"), [(0, None), (1, None), (0, COPIES)], ids=str
)
def test_cached_encodings_train_the_same_model_up_to_half_precision(
    trained_layers: int,
    sharing: SharingConfig | None,
    data: DataConfig,
    tmp_path: Path,
    pretrained_folder: Path,
) -> None:
    """The cache keeps three digits of each state, so the weights are close and not bit-same."""
    states = []
    for name, gigabytes in (("cached", 1.0), ("computed", 0.0)):
        config = tiny_config(
            data,
            encoders=(pretrained(pretrained_folder, trained_layers=trained_layers),),
            sharing=sharing,
            training={"epochs": 1, "cache_gigabytes": gigabytes, "learning_rate": 1e-3},
        )
        run(config, tmp_path / name)
        states.append(load_file(tmp_path / name / "model" / "weights.safetensors"))
    cached, computed = states
    # What is frozen is named, not stored.
    assert not any(".transformer." in name for name in cached) or trained_layers
    for name in cached:
        if not name.endswith("thresholds"):
            torch.testing.assert_close(cached[name], computed[name], atol=2e-3, rtol=2e-2)


def test_encodings_on_disk_train_the_model_of_those_in_memory(
    data: DataConfig, tmp_path: Path, pretrained_folder: Path
) -> None:
    weights, told = [], []
    for name, room in (
        ("memory", {"cache_gigabytes": 1.0}),
        ("disk", {"cache_gigabytes": 0.0, "disk_cache_gigabytes": 1.0}),
        ("none", {"cache_gigabytes": 1e-7}),
    ):
        config = tiny_config(
            data, encoders=(pretrained(pretrained_folder),), training={"epochs": 2, **room}
        )
        events = run(config, tmp_path / name)
        told.append([event.sentences for event in events if isinstance(event, NotKept)])
        weights.append((tmp_path / name / "model" / "weights.safetensors").read_bytes())
    memory, disk, _ = weights
    assert disk == memory
    assert told == [[], [], ["training", "dev"]]


def test_model_is_that_of_the_first_best_epoch(data: DataConfig, tmp_path: Path) -> None:
    config = tiny_config(
        data, relation_head={"threshold": 0.5}, training={"epochs": 6, "learning_rate": 3e-2}
    )
    *_, finished = run(config, tmp_path / "run")
    assert isinstance(finished, RunFinished)
    lines = metrics(tmp_path / "run")
    scores = [line["score"] for line in lines]
    best = scores.index(max(scores))
    assert max(scores) > 0
    assert finished.best_epoch == best + 1
    model = load_model(finished.model_folder).model
    found = evaluate(DEV, Extractor(model).annotate(DEV), bootstrap_samples=0)
    assert found.mean_f1 == pytest.approx(scores[best])
    assert finished.dev is not None
    assert finished.dev.mean_f1 == pytest.approx(scores[best])


def test_training_stops_when_patience_is_over(data: DataConfig, tmp_path: Path) -> None:
    config = tiny_config(data, training={"epochs": 50, "patience_epochs": 2, "learning_rate": 1e-9})
    *_, finished = run(config, tmp_path / "run")
    assert isinstance(finished, RunFinished)
    assert finished.epochs == finished.best_epoch + 2 < 50


def test_without_dev_set_the_last_epoch_is_kept(data: DataConfig, tmp_path: Path) -> None:
    config = tiny_config(
        DataConfig(train=data.train),
        relation_head={"threshold": 0.4},
        training={"epochs": 2, "patience_epochs": 0},
    )
    *_, finished = run(config, tmp_path / "run")
    assert isinstance(finished, RunFinished)
    assert finished.best_epoch == finished.epochs == 2
    assert finished.dev is None
    thresholds = load_model(finished.model_folder).model.relation_head.thresholds
    torch.testing.assert_close(thresholds, torch.full((3,), 0.4))


@pytest.mark.parametrize(
    ("signatures", "declared", "expected"),
    [
        ("off", {}, {}),
        (
            "declared",
            {"lives_in": (("Person", "Company"),)},
            {"lives_in": frozenset({("Person", "Company")})},
        ),
    ],
)
def test_signatures_of_the_model_are_those_of_the_config(
    data: DataConfig, tmp_path: Path, signatures: str, declared: Any, expected: Any
) -> None:
    config = tiny_config(
        data,
        relation_head={"signatures": signatures, "declared": declared},
        training={"epochs": 1},
    )
    run(config, tmp_path / "run")
    assert load_model(tmp_path / "run" / "model").model.schema.signatures == expected


def test_relations_that_the_declared_signatures_rule_out_are_counted(
    data: DataConfig, tmp_path: Path
) -> None:
    declared = {"lives_in": (("Person", "Company"),)}
    config = tiny_config(data, relation_head={"signatures": "declared", "declared": declared})
    started = next(training_events(config, tmp_path / "run"))
    assert isinstance(started, RunStarted)
    number = sum(link.type == "lives_in" for sentence in TRAIN for link in sentence.relations)
    (warning,) = started.splits.warnings
    assert warning.startswith(f"{number} training relations link types that")
    assert warning.endswith(f"not learned: {number} lives_in from Person to Place")


@pytest.mark.parametrize(
    ("field", "symmetric", "declared"),
    [
        ("data.symmetric names rivalls", ["rivalls"], {}),
        ("relation_head.declared names livesin", [], {"livesin": (("Person", "Place"),)}),
        ("relation_head.declared names Persn", [], {"lives_in": (("Persn", "Place"),)}),
    ],
)
def test_types_that_the_training_data_lacks_are_refused_in_the_config(
    data: DataConfig, tmp_path: Path, field: str, symmetric: list[str], declared: Any
) -> None:
    head = {"signatures": "declared", "declared": declared} if declared else {}
    config = tiny_config(
        DataConfig(train=data.train, dev=data.dev, symmetric=symmetric), relation_head=head
    )
    with pytest.raises(TrainingError, match=f"{field}, which no training sentence has"):
        run(config, tmp_path / "run")


def test_training_learns(trained_model: Path) -> None:
    extractor = Extractor(load_model(trained_model).model)
    scores = evaluate(DEV, extractor.annotate(DEV), bootstrap_samples=0)
    assert scores.entity_strict.micro.f1 > 0.6
    assert scores.relation_strict.micro.f1 > 0.4


def test_largest_seed_is_one_that_trains(data: DataConfig, tmp_path: Path) -> None:
    config = tiny_config(data, seed=LARGEST_SEED, training={"epochs": 1})
    assert isinstance(run(config, tmp_path / "run")[-1], RunFinished)


def test_existing_run_is_not_overwritten(data: DataConfig, whole: Path) -> None:
    before = weights(whole)
    with pytest.raises(TrainingError, match="holds a run already: go on with it by --resume"):
        run(tiny_config(data), whole)
    assert weights(whole) == before


def test_resuming_what_never_started_is_refused(data: DataConfig, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="there is no run to resume"):
        run(tiny_config(data), tmp_path / "nowhere", resume=True)


def test_resuming_with_another_config_names_the_fields(data: DataConfig, whole: Path) -> None:
    config = tiny_config(data, seed=5, training={"learning_rate": 0.5})
    with pytest.raises(TrainingError) as refusal:
        run(config, whole, resume=True)
    assert "seed: was 1, is 5" in str(refusal.value)
    assert "training.learning_rate: was 0.01, is 0.5" in str(refusal.value)
    assert "epochs" not in str(refusal.value)


@pytest.mark.parametrize("changed", ["train", "dev"])
def test_resuming_with_other_data_is_refused(tmp_path: Path, changed: str) -> None:
    train_path = save_corpus(TRAIN, tmp_path / "train.jsonl")
    dev_path = save_corpus(DEV, tmp_path / "dev.jsonl")
    config = tiny_config(DataConfig(train=(train_path,), dev=(dev_path,)), training={"epochs": 1})
    run(config, tmp_path / "run")
    if changed == "train":
        save_corpus(TRAIN[1:], train_path)
    else:
        save_corpus(DEV[::-1], dev_path)
    with pytest.raises(TrainingError, match=r"are not those that .* was started with"):
        run(config, tmp_path / "run", resume=True)


def test_loss_that_is_no_number_is_refused_with_a_remedy(data: DataConfig, tmp_path: Path) -> None:
    config = tiny_config(data, training={"learning_rate": 1e30, "clip_norm": 1e30})
    with pytest.raises(TrainingError, match=r"the loss is .*lower\s+training.learning_rate"):
        run(config, tmp_path / "run")
