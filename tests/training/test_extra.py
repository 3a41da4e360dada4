"""Extra sentences: what is learned from them, and what is kept out."""

from __future__ import annotations

import json
import string
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tests.corpus import DEV, SENTENCES, TRAIN, save_corpus
from tests.networks import batch_of, reached, tiny_config, tiny_model
from tests.training.conftest import check_resumes_to_the_same_bits

from dovetail.config import Config, DataConfig
from dovetail.errors import ConfigError, TrainingError
from dovetail.saved.model_folder import load_model
from dovetail.text.document import ENTITY_TASK, RELATION_TASK, TASKS, Entity, Relation, Sentence
from dovetail.text.schema import Schema
from dovetail.text.wording import wording, wordings
from dovetail.training import RunStarted, StepResult, training_events
from dovetail.training.batches import Portion, draw
from dovetail.training.pools import (
    EXTRA,
    UNANNOTATED,
    Source,
    Splits,
    for_tasks,
)
from dovetail.training.splits import read_splits

CUT = 12
"""The sentences before are trained on, those between here and the dev sentences are extra."""


def data_of(
    folder: Path,
    extra: Sequence[Sentence],
    *,
    held_out: Sequence[Sentence] = DEV[4:],
    **fields: Any,
) -> DataConfig:
    parts = {"train": TRAIN[:CUT], "dev": DEV[:4], "extra": extra, "held_out": held_out}
    paths = {name: (save_corpus(part, folder / f"{name}.jsonl"),) for name, part in parts.items()}
    return DataConfig(**paths, **fields)


def splits_of(folder: Path, extra: Sequence[Sentence], **fields: Any) -> Splits:
    return read_splits(data_of(folder, extra, **fields))


def source(*tasks: str) -> Source:
    """Where extra sentences come from that are learned for some tasks, or for all."""
    return Source(EXTRA, "data.extra", (), tasks or TASKS, 0)


def extra_of(splits: Splits) -> tuple[Sentence, ...]:
    """The extra sentences, which are the second pool."""
    pool = splits.pools[1]
    assert pool.name == EXTRA
    return pool.sentences


words = st.lists(st.text(string.ascii_letters + string.digits, min_size=1), min_size=1)


@given(words, st.data())
def test_case_spaces_and_punctuation_do_not_tell_sentences_apart(
    tokens: list[str], data: st.DataObject
) -> None:
    text = " ".join(tokens)
    signs = st.lists(st.sampled_from(["", " ", ".", "``", "-", "\u00a0"]), min_size=len(text))
    between = data.draw(signs)
    other = "".join(sign + letter for sign, letter in zip(between, text.swapcase(), strict=False))
    assert wording(Sentence.from_tokens(other.split())) == wording(Sentence.from_tokens(tokens))


@given(words, words)
def test_letters_and_digits_do(one: list[str], other: list[str]) -> None:
    same = "".join(one).lower() == "".join(other).lower()
    wordings_of = {wording(Sentence.from_tokens(tokens)) for tokens in (one, other)}
    assert (len(wordings_of) == 1) == same


def test_sentences_of_signs_alone_differ_by_them() -> None:
    found = [wording(Sentence.from_tokens(tokens)) for tokens in (["-", "-"], ["..."], ["--"])]
    assert found[0] == found[2] != found[1]
    assert all(found)


def test_marks_that_carry_the_vowel_count() -> None:
    assert wording(Sentence.from_tokens(["कि"])) != wording(Sentence.from_tokens(["का"]))


@given(st.lists(st.sampled_from(SENTENCES)), st.sets(st.sampled_from(SENTENCES)))
def test_filter_is_a_partition_by_the_known_sentences(
    sentences: list[Sentence], known: set[Sentence]
) -> None:
    fresh = Sentence.from_tokens(["never", "known"])
    pool, left_out, _ = source().pool([fresh, *sentences], SENTENCES, {"known": wordings(known)})
    assert list(pool.sentences) == [fresh, *(own for own in sentences if own not in known)]
    assert [item.sentence for item in left_out] == [s for s in sentences if s in known]


