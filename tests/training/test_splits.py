from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.corpus import DEV, SENTENCES, TRAIN, save_corpus

from dovetail.config import DataConfig
from dovetail.errors import TrainingError
from dovetail.text.document import Entity, Relation, Sentence
from dovetail.training.dev_split import set_apart
from dovetail.training.read_files import forwards, read_files
from dovetail.training.splits import LISTED, read_splits


@given(st.integers(2, 60), st.floats(0.01, 0.99), st.integers(0, 1000))
def test_a_share_of_the_documents_is_set_apart(number: int, fraction: float, seed: int) -> None:
    documents = [[Sentence.from_tokens([str(index)])] for index in range(number)]
    chosen = set_apart(documents, fraction=fraction, seed=seed)
    assert len(chosen) == min(max(round(fraction * number), 1), number - 1)
    assert chosen <= set(range(number))
    assert set_apart(documents, fraction=fraction, seed=seed) == chosen


@given(st.lists(st.sampled_from(["a", "b", "c", ""]), min_size=4, max_size=30), st.integers(0, 99))
def test_a_type_of_two_documents_is_on_both_sides_where_documents_have_one_type(
    types: list[str], seed: int
) -> None:
    documents = [
        [Sentence.from_tokens(["x"], entities=[Entity(0, 1, type_)] if type_ else [])]
        for type_ in types
    ]
    chosen = set_apart(documents, fraction=0.5, seed=seed)
    for type_ in {type_ for type_ in types if type_ and types.count(type_) > 1}:
        holders = {index for index, own in enumerate(types) if own == type_}
        assert holders & chosen
        assert holders - chosen


def raw_corpus(path: Path, documents: int) -> Path:
    line = {
        "text": "Ann Lee lives in Oslo. Bo saw her.",
        "entities": [{"start": 0, "end": 7, "type": "P"}, {"start": 17, "end": 21, "type": "L"}],
        "relations": [{"head": 0, "tail": 1, "type": "In"}],
    }
    path.write_text("".join(json.dumps({**line, "id": str(i)}) + "\n" for i in range(documents)))
    return path


def test_documents_are_set_apart_whole(tmp_path: Path) -> None:
    path = raw_corpus(tmp_path / "raw.jsonl", 10)
    splits = read_splits(DataConfig(train=(path,), dev_fraction=0.2))
    assert (len(splits.train), len(splits.dev)) == (16, 4)
    names = [{sentence.id.split("-")[0] for sentence in s} for s in (splits.train, splits.dev)]
    assert names[0].isdisjoint(names[1])


def test_too_few_documents_are_divided_by_sentences_and_that_is_said(tmp_path: Path) -> None:
    path = raw_corpus(tmp_path / "raw.jsonl", 2)
    splits = read_splits(DataConfig(train=(path,), dev_fraction=0.2, dev_seed=1))
    assert len(splits.dev) in (1, 2)  # two where the types need it
    assert any("2 documents are too few" in warning for warning in splits.warnings)


def test_one_sentence_cannot_be_divided(tmp_path: Path) -> None:
    path = save_corpus(SENTENCES[:1], tmp_path / "one.jsonl")
    with pytest.raises(TrainingError, match=r"leaves no sentence of 1 for one side"):
        read_splits(DataConfig(train=(path,), dev_fraction=0.2))


def test_dev_is_cut_as_text_is_and_training_as_the_config_says(tmp_path: Path) -> None:
    line = {
        "text": "Anna lives in Bonnland.",
        "entities": [{"start": 0, "end": 4, "type": "P"}, {"start": 14, "end": 18, "type": "L"}],
        "relations": [{"head": 0, "tail": 1, "type": "In"}],
    }
    path = tmp_path / "raw.jsonl"
    path.write_text(json.dumps(line))
    words = ("Anna", "lives", "in", "Bonnland", ".")
    for borders, tokens, entities in (
        ("snap", words, {(0, 1), (3, 4)}),
        ("drop", words, {(0, 1)}),
        ("cut", ("Anna", "lives", "in", "Bonn", "land", "."), {(0, 1), (3, 4)}),
    ):
        data = DataConfig(train=(path,), borders=borders)
        (train,) = read_files(data.train, data, data.reading_to_learn).sentences
        assert (train.tokens, {entity.span for entity in train.entities}) == (tokens, entities)
    (dev,) = read_files(data.train, data, data.reading).sentences
    assert dev.tokens == words
    assert {entity.span for entity in dev.entities} == {(0, 1)}
    assert {item.task for item in dev.unaligned} == {"entity", "relation"}


def test_fraction_of_the_training_sentences_is_set_apart_by_its_own_seed(tmp_path: Path) -> None:
    path = save_corpus(SENTENCES, tmp_path / "all.jsonl")
    splits = [
        read_splits(DataConfig(train=(path,), dev_fraction=0.2, dev_seed=seed))
        for seed in (1, 1, 2)
    ]
    assert splits[0] == splits[1]
    assert splits[0].dev != splits[2].dev
    assert len(splits[0].dev) == 6
    assert not set(splits[0].train) & set(splits[0].dev)


def test_files_are_read_in_their_order(tmp_path: Path) -> None:
    first, second = (
        save_corpus(part, tmp_path / name)
        for part, name in ((TRAIN, "first.jsonl"), (DEV, "second.jsonl"))
    )
    splits = read_splits(DataConfig(train=(second, first)))
    assert splits.train == (*DEV, *TRAIN)
    assert splits.dev == ()
    assert splits.warnings == ()


