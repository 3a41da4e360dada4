"""A student of a model or of an ensemble: what it is asked to learn, and from which sentences."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.corpus import DEV, TRAIN, save_corpus
from tests.networks import talkative_model, tiny_config, tiny_model
from tests.training.conftest import metrics, weights

from dovetail.build import build_model
from dovetail.config import Config, CrfEntityHeadConfig, DataConfig, DistillationConfig
from dovetail.errors import ConfigError, TrainingError
from dovetail.extractor import Extractor
from dovetail.model.ensemble import Ensemble
from dovetail.model.prediction import Predictor
from dovetail.objectives import Distilled, Supervised
from dovetail.saved.ensemble_folder import digest_of, save_ensemble
from dovetail.saved.model_folder import load_model, save_model
from dovetail.tensors.features import Targets
from dovetail.text.document import ENTITY_TASK, RELATION_TASK, Sentence
from dovetail.text.named_schemas import ONLY
from dovetail.text.reading import ModelReading
from dovetail.text.schema import Schema
from dovetail.training import RunStarted, TeachingProgress, training_events
from dovetail.training.job import pinned
from dovetail.training.lesson import Lesson
from dovetail.training.pools import UNLABELLED, Pool, Splits
from dovetail.training.splits import read_splits
from dovetail.training.supervision import supervision
from dovetail.training.tasks import in_language_of
from dovetail.training.teacher import Teacher, lesson, refuse_unfit

NOTHING = frozenset[str]()


def unlabelled(sentence: Sentence) -> Sentence:
    return replace(sentence.without_annotations(), annotated=NOTHING)


def asked_about(
    model: Predictor, sentences: Sequence[Sentence], temperature: float = 1.0
) -> tuple[list[Sentence], Lesson]:
    """What a teacher's lesson comes to."""
    asking = lesson(Teacher(model, ModelReading(), "a model"), sentences, temperature=temperature)
    while True:
        try:
            next(asking)
        except StopIteration as finished:
            learned, taught = finished.value
            return learned, taught


@pytest.fixture(scope="module")
def both() -> Ensemble:
    return Ensemble([talkative_model(seed=seed) for seed in (0, 1)]).eval()


