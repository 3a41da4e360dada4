"""Plans: what they say, what cells they have, and how they are refused."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from dovetail.errors import ConfigError
from dovetail.lab.experiment_cells import Cell, cells_of, chosen_cells, smoke_plan
from dovetail.lab.experiment_plan import Plan, Smoke, load_plan

ROOT = Path("runs/tiny/cells")


def keys(cells: tuple[Cell, ...]) -> list[str]:
    return [cell.key for cell in cells]


def changed(plan_file: Path, text: str) -> Path:
    plan_file.write_text(plan_file.read_text("utf-8") + text, encoding="utf-8")
    return plan_file


def test_cells_come_seed_by_seed_and_ensembles_after_their_members(plan_file: Path) -> None:
    cells = cells_of(load_plan(plan_file), ROOT)
    assert keys(cells) == [
        "full/all/seed1",
        "no entity layers/all/seed1",
        "full/all/seed2",
        "no entity layers/all/seed2",
        "together/all/ensemble",
    ]
    assert cells[-1].needs == ("full/all/seed1", "full/all/seed2")
    assert [cell.config.seed for cell in cells[:4]] == [1, 1, 2, 2]
    assert [cell.config.sharing.model_dump()["entity_layers"] for cell in cells[:2]] == [1, 0]


def test_ensemble_can_be_of_some_seeds(plan_file: Path) -> None:
    text = plan_file.read_text("utf-8").replace("seeds = [1, 2]", "seeds = [1, 2, 3]")
    two = '[[configs]]\nname = "two"\nensemble_of = "full"\nof_seeds = [1, 3]\n'
    plan_file.write_text(text + two, encoding="utf-8")
    plan = load_plan(plan_file)
    needs = {cell.row: cell.needs for cell in cells_of(plan, ROOT) if cell.is_ensemble}
    assert needs["two"] == ("full/all/seed1", "full/all/seed3")
    assert len(needs["together"]) == 3
    small = {cell.row: cell.needs for cell in cells_of(smoke_plan(plan), ROOT) if cell.is_ensemble}
    assert small["two"] == ("full/all/seed1",)


def test_folds_have_data_and_tests_of_their_own(plan_file: Path) -> None:
    text = plan_file.read_text("utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("test = ")]
    folds = "".join(
        f"""
[[folds]]
name = "{fold}"
set = ['data.train="train_{fold}.jsonl"']
test = "test_{fold}.jsonl"
"""
        for fold in ("a", "b")
    )
    plan_file.write_text("\n".join(lines) + folds, encoding="utf-8")
    cells = cells_of(load_plan(plan_file), ROOT)
    assert keys(cells)[:4] == [
        "full/a/seed1",
        "no entity layers/a/seed1",
        "full/b/seed1",
        "no entity layers/b/seed1",
    ]
    assert len(cells) == 2 * 2 * 2 + 2
    by_key = {cell.key: cell for cell in cells}
    assert by_key["full/b/seed2"].config.data.train == (Path("train_b.jsonl"),)
    assert by_key["full/b/seed2"].test == {"": (Path("test_b.jsonl"),)}
    assert by_key["together/a/ensemble"].needs == ("full/a/seed1", "full/a/seed2")


def test_grid_has_every_combination_after_the_named_configs(plan_file: Path) -> None:
    grid = '[grid]\n"sharing.shared_layers" = [0, 1]\n"entity_head.scheme" = ["bio", "bilou"]\n'
    plan = load_plan(changed(plan_file, grid))
    assert [row.name for row in plan.rows] == [
        "full",
        "no entity layers",
        "together",
        "shared_layers=0 scheme=bio",
        "shared_layers=0 scheme=bilou",
        "shared_layers=1 scheme=bio",
        "shared_layers=1 scheme=bilou",
    ]
    assert plan.first == "full"
    cell = next(c for c in cells_of(plan, ROOT) if c.row == "shared_layers=0 scheme=bilou")
    assert cell.config.sharing.model_dump()["shared_layers"] == 0
    assert cell.config.entity_head.scheme == "bilou"


def test_overrides_of_the_plan_are_for_every_config_and_give_way_to_its_own(
    plan_file: Path,
) -> None:
    text = plan_file.read_text("utf-8").replace(
        "seeds = [1, 2]\n",
        'seeds = [1, 2]\nset = ["sharing.entity_layers=3", "training.batch_size=7"]\n',
    )
    plan_file.write_text(text, encoding="utf-8")
    configs = [cell.config for cell in cells_of(load_plan(plan_file), ROOT)[:2]]
    assert [config.sharing.model_dump()["entity_layers"] for config in configs] == [3, 0]
    assert {config.training.batch_size for config in configs} == {7}


def test_fields_of_the_same_name_are_told_apart_in_a_grid() -> None:
    grid = {"entity_head.dropout": (0.1,), "relation_head.dropout": (0.2,)}
    (row,) = Plan(name="x", config=Path("c.toml"), grid=grid).rows
    assert row.name == "entity_head.dropout=0.1 relation_head.dropout=0.2"


def test_config_after_an_ensemble_gets_its_folder(plan_file: Path) -> None:
    later = """
