"""Training sentences in a file: the same model as of those in memory, which holds few of them."""

from __future__ import annotations

import gc
import json
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from tests.corpus import DEV, SENTENCES, TRAIN, save_corpus
from tests.networks import tiny_config
from tests.training.conftest import metrics, weights
from tests.training.test_long_sentences import LONG_TRAIN, WINDOWS

from dovetail.config import Config, DataConfig, parse_config
from dovetail.config.changes import with_changes
from dovetail.errors import ConfigError, CorpusError
from dovetail.text.document import Sentence
from dovetail.text.stored_sentences import StoredSentences
from dovetail.training import RunStarted, StepResult, training_events
from dovetail.training.job import Job
from dovetail.training.pools import Splits
from dovetail.training.splits import read_splits


def several(data: DataConfig) -> Config:
    """Entities of one half of the sentences, relations of the other."""
    values = tiny_config().model_dump(mode="json", exclude_none=True)
    del values["data"]
    own = {"train": [str(*data.train)], "dev": [str(*data.dev)], "schema_name": "towns"}
    values["corpora"] = [
        {**own, "name": "entities", "tasks": ["entity"], "part": "0:0.5"},
        {**own, "name": "relations", "tasks": ["relation"], "part": "0.5:1"},
    ]
    return parse_config(values)


@pytest.fixture
def configs(data: DataConfig, tmp_path: Path) -> dict[str, Config]:
    """What is done to training sentences before they are learned."""
    long = (save_corpus(LONG_TRAIN, tmp_path / "long.jsonl"),)
    more = [Sentence.from_tokens([*own.tokens, "too"], entities=own.entities) for own in SENTENCES]
    extra = (save_corpus(tuple(more), tmp_path / "extra.jsonl"),)
    return {
        "plain": tiny_config(data),
        "part": with_changes(tiny_config(data), {"data.part": "0.2:0.9", "data.per_epoch": 40}),
        "windows": tiny_config(data.model_copy(update={"train": long})).model_copy(
            update={"windows": WINDOWS}
        ),
        "extra": tiny_config(data.model_copy(update={"extra": extra, "held_out": data.dev})),
        "several": several(data),
    }


def on_disk(config: Config) -> Config:
    changes = (
        {f"corpora.{own.name}.on_disk": True for own in config.corpora}
        if config.corpora
        else {"data.on_disk": True}
    )
    return with_changes(config, changes)


@pytest.mark.parametrize("name", ["plain", "part", "windows", "extra", "several"])
def test_training_on_disk_gives_the_bits_of_training_in_memory(
    name: str, configs: dict[str, Config], tmp_path: Path
) -> None:
    config = configs[name]
    told = {}
    for path, own in (("memory", config), ("disk", on_disk(config))):
        events = [*training_events(own, tmp_path / path)]
        (told[path],) = (event for event in events if isinstance(event, RunStarted))
    assert weights(tmp_path / "disk") == weights(tmp_path / "memory")
    assert metrics(tmp_path / "disk") == metrics(tmp_path / "memory")
    assert told["disk"].splits.warnings == told["memory"].splits.warnings
    assert told["disk"].splits.notes == told["memory"].splits.notes
    assert told["disk"].splits.digest == told["memory"].splits.digest


def test_memory_holds_the_sentences_of_a_batch(data: DataConfig, tmp_path: Path) -> None:
    many = save_corpus(TRAIN * 20, tmp_path / "many.jsonl")
    config = on_disk(tiny_config(data.model_copy(update={"train": (many,)})))
    steps = (
        event
        for event in training_events(config, tmp_path / "run")
        if isinstance(event, StepResult)
    )
    held_before = in_memory()
    for _ in range(3):
        next(steps)
        assert in_memory() < held_before + len(TRAIN) * 2


def in_memory() -> int:
    """How many sentences there are."""
    gc.collect()
    return sum(type(own) is Sentence for own in gc.get_objects())