@pytest.fixture(scope="module")
def teacher(trained_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an ensemble of two that know the tiny corpus."""
    folder = tmp_path_factory.mktemp("teacher")
    saved = load_model(trained_model)
    with torch.no_grad():
        for _, parameter in saved.model.trainable_parameters():
            parameter.mul_(1.01)
    save_model(folder / "other", saved.model, saved.config)
    save_ensemble(folder / "both", [trained_model, folder / "other"])
    return folder / "both"


def data_of(folder: Path, **fields: Any) -> DataConfig:
    return DataConfig(
        train=(save_corpus(TRAIN[:12], folder / "train.jsonl"),),
        dev=(save_corpus(DEV[:4], folder / "dev.jsonl"),),
        held_out=(save_corpus(DEV[4:], folder / "held_out.jsonl"),),
        **fields,
    )


def config_of(
    folder: Path, teacher: Path, others: Sequence[Sentence] = (), **fields: Any
) -> Config:
    """A run on half of the training sentences, and others that only the teacher labels."""
    if others:
        fields["unlabelled"] = (save_corpus(others, folder / "unlabelled.jsonl"),)
    config = tiny_config(data_of(folder), relation_head={"signatures": "learned"})
    distillation = DistillationConfig(teacher=str(teacher), **fields)
    return config.model_copy(update={"distillation": distillation})


def test_annotated_sentences_keep_their_entities_and_others_get_the_teachers(
    both: Ensemble,
) -> None:
    others = [unlabelled(sentence) for sentence in TRAIN[4:10]]
    learned, _ = asked_about(both, [*TRAIN[:4], *others])
    assert tuple(learned[:4]) == TRAIN[:4]
    predicted = Extractor(both).annotate(others)
    for found, sentence, expected in zip(learned[4:], others, predicted, strict=True):
        assert found == replace(sentence, entities=expected.entities)
    assert any(sentence.entities for sentence in learned[4:])


def test_sentence_is_taught_alone_as_beside_others(both: Ensemble) -> None:
    sentences = [*TRAIN[:6], *(unlabelled(sentence) for sentence in TRAIN[6:12])]
    _, together = asked_about(both, sentences, temperature=2.0)
    for index, sentence in enumerate(sentences):
        _, alone = asked_about(both, [sentence], temperature=2.0)
        for own, expected in zip(together.sentences[index], alone.sentences[0], strict=True):
            torch.testing.assert_close(own, expected, atol=1e-5, rtol=1e-4)


def test_batch_of_a_lesson_has_the_candidates_of_its_targets(both: Ensemble) -> None:
    sentences = [*TRAIN[:6], *(unlabelled(sentence) for sentence in TRAIN[6:12])]
    learned, taught = asked_about(both, sentences)
    for indices in ([0, 7, 5], [11], [2]):
        batch = taught.batch(indices)
        chosen = [learned[index] for index in indices]
        targets = Targets.from_sentences(chosen, both.entity_head.expressible, both.schema)
        assert batch.relations.shape == targets.relations.shape
        longest = max(len(sentence.tokens) for sentence in chosen)
        assert batch.entities.of_tokens.shape[:2] == (len(chosen), longest)


def test_shares_of_annotations_and_teacher() -> None:
    def weights_of(config: Config) -> list[tuple[type, dict[str, float]]]:
        found = []
        for objective in supervision(config):
            assert isinstance(objective, Supervised | Distilled)
            found.append((type(objective), objective.weights))
        return found

    plain = tiny_config()
    assert weights_of(plain) == [(Supervised, {ENTITY_TASK: 1.0, RELATION_TASK: 5.0})]
    for weight, expected in (
        (
            0.25,
            [
                (Supervised, {ENTITY_TASK: 0.75, RELATION_TASK: 3.75}),
                (Distilled, {ENTITY_TASK: 0.25, RELATION_TASK: 1.25}),
            ],
        ),
        (1.0, [(Distilled, {ENTITY_TASK: 1.0, RELATION_TASK: 5.0})]),
    ):
        distillation = DistillationConfig(teacher="news", weight=weight)
        assert weights_of(plain.model_copy(update={"distillation": distillation})) == expected


def test_student_learns_from_the_teacher_alone(teacher: Path, tmp_path: Path) -> None:
    """Without one annotation in the loss it comes to find both, and loads like any other."""
    config = config_of(tmp_path, teacher, TRAIN[12:], weight=1.0)
    training = config.training.model_copy(update={"epochs": 25, "learning_rate": 2e-2})
    events = list(
        training_events(config.model_copy(update={"training": training}), tmp_path / "run")
    )
    first, *_, last = metrics(tmp_path / "run")
    assert list(first["losses"]) == ["taught_entity", "taught_relation"]
    for name in first["losses"]:
        assert last["losses"][name] < 0.3 * first["losses"][name]
    told = [event for event in events if isinstance(event, TeachingProgress)]
    assert [(event.done, event.total) for event in told] == [(0, len(TRAIN)), (len(TRAIN),) * 2]
    assert told[0].teacher.startswith(f"an ensemble of 2 models, {teacher} (SHA-256 ")
    found = Extractor.load(tmp_path / "run" / "model").annotate(TRAIN)
    expected = Extractor.load(teacher).annotate(TRAIN)
    same = sum(
        ours.entities == theirs.entities for ours, theirs in zip(found, expected, strict=True)
    )
    assert same > len(TRAIN) / 2
    assert any(sentence.relations for sentence in found)


def test_run_and_model_say_what_they_were_distilled_from(teacher: Path, tmp_path: Path) -> None:
    config = config_of(tmp_path, teacher, [*TRAIN[12:15], TRAIN[0], DEV[0], DEV[4]])
    started = next(
        e for e in training_events(config, tmp_path / "run") if isinstance(e, RunStarted)
    )
    pool = started.splits.pools[-1]
    assert (len(pool.sentences), pool.drawn) == (3, 3)
    for _ in training_events(config, tmp_path / "whole"):
        pass
    digest = digest_of(teacher)
    saved = load_model(tmp_path / "whole" / "model")
    assert saved.config == in_language_of(pinned(config), started.splits)
    assert saved.config.distillation.teacher_sha256 == digest
    card = (tmp_path / "whole" / "model" / "README.md").read_text("utf-8")
    assert f"- Distilled from: `{teacher}` (SHA-256 {digest}), on these sentences too: " in card
    lines = (tmp_path / "whole" / "left_out.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(line)["reason"] for line in lines] == [
        "in data.train",
        "in the dev set",
        "in data.held_out",
    ]
    assert {json.loads(line)["field"] for line in lines} == {"distillation.unlabelled"}


def test_resumed_run_learns_from_the_same_teacher_to_the_same_bits(
    teacher: Path, tmp_path: Path
) -> None:
    config = config_of(tmp_path, teacher, TRAIN[12:], unlabelled_per_epoch=4, temperature=2.0)
    for _ in training_events(config, tmp_path / "whole"):
        pass
    asked = count(1)
    for _ in training_events(config, tmp_path / "run", should_stop=lambda: next(asked) == 7):
        pass
    started = next(
        event
        for event in training_events(config, tmp_path / "run", resume=True)
        if isinstance(event, RunStarted)
    )
    assert started.epochs_done == 1
    for _ in training_events(config, tmp_path / "run", resume=True):
        pass
    assert weights(tmp_path / "run") == weights(tmp_path / "whole")
    assert metrics(tmp_path / "run") == metrics(tmp_path / "whole")


def test_nothing_is_learned_of_relations_that_the_teacher_is_unsure_of(
    teacher: Path, tmp_path: Path
) -> None:
    """With as much confidence as no probability has, of relations nothing is left."""
    losses = {}
    for confidence in (0.5, 1 - 1e-9):
        config = config_of(tmp_path, teacher, weight=1.0, relation_confidence=confidence)
        run = tmp_path / f"{confidence}"
        for _ in training_events(config, run):
            pass
        losses[confidence] = [line["losses"] for line in metrics(run)]
    assert all(own["taught_relation"] > 0 for own in losses[0.5])
    assert all(own["taught_relation"] == 0 for own in losses[1 - 1e-9])
    assert all(own["taught_entity"] > 0 for own in losses[1 - 1e-9])


def test_resuming_with_another_teacher_or_other_sentences_is_refused(
    teacher: Path, trained_model: Path, tmp_path: Path
) -> None:
    place = tmp_path / "teacher"
    save_ensemble(place, [teacher / "members" / "1", teacher / "members" / "2"])
    config = config_of(tmp_path, place, TRAIN[12:])
    for _ in training_events(config, tmp_path / "run"):
        pass
    save_corpus(TRAIN[13:], config.distillation.unlabelled[0])
    events = training_events(config, tmp_path / "run", resume=True)
    with pytest.raises(TrainingError, match=r"sentences are not those that .* was started with"):
        next(events)
    stored = pinned(config)
    save_ensemble(place, [trained_model])
    with pytest.raises(TrainingError, match=r"\n  distillation\.teacher_sha256: was '\w+', is '"):
        next(training_events(config, tmp_path / "run", resume=True))
    with pytest.raises(TrainingError, match="is not the teacher that the config names"):
        next(training_events(stored, tmp_path / "run", resume=True))


def splits_of(config: Config) -> Splits:
    return read_splits(config.data, config.distillation)


def test_unlabelled_sentences_carry_no_annotation(tmp_path: Path) -> None:
    splits = splits_of(config_of(tmp_path, Path("news"), TRAIN[12:]))
    expected = tuple(unlabelled(sentence) for sentence in TRAIN[12:])
    assert splits.pools[1:] == (Pool.of(UNLABELLED, expected),)
    assert splits.learned == (*splits.train, *expected)
    assert splits.warnings == ()
    assert splits.notes == ("distillation.unlabelled: 10 of 10 sentences are learned from",)


def test_extra_sentences_are_not_unlabelled_too(tmp_path: Path) -> None:
    extra = save_corpus(TRAIN[12:15], tmp_path / "extra.jsonl")
    config = config_of(tmp_path, Path("news"), TRAIN[12:])
    config = config.model_copy(update={"data": data_of(tmp_path, extra=(extra,))})
    splits = splits_of(config)
    assert [pool.name for pool in splits.pools] == ["training", "extra", "unlabelled"]
    assert len(splits.pools[1].sentences) == 3
    expected = tuple(unlabelled(sentence) for sentence in TRAIN[15:])
    assert splits.pools[-1].sentences == expected
    assert [item.reason for item in splits.left_out] == ["in data.extra"] * 3


def test_missing_filter_is_warned_of(tmp_path: Path) -> None:
    config = config_of(tmp_path, Path("news"), TRAIN[12:])
    data = config.data.model_copy(update={"held_out": ()})
    (warning,) = splits_of(config.model_copy(update={"data": data})).warnings
    assert warning.startswith("data.held_out is empty")
    assert "distillation.unlabelled" in warning


def test_raw_text_is_cut_into_sentences(tmp_path: Path) -> None:
    text = tmp_path / "letter.txt"
    text.write_text("Rudolf worked for Zeiss. It snowed in Jena.\n", encoding="utf-8")
    config = tiny_config(data_of(tmp_path))
    distillation = DistillationConfig(teacher="news", unlabelled=(text,))
    splits = splits_of(config.model_copy(update={"distillation": distillation}))
    assert [" ".join(sentence.tokens) for sentence in splits.pools[-1].sentences] == [
        "Rudolf worked for Zeiss .",
        "It snowed in Jena .",
    ]


def test_files_of_which_nothing_is_left_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"0 of 3 sentences .* 3 in data\.train"):
        splits_of(config_of(tmp_path, Path("news"), TRAIN[:3]))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"unlabelled": "a"}, "unlabelled: without a teacher it is of no use"),
        ({"teacher_sha256": "a"}, "teacher_sha256: without a teacher it is of no use"),
        ({"teacher": "a", "weight": 0.0}, "weight: expected a number above 0 and of at most 1, f"),
        ({"teacher": "a", "weight": 1.5}, "weight: expected a number above 0 and of at most 1, f"),
        ({"teacher": "a", "temperature": 0.0}, "temperature: expected a number above 0, found"),
        ({"teacher": "a", "relation_confidence": 1.0}, "relation_confidence: expected a number of"),
        ({"teacher": "a", "unlabelled_per_epoch": 5}, "5 sentences cannot be drawn from no file"),
    ],
)
def test_contradictions_are_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        DistillationConfig(**fields)


def test_unlabelled_file_that_is_named_elsewhere_too_is_refused() -> None:
    distillation = DistillationConfig(teacher="a", unlabelled="train.jsonl")
    with pytest.raises(ConfigError, match=r'"train\.jsonl" is in data\.train too'):
        Config(data=DataConfig(train="train.jsonl", dev="dev.jsonl"), distillation=distillation)


def test_teacher_that_is_not_there_is_said_before_anything_is_read(tmp_path: Path) -> None:
    config = config_of(tmp_path, tmp_path / "nowhere")
    with pytest.raises(TrainingError, match=r"distillation\.teacher: there is no model at"):
        next(training_events(config, tmp_path / "run"))
    assert not (tmp_path / "run").exists()


def test_teacher_whose_scores_mean_something_else_is_refused() -> None:
    student = tiny_model()
    bilou = tiny_config().model_copy(update={"entity_head": CrfEntityHeadConfig(scheme="bilou")})
    for other, language, message in (
        (tiny_model(sentences=TRAIN[:2]), "en", "the same relation types, but the teacher has"),
        (tiny_model(bilou), "en", "the same tags, but the teacher has"),
        (tiny_model(), "de", "the same language, but the teacher has de and the student en"),
    ):
        with pytest.raises(TrainingError, match=message):
            refuse_unfit(
                Teacher(other, ModelReading(language), "a model, runs/other"),
                student,
                ModelReading(),
            )


def test_student_may_admit_less_than_the_teacher_and_not_more() -> None:
    schema, words = Schema.from_sentences(TRAIN), [sentence.tokens for sentence in TRAIN]
    less, more = (
        build_model(tiny_config(), {ONLY: own}, words=words)
        for own in (schema, replace(schema, signatures={}))
    )
    refuse_unfit(Teacher(more, ModelReading(), "a model"), less, ModelReading())
    with pytest.raises(TrainingError, match="the student may find based_in from Company to Comp"):
        refuse_unfit(Teacher(less, ModelReading(), "a model"), more, ModelReading())