[[configs]]
name = "pupil"
after = "together"
set = ['data.language="{ensemble}"']
"""
    cells = cells_of(load_plan(changed(plan_file, later)), ROOT)
    assert keys(cells)[-3:] == ["together/all/ensemble", "pupil/all/seed1", "pupil/all/seed2"]
    assert cells[-1].needs == ("together/all/ensemble",)
    assert cells[-1].config.data.language == str(ROOT / "together/all/ensemble/model")
    chosen = chosen_cells(cells, rows=["pupil"], seeds=[2])
    assert keys(chosen) == [
        "full/all/seed1",
        "full/all/seed2",
        "together/all/ensemble",
        "pupil/all/seed2",
    ]


def test_config_after_a_model_gets_that_of_its_own_seed(plan_file: Path) -> None:
    later = """
[[configs]]
name = "added"
after = "full"
set = ['data.language="{model}"']
"""
    plan = load_plan(changed(plan_file, later))
    cells = cells_of(plan, ROOT)
    assert keys(cells)[2::3] == ["added/all/seed1", "added/all/seed2"]
    assert cells[5].needs == ("full/all/seed2",)
    assert cells[5].config.data.language == str(ROOT / "full/all/seed2/model")
    assert keys(chosen_cells(cells, rows=None, seeds=[2])) == keys(cells[3:6])
    assert keys(chosen_cells(cells, rows=["added"], seeds=[1])) == [
        "full/all/seed1",
        "added/all/seed1",
    ]
    plan = plan.model_copy(update={"configs": plan.configs[:0:-1] + plan.configs[:1]})
    smoke = smoke_plan(plan.model_copy(update={"smoke": Smoke(configs=1)}))
    assert [row.name for row in smoke.rows] == ["added", "together", "full"]


def test_part_of_a_plan_is_what_was_named(plan_file: Path) -> None:
    cells = cells_of(load_plan(plan_file), ROOT)
    assert keys(chosen_cells(cells, rows=["full"], seeds=[2])) == ["full/all/seed2"]
    assert keys(chosen_cells(cells, rows=None, seeds=[2])) == keys(cells[2:4])
    assert keys(chosen_cells(cells, rows=["together"], seeds=[2])) == [
        *("full/all/seed1", "full/all/seed2", "together/all/ensemble")
    ]
    assert chosen_cells(cells, rows=None, seeds=None) == cells
    with pytest.raises(ConfigError, match="no config 'ful'; expected some of: full, no entity"):
        chosen_cells(cells, rows=["ful"], seeds=None)
    with pytest.raises(ConfigError, match="no seed 3; expected some of: 1, 2"):
        chosen_cells(cells, rows=None, seeds=[3])


def test_cell_goes_to_another_process_and_back(plan_file: Path) -> None:
    for cell in cells_of(load_plan(plan_file), ROOT):
        assert pickle.loads(pickle.dumps(cell)) == cell


def test_smoke_is_the_same_plan_with_one_seed_one_epoch_and_few_sentences(plan_file: Path) -> None:
    grid = '[grid]\n"sharing.shared_layers" = [0, 1, 2]\n[smoke]\nset = ["seed=7"]\nconfigs = 4\n'
    plan = smoke_plan(load_plan(changed(plan_file, grid)))
    assert plan.name == "tiny-smoke"
    cells = cells_of(plan, ROOT)
    assert keys(cells) == [
        "full/all/seed1",
        "no entity layers/all/seed1",
        *(f"shared_layers={number}/all/seed1" for number in range(2)),
        "together/all/ensemble",
    ]
    for cell in cells:
        assert (cell.config.training.epochs, cell.config.data.max_sentences) == (1, 16)
        assert cell.max_test_sentences == 16


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[[configs]]\nname = "full"\n', '"full" is the name of more than one'),
        ('[[configs]]\nname = "a/b"\n', "a name that a folder can have"),
        ('[[configs]]\nname = "a,b"\n', "leave the comma out"),
        ('[[configs]]\nname = "x"\nensemble_of = "ful"\n', "there is no 'ful' to take; expected"),
        ('[[configs]]\nname = "x"\nensemble_of = "full"\nset = ["seed=1"]\n', "trains nothing"),
        ('[[configs]]\nname = "x"\nafter = "together"\n', "write {ensemble} in set"),
        ('[[configs]]\nname = "x"\nafter = "full"\nset = ["name={ensemble}"]\n', "{model} in set"),
        ('[[configs]]\nname = "x"\nset = ["name={model}"]\n', "of which"),
        ('[[configs]]\nname = "x"\nafter = "ful"\nset = ["name={model}"]\n', "there is no 'ful'"),
        ('[[configs]]\nname = "x"\nafter = "x"\nset = ["name={model}"]\n', "waits for itself"),
        ('[[configs]]\nname = "x"\nset = ["name={ensemble}"]\n', "of which"),
        ('[[configs]]\nname = "x"\ncontrol = "ful"\n', "there is no 'ful' to take; expected"),
        ('[[configs]]\nname = "x"\ncontrol = "x"\n', "there is no 'x' to take; expected"),
        ('[[configs]]\nname = "x"\nseds = [1]\n', "unknown key"),
        ('[[configs]]\nname = "x"\nof_seeds = [1, 2]\n', "expected two seeds or more"),
        (
            '[[configs]]\nname = "x"\nensemble_of = "full"\nof_seeds = [1, 1]\n',
            "expected two seeds or more",
        ),
        (
            '[[configs]]\nname = "x"\nensemble_of = "full"\nof_seeds = [1, 7]\n',
            "the seeds of the plan; found 7",
        ),
        ("[grid]\n", None),
        ('[grid]\n"sharing.shared_layers" = []\n', "non-empty list"),
    ],
)
def test_plans_that_cannot_be_meant_are_refused(
    plan_file: Path, text: str, message: str | None
) -> None:
    if message is None:
        load_plan(changed(plan_file, text))
        return
    with pytest.raises(ConfigError, match=message):
        load_plan(changed(plan_file, text))


def test_unknown_key_suggests_the_near_miss(tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"
    path.write_text('name = "x"\nconfig = "c.toml"\nseed = [1]\n', encoding="utf-8")
    with pytest.raises(ConfigError, match="did you mean seeds"):
        load_plan(path)


def test_wrong_config_of_a_cell_is_said_before_anything_is_trained(plan_file: Path) -> None:
    wrong = '[[configs]]\nname = "x"\nset = ["sharing.shared_layer=1"]\n'
    plan = load_plan(changed(plan_file, wrong))
    with pytest.raises(ConfigError, match=r"'x' of the plan .* did you mean sharing.shared_layers"):
        cells_of(plan, ROOT)