def read(tmp_path: Path, train: list[Sentence], dev: list[Sentence]) -> tuple[str, ...]:
    config = DataConfig(
        train=(save_corpus(train, tmp_path / "train.jsonl"),),
        dev=(save_corpus(dev, tmp_path / "dev.jsonl"),),
    )
    return read_splits(config).warnings


def test_dev_sentences_that_are_trained_on_are_listed(tmp_path: Path) -> None:
    relabelled = replace(TRAIN[1], entities=frozenset(), relations=frozenset())
    (warning,) = read(tmp_path, list(TRAIN), [*DEV, TRAIN[0], relabelled])
    assert f"2 of {len(DEV) + 2} dev sentences" in warning
    assert "\n  Ada Lovelace lives in London ." in warning
    assert "\n  Brunel worked for Great Western ." in warning


def test_a_long_list_is_cut_and_counted(tmp_path: Path) -> None:
    (warning,) = read(tmp_path, list(TRAIN), list(TRAIN[: LISTED + 3]))
    assert warning.count("\n  ") == LISTED + 1
    assert "… and 3 more" in warning


def test_types_that_training_lacks_are_named(tmp_path: Path) -> None:
    ship, port = Entity(0, 1, "Ship"), Entity(2, 3, "Port")
    unseen = Sentence.from_tokens(
        ["Argo", "left", "Iolcos"], entities=[ship, port], relations=[Relation(ship, port, "left")]
    )
    entity, relation = read(tmp_path, list(TRAIN), [*DEV, unseen])
    assert entity.endswith(
        "entity types that training lacks and the model cannot learn: Port, Ship"
    )
    assert relation.endswith("cannot learn: left")


def test_training_without_an_entity_is_refused(tmp_path: Path) -> None:
    bare = [replace(s, relations=frozenset(), entities=frozenset()) for s in TRAIN]
    with pytest.raises(TrainingError, match="the 22 training sentences hold no entity"):
        read(tmp_path, bare, list(DEV))


def test_digest_is_that_of_tokens_annotations_and_order() -> None:
    from dovetail.training.pools import Pool, Splits

    digests = [
        Splits((Pool.of("training", train),), dev).digest
        for train, dev in (
            (TRAIN, DEV),
            (TRAIN[::-1], DEV),
            (TRAIN[:-1], DEV),
            (TRAIN, ()),
            ((*TRAIN[:-1], TRAIN[-1].without_annotations()), DEV),
            ((replace(TRAIN[0], annotated=frozenset({"entity"})), *TRAIN[1:]), DEV),
        )
    ]
    assert len(set(digests)) == len(digests)
    assert Splits((Pool.of("training", TRAIN),), DEV, warnings=("any",)).digest == digests[0]


def test_symmetric_relations_are_written_from_the_first_entity() -> None:
    first, second = Entity(0, 1, "Company"), Entity(2, 3, "Company")
    sentence = Sentence.from_tokens(
        ["a", "and", "b"],
        entities=[first, second],
        relations=[Relation(second, first, "rivals"), Relation(second, first, "owns")],
    )
    assert forwards(sentence, {"rivals"}).relations == {
        Relation(first, second, "rivals"),
        Relation(second, first, "owns"),
    }
    assert forwards(sentence, ()) == sentence


def test_limit_takes_the_first_sentences_of_each_file_but_not_of_held_out(tmp_path: Path) -> None:
    data = DataConfig(
        train=(save_corpus(TRAIN[:11], tmp_path / "a"), save_corpus(TRAIN[11:], tmp_path / "b")),
        dev=(save_corpus(DEV, tmp_path / "dev"),),
        extra=(save_corpus(SENTENCES[:10], tmp_path / "extra"),),
        held_out=(save_corpus(SENTENCES[:10], tmp_path / "held_out"),),
        max_sentences=6,
    )
    with pytest.raises(TrainingError, match=r"6 in data\.held_out"):
        read_splits(data)  # each of the first six extra sentences is held out
    splits = read_splits(data.model_copy(update={"extra": (), "held_out": ()}))
    assert [s.id for s in splits.train] == [s.id for s in (*TRAIN[:6], *TRAIN[11:17])]
    assert [s.id for s in splits.dev] == [s.id for s in DEV[:6]]


def test_dev_sentences_without_any_annotation_are_refused(tmp_path: Path) -> None:
    bare = [replace(item.without_annotations(), annotated=frozenset()) for item in DEV]
    with pytest.raises(TrainingError, match=f"none of the {len(DEV)} dev sentences is annotated"):
        read(tmp_path, TRAIN, bare)


def test_what_is_never_held_is_not_counted_as_lost(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Anna lives in Bonn.")
    (tmp_path / "a.ann").write_text(
        "T1\tPeop 0 4\tAnna\nT2\tLoc 14 18\tBonn\nR1\tLive_In Arg1:T1 Arg2:T2\n"
        "N1\tReference T2 wiki:3295\tBonn\nR2\tLive_In Arg1:T1 Arg2:T1\n"
    )
    dev = save_corpus(DEV, tmp_path / "dev.jsonl")
    splits = read_splits(DataConfig(train=(tmp_path / "a.ann",), dev=(dev,)))
    [said] = [warning for warning in splits.warnings if "could not be kept" in warning]
    assert "1 of 2 relations could not be kept; 1 normalizations were left out, which" in said
