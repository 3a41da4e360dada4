"""Experiments whose configs learn from several corpora: plans, results, tables."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from tests.corpus import DEV, TRAIN, save_corpus
from tests.networks import tiny_config
from tests.training.test_several_corpora import mentions, renamed
from typer.testing import CliRunner

from dovetail.cli import app
from dovetail.config.overrides import apply_overrides
from dovetail.corpora import read_corpus
from dovetail.errors import ConfigError, TrainingError
from dovetail.lab.cell_folder import CellFolder
from dovetail.lab.cell_scoring import annotated_for, file_of, together
from dovetail.lab.experiment_cells import cells_of, refuse_other_configs, smoke_plan
from dovetail.lab.experiment_plan import Plan, load_plan
from dovetail.lab.experiment_work import CellWork
from dovetail.lab.statistics.experiment_folder import Experiment
from dovetail.lab.statistics.experiment_tables import all_tables
from dovetail.lab.statistics.views import MEAN
from dovetail.text.document import Sentence

CORPORA = {"towns": lambda s: s, "cities": renamed, "mentions": mentions}
"""Two corpora with relations, and one in which nothing is related."""

PLAN: dict[str, Any] = {
    "name": "company",
    "config": "several.toml",
    "seeds": [1, 2],
    "compare_with": "alone",
    "configs": [
        {"name": "towns alone", "corpora": ["towns"]},
        {"name": "cities alone", "config": "cities.toml", "scored_as": "cities"},
        {"name": "mentions alone", "corpora": ["mentions"]},
        {"name": "alone", "set_of": ["towns alone", "cities alone", "mentions alone"]},
        {"name": "together", "control": "wider"},
        {"name": "wider", "set": ["sharing.hidden_dim=8"]},
        {"name": "all seeds", "ensemble_of": "together"},
    ],
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Configs of three corpora and of one, their files, and the test files of a plan."""
    values = tiny_config(training={"epochs": 1}).model_dump(mode="json", exclude_none=True)
    del values["data"]
    values["corpora"] = []
    for name, change in CORPORA.items():
        paths = {
            split: str(save_corpus([change(s) for s in own], tmp_path / f"{name}-{split}.jsonl"))
            for split, own in {"train": TRAIN, "dev": DEV, "test": DEV[:6]}.items()
        }
        del paths["test"]
        values["corpora"].append({"name": name, **paths})
    write(tmp_path / "several.toml", values)
    data = {name: own for name, own in values["corpora"][1].items() if name != "name"}
    del values["corpora"]
    write(tmp_path / "cities.toml", {**values, "data": data})
    return tmp_path


def write(path: Path, values: dict[str, Any]) -> Path:
    path.write_text(tomli_w.dumps(values), encoding="utf-8")
    return path


def plan_of(folder: Path, **changes: Any) -> Plan:
    tests = {name: [str(folder / f"{name}-test.jsonl")] for name in CORPORA}
    return load_plan(write(folder / "plan.toml", {**PLAN, "test": tests, **changes}))


def done(plan: Plan, runs: Path) -> Experiment:
    experiment = Experiment.of_plan(plan, runs)
    experiment.begin()
    for cell in experiment.cells:
        steps = CellWork(experiment.root)(cell)
        for _ in steps:
            pass
        assert CellFolder(experiment.root, cell.key).read_failure() == ""
    return experiment


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        return [*csv.DictReader(file)]


def test_cells_are_of_the_corpora_that_their_configs_learn_from(folder: Path) -> None:
    cells = {cell.key: cell for cell in cells_of(plan_of(folder), folder)}
    assert [key for key in cells if key.endswith("seed2")] == [
        "towns alone/all/seed2",
        "cities alone/all/seed2",
        "mentions alone/all/seed2",
        "together/all/seed2",
        "wider/all/seed2",
    ]
    assert cells["towns alone/all/seed1"].corpora == ("towns",)
    assert [own.name for own in cells["towns alone/all/seed1"].config.corpora] == ["towns"]
    assert cells["cities alone/all/seed1"].corpora == ("cities",)
    assert cells["together/all/seed1"].corpora == ("towns", "cities", "mentions")
    assert cells["all seeds/all/ensemble"].corpora == ("towns", "cities", "mentions")
    assert [*cells["cities alone/all/seed1"].test] == ["cities"]
    assert [*cells["together/all/seed1"].test] == ["towns", "cities", "mentions"]


