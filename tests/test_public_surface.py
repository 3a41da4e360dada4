from __future__ import annotations

import dataclasses
import importlib
import inspect
import subprocess
import sys
import typing
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from tests.corpus import DEV, TRAIN, save_corpus
from tests.networks import tiny_config

import dovetail
from dovetail.config import DataConfig, dump_config

# All that `dovetail` promises: a name that goes breaks programs, and the changelog says so.
NAMES = [
    "BootstrapIntervals",
    "CardOptions",
    "Config",
    "ConfigError",
    "Corpus",
    "CorpusError",
    "CorpusFormatError",
    "Count",
    "Document",
    "Done",
    "DovetailError",
    "Drop",
    "Entity",
    "EpochResult",
    "Evaluation",
    "Extraction",
    "Extractor",
    "HubAccess",
    "Interval",
    "Ledger",
    "MacroScore",
    "MissingExtraError",
    "ModelError",
    "ModelReading",
    "NotKept",
    "Outcome",
    "OutputError",
    "PushOptions",
    "Pushed",
    "Reading",
    "Relation",
    "RunEvent",
    "RunFinished",
    "RunStarted",
    "Schema",
    "Score",
    "ScoreIntervals",
    "Sentence",
    "SettingScores",
    "StageProgress",
    "StepResult",
    "TeachingProgress",
    "TextEntity",
    "TextError",
    "TextRelation",
    "TrainingError",
    "Unaligned",
    "evaluate",
    "load_config",
    "read_corpus",
    "shipped_models",
    "to_dataframe",
    "train",
    "training_events",
    "tune",
    "write_corpus",
]

PACKAGES = [
    "dovetail",
    "dovetail.config",
    "dovetail.corpora",
    "dovetail.encoders",
    "dovetail.estimator",
    "dovetail.evaluation",
    "dovetail.graph",
    "dovetail.heads",
    "dovetail.objectives",
    "dovetail.spacy_component",
    "dovetail.strategies",
    "dovetail.training",
    "dovetail.lab.search",
]


@pytest.fixture(params=PACKAGES)
def package(request: pytest.FixtureRequest) -> ModuleType:
    return importlib.import_module(request.param)


def test_all_names_are_there_sorted_and_named_once(package: ModuleType) -> None:
    names = package.__all__
    assert len(set(names)) == len(names)
    for name in names:
        assert getattr(package, name) is not None
        assert name in dir(package)


def test_the_public_names_are_those_that_were_promised() -> None:
    assert dovetail.__all__ == NAMES


def types_in(annotation: object) -> Iterator[type]:
    """The classes of Dovetail in an annotation."""
    for part in (annotation, *typing.get_args(annotation)):
        if isinstance(part, type) and part.__module__.startswith("dovetail."):
            yield part
        elif part is not annotation:
            yield from types_in(part)


def handed_out(item: object) -> Iterator[type]:
    """The classes of what a public function, or a public method of a public class, gives back."""
    if isinstance(item, type):
        if dataclasses.is_dataclass(item):
            for hint in typing.get_type_hints(item).values():
                yield from types_in(hint)
        for name, member in vars(item).items():
            call = getattr(member, "fget", None) or getattr(member, "__func__", member)
            if not name.startswith("_") and inspect.isfunction(call):
                yield from types_in(typing.get_type_hints(call).get("return"))
    elif inspect.isfunction(item):
        yield from types_in(typing.get_type_hints(item).get("return"))


def test_every_type_that_a_user_is_handed_is_public() -> None:
    packages = [importlib.import_module(name) for name in PACKAGES]
    public = {id(getattr(package, name)) for package in packages for name in package.__all__}
    missing = {
        f"{name} gives {own.__qualname__}"
        for name in dovetail.__all__
        for own in handed_out(getattr(dovetail, name))
        if id(own) not in public
    }
    assert sorted(missing) == []


def test_training_gives_what_its_events_end_with(tmp_path: Path) -> None:
    save_corpus(TRAIN, tmp_path / "train.jsonl")
    save_corpus(DEV, tmp_path / "dev.jsonl")
    data = DataConfig(train=(tmp_path / "train.jsonl",), dev=(tmp_path / "dev.jsonl",))
    (tmp_path / "config.toml").write_text(dump_config(tiny_config(data)), "utf-8")
    config = dovetail.Config.load(tmp_path / "config.toml", ["training.epochs=2"])
    told: list[object] = []
    finished = dovetail.train(config, tmp_path / "run", notify=told.append)
    assert finished is told[-1]
    assert sum(isinstance(event, dovetail.EpochResult) for event in told) == finished.epochs == 2
    assert dovetail.Extractor.load(finished.model_folder).extract("Ann left.").document.text


def test_all_holds_every_name_that_is_imported_on_use() -> None:
    assert sorted(dovetail.__all__) == sorted(dovetail._HOME)
    assert dovetail.__all__ == sorted(dovetail.__all__)


def test_public_names_are_those_of_their_modules() -> None:
    for name, home in dovetail._HOME.items():
        module = importlib.import_module(f"dovetail.{home}")
        assert getattr(dovetail, name) is getattr(module, name)


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Trainer'"):
        _ = dovetail.Trainer


def imported_after(statement: str) -> set[str]:
    """The modules that a fresh interpreter holds after a statement."""
    program = f"import sys\n{statement}\nprint(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


HEAVY = {"torch", "spacy", "transformers", "numpy", "pydantic"}


def test_importing_dovetail_imports_nothing_heavy() -> None:
    assert not imported_after("import dovetail") & HEAVY


@pytest.mark.parametrize(
    "name",
    [
        *("Document", "Config", "read_corpus", "evaluate", "Schema", "Extraction"),
        *("shipped_models", "Ledger", "ModelError"),
    ],
)
def test_what_needs_no_torch_is_imported_without_it(name: str) -> None:
    assert "torch" not in imported_after(f"from dovetail import {name}")
