"""Negatives: what is learned of sentences without a relation, and which are never learned from."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.corpus import DEV, TRAIN, save_corpus
from tests.networks import reached, talkative_model, tiny_config
from tests.training.conftest import check_resumes_to_the_same_bits
from tests.training.test_several_corpora import config_of as config_of_several

from dovetail.config import Config, DataConfig, DistillationConfig
from dovetail.errors import ConfigError, CorpusError, TrainingError
from dovetail.model.joint import JointModel
from dovetail.tensors.features import Batch, Targets
from dovetail.text.document import ENTITY_TASK, RELATION_TASK, TASKS, Entity, Sentence
from dovetail.training import RunStarted, StepResult, training_events
from dovetail.training.job import Job
from dovetail.training.long_sentences import LearnedSentences
from dovetail.training.pools import EXTRA, NEGATIVES, TRAINING, Pool, Splits
from dovetail.training.splits import read_splits

CUT = 12
POSITIVE = sum(bool(sentence.relations) for sentence in TRAIN[:CUT])
DULL = ["Ada met Emil in Paris .", "Watt saw London .", "It snowed .", "Siemens is large ."]


def named(text: str, id: str) -> Sentence:
    return Sentence.from_tokens(text.split(), id=id, annotated=())


def data_of(folder: Path, negatives: Sequence[Sentence] | str, **fields: Any) -> DataConfig:
    paths = {
        "train": save_corpus(TRAIN[:CUT], folder / "train.jsonl"),
        "dev": save_corpus(DEV[:4], folder / "dev.jsonl"),
        "held_out": save_corpus(DEV[4:], folder / "held_out.jsonl"),
    }
    if isinstance(negatives, str):
        path = folder / "negatives.txt"
        path.write_text(negatives, encoding="utf-8")
    else:
        path = save_corpus(negatives, folder / "negatives.jsonl")
    files = {name: (own,) for name, own in paths.items()}
    return DataConfig(**{**files, "negatives": (path,), "language": "en", **fields})


def pool_of(splits: Splits) -> Pool:
    (pool,) = (own for own in splits.pools if own.name == NEGATIVES)
    return pool


def test_a_sentence_is_learned_as_one_without_relations_whatever_its_file_says(
    tmp_path: Path,
) -> None:
    splits = read_splits(data_of(tmp_path, "\n".join(DULL)))
    assert [" ".join(own.tokens) for own in pool_of(splits).sentences] == DULL
    assert {own.annotated for own in pool_of(splits).sentences} == {frozenset({RELATION_TASK})}
    splits = read_splits(data_of(tmp_path, "\n".join(DULL), negatives_for="both"))
    assert {own.annotated for own in pool_of(splits).sentences} == {frozenset(TASKS)}
    assert not any(own.entities for own in pool_of(splits).sentences)
    assert splits.train == TRAIN[:CUT]


def test_entities_that_the_file_marks_are_kept(tmp_path: Path) -> None:
    splits = read_splits(data_of(tmp_path, [TRAIN[20].with_annotations(TRAIN[20].entities, ())]))
    (sentence,) = pool_of(splits).sentences
    assert sentence.entities == TRAIN[20].entities
    ship = replace(TRAIN[20], entities=frozenset({Entity(0, 1, "Ship")}), relations=frozenset())
    with pytest.raises(TrainingError, match=r"data.negatives has entity types .* Ship \(1\)"):
        read_splits(data_of(tmp_path, [ship]))


def test_what_is_scored_and_its_documents_are_kept_out_counted_and_listed(tmp_path: Path) -> None:
    glued = named("".join(DEV[1].tokens), "x")
    negatives = [
        named(DULL[0], "1"),
        glued,
        replace(DEV[5].without_annotations(), id="y"),
        named(DULL[1], "17"),
        named(DULL[2], DEV[0].id),
        named(DULL[3], DEV[6].id),
        replace(TRAIN[0].without_annotations(), id="z"),
        named("It is late .", "listed"),
    ]
    listing = save_corpus([replace(DEV[2], id="listed")], tmp_path / "listing.jsonl")
    data = data_of(tmp_path, negatives, negatives_held_out="*7", documents=listing)
    splits = read_splits(data)
    assert [own.id for own in pool_of(splits).sentences] == ["1"]
    assert {item.sentence.id: item.reason for item in splits.left_out} == {
        "17": "of a document in data.negatives_held_out",
        DEV[0].id: "of a document that a dev sentence is of",
        DEV[6].id: "of a document that a sentence of data.held_out is of",
        "listed": "of a document that a dev sentence is of",
        "x": "in the dev set",
        "y": "in data.held_out",
        "z": "in data.train",
    }
    (note,) = splits.notes
    assert note.startswith("data.negatives: 1 of 8 sentences are learned from; left out, and liste")
    assert not splits.warnings


def test_documents_of_a_dev_set_that_is_set_apart_are_kept_out(tmp_path: Path) -> None:
    train = save_corpus(TRAIN, tmp_path / "all.jsonl")
    negatives = [named(f"Nothing {number} .", own.id) for number, own in enumerate(TRAIN)]
    path = save_corpus(negatives, tmp_path / "negatives.jsonl")
    splits = read_splits(DataConfig(train=(train,), dev_fraction=0.3, negatives=(path,)))
    assert {own.id for own in pool_of(splits).sentences} == {own.id for own in splits.train}


def test_ids_that_keep_nothing_out_are_told(tmp_path: Path) -> None:
    splits = read_splits(data_of(tmp_path, [named(DULL[0], "1")]))
    assert any("none of the 1 documents of data.negatives" in note for note in splits.notes)
    listing = save_corpus([named(DULL[0], "1")], tmp_path / "listing.jsonl")
    data = data_of(tmp_path, [named(DULL[0], "1")], negatives_held_out=["*7"], documents=[listing])
    first, second = read_splits(data).warnings
    assert first.startswith("data.negatives_held_out: no document of data.negatives has an id as")
    assert second.startswith("data.documents names no sentence of the dev set")


def test_nothing_left_is_refused_with_the_reasons(tmp_path: Path) -> None:
    data = data_of(tmp_path, [named(DULL[0], "17")], negatives_held_out="*7")
    message = r"0 of 0 sentences .* 0 of 1 sentences .* 1 of a document in data.negatives_held_out"
    with pytest.raises(TrainingError, match=message):
        read_splits(data)


def test_negatives_with_a_relation_are_refused_with_their_line(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"negatives.jsonl:3: expected sentences without a rel"):
        read_splits(data_of(tmp_path, [named(DULL[0], "a"), TRAIN[13]]))


def test_negatives_beside_a_corpus_without_relations_are_refused(tmp_path: Path) -> None:
    data = data_of(tmp_path, "\n".join(DULL))
    save_corpus([TRAIN[8]], data.train[0])
    with pytest.raises(TrainingError, match=r"data\.train holds no relation"):
        read_splits(data)


@pytest.mark.parametrize(
    ("per_epoch", "expected"),
    [(0, 40), (10, 10), (99, 40), (0.5, round(0.5 * POSITIVE)), (2.0, 2 * POSITIVE), (1e-9, 1)],
)
def test_an_epoch_draws_a_number_or_a_share_of_the_sentences_with_a_relation(
    tmp_path: Path, per_epoch: float, expected: int
) -> None:
    text = "\n".join(f"Nothing {number} ." for number in range(40))
    pool = pool_of(read_splits(data_of(tmp_path, text, negatives_per_epoch=per_epoch)))
    assert (len(pool.sentences), pool.drawn) == (40, expected)


def in_dev(splits: Splits) -> list[Sentence]:
    return [own for own in splits.dev if own not in DEV]


@pytest.mark.parametrize("number", [0, 1, 2, 4, 7, 8, 11, 16])
def test_negatives_join_the_dev_set_those_of_its_own_documents_first(
    tmp_path: Path, number: int
) -> None:
    """By enumeration: of dev documents, of held-out ones, of some kept out, and of others."""
    ids = {"dev": [own.id for own in DEV[:4]], "held": [DEV[5].id], "out": ["17"]}
    ids["free"] = [f"f{number}" for number in range(5)]
    negatives = [
        named(f"{kind} {id} {place} .", id)
        for place in range(2)
        for kind, own in ids.items()
        for id in own
    ]
    negatives.append(replace(TRAIN[0].without_annotations(), id=DEV[0].id))  # known already
    fields: dict[str, Any] = {"negatives_held_out": "*7", "negatives_in_dev": number * 10}
    config = data_of(tmp_path, negatives, **fields)
    splits = read_splits(config.model_copy(update={"negatives_in_dev": number}))
    dev = in_dev(splits)
    of_dev = 2 * len(ids["dev"])
    assert sum(own.tokens[0] == "dev" for own in dev) == min(number, of_dev)
    assert sum(own.tokens[0] == "free" for own in dev) == max(0, min(number, 16) - of_dev)
    learned = {own.id for own in pool_of(splits).sentences}
    assert learned == {*ids["free"]} - {own.id for own in dev}
    assert len(dev) + len(pool_of(splits).sentences) + len(splits.left_out) == len(negatives)


def test_a_dev_set_that_takes_all_negatives_is_refused(tmp_path: Path) -> None:
    negatives = [named(f"Nothing {n} .", DEV[0].id) for n in range(3)] + [named("It is .", "x")]
    config = data_of(tmp_path, negatives, negatives_in_dev=10)
    with pytest.raises(TrainingError, match="4 negatives are in the dev set"):
        read_splits(config)
    assert read_splits(config.model_copy(update={"negatives_in_dev": 3})).pools[1].sentences


def test_dev_negatives_are_a_multiple_of_the_dev_sentences_with_a_relation(tmp_path: Path) -> None:
    text = "\n".join(f"Nothing {number} ." for number in range(60))
    splits = read_splits(data_of(tmp_path, text, negatives_in_dev=3.0, negatives_for="both"))
    related = sum(bool(own.relations) for own in DEV[:4])
    assert len(in_dev(splits)) == 3 * related > 0
    assert {own.annotated for own in in_dev(splits)} == {frozenset(TASKS)}
    assert f"data.negatives_in_dev: {3 * related} negatives are in the dev set" in splits.notes
    again = read_splits(data_of(tmp_path, text, negatives_in_dev=3.0, negatives_for="both"))
    assert again.dev == splits.dev
    other = read_splits(data_of(tmp_path, text, negatives_in_dev=3.0, dev_seed=1))
    assert in_dev(other) != in_dev(splits)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"negatives": "b"}, '"b" is in train too'),
        ({"negatives": "a", "dev": "a"}, '"a" is in dev too'),
        ({"negatives": "a", "extra": "a"}, '"a" is in extra too'),
        ({"negatives": "a", "held_out": "a"}, '"a" is in held_out too'),
        ({"negatives_per_epoch": 50}, "there are no negatives"),
        ({"negatives_held_out": "*7"}, "there are no negatives"),
        ({"negatives_in_dev": 1.0}, "there are no negatives"),
        ({"negatives": "a", "dev": "c", "negatives_in_dev": 4}, r"for 4 of them .* write 4\.0"),
        (
            {"negatives": "a", "dev_fraction": 0.0, "negatives_in_dev": 4.0},
            "there is no dev set for them",
        ),
        ({"negatives": "a", "negatives_per_epoch": 4}, r"for 4 of them .* write 4\.0"),
    ],
)
def test_contradictions_are_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        DataConfig(**{"train": "b", **fields})


def test_a_teacher_that_alone_is_learned_from_is_refused(tmp_path: Path) -> None:
    data = DataConfig(train=("b",), negatives=("a",))
    with pytest.raises(ConfigError, match="only the teacher is learned from"):
        Config(data=data, distillation=DistillationConfig(teacher="news", weight=1.0))


# What is learned of them.


def batch_of(model: JointModel, sentences: Sequence[Sentence], negative: Sequence[bool]) -> Batch:
    batch = replace(
        Batch.from_sentences(sentences, model.encoder.featurise), unrelated=torch.tensor(negative)
    )
    return model.of_schema("").with_targets(batch)


def as_negative(sentence: Sentence, *tasks: str) -> Sentence:
    return replace(sentence.without_annotations(), annotated=frozenset(tasks))


@pytest.mark.parametrize("candidates", ["gold", "predicted"])
def test_relations_are_scored_between_all_that_is_found_in_a_negative_sentence(
    candidates: str,
) -> None:
    model = talkative_model(tiny_config(relation_head={"candidates": candidates}))
    sentences = [*TRAIN[:6], *(as_negative(own, RELATION_TASK) for own in TRAIN[6:CUT])]
    negative = [False] * 6 + [True] * (CUT - 6)
    outputs = model.outputs(batch_of(model, sentences, negative))
    found = model.predict(Batch.from_sentences(sentences, model.encoder.featurise))
    assert outputs.linked is not None
    linked = outputs.linked.candidates.entities(model.schema.entity_types)
    for sentence, own, said, is_negative in zip(sentences, found, linked, negative, strict=True):
        also = is_negative or candidates == "predicted"
        assert said == (sentence.entities | own.entities if also else sentence.entities)
    assert not outputs.linked.relations[6:].any()
    assert any(len(own) > 1 for own in linked[6:])


def test_relations_only_teaches_the_relation_head_and_no_entity() -> None:
    model = talkative_model()
    negatives = [as_negative(own, RELATION_TASK) for own in TRAIN]
    losses = model.outputs(batch_of(model, negatives, [True] * len(negatives))).losses
    assert losses[ENTITY_TASK].item() == 0.0
    assert losses[RELATION_TASK].item() > 0.0
    torch.stack([*losses.values()]).sum().backward()
    names = reached(model)
    assert any(name.startswith("relation_head.") for name in names)
    assert not any(name.startswith("entity_head.") for name in names)


def test_both_teaches_that_there_is_no_entity_either() -> None:
    model = talkative_model()
    negatives = [as_negative(own, *TASKS) for own in TRAIN]
    losses = model.outputs(batch_of(model, negatives, [True] * len(negatives))).losses
    assert losses[ENTITY_TASK].item() > 0.0
    assert losses[RELATION_TASK].item() > 0.0


def test_sentences_whose_relations_nobody_knows_get_no_candidates() -> None:
    model = talkative_model()
    sentences = [as_negative(own, RELATION_TASK) for own in TRAIN[:4]]
    outputs = model.outputs(batch_of(model, sentences, [True, False, False, True]))
    assert outputs.linked is not None
    found = outputs.linked.candidates.entities(model.schema.entity_types)
    assert [bool(own) for own in found] == [True, False, False, True]


def test_a_loss_goes_down_only_by_what_is_unrelated() -> None:
    """Without the mark the same sentences teach nothing of relations."""
    model = talkative_model()
    negatives = [as_negative(own, RELATION_TASK) for own in TRAIN]
    unmarked = model.of_schema("").with_targets(
        Batch.from_sentences(negatives, model.encoder.featurise)
    )
    assert isinstance(unmarked.targets, Targets)
    assert unmarked.targets.unrelated is None
    assert model.outputs(unmarked).losses[RELATION_TASK].item() == 0.0


# In a run.


def config_of(folder: Path, **fields: Any) -> Config:
    text = "\n".join([*DULL, *(f"Ada {number} met Emil in Paris ." for number in range(16))])
    data = data_of(folder, text, negatives_per_epoch=10, **fields)
    return tiny_config(data, training={"epochs": 3}, relation_head={"candidates": "predicted"})


def test_an_epoch_reads_as_many_negatives_as_it_draws(tmp_path: Path) -> None:
    started, *events = training_events(config_of(tmp_path), tmp_path / "run")
    assert isinstance(started, RunStarted)
    assert [own.name for own in started.splits.pools] == [TRAINING, NEGATIVES]
    steps = [event for event in events if isinstance(event, StepResult) and event.epoch == 2]
    assert sum(step.sentences for step in steps) == CUT + 10
    card = (tmp_path / "run" / "model" / "README.md").read_text("utf-8")
    path = tmp_path / "negatives.txt"
    assert f"- Sentences without a relation, for relations: `{path}`, 10 in an epoch\n" in card


def test_the_card_of_a_model_tells_false_alarms_of_negatives_in_the_dev_set(tmp_path: Path) -> None:
    for _ in training_events(config_of(tmp_path, negatives_in_dev=2.0), tmp_path / "run"):
        pass
    card = (tmp_path / "run" / "model" / "README.md").read_text("utf-8")
    related = sum(bool(own.relations) for own in DEV[:4])
    assert ", 10 in an epoch, 2 to each with one in the dev set\n" in card
    assert f"(0 of {2 * related + len(DEV[:4]) - related})" in card  # one of its own holds none


@pytest.mark.parametrize("negatives_for", ["relations", "both"])
def test_a_run_with_negatives_resumes_to_the_same_bits(tmp_path: Path, negatives_for: str) -> None:
    config = config_of(tmp_path, negatives_for=negatives_for)
    check_resumes_to_the_same_bits(config, tmp_path, stop_at=9)


def test_other_negatives_are_another_run(tmp_path: Path) -> None:
    config = config_of(tmp_path)
    for _ in training_events(config, tmp_path / "run"):
        pass
    config.data.negatives[0].write_text("It snowed .\n", encoding="utf-8")
    with pytest.raises(TrainingError, match=r"are not those that .* was started with"):
        next(training_events(config, tmp_path / "run", resume=True))


def test_what_is_left_out_is_listed_in_the_folder_of_the_run(tmp_path: Path) -> None:
    data = data_of(tmp_path, [named(DULL[0], "1"), named(DULL[1], "17")], negatives_held_out="*7")
    for _ in training_events(tiny_config(data, training={"epochs": 1}), tmp_path / "run"):
        pass
    (line,) = (tmp_path / "run" / "left_out.jsonl").read_text("utf-8").splitlines()
    assert json.loads(line)["reason"] == "of a document in data.negatives_held_out"


def test_windows_of_negatives_are_negative(tmp_path: Path) -> None:
    config = config_of(tmp_path)
    windows = config.windows.model_copy(update={"max_tokens": 4, "overlap_tokens": 2})
    config = config.model_copy(update={"windows": windows})
    drawn = LearnedSentences.of(Job.of(config).splits.pools, config.reading)
    training, negative = drawn.portions
    assert (training.negative, negative.negative) == (False, True)
    assert drawn.negatives == {*range(training.size, training.size + negative.size)}
    assert negative.size > 20
    for index in drawn.negatives:
        assert not drawn.sentences[index].relations


def test_each_corpus_has_negatives_of_its_own(tmp_path: Path) -> None:
    paths = {}
    for name, sentences in (("one", TRAIN[:CUT]), ("other", TRAIN[CUT:])):
        save_corpus(sentences, tmp_path / f"{name}.jsonl")
        paths[name] = tmp_path / f"{name}.txt"
    paths["one"].write_text("\n".join(DULL), encoding="utf-8")
    paths["other"].write_text("It snowed .\nIt is late .\n", encoding="utf-8")
    dev = str(save_corpus(DEV, tmp_path / "dev.jsonl"))
    listed = [
        {
            "name": name,
            "train": str(tmp_path / f"{name}.jsonl"),
            "dev": dev,
            "negatives": str(path),
            "language": "en",
        }
        for name, path in paths.items()
    ]
    job = Job.of(config_of_several(*listed))
    pools = [(pool.schema, pool.name, len(pool.sentences)) for pool in job.splits.pools]
    assert pools == [
        ("one", TRAINING, CUT),
        ("one", NEGATIVES, 4),
        ("other", TRAINING, len(TRAIN) - CUT),
        ("other", NEGATIVES, 2),
    ]
    listed[0]["tasks"] = ["entity"]
    with pytest.raises(ConfigError, match='the tasks of this corpus lack "relation"'):
        config_of_several(*listed)


def test_extra_sentences_stand_beside_negatives(tmp_path: Path) -> None:
    extra = save_corpus(TRAIN[CUT:], tmp_path / "extra.jsonl")
    splits = read_splits(data_of(tmp_path, "\n".join(DULL), extra=extra))
    assert {pool.name for pool in splits.pools} == {TRAINING, NEGATIVES, EXTRA}


def test_negatives_of_ade_are_kept_apart_from_the_test_fold(
    tmp_path: Path, data_folder: Path
) -> None:
    """What the recipe says of them, of the first lines of each file."""
    ade = data_folder / "ade"
    lines = (ade / "ADE-NEG.txt").read_text("utf-8").splitlines()[:400]
    path = tmp_path / "negatives.txt"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    splits = read_splits(
        DataConfig(
            train=(ade / "ade_split_0_train.json",),
            held_out=(ade / "ade_split_0_test.json",),
            negatives=(path,),
            negatives_held_out=("*7",),
            documents=(ade / "DRUG-AE.rel",),
        )
    )
    listed = (ade / "DRUG-AE.rel").read_text("utf-8").splitlines()
    id_by_text = {without_spaces(line.split("|")[1]): line.split("|")[0] for line in listed}
    test = json.loads((ade / "ade_split_0_test.json").read_text("utf-8"))
    tested = {id_by_text[without_spaces("".join(own["tokens"]))] for own in test}
    ids = [line.split(" ", 1)[0] for line in lines]
    kept = [id for id in ids if not id.endswith("7") and id not in tested]
    reasons = [item.reason for item in splits.left_out]
    assert reasons.count("of a document in data.negatives_held_out") >= sum(
        id.endswith("7") for id in ids
    )
    assert len({own.id.rpartition("-")[0] or own.id for own in pool_of(splits).sentences}) == len(
        {*kept}
    )


def without_spaces(text: str) -> str:
    return "".join(sign for sign in text.casefold() if sign.isalnum())
