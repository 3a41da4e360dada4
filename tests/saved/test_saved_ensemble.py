"""The folder of an ensemble: it is moved, loaded and refused as that of a model is."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.corpus import SENTENCES
from tests.networks import talkative_model, tiny_config

from dovetail.config import DataConfig, WindowsConfig
from dovetail.errors import ModelError
from dovetail.extractor import Extractor
from dovetail.model.ensemble import Ensemble
from dovetail.saved.ensemble_folder import digest_of, load_predictor, save_ensemble
from dovetail.saved.model_folder import load_model, save_model
from dovetail.text.reading import ModelReading


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Three saved models of different seeds."""
    folder = tmp_path_factory.mktemp("models")
    paths = [folder / str(seed) for seed in range(3)]
    for seed, path in enumerate(paths):
        save_model(path, talkative_model(seed=seed), tiny_config(name=f"seed {seed}"))
    return paths


@pytest.fixture
def folder(models: list[Path], tmp_path: Path) -> Path:
    save_ensemble(tmp_path / "ensemble", models)
    return tmp_path / "ensemble"


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_ensemble_is_saved_and_loaded_with_the_same_predictions(
    models: list[Path], tmp_path: Path
) -> None:
    saved = save_ensemble(tmp_path / "ensemble", models)
    moved = tmp_path / "elsewhere" / "moved"
    shutil.copytree(tmp_path / "ensemble", moved)
    loaded, reading, *_ = load_predictor(moved)
    assert isinstance(loaded, Ensemble)
    assert (len(loaded), reading) == (3, ModelReading())
    assert not loaded.training
    expected = Extractor(saved).annotate(SENTENCES)
    assert Extractor(loaded).annotate(SENTENCES) == expected
    assert Extractor.load(moved).schema == saved.schema
    assert any(sentence.relations for sentence in expected)


def test_order_of_the_models_changes_no_byte(models: list[Path], tmp_path: Path) -> None:
    for name, order in (("one", models), ("two", models[::-1])):
        save_ensemble(tmp_path / name, order)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    assert digest_of(tmp_path / "one") == digest_of(tmp_path / "two")


def test_members_are_copies_of_the_models(models: list[Path], folder: Path) -> None:
    copies = [contents(path) for path in (folder / "members").iterdir()]
    assert sorted(map(str, copies)) == sorted(str(contents(path)) for path in models)


def test_ensemble_of_one_is_the_model(models: list[Path], tmp_path: Path) -> None:
    save_ensemble(tmp_path / "one", models[:1])
    model = load_model(models[0]).model
    assert Extractor(load_predictor(tmp_path / "one").model).annotate(SENTENCES) == Extractor(
        model
    ).annotate(SENTENCES)


def test_card_names_the_members_with_their_digests(models: list[Path], folder: Path) -> None:
    card = (folder / "README.md").read_text("utf-8")
    for seed, path in enumerate(models):
        assert f"seed {seed}, {digest_of(path)}" in card
    assert "Ensemble of 3" in card


def test_digest_is_that_of_all_that_decides(models: list[Path], tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(models[0], copy)
    assert digest_of(copy) == digest_of(models[0]) != digest_of(models[1])
    (copy / "README.md").write_text("another card", encoding="utf-8")
    assert digest_of(copy) == digest_of(models[0])
    (copy / "config.toml").write_text("another record", encoding="utf-8")
    assert digest_of(copy) == digest_of(models[0])
    for name in ("network.toml", "characters-0.txt"):
        shutil.copytree(models[0], copy, dirs_exist_ok=True)
        (copy / name).write_text("", encoding="utf-8")
        assert digest_of(copy) != digest_of(models[0])


def test_ensemble_replaces_an_ensemble_and_nothing_else(
    models: list[Path], folder: Path, tmp_path: Path
) -> None:
    save_ensemble(folder, models[:2])
    assert len(list((folder / "members").iterdir())) == 2
    shutil.copytree(models[0], tmp_path / "model")
    with pytest.raises(ModelError, match="holds files that are not a model's"):
        save_ensemble(tmp_path / "model", models)
    assert load_model(tmp_path / "model")


def test_models_that_do_not_go_together_are_refused(
    models: list[Path], folder: Path, tmp_path: Path
) -> None:
    data = DataConfig(train="train.jsonl", dev="dev.jsonl", language="de")
    save_model(tmp_path / "german", talkative_model(), tiny_config(data))
    with pytest.raises(ModelError, match="for de by sentence, en by sentence"):
        save_ensemble(tmp_path / "new", [models[0], tmp_path / "german"])
    windows = {"windows": WindowsConfig(max_tokens=64)}
    save_model(tmp_path / "short", talkative_model(), tiny_config().model_copy(update=windows))
    with pytest.raises(ModelError, match=r"windows of max_tokens=256.*and of max_tokens=64"):
        save_ensemble(tmp_path / "new", [models[0], tmp_path / "short"])
    with pytest.raises(ModelError, match="is an ensemble itself; name its members"):
        save_ensemble(tmp_path / "new", [folder, models[0]])
    with pytest.raises(ModelError, match="are the same model"):
        save_ensemble(tmp_path / "new", [models[0], models[1], models[0]])
    with pytest.raises(ModelError, match="cannot be read"):
        save_ensemble(tmp_path / "new", [models[0], tmp_path / "nowhere"])
    assert not (tmp_path / "new").exists()


def change_member(folder: Path) -> None:
    path = folder / "members" / "2" / "network.toml"
    path.write_text(path.read_text("utf-8") + "\n# changed\n", encoding="utf-8")


def change_description(**values: object) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = folder / "model.json"
        description = {**json.loads(path.read_text("utf-8")), **values}
        path.write_text(json.dumps(description), encoding="utf-8")

    return change


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (change_member, "members/2 is not the model that it was made of"),
        (lambda folder: shutil.rmtree(folder / "members" / "3"), "cannot be read"),
        (change_description(version=9), "format version 9, this program reads versions up to 2"),
        (change_description(members=[{"folder": "../..", "sha256": ""}]), "is damaged"),
        (change_description(members=[{}]), "is damaged"),
        (change_description(members=[]), "at least one model"),
    ],
)
def test_damaged_ensemble_is_refused(
    folder: Path, damage: Callable[[Path], None], message: str
) -> None:
    damage(folder)
    with pytest.raises(ModelError, match=message):
        Extractor.load(folder)