def test_experiment_of_several_corpora_has_scores_of_each_and_their_mean(folder: Path) -> None:
    experiment = done(plan_of(folder), folder / "runs")
    cell = CellFolder(experiment.root, "together/all/seed1")
    result = cell.read_result()
    assert [*result["scores_by_corpus"]] == [*CORPORA]
    assert [*result["test"]] == [*CORPORA]
    for name, change in CORPORA.items():
        gold = read_corpus(file_of(cell.path, "gold", "test", name)).sentences
        expected = [change(sentence) for sentence in DEV[:6]]
        assert [own.entities for own in gold] == [own.entities for own in expected]
        scores = result["scores_by_corpus"][name]["test"]
        assert scores["relation"]["sentences"] == (0 if name == "mentions" else 6)
    one = CellFolder(experiment.root, "cities alone/all/seed1").read_result()
    assert "scores_by_corpus" not in one  # as results of one corpus have always been
    assert isinstance(one["test"], list)
    assert (experiment.root / "cities alone/all/seed1/gold/test.jsonl").is_file()
    refuse_other_configs(experiment.cells, experiment.root)

    summary = experiment.write_tables(experiment.results())
    assert summary["corpora"] == [*CORPORA]
    configs = {own["name"]: own for own in summary["configs"]}
    assert [*configs] == [row["name"] for row in PLAN["configs"]]
    assert configs["towns alone"]["scores"] == {}  # it has no mean over all corpora
    assert [*configs["towns alone"]["by_corpus"]] == ["towns"]
    together_ = configs["together"]
    means = [
        own["scores"]["test"]["entity_micro"]["mean"] for own in together_["by_corpus"].values()
    ]
    assert together_["scores"]["test"]["entity_micro"]["mean"] == pytest.approx(sum(means) / 3)
    assert "relation_micro" not in together_["by_corpus"]["mentions"]["scores"]["test"]
    links = [
        together_["by_corpus"][n]["scores"]["test"]["relation_micro"]["mean"]
        for n in ("towns", "cities")
    ]
    assert together_["scores"]["test"]["relation_micro"]["mean"] == pytest.approx(sum(links) / 2)
    check_set(configs)
    check_tables(experiment, summary)


def check_set(configs: dict[str, Any]) -> None:
    """A set has the scores of its members, and costs what they cost together."""
    members = [configs[f"{name} alone"] for name in CORPORA]
    alone = configs["alone"]
    for name, member in zip(CORPORA, members, strict=True):
        assert alone["by_corpus"][name]["scores"] == member["by_corpus"][name]["scores"]
    for cost in ("stored_parameters", "trainable_parameters"):
        assert alone["costs"][cost] == sum(member["costs"][cost] for member in members)
    reads = [member["costs"]["multiply_adds"] for member in members]
    assert alone["costs"]["multiply_adds"] == pytest.approx(sum(reads) / 3)
    assert (alone["cells"], alone["of_cells"]) == (2, 2)
    assert configs["together"]["costs"]["stored_parameters"] < alone["costs"]["stored_parameters"]


def check_tables(experiment: Experiment, summary: dict[str, Any]) -> None:
    titles = [table.title for table in all_tables(summary)]
    assert titles[:4] == [f"F1 on dev{own}" for own in (f", {MEAN}", *(f", {n}" for n in CORPORA))]
    assert "Against controls, on test, towns" in titles
    table = next(own for own in all_tables(summary) if own.title == "F1 on test, cities")
    assert [row[0] for row in table.rows] == [
        "cities alone",
        "alone",
        "together",
        "wider",
        "all seeds",
    ]
    stored = json.loads((experiment.folder / "summary.json").read_text("utf-8"))
    assert all_tables(stored) == all_tables(summary)
    compared = rows_of(experiment.folder / "comparisons.csv")
    assert {row["corpus"] for row in compared} == {MEAN, *CORPORA}
    assert not any(row["config"].endswith("alone") for row in compared)
    pairs = {(row["config"], row["compared_with"]) for row in compared if row["corpus"] == "towns"}
    assert pairs == {
        *(("together", "alone"), ("wider", "alone"), ("all seeds", "alone"), ("together", "wider")),
    }
    cells = rows_of(experiment.folder / "cells.csv")
    assert cells[0]["towns/test_entity_micro_f1"] != "" == cells[0]["test_entity_micro_f1"]
    assert {row["corpus"] for row in rows_of(experiment.folder / "scores.csv")} == {*CORPORA}
    for name in ("scores", "costs", "corpora"):
        assert (experiment.folder / "figures" / f"{name}.png").stat().st_size > 0