def test_sentences_that_scores_are_made_on_are_kept_out_and_listed(tmp_path: Path) -> None:
    shouted = Sentence.from_tokens(" ".join(DEV[5].tokens).upper().replace(" .", "!").split())
    glued = Sentence.from_tokens(["".join(DEV[1].tokens)])
    splits = splits_of(tmp_path, [TRAIN[13], DEV[5], shouted, glued, DEV[0], TRAIN[0], TRAIN[14]])
    assert [sentence.tokens for sentence in extra_of(splits)] == [
        TRAIN[13].tokens,
        TRAIN[14].tokens,
    ]
    assert [(item.sentence.tokens, item.reason) for item in splits.left_out] == [
        (DEV[5].tokens, "in data.held_out"),
        (shouted.tokens, "in data.held_out"),
        (glued.tokens, "in the dev set"),
        (DEV[0].tokens, "in the dev set"),
        (TRAIN[0].tokens, "in data.train"),
    ]
    assert splits.notes == (
        "data.extra: 2 of 7 sentences are learned from; left out, and listed in left_out.jsonl: "
        "2 in data.held_out, 2 in the dev set, 1 in data.train",
    )
    assert splits.warnings == ()


def test_sentences_that_are_set_apart_as_dev_set_are_kept_out_too(tmp_path: Path) -> None:
    train_path = save_corpus(TRAIN, tmp_path / "all.jsonl")
    extra = save_corpus([*TRAIN, DEV[0]], tmp_path / "extra.jsonl")
    held_out = save_corpus(DEV[4:], tmp_path / "held_out.jsonl")
    splits = read_splits(
        DataConfig(train=(train_path,), dev_fraction=0.3, extra=(extra,), held_out=(held_out,))
    )
    assert len(splits.dev) == 7
    assert [sentence.tokens for sentence in extra_of(splits)] == [DEV[0].tokens]


def test_nothing_is_learned_from_held_out_sentences_but_which_to_leave_out(tmp_path: Path) -> None:
    ship = Entity(0, len(DEV[4].tokens), "Ship")
    relabelled = replace(DEV[4], entities=frozenset({ship}), relations=frozenset())
    held_out = [relabelled, *DEV[5:]]
    assert splits_of(tmp_path, TRAIN[CUT:]) == splits_of(tmp_path, TRAIN[CUT:], held_out=held_out)


def test_training_sentences_that_are_held_out_are_counted_and_kept(tmp_path: Path) -> None:
    splits = splits_of(tmp_path, TRAIN[CUT:], held_out=[*DEV[4:], TRAIN[0], TRAIN[3]])
    (warning,) = splits.warnings
    assert warning.startswith(f"2 of {CUT} training sentences are in data.held_out too")
    assert len(splits.train) == CUT


def test_missing_filter_is_warned_of(tmp_path: Path) -> None:
    data = data_of(tmp_path, TRAIN[CUT:])
    (warning,) = read_splits(DataConfig(train=data.train, dev=data.dev, extra=data.extra)).warnings
    assert warning.startswith("data.held_out is empty")


def test_extra_sentences_are_annotated_for_their_tasks_alone() -> None:
    entities_only = replace(TRAIN[0], annotated=frozenset({ENTITY_TASK}), relations=frozenset())
    pool, left_out, _ = source(ENTITY_TASK).pool([TRAIN[0], entities_only], TRAIN, {})
    assert pool.sentences == (entities_only, entities_only)
    assert left_out == ()
    pool, left_out, _ = source(RELATION_TASK).pool([TRAIN[0], entities_only], TRAIN, {})
    assert pool.sentences == (replace(TRAIN[0], annotated=frozenset({RELATION_TASK})),)
    assert [(item.sentence, item.reason) for item in left_out] == [(entities_only, UNANNOTATED)]
    assert source().pool(TRAIN, TRAIN, {})[0].sentences == TRAIN


@pytest.mark.parametrize("task", ["entity", "relation"])
def test_types_that_training_lacks_are_refused_by_name(tmp_path: Path, task: str) -> None:
    ship, place = Entity(0, 1, "Ship" if task == "entity" else "Person"), Entity(2, 3, "Place")
    sails = Sentence.from_tokens(
        ["Argo", "left", "Iolcos"],
        entities=[ship, place],
        relations=[Relation(ship, place, "left")],
    )
    unknown = {"entity": r"Ship \(1\)", "relation": r"left \(1\)"}[task]
    with pytest.raises(TrainingError, match=f"data.extra has {task} types .* lacks: {unknown}"):
        splits_of(tmp_path, [TRAIN[13], sails], extra_tasks=["entity", "relation"])


