"""What a newer and an older Dovetail make of each other's models."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import tomli_w
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.corpus import SENTENCES
from tests.networks import talkative_model, tiny_config

from dovetail import __version__
from dovetail.config import Config, load_saved
from dovetail.errors import DovetailError, ModelError
from dovetail.extractor import Extractor
from dovetail.files.bounded import toml_values
from dovetail.saved.finding import shipped_models
from dovetail.saved.model_folder import FORMAT_VERSION, load_model, save_model
from dovetail.saved.word_files import read_back, written_apart

OLD = Path(__file__).parents[1] / "models" / "0.1.0"
"""A model that Dovetail 0.1.0 wrote; it is never written anew."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_model(tmp_path / "model", talkative_model(), tiny_config())
    return tmp_path / "model"


def edit(path: Path, **values: object) -> None:
    """Set values of a TOML file; None takes one away."""
    whole = {**toml_values(path.read_text("utf-8")), **values}
    path.write_text(tomli_w.dumps({k: v for k, v in whole.items() if v is not None}), "utf-8")


def test_a_model_of_the_first_release_says_what_it_said() -> None:
    description = json.loads((OLD / "model.json").read_text("utf-8"))
    assert (description["version"], description["dovetail"]) == (1, "0.1.0")
    sentences = Extractor.load(OLD).annotate(SENTENCES)
    assert sum(len(sentence.entities) for sentence in sentences) == 61
    assert sum(len(sentence.relations) for sentence in sentences) == 31


def test_a_model_of_the_first_release_is_the_same_in_the_new_format(tmp_path: Path) -> None:
    old = load_model(OLD)
    save_model(tmp_path / "new", old.model, old.config)
    new = load_model(tmp_path / "new")
    assert new.config == old.config
    assert json.loads((tmp_path / "new" / "model.json").read_text("utf-8"))["version"] == 2
    weights = [path / "weights.safetensors" for path in (OLD, tmp_path / "new")]
    assert weights[0].read_bytes() == weights[1].read_bytes()
    first, second = (Extractor(saved.model).annotate(SENTENCES) for saved in (old, new))
    assert first == second


def test_a_model_of_a_newer_format_is_refused_with_the_release_that_wrote_it(folder: Path) -> None:
    description = json.loads((folder / "model.json").read_text("utf-8"))
    assert description["dovetail"] == __version__
    newer = {**description, "version": FORMAT_VERSION + 1, "dovetail": "9.1"}
    (folder / "model.json").write_text(json.dumps(newer), encoding="utf-8")
    with pytest.raises(
        ModelError,
        match=rf"format version {FORMAT_VERSION + 1}, this program reads versions up to "
        rf"{FORMAT_VERSION}.*\(9\.1\)",
    ):
        load_model(folder)


def test_what_only_a_newer_program_knows_of_training_is_ignored(folder: Path) -> None:
    known = load_model(folder).config
    edit(folder / "config.toml", sampling={"temperature": 0.5})
    training = toml_values((folder / "config.toml").read_text("utf-8"))["training"]
    edit(folder / "config.toml", training={**training, "momentum": 0.9})
    assert load_model(folder).config == known


def test_what_this_program_would_refuse_of_training_has_its_default(folder: Path) -> None:
    known = load_model(folder).config
    edit(folder / "config.toml", training={"epochs": "until it is done"}, seed=7)
    found = load_model(folder).config
    assert found.training == Config(data=known.data).training
    assert found == known.model_copy(update={"training": found.training, "seed": 7})


@pytest.mark.parametrize("content", [None, b"", b"\xff", b"no TOML"])
def test_without_its_record_a_model_loads_all_the_same(folder: Path, content: bytes | None) -> None:
    known = load_model(folder)
    record = folder / "config.toml"
    record.unlink() if content is None else record.write_bytes(content)
    found = load_model(folder)
    for section in ("windows", "encoders", "sharing", "entity_head", "relation_head", "reading"):
        assert getattr(found.config, section) == getattr(known.config, section)
    extractors = [Extractor(saved.model) for saved in (known, found)]
    assert extractors[0].annotate(SENTENCES) == extractors[1].annotate(SENTENCES)


@pytest.mark.parametrize(
    "values",
    [
        {"sharing": {"kind": "depth", "attention": "sparse"}},
        {"experts": {"number": 8}},
        {"reading": {"language": "en", "direction": "right"}},
        {"encoders": None, "windows": 3},
    ],
    ids=str,
)
def test_what_is_not_known_of_the_network_is_refused(
    folder: Path, values: dict[str, object]
) -> None:
    edit(folder / "network.toml", **values)
    with pytest.raises(DovetailError, match=r"network\.toml"):
        load_model(folder)


def test_the_record_decides_nothing(folder: Path) -> None:
    strict = toml_values((folder / "network.toml").read_text("utf-8"))
    edit(folder / "config.toml", sharing={"kind": "bottom"}, encoders=[{"kind": "casing"}])
    config = load_saved(folder / "network.toml", folder / "config.toml")
    assert config.sharing.kind == strict["sharing"]["kind"] == "depth"
    assert len(config.encoders) == 2


words = st.lists(st.text(max_size=5) | st.sampled_from(["\\", "\n", "\u2028", "\r", " ", "\\n"]))


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    encoders=st.lists(
        st.fixed_dictionaries(
            {},
            optional={
                "words": words,
                "characters": words,
                "words_by_path": st.dictionaries(st.text("01", max_size=4), words, max_size=4),
                "dim": st.integers(),
            },
        ).filter(lambda own: not {"words", "words_by_path"} <= own.keys()),
        max_size=4,
    )
)
def test_vocabularies_are_read_as_they_were_written(
    tmp_path: Path, encoders: list[dict[str, object]]
) -> None:
    described = json.loads(json.dumps(written_apart(encoders, tmp_path)))
    assert read_back(described, tmp_path) == encoders


def test_descriptions_are_for_people_and_words_are_lines() -> None:
    folder = shipped_models()["adverse-effects"]
    assert (folder / "model.json").read_text("utf-8").count("\n") < 100
    listed = (folder / "words-1.txt").read_text("utf-8").split("\n")
    assert listed[:3] == ["the", ",", "."]
    assert len(listed) == 100_001
