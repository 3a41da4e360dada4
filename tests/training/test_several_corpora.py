"""One model of several corpora: how they are read, mixed, learned, chosen by, and left."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.corpus import DEV, TRAIN, save_corpus
from tests.markdown import PROJECT, blocks_from_markdown
from tests.networks import tiny_config
from tests.training.conftest import metrics, weights

from dovetail.cli.train_command import overrides_of_base
from dovetail.config import Config, DataConfig, load_config, parse_config, with_changes
from dovetail.errors import ConfigError, TrainingError
from dovetail.extractor import Extractor
from dovetail.lab.cell_events import Epoch
from dovetail.lab.search.study import comparable
from dovetail.lab.search.training_objective import TrainingObjective, job_to_tune
from dovetail.report.run_report import report_of_run
from dovetail.saved.model_folder import load_model
from dovetail.text.document import Entity, Sentence
from dovetail.text.extraction import Extraction
from dovetail.training import EpochResult, RunFinished, RunStarted, training_events
from dovetail.training.batches import (
    Portion,
    draw,
    epoch_batches,
    number_of_batches,
    shuffled_batches,
)
from dovetail.training.job import Job

Change = Callable[[Sentence], Sentence]

CITIES = {"Person": "Name", "Place": "City", "Company": "Firm"}


def renamed(sentence: Sentence) -> Sentence:
    """The same sentence in another schema."""
    types = {entity: replace(entity, type=CITIES[entity.type]) for entity in sentence.entities}
    links = [
        replace(link, head=types[link.head], tail=types[link.tail], type=f"is_{link.type}")
        for link in sentence.relations
    ]
    return sentence.with_annotations(types.values(), links)


def without_relations(sentence: Sentence) -> Sentence:
    return replace(sentence, relations=frozenset(), annotated=frozenset({"entity"}))


def mentions(sentence: Sentence) -> Sentence:
    """Every entity is a mention, and nothing is related."""
    spans = [Entity(entity.start, entity.end, "Mention") for entity in sentence.entities]
    return replace(sentence.with_annotations(spans, ()), annotated=frozenset({"entity"}))


def same(sentence: Sentence) -> Sentence:
    return sentence


@pytest.fixture
def corpus(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    def entry(name: str, change: Change = same, **fields: Any) -> dict[str, Any]:
        files: dict[str, Iterable[Sentence]] = {"train": TRAIN, "dev": DEV}
        paths = {
            split: str(save_corpus([change(s) for s in own], tmp_path / f"{name}-{split}.jsonl"))
            for split, own in files.items()
        }
        return {"name": name, **paths, **fields}

    return entry


def config_of(*corpora: dict[str, Any], **sections: Any) -> Config:
    values = tiny_config().model_dump(mode="json", exclude_none=True)
    del values["data"]
    for name, section in sections.items():
        values[name] = {**values.get(name, {}), **section}
    return parse_config({**values, "corpora": list(corpora)})


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 25)), min_size=1, max_size=4),
    st.integers(0, 99),
)
def test_a_portion_is_drawn_as_often_as_it_has_to_be(
    sizes: list[tuple[int, int]], seed: int
) -> None:
    portions = [Portion(size, drawn if size else 0) for size, drawn in sizes]
    counts = Counter(draw(portions, seed=seed))
    start = 0
    for portion in portions:
        own = [counts[index] for index in range(start, start + portion.size)]
        assert sum(own) == portion.drawn
        assert not own or max(own) - min(own) <= 1
        start += portion.size


@given(st.lists(st.integers(1, 30), min_size=1, max_size=50), st.integers(0, 99))
def test_batches_of_one_schema_are_those_of_a_model_that_knows_no_other(
    lengths: list[int], seed: int
) -> None:
    whole = [Portion(len(lengths), len(lengths))]
    batches = epoch_batches(whole, lengths, batch_size=4, seed=seed)
    plain = shuffled_batches(lengths, batch_size=4, seed=seed)
    assert batches == [("", batch) for batch in plain]


@given(
    st.lists(st.tuples(st.integers(1, 9), st.sampled_from(["a", "b", "c"])), min_size=1),
    st.integers(0, 99),
)
def test_a_batch_has_sentences_of_one_schema(sizes: list[tuple[int, str]], seed: int) -> None:
    portions = [Portion(size, size, schema) for size, schema in sizes]
    schema_by_index = [portion.schema for portion in portions for _ in range(portion.size)]
    lengths = [1 + index % 7 for index in range(len(schema_by_index))]
    batches = epoch_batches(portions, lengths, batch_size=4, seed=seed)
    assert len(batches) == number_of_batches(portions, 4)
    assert sorted(i for _, batch in batches for i in batch) == list(range(len(lengths)))
    for schema, batch in batches:
        assert {schema_by_index[index] for index in batch} == {schema}
    assert batches == epoch_batches(portions, lengths, batch_size=4, seed=seed)


def test_a_run_of_two_schemas_leaves_a_model_of_both(corpus: Any, tmp_path: Path) -> None:
    config = config_of(corpus("towns"), corpus("cities", renamed, weight=2.0))
    events = list(training_events(config, tmp_path / "run"))
    (started,) = (event for event in events if isinstance(event, RunStarted))
    assert [len(own.train) for own in started.corpora.values()] == [len(TRAIN)] * 2
    epochs = [event for event in events if isinstance(event, EpochResult)]
    assert {*epochs[0].losses} == {
        f"{schema}/{task}" for schema in ("towns", "cities") for task in ("entity", "relation")
    }
    for line, epoch in zip(metrics(tmp_path / "run"), epochs, strict=True):
        scores = line["dev_by_corpus"]
        assert [*scores] == ["towns", "cities"]
        assert line["score"] == pytest.approx(sum(own["mean_f1"] for own in scores.values()) / 2)
        assert epoch.dev is None
    finished = events[-1]
    assert isinstance(finished, RunFinished)
    extractor = Extractor.load(tmp_path / "run")
    assert extractor.schemas == ("towns", "cities")
    for name, change in (("towns", same), ("cities", renamed)):
        alone = extractor.of_schema(name)
        gold = [change(sentence) for sentence in DEV]
        assert set(alone.schema.entity_types) == {e.type for s in gold for e in s.entities}
        assert finished.dev_by_corpus[name].sentences == len(DEV)
    again = list(training_events(config, tmp_path / "run", resume=True))[-1]
    assert isinstance(again, RunFinished)
    assert again.dev_by_corpus.keys() == finished.dev_by_corpus.keys()
    with pytest.raises(TrainingError, match="one of the corpora of the run: towns, cities"):
        report_of_run(tmp_path / "run")
    report = report_of_run(tmp_path / "run", corpus="cities")
    assert report.dev is not None
    for setting in ("entity_strict", "relation_strict"):
        expected = getattr(finished.dev_by_corpus["cities"], setting).micro
        assert getattr(report.dev.evaluation, setting).micro == expected
    assert report.curves is not None
    assert [*report.curves.epochs[0].scores] == ["entity", "relation"]
    assert report.warnings == ()
    card = (tmp_path / "run" / "model" / "README.md").read_text("utf-8")
    assert "the corpus `cities`" in card
    assert "\ntowns:\n\n- entities" in card


def train_an_epoch(config: Config, folder: Path) -> None:
    """Stop a run when its first epoch is over."""
    epochs: list[EpochResult] = []
    events = training_events(config, folder, should_stop=lambda: bool(epochs))
    for event in events:
        epochs += [event] if isinstance(event, EpochResult) else []


def test_a_run_that_was_stopped_goes_on_to_the_same_bits(corpus: Any, tmp_path: Path) -> None:
    config = config_of(
        corpus("towns"),
        corpus("cities", renamed, per_epoch=30),
        corpus("mentions", mentions),
        mixing={"temperature": 3.0},
        training={"epochs": 3},
    )
    for _ in training_events(config, tmp_path / "whole"):
        pass
    train_an_epoch(config, tmp_path / "parts")
    for _ in training_events(config, tmp_path / "parts", resume=True):
        pass
    assert weights(tmp_path / "parts") == weights(tmp_path / "whole")
    assert metrics(tmp_path / "parts") == metrics(tmp_path / "whole")


@pytest.mark.parametrize("per_epoch", [5, 50])
def test_a_single_corpus_has_its_sentences_per_epoch_in_either_section(
    corpus: Any, tmp_path: Path, per_epoch: int
) -> None:
    """Fewer than there are, or more, and the same ones."""
    own = corpus("towns", per_epoch=per_epoch)
    listed = config_of(own, training={"epochs": 2})
    del own["name"]
    alone = tiny_config(data=own, training={"epochs": 2})
    for name, config in (("listed", listed), ("alone", alone)):
        (started, *_) = [
            event
            for event in training_events(config, tmp_path / name)
            if isinstance(event, RunStarted)
        ]
        (splits,) = started.corpora.values()
        assert splits.pools[0].drawn == per_epoch
    assert weights(tmp_path / "alone") == weights(tmp_path / "listed")


def test_a_schema_without_relations_has_no_relation_task(corpus: Any, tmp_path: Path) -> None:
    config = config_of(corpus("towns"), corpus("mentions", mentions), training={"epochs": 1})
    for _ in training_events(config, tmp_path / "run"):
        pass
    model = load_model(tmp_path / "run" / "model").model
    assert model.sharing.tasks == ("towns/entity", "towns/relation", "mentions/entity")
    assert model.of_schema("mentions").relation_head is None
    found = Extractor.load(tmp_path / "run").extract("Ada lives in London .")
    assert found["mentions"].relations == ()


def test_corpora_of_one_schema_teach_what_they_are_annotated_for(
    corpus: Any, tmp_path: Path
) -> None:
    """Entities here and relations there make a model of one schema, stored as any other."""
    config = config_of(
        corpus("entities", without_relations, schema_name="towns", tasks=["entity"]),
        corpus("relations", schema_name="towns", tasks=["relation"]),
        training={"epochs": 2},
    )
    job = Job.of(config)
    assert [*job.schemas] == [""]
    assert job.loss_weights == {"entity": 1.0, "relation": 5.0}
    assert [corpus.select for corpus in job.corpora] == ["entity", "relation"]
    for corpus_, task in zip(job.corpora, ("entity", "relation"), strict=True):
        assert {sentence.annotated for sentence in corpus_.splits.train} == {frozenset({task})}
    for _ in training_events(config, tmp_path / "run"):
        pass
    assert [*metrics(tmp_path / "run")[0]["dev_by_corpus"]] == ["entities", "relations"]
    description = json.loads((tmp_path / "run" / "model" / "model.json").read_text("utf-8"))
    assert "schemas" not in description
    assert description["schema"]["relation_types"]
    assert Extractor.load(tmp_path / "run").schemas == ()


def test_the_corpus_that_is_chosen_decides_which_epoch_is_kept(corpus: Any, tmp_path: Path) -> None:
    config = config_of(
        corpus("towns"),
        corpus("cities", renamed),
        mixing={"select_corpus": "cities"},
        training={"epochs": 2, "select": "entity"},
    )
    for _ in training_events(config, tmp_path / "run"):
        pass
    for line in metrics(tmp_path / "run"):
        micro = line["dev_by_corpus"]["cities"]["entity"]["strict"]["micro"]
        assert line["score"] == micro["f1"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"corpora.1.name": "towns"}, "2 corpora have the name 'towns'"),
        ({"corpora.1.unit": "line"}, "unit = line and sentence"),
        ({"corpora.1.name": "a/b"}, "letters, digits, - and _"),
        ({"mixing.select_corpus": "rivers"}, "a corpus with a dev set, towns, cities; found"),
        (
            {"distillation": {"teacher": "news", "unlabelled": ["more.txt"]}},
            "these are of none of several corpora",
        ),
        (
            {
                "relation_head.signatures": "declared",
                "relation_head.declared": {"lives_in": [["Person", "Place"]]},
            },
            "'lives_in' names no schema of several: write it before the type, such as "
            "'cities/lives_in'",
        ),
        ({"corpora.1.dev": []}, "needs a dev set"),
    ],
)
def test_what_several_corpora_cannot_mean_is_refused(
    corpus: Any, changes: dict[str, Any], message: str
) -> None:
    from dovetail.config import with_changes

    config = config_of(corpus("towns"), corpus("cities", renamed))
    with pytest.raises(ConfigError, match=message):
        with_changes(config, changes)


def test_one_corpus_and_several_are_not_given_together(corpus: Any) -> None:
    data = {key: value for key, value in corpus("towns").items() if key != "name"}
    with pytest.raises(ConfigError, match="one corpus is in"):
        parse_config({"data": data, "corpora": [corpus("cities", renamed)]})
    with pytest.raises(ConfigError, match="nothing is mixed"):
        parse_config({"data": data, "mixing": {"temperature": 2.0}})


def test_a_corpus_that_cannot_be_learned_from_is_named(corpus: Any, tmp_path: Path) -> None:
    empty = corpus("empty", lambda sentence: sentence.with_annotations((), ()))
    with pytest.raises(TrainingError, match="the corpus empty: the 22 training sentences hold no"):
        Job.of(config_of(corpus("towns"), empty))
    needs = corpus("cities", lambda s: without_relations(renamed(s)), tasks=["relation"])
    with pytest.raises(TrainingError, match="cities has no training sentence that is annotated"):
        Job.of(config_of(corpus("towns"), needs))
    needs["train"] = corpus("related", renamed)["train"]
    with pytest.raises(TrainingError, match="cities has no dev sentence that is annotated for rel"):
        Job.of(config_of(corpus("towns"), needs))


@pytest.mark.parametrize("changes", [{"balance": "learned"}, {"average": "swa"}])
def test_learned_factors_and_averages_are_those_of_all_tasks(
    corpus: Any, tmp_path: Path, changes: dict[str, Any]
) -> None:
    config = config_of(
        corpus("towns"), corpus("mentions", mentions), training={"epochs": 2, **changes}
    )
    for _ in training_events(config, tmp_path / "run"):
        pass
    for line in metrics(tmp_path / "run"):
        assert {"towns/entity", "towns/relation", "mentions/entity"} <= line["losses"].keys()


def test_dev_sentences_that_another_corpus_teaches_are_told_of(corpus: Any) -> None:
    towns, cities = corpus("towns"), corpus("cities", renamed)
    job = Job.of(config_of(towns, {**cities, "dev": cities["train"], "train": cities["dev"]}))
    assert any(
        line.startswith("cities: 22 of 22 dev sentences are in the training data of towns")
        for line in job.splits.warnings
    )


def test_other_config_on_the_same_corpora_shares_their_sentences(corpus: Any) -> None:
    config = config_of(corpus("towns"), corpus("mentions", mentions))
    job = Job.of(config)
    for start in (config, job.config):
        again = job.with_config(with_changes(start, {"training.epochs": 7}))
        assert again == Job.of(with_changes(start, {"training.epochs": 7}))
        for own, before in zip(again.corpora, job.corpora, strict=True):
            assert own.splits is before.splits
    mixed = with_changes(config, {"mixing.temperature": 3.0, "corpora": other_weights(config)})
    assert job.with_config(mixed) == Job.of(mixed) != job


def other_weights(config: Config) -> list[dict[str, Any]]:
    """The corpora of a config, the first of them with twice its share."""
    first, *others = (own.model_dump(mode="json", exclude_none=True) for own in config.corpora)
    return [{**first, "weight": 2.0}, *others]


def test_a_search_scores_the_mean_over_the_corpora(corpus: Any) -> None:
    config = config_of(corpus("towns"), corpus("mentions", mentions), training={"epochs": 1})
    assert not {"train", "dev"} & comparable(config)["corpora"][0].keys()
    objective = TrainingObjective(job_to_tune(config))
    *_, last = objective(config)
    assert isinstance(last, Epoch)
    assert last.result.epochs == 1
    assert 0 <= last.result.relation_f1 <= 1


def test_the_page_on_several_corpora_does_what_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = (PROJECT / "docs" / "several-corpora.md").read_text("utf-8")
    (sample,) = (block.text for block in blocks_from_markdown(page) if block.language == "python")
    monkeypatch.chdir(PROJECT)
    changes = ["training.epochs=12", "encoders=[{kind='characters'}, {kind='casing'}]"]
    config = load_config(PROJECT / "examples" / "several.toml", changes)
    for _ in training_events(config, tmp_path / "runs" / "several"):
        pass
    monkeypatch.chdir(tmp_path)
    exec(compile(sample, "several-corpora.md", "exec"), {})
    assert "Date" in capsys.readouterr().out


@pytest.mark.parametrize("kind", ["deltas", "bank"])
def test_a_corpus_is_added_to_a_model_which_says_what_it_said(
    corpus: Any, tmp_path: Path, kind: str
) -> None:
    towns, cities = corpus("towns"), corpus("cities", renamed)
    base_config = tiny_config(
        DataConfig(train=(Path(towns["train"]),), dev=(Path(towns["dev"]),)),
        name="towns",
        training={"epochs": 10, "learning_rate": 2e-2},
    )
    for _ in training_events(base_config, tmp_path / "towns"):
        pass
    values = {
        "name": "more",
        "data": {key: cities[key] for key in ("train", "dev")},
        "sharing": {"kind": kind, "penalty": 0.0} if kind == "deltas" else {"kind": kind},
        "training": base_config.training.model_dump(mode="json"),
    }
    config = parse_config(
        values, overrides_of_base(str(tmp_path / "towns" / "model"), None, "cities")
    )
    events = list(training_events(config, tmp_path / "more"))
    finished = events[-1]
    assert isinstance(finished, RunFinished)
    assert [*finished.dev_by_corpus] == ["cities"]
    base, more = Extractor.load(tmp_path / "towns"), Extractor.load(tmp_path / "more")
    assert more.schemas == ("towns", "cities")
    assert more.of_schema("towns").thresholds == base.thresholds
    texts = [" ".join(sentence.tokens) for sentence in DEV]
    of_base = more.of_schema("towns").extract(texts)
    for before, found, alone in zip(base.extract(texts), more.extract(texts), of_base, strict=True):
        assert found["towns"].to_dict() == before.to_dict()
        assert said(alone) == said(before)
    assert any(sentence.entities for e in of_base for sentence in e.document.sentences)
    again = list(training_events(config, tmp_path / "more", resume=True))[-1]
    assert isinstance(again, RunFinished)
    further = parse_config(values, overrides_of_base(str(tmp_path / "more" / "model"), None, "z"))
    with pytest.raises(TrainingError, match=f'has kind = "{kind}"'):
        list(training_events(further, tmp_path / "further"))


def test_several_corpora_are_not_added_to_a_base_at_once(corpus: Any, tmp_path: Path) -> None:
    config = config_of(
        corpus("towns"),
        corpus("cities", renamed),
        sharing={"kind": "deltas", "base": "news", "add_tasks": ["entity", "relation"]},
    )
    with pytest.raises(TrainingError, match="one corpus at a time is added to a base"):
        Job.of(config)


def test_nothing_is_added_to_a_model_of_several_schemas(corpus: Any, tmp_path: Path) -> None:
    for _ in training_events(
        config_of(corpus("towns"), corpus("cities", renamed)), tmp_path / "two"
    ):
        pass
    mentioned = corpus("mentions", mentions)
    added = parse_config(
        {
            "data": {key: mentioned[key] for key in ("train", "dev")},
            "sharing": {"kind": "deltas"},
        },
        overrides_of_base(str(tmp_path / "two" / "model"), None, "mentions"),
    )
    with pytest.raises(TrainingError, match="the schemas towns, cities, and tasks are added to"):
        list(training_events(added, tmp_path / "three"))


def said(extraction: Extraction) -> object:
    """All annotations with their probabilities, to the last bit."""
    return [
        [(a, a.confidence) for a in (*sentence.sorted_entities, *sentence.sorted_relations)]
        for sentence in extraction.document.sentences
    ]