def test_extra_files_of_which_nothing_is_left_are_refused(tmp_path: Path) -> None:
    with pytest.raises(
        TrainingError, match=r"0 of 3 sentences are learned from; .* 3 in data\.train"
    ):
        splits_of(tmp_path, TRAIN[:3])


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"extra": "a", "train": ("a", "b")}, '"a" is in train too'),
        ({"extra": "a", "dev": "a"}, '"a" is in dev too'),
        ({"extra": "a", "held_out": "a"}, '"a" is in held_out too'),
        ({"held_out": "b"}, '"b" is in train too'),
        ({"extra_per_epoch": 5}, "5 sentences cannot be drawn from no file"),
    ],
)
def test_contradictions_are_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        DataConfig(**{"train": "b", **fields})


pools_of = st.lists(
    st.integers(0, 30).flatmap(
        lambda size: st.builds(Portion, size=st.just(size), drawn=st.integers(0, size))
    )
)


@given(pools_of, st.integers(0, 2**40))
def test_as_many_are_drawn_of_each_pool_as_it_says(pools: list[Portion], seed: int) -> None:
    drawn = draw(pools, seed=seed)
    assert drawn == draw(pools, seed=seed)
    assert drawn == sorted(set(drawn))
    start = 0
    for pool in pools:
        assert sum(start <= index < start + pool.size for index in drawn) == pool.drawn
        start += pool.size
    assert all(index < start for index in drawn)


def test_every_extra_sentence_has_its_turn() -> None:
    pools = (Portion(3, 3), Portion(20, 5))
    drawn = [tuple(draw(pools, seed=seed)) for seed in range(60)]
    assert all(indices[:3] == (0, 1, 2) for indices in drawn)
    assert {index for indices in drawn for index in indices} == set(range(23))


def config_of(folder: Path, *, per_epoch: int = 0, **training: Any) -> Config:
    data = data_of(folder, TRAIN[CUT:], extra_per_epoch=per_epoch)
    return tiny_config(data, training={"epochs": 3, **training})