def halves(folder: Path) -> Plan:
    """Entities on one half of a file and relations on the other, beside all labels."""
    values = tiny_config(training={"epochs": 1}).model_dump(mode="json", exclude_none=True)
    files = {split: str(folder / f"towns-{split}.jsonl") for split in ("train", "dev")}
    values["data"] = files
    write(folder / "towns.toml", values)
    del values["data"]
    own = {**files, "schema_name": "towns"}
    values["corpora"] = [
        {"name": "entities", **own, "tasks": ["entity"], "part": "0:0.5"},
        {"name": "relations", **own, "tasks": ["relation"], "part": "0.5:1"},
    ]
    write(folder / "halves.toml", values)
    return plan_of(
        folder,
        config="towns.toml",
        compare_with="all labels",
        scored_as="towns",
        seeds=[1],
        test=[str(folder / "towns-test.jsonl")],
        configs=[
            {"name": "all labels"},
            {"name": "masked", "config": "halves.toml"},
            {"name": "entities alone", "config": "halves.toml", "corpora": ["entities"]},
        ],
    )


def test_parts_that_are_scored_as_one_corpus_are_compared_with_the_whole(folder: Path) -> None:
    experiment = done(halves(folder), folder / "runs")
    for split, sentences in (("dev", DEV), ("test", DEV[:6])):
        path = experiment.root / "masked/all/seed1/gold" / f"{split}.jsonl"
        assert [*read_corpus(path).sentences] == [
            replace(own, offsets=read.offsets)
            for own, read in zip(sentences, read_corpus(path).sentences, strict=True)
        ]
    summary = experiment.write_tables(experiment.results())
    assert "corpora" not in summary
    compared = {
        row["score"]
        for row in rows_of(experiment.folder / "comparisons.csv")
        if row["config"] == "masked" and row["split"] == "dev"
    }
    assert compared == {"entity_micro", "entity_macro", "relation_micro", "relation_macro"}
    alone = CellFolder(experiment.root, "entities alone/all/seed1").read_result()
    assert alone["scores"]["test"]["relation"]["sentences"] == 0
    assert alone["scores"]["test"]["entity"]["sentences"] == 6


def test_sentences_of_parts_are_one_annotated_for_the_tasks_of_all() -> None:
    entities = annotated_for(DEV, ["entity"])
    relations = annotated_for(DEV, ["relation"])
    assert together([entities, relations]) == DEV
    assert together([entities, DEV[:2]]) == (*DEV[:2], *entities[2:])
    twice = Sentence.from_tokens(["Ah", "."], id="x")
    assert together([[twice, twice], [twice]]) == (twice, twice)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"test": {"towns": ["a"], "cities": ["b"]}}, "no files of mentions: name those of all"),
        ({"test": ["a.jsonl"]}, "write a table"),
        (
            {"test": {**{name: ["a"] for name in CORPORA}, "rivers": ["b"]}},
            "'rivers', which no config learns from",
        ),
        ({"configs": [{"name": "x", "corpora": ["rivers"]}]}, "the config lists towns, cities"),
        (
            {"configs": [{"name": "x", "config": "cities.toml", "corpora": ["towns"]}]},
            r"its corpus in \[data\]",
        ),
        (
            {"configs": [{"name": "x"}, {"name": "y", "config": "cities.toml"}], "test": []},
            "the corpus of 'y' has no name; say which it is by scored_as",
        ),
        ({"configs": [{"name": "x", "scored_as": "all"}]}, "is for corpora of one schema"),
        (
            {"configs": [{"name": "x"}, {"name": "y"}, {"name": "z", "set_of": ["x", "y"]}]},
            "'x' and 'y' of the set 'z' have scores of the same corpus, towns",
        ),
        ({"configs": [{"name": "x", "set_of": ["y"]}]}, "there is no 'y' to take"),
        (
            {"configs": [{"name": "x"}, {"name": "y", "set_of": ["x"], "corpora": ["towns"]}]},
            "trains nothing",
        ),
        (
            {
                "configs": [
                    {"name": "x", "corpora": ["towns"], "control": "y"},
                    {"name": "y", "corpora": ["cities"]},
                ],
                "test": [],
            },
            "'x' and its control 'y' have no corpus in common",
        ),
        (
            {"config": "cities.toml", "configs": [], "compare_with": "config"},
            "the only corpus has no name",
        ),
    ],
)
def test_plan_that_cannot_be_compared_is_refused_before_anything_is_trained(
    folder: Path, changes: dict[str, Any], message: str
) -> None:
    plan = {"compare_with": "x" if "configs" in changes else "together", **changes}
    with pytest.raises(ConfigError, match=message):
        cells_of(plan_of(folder, **plan), folder)


