"""Training on sentences that are longer than a window."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from tests.corpus import DEV, TRAIN, save_corpus
from tests.networks import tiny_config
from tests.text.test_windowed import annotated, holds, readings
from tests.training.conftest import metrics, weights

from dovetail.config import Config, DataConfig, DistillationConfig, WindowsConfig, load_config
from dovetail.evaluation import evaluate
from dovetail.extractor import Extractor
from dovetail.text.document import Entity, Relation, Sentence
from dovetail.text.reading import ModelReading
from dovetail.training import RunEvent, RunStarted, StepResult, training_events
from dovetail.training.batches import Portion
from dovetail.training.long_sentences import (
    LearnedSentences,
    accounts_of_windows,
    learned_windows,
)
from dovetail.training.pools import Pool, Splits


def together(sentences: tuple[Sentence, ...]) -> Sentence:
    """All of them as one sentence, and one more relation, from its start to its end."""
    tokens: list[str] = []
    entities: list[Entity] = []
    relations: list[Relation] = []
    for sentence in sentences:
        moved = {
            own: Entity(own.start + len(tokens), own.end + len(tokens), own.type)
            for own in sentence.entities
        }
        entities += moved.values()
        relations += (
            Relation(moved[own.head], moved[own.tail], own.type) for own in sentence.relations
        )
        tokens += sentence.tokens
    first = min(own for own in entities if own.type == "Person")
    last = max(own for own in entities if own.type == "Place")
    relations.append(Relation(first, last, "lives_in"))
    return Sentence.from_tokens(tokens, entities=entities, relations=relations)


LONG_TRAIN = tuple(together(TRAIN[start : start + 4]) for start in range(0, 20, 4))
LONG_DEV = (together(DEV),)
WINDOWS = WindowsConfig(max_tokens=16, overlap=0.5)


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    """Long sentences to learn from and to choose by, and short windows."""
    folder = tmp_path_factory.mktemp("long")
    train_file = save_corpus(LONG_TRAIN, folder / "train.jsonl")
    dev_file = save_corpus(LONG_DEV, folder / "dev.jsonl")
    settings = {"epochs": 3, "select": "mean"}
    config = tiny_config(DataConfig(train=(train_file,), dev=(dev_file,)), training=settings)
    return config.model_copy(update={"windows": WINDOWS})


@pytest.fixture(scope="module")
def whole(config: Config, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[RunEvent]]:
    path = tmp_path_factory.mktemp("runs") / "long"
    return path, [*training_events(config, path)]


@given(annotated(), readings())
def test_windows_are_learned_with_all_that_lies_within_and_cut_no_entity(
    sentence: Sentence, reading: ModelReading
) -> None:
    (windows,) = learned_windows([sentence], reading)
    for window in windows:
        length = len(window.sentence.tokens)
        assert 0 <= window.start < window.end or not sentence.tokens
        assert length <= reading.max_tokens
        for own in sentence.entities:
            within = holds(window, own)
            apart = own.end <= window.start or window.end <= own.start
            assert within or apart or len(windows) == 1
        for found, gold in (
            (window.sentence.entities, sentence.entities),
            (window.sentence.relations, sentence.relations),
        ):
            assert len(found) == sum(holds(window, own) for own in gold)
        assert window.sentence.annotated == sentence.annotated


def test_windows_of_training_are_those_of_extraction_where_no_entity_is_cut() -> None:
    bare = [sentence.without_annotations() for sentence in LONG_TRAIN]
    reading = ModelReading("en", 16, 8)
    spans = [[(own.start, own.end) for own in row] for row in learned_windows(bare, reading)]
    for sentence, row in zip(LONG_TRAIN, spans, strict=True):
        last = len(sentence.tokens) - 16
        assert row == [(start, start + 16) for start in [*range(0, last, 8), last]]


def test_sentences_that_fit_are_drawn_as_they_were() -> None:
    pools = Pool.of("training", TRAIN), Pool("extra", DEV, 3), Pool("unlabelled", TRAIN[:5], 2)
    learned = LearnedSentences.of(pools, ModelReading())
    assert learned.sentences == (*TRAIN, *DEV, *TRAIN[:5])
    assert learned.portions == (
        Portion(len(TRAIN), len(TRAIN)),
        Portion(len(DEV), 3),
        Portion(5, 2),
    )
    assert learned.number == len(TRAIN) + 5


def test_an_epoch_draws_the_share_of_windows_that_it_would_draw_of_sentences() -> None:
    reading = ModelReading("en", 16, 8)
    pools = Pool.of("training", LONG_TRAIN), Pool("extra", LONG_TRAIN, 2)
    number = sum(map(len, learned_windows(LONG_TRAIN, reading)))
    learned = LearnedSentences.of(pools, reading)
    assert learned.portions[0] == Portion(number, number)
    assert learned.portions[1] == Portion(number, -(-2 * number // len(LONG_TRAIN)))


def test_what_no_window_holds_is_counted_and_said() -> None:
    long = Entity(2, 8, "X"), Entity(18, 19, "Y")
    near = Entity(15, 16, "X")
    sentence = Sentence.from_tokens(
        ["w"] * 20,
        entities=(*long, near),
        relations=[
            Relation(long[0], long[1], "far"),  # 17 tokens
            Relation(near, long[1], "near"),
            Relation(long[0], near, "with one that none holds"),
        ],
    )
    pool = Pool.of("training", (sentence, Sentence.from_tokens(["w"])))
    splits = Splits((pool,), (sentence,))
    warnings, notes = accounts_of_windows(splits, ModelReading("en", 5, 2))
    for line, kind, end in zip(
        warnings, ("training", "dev"), ("is not learned", "counts as missed"), strict=True
    ):
        assert f"1 {kind} sentences have more than 5 tokens (windows.max_tokens)" in line
        assert "no window holds 1 of their 3 entities and 2 of their 3 relations" in line
        assert end in line
    assert not notes
    warnings, notes = accounts_of_windows(splits, ModelReading("en", 18, 0))
    assert not warnings
    assert [note.split(" sentences")[0] for note in notes] == ["1 training", "1 dev"]
    assert accounts_of_windows(splits, ModelReading()) == ((), ())


def test_run_says_before_training_what_it_cannot_learn(
    whole: tuple[Path, list[RunEvent]],
) -> None:
    _, events = whole
    assert isinstance(events[0], RunStarted)
    lines = events[0].splits.warnings
    assert any("training sentences have more than 16 tokens" in line for line in lines)
    assert any("1 dev sentences have more than 16 tokens" in line for line in lines)
    windows = sum(map(len, learned_windows(LONG_TRAIN, ModelReading("en", 16, 8))))
    steps = [event for event in events if isinstance(event, StepResult) and event.epoch == 1]
    assert sum(step.sentences for step in steps) == windows


def test_dev_scores_are_those_of_the_extractor_on_whole_sentences(
    whole: tuple[Path, list[RunEvent]],
) -> None:
    path, _ = whole
    extractor = Extractor.load(path / "model")
    assert extractor.reading == ModelReading("en", 16, 8)
    head = extractor.model.relation_head
    head.set_thresholds([0.5] * len(head.schema.relation_types))
    found = evaluate(LONG_DEV, extractor.annotate(LONG_DEV), bootstrap_samples=0)
    best = max(metrics(path), key=lambda line: line["score"])
    assert best["dev"]["sentences"] == len(LONG_DEV)
    strict = best["dev"]["entity"]["strict"]["micro"]
    assert found.entity_strict.micro.f1 == pytest.approx(strict["f1"])
    assert found.entity_strict.micro.support == len(LONG_DEV[0].entities)
    assert found.relation_strict.micro.support == len(LONG_DEV[0].relations)


def test_saved_model_and_run_carry_the_windows(whole: tuple[Path, list[RunEvent]]) -> None:
    path, _ = whole
    for file in (path / "config.toml", path / "model" / "config.toml"):
        assert load_config(file).windows == WINDOWS


def test_resumed_run_over_windows_ends_with_the_same_bits(
    config: Config, whole: tuple[Path, list[RunEvent]], tmp_path: Path
) -> None:
    path, events = whole
    asked = iter([False] * (len(events) // 2) + [True])
    [*training_events(config, tmp_path / "run", should_stop=lambda: next(asked))]
    [*training_events(config, tmp_path / "run", resume=True)]
    assert weights(tmp_path / "run") == weights(path)
    assert metrics(tmp_path / "run") == metrics(path)


def test_windows_longer_than_all_sentences_change_no_bit(data: DataConfig, tmp_path: Path) -> None:
    config = tiny_config(data, training={"epochs": 1})
    other = WindowsConfig(max_tokens=max(len(s.tokens) for s in (*TRAIN, *DEV)), overlap=0.1)
    [*training_events(config, tmp_path / "usual")]
    [*training_events(config.model_copy(update={"windows": other}), tmp_path / "other")]
    assert weights(tmp_path / "usual") == weights(tmp_path / "other")
    assert metrics(tmp_path / "usual") == metrics(tmp_path / "other")


def test_teacher_is_asked_about_the_windows_that_are_learned(
    config: Config, whole: tuple[Path, list[RunEvent]], tmp_path: Path
) -> None:
    teacher = DistillationConfig(teacher=str(whole[0] / "model"), weight=0.5)
    student = config.model_copy(update={"distillation": teacher})
    events: list[Any] = [*training_events(student, tmp_path / "student")]
    told = [event for event in events if hasattr(event, "teacher")]
    assert told[-1].done == sum(map(len, learned_windows(LONG_TRAIN, config.reading)))