def folder_of(parts: Sequence[Sequence[Sentence]], folder: Path) -> Iterator[Path]:
    """Some sentences in files of a folder, and the same files in an archive."""
    folder.mkdir()
    files = [save_corpus(own, folder / f"{n}.jsonl") for n, own in enumerate(parts)]
    yield folder
    with zipfile.ZipFile(folder.with_suffix(".zip"), "w") as archive:
        for file in files:
            archive.write(file, file.name)
    yield folder.with_suffix(".zip")


def test_folders_and_archives_are_read_file_by_file(data: DataConfig, tmp_path: Path) -> None:
    parts = TRAIN[:9], TRAIN[9:10], TRAIN[10:]
    for path in folder_of(parts, tmp_path / "parts"):
        splits = Job.of(on_disk(tiny_config(data.model_copy(update={"train": (path,)})))).splits
        assert isinstance(splits.train, StoredSentences)
        assert (*splits.train,) == TRAIN
        named = [own.path for own in splits.files if own.split == "training"]
        assert [Path(own).name for own in named] == ["0.jsonl", "1.jsonl", "2.jsonl"]
        assert all(own.startswith(str(path)) for own in named)
        kept = [own.ledger["sentence"].kept for own in splits.files if own.split == "training"]
        assert kept == [9, 1, 12]


def test_broken_file_of_a_folder_is_named(data: DataConfig, tmp_path: Path) -> None:
    (path, _) = folder_of((TRAIN, DEV), tmp_path / "parts")
    (path / "1.jsonl").write_text('{"tokens": ["a"], "entities": [{"start": 0}]}\n')
    config = on_disk(tiny_config(data.model_copy(update={"train": (path,)})))
    with pytest.raises(CorpusError, match=r"parts/1\.jsonl:1: .*'end' is missing"):
        Job.of(config)


def splits_of(data: DataConfig) -> tuple[Splits, Splits]:
    """Those in memory, and those on disk."""
    return read_splits(data), read_splits(data.model_copy(update={"on_disk": True}))


def test_as_many_sentences_are_read_of_a_folder_as_in_memory(
    data: DataConfig, tmp_path: Path
) -> None:
    (folder, archive) = folder_of((TRAIN[:9], TRAIN[9:10], TRAIN[10:]), tmp_path / "parts")
    for number in (1, 9, 12):
        own = data.model_copy(update={"train": (folder, archive), "max_sentences": number})
        memory, disk = splits_of(own)
        assert (*disk.train,) == (*memory.train,) == (*TRAIN[:number], *TRAIN[:number])


def test_file_of_a_folder_that_is_all_broken_is_dropped_as_in_memory(
    data: DataConfig, tmp_path: Path
) -> None:
    (path, _) = folder_of((TRAIN, DEV), tmp_path / "parts")
    (path / "1.jsonl").write_text('{"tokens": ["a"], "entities": [{"start": 0}]}\n' * 2)
    own = data.model_copy(update={"train": (path,), "on_error": "drop"})
    memory, disk = splits_of(own)
    assert (*disk.train,) == (*memory.train,) == TRAIN
    (warning,) = disk.warnings
    assert "1.jsonl: 2 of 2 documents could not be kept" in warning


def test_language_is_that_of_most_text(data: DataConfig, tmp_path: Path) -> None:
    folder = tmp_path / "texts"
    folder.mkdir()
    write(folder / "0.jsonl", ["Ada met Bob in the town ."])
    write(folder / "1.jsonl", ["Ада встретила Боба в городе , и он был рад ."] * 9)
    own = data.model_copy(update={"train": (folder,), "language": None})
    memory, disk = splits_of(own)
    assert disk.language == memory.language == "ru"
    assert any("in several languages: ru, en" in warning for warning in disk.warnings)


def write(path: Path, texts: Sequence[str]) -> None:
    entity = {"start": 0, "end": 3, "type": "Peop"}
    rows = [{"text": text, "entities": [entity], "relations": []} for text in texts]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def test_dev_sentences_cannot_be_set_apart(data: DataConfig) -> None:
    changes = {"data.on_disk": True, "data.dev": [], "data.dev_fraction": 0.1}
    with pytest.raises(ConfigError, match=r"data\.on_disk: .* name files in dev"):
        with_changes(tiny_config(data), changes)