def test_an_epoch_reads_all_training_sentences_and_as_many_extra_ones_as_drawn(
    tmp_path: Path,
) -> None:
    for per_epoch, expected in ((0, len(TRAIN)), (3, CUT + 3), (999, len(TRAIN))):
        config = config_of(tmp_path, per_epoch=per_epoch)
        started, *events = training_events(config, tmp_path / str(per_epoch))
        assert isinstance(started, RunStarted)
        assert len(extra_of(started.splits)) == len(TRAIN) - CUT
        steps = [event for event in events if isinstance(event, StepResult)]
        assert sum(step.sentences for step in steps if step.epoch == 2) == expected
        assert all(step.steps == -(-expected // 4) for step in steps)


def test_run_that_draws_extra_sentences_resumes_to_the_same_bits(tmp_path: Path) -> None:
    config = config_of(tmp_path, per_epoch=4)
    check_resumes_to_the_same_bits(config, tmp_path, stop_at=7)


def test_run_says_what_is_extra_and_lists_what_is_left_out(tmp_path: Path) -> None:
    data = data_of(tmp_path, [*TRAIN[CUT:], DEV[5]])
    config = tiny_config(data, training={"epochs": 1})
    for _ in training_events(config, tmp_path / "run"):
        pass
    (line,) = (tmp_path / "run" / "left_out.jsonl").read_text("utf-8").splitlines()
    assert json.loads(line) == {
        "field": "data.extra",
        "reason": "in data.held_out",
        "id": DEV[5].id,
        "tokens": list(DEV[5].tokens),
    }
    card = (tmp_path / "run" / "model" / "README.md").read_text("utf-8")
    assert f"- Extra data, for entity only: `{tmp_path / 'extra.jsonl'}`" in card
    schema = load_model(tmp_path / "run" / "model").model.schema
    assert schema == Schema.from_sentences(TRAIN[:CUT])


def test_resuming_with_other_extra_sentences_is_refused(tmp_path: Path) -> None:
    config = config_of(tmp_path, epochs=1)
    for _ in training_events(config, tmp_path / "run"):
        pass
    save_corpus(TRAIN[CUT + 1 :], config.data.extra[0])
    with pytest.raises(TrainingError, match=r"are not those that .* was started with"):
        next(training_events(config, tmp_path / "run", resume=True))


def test_relation_loss_is_that_of_the_annotated_sentences_alone() -> None:
    model = tiny_model().eval()
    entities_only = [for_tasks(own, (ENTITY_TASK,)) for own in TRAIN[4:8]]
    alone = model.outputs(batch_of(TRAIN[:4], model)).losses[RELATION_TASK]
    mixed = model.outputs(batch_of([*entities_only, *TRAIN[:4]], model)).losses[RELATION_TASK]
    torch.testing.assert_close(mixed, alone)


def test_batch_without_relation_annotations_teaches_entities_alone() -> None:
    model = tiny_model()
    entities_only = [for_tasks(own, (ENTITY_TASK,)) for own in TRAIN[:4]]
    losses = model.outputs(batch_of(entities_only, model)).losses
    assert losses[RELATION_TASK].item() == 0.0
    torch.stack([*losses.values()]).sum().backward()
    names = reached(model)
    assert not any(name.startswith("relation_head.") for name in names)
    assert any(name.startswith("entity_head.") for name in names)
    for parameter in model.parameters():
        assert parameter.grad is None or bool(parameter.grad.isfinite().all())


def test_entities_without_relations_in_the_original_conll04(data_folder: Path) -> None:
    """What docs/results.md and the issue say of them, whatever is trained."""
    folder = data_folder / "conll04"
    names = {"train": "conll04_train", "dev": "conll04_dev", "held_out": "conll04_test"}
    paths = {field: (folder / f"{name}.json",) for field, name in names.items()}
    splits = read_splits(DataConfig(**paths, extra=(folder / "corp.tsv",)))
    assert len(extra_of(splits)) == 4046
    assert {sentence.annotated for sentence in extra_of(splits)} == {frozenset({ENTITY_TASK})}
    scored = wordings(splits.dev)
    assert not any(wording(sentence) in scored for sentence in extra_of(splits))


# Sentences of which nobody says what is related.


def test_extra_sentences_are_taken_to_hold_no_other_relation_if_that_is_asked(
    tmp_path: Path,
) -> None:
    entities = TRAIN[13].with_annotations(TRAIN[13].entities, ())
    half = replace(entities, annotated=frozenset({ENTITY_TASK}))
    related = next(own for own in TRAIN[CUT:] if own.relations and own != TRAIN[13])
    extra = [half, related]
    splits = splits_of(tmp_path, extra, extra_tasks=TASKS, extra_unrelated=True)
    (pool,) = (own for own in splits.pools if own.name == EXTRA)
    assert pool.unrelated
    assert [own.annotated for own in pool.sentences] == [frozenset(TASKS)] * 2
    assert [own.relations for own in pool.sentences] == [frozenset(), related.relations]
    assert [own.entities for own in pool.sentences] == [half.entities, related.entities]
    (unasked,) = (
        own for own in splits_of(tmp_path, extra, extra_tasks=TASKS).pools if own.name == EXTRA
    )
    assert not unasked.unrelated
    assert unasked.sentences[0].annotated == {ENTITY_TASK}


def test_it_is_refused_where_nothing_comes_of_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there are no such sentences"):
        DataConfig(train=("a",), extra_unrelated=True)


def test_a_run_that_takes_extra_sentences_for_unrelated_resumes_to_the_same_bits(
    tmp_path: Path,
) -> None:
    data = data_of(tmp_path, TRAIN[CUT:], extra_unrelated=True)
    config = tiny_config(data, training={"epochs": 3}, relation_head={"candidates": "predicted"})
    check_resumes_to_the_same_bits(config, tmp_path, stop_at=9)
    card = (tmp_path / "whole" / "model" / "README.md").read_text("utf-8")
    assert "learned as if no two entities were related" in card