def test_smoke_of_several_corpora_reads_few_sentences_of_each(folder: Path) -> None:
    plan = smoke_plan(plan_of(folder, compare_with="towns alone"))
    cells = cells_of(plan, folder)
    assert [cell.row for cell in cells] == ["towns alone", "cities alone"]
    assert [*plan.test] == ["towns", "cities"]
    for cell in cells:
        assert {own.max_sentences for own in cell.config.sources} == {16}
    smoke = plan_of(folder, smoke={"configs": 5, "sentences": 4}, seeds=[1])
    assert [row.name for row in smoke_plan(smoke).rows] == [row["name"] for row in PLAN["configs"]]


def test_folds_change_corpora_by_name(folder: Path) -> None:
    folds = [
        {
            "name": part,
            "set": [f"corpora.towns.part={share}"],
            "test": plan_of(folder).model_dump(mode="json")["test"],
        }
        for part, share in (("first", "0:0.5"), ("second", "0.5:1"))
    ]
    plan = plan_of(folder, folds=folds, test=[], configs=[{"name": "x"}], compare_with="x")
    parts = [cell.config.corpora[0].part for cell in cells_of(plan, folder)]
    assert parts == ["0:0.5", "0.5:1"] * 2


def test_item_of_a_list_is_named_by_its_name_or_number() -> None:
    values = {"corpora": [{"name": "towns", "train": "a"}, {"name": "cities", "train": "b"}]}
    changed = apply_overrides(values, ["corpora.cities.train=c", "corpora.0.train=d"], defaults={})
    assert [own["train"] for own in changed["corpora"]] == ["d", "c"]
    with pytest.raises(ConfigError, match=r"from 0 to 1 or a name \(towns, cities\)"):
        apply_overrides(values, ["corpora.rivers.train=c"], defaults={})


def test_other_corpora_than_before_are_refused(folder: Path) -> None:
    configs = [{"name": "x", "corpora": ["towns", "cities"]}]
    tests = {name: [str(folder / f"{name}-test.jsonl")] for name in ("towns", "cities")}
    plan = plan_of(folder, configs=configs, seeds=[1], compare_with="x", test=tests)
    experiment = done(plan, folder / "runs")
    other = plan_of(
        folder, configs=[{"name": "x", "corpora": ["towns"]}], seeds=[1], compare_with="x", test=[]
    )
    with pytest.raises(TrainingError, match="trained with another config"):
        refuse_other_configs(cells_of(other, experiment.root), experiment.root)


def test_command_line_shows_a_table_for_each_corpus(folder: Path) -> None:
    plan_of(folder, smoke={"configs": 5, "sentences": 8}, seeds=[1])
    told = ["experiment", str(folder / "plan.toml"), "--smoke", "--runs", str(folder / "runs")]
    run = CliRunner().invoke(app, [*told, "--speed"], catch_exceptions=False)
    assert run.exit_code == 0, run.output
    for text in (f"F1 on test, {MEAN}", "F1 on test, towns", "F1 on dev, mentions", "Costs"):
        assert text in run.output
    again = CliRunner().invoke(app, [*told, "--configs", "alone"], catch_exceptions=False)
    assert again.exit_code == 0, again.output
