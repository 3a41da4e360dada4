"""From a plan to its cells: each is one training or one ensemble, done once.

Cells form a small graph: an ensemble needs the cells of its members, and what is trained after an
ensemble or another model needs that.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from dovetail.config import Config, DataConfig, load_config
from dovetail.errors import ConfigError, TrainingError
from dovetail.lab.cell_events import LabCell
from dovetail.lab.cell_folder import CellFolder
from dovetail.lab.experiment_corpora import (
    Tests,
    chosen_corpora,
    of_few_sentences,
    refuse_unlike,
    scored_corpora,
    tests_of,
)
from dovetail.lab.experiment_plan import Fold, Plan
from dovetail.lab.planned_config import ENSEMBLE, MODEL, PlannedConfig
from dovetail.text.named_schemas import ONLY
from dovetail.training.run_folder import changed_fields

WHOLE = Fold(name="all")
"""The only fold of a plan without folds."""

ENSEMBLE_FOLDER = "ensemble"


@dataclass(frozen=True)
class Cell(LabCell):
    """One config on one fold with one seed; an ensemble has no seed, and a member's config.

    `corpora` are what its scores are of.
    """

    row: str
    fold: str
    seed: int | None
    config: Config
    corpora: tuple[str, ...] = (ONLY,)
    test: Tests = field(default_factory=dict)
    max_test_sentences: int = 0
    needs: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """The name of the cell, and of its folder below `cells/`."""
        last = ENSEMBLE_FOLDER if self.seed is None else f"seed{self.seed}"
        return f"{self.row}/{self.fold}/{last}"

    @property
    def is_ensemble(self) -> bool:
        """Whether the models of other cells decide together here."""
        return self.seed is None

    @property
    def sources(self) -> dict[str, tuple[DataConfig, ...]]:
        """The sections of the config that each of the corpora comes from."""
        one = len(self.corpora) == 1
        return scored_corpora(self.config, self.corpora[0] if one else None)

    @property
    def test_values(self) -> list[str] | dict[str, list[str]]:
        """The test files as the result names them."""
        by_corpus = {name: [str(path) for path in paths] for name, paths in self.test.items()}
        return by_corpus.get(self.corpora[0], []) if len(self.corpora) == 1 else by_corpus

    @property
    def group(self) -> str:
        return self.row

    @property
    def epochs(self) -> int:
        return 0 if self.is_ensemble else self.config.training.epochs


def cells_of(plan: Plan, root: Path) -> tuple[Cell, ...]:
    """All cells, in the order in which they are done: seed by seed, so that rows stay balanced.

    Args:
        plan: the plan.
        root: the folder of the cells.

    Raises:
        ConfigError: if the config of a cell is wrong, or the cells cannot be compared; nothing has
            been trained then.
    """
    rows_by_name = {row.name: row for row in plan.rows}
    trained = [row for row in plan.rows if row.is_trained]
    folds = plan.folds or (WHOLE,)
    first = [row for row in trained if not row.names(ENSEMBLE)]
    later = [row for row in trained if row.names(ENSEMBLE)]
    ensembles = [
        _ensemble(plan, row, rows_by_name[row.ensemble_of], fold, root)
        for fold in folds
        for row in plan.rows
        if row.ensemble_of is not None
    ]
    cells = (
        *(_trained(plan, row, fold, seed, root) for seed, fold, row in _each(plan, folds, first)),
        *ensembles,
        *(_trained(plan, row, fold, seed, root) for seed, fold, row in _each(plan, folds, later)),
    )
    refuse_unlike(plan, cells)
    return cells


def _each(
    plan: Plan, folds: Sequence[Fold], rows: Sequence[PlannedConfig]
) -> Iterator[tuple[int, Fold, PlannedConfig]]:
    return ((seed, fold, row) for seed in plan.seeds for fold in folds for row in rows)


def _trained(plan: Plan, row: PlannedConfig, fold: Fold, seed: int, root: Path) -> Cell:
    name = json.dumps(f"{row.name} {fold.name} seed{seed}", ensure_ascii=False)  # a TOML string
    needs: tuple[str, ...] = ()
    own = row.set
    if row.after is not None:
        reads_model = row.names(MODEL)
        last = f"seed{seed}" if reads_model else ENSEMBLE_FOLDER
        needs = (f"{row.after}/{fold.name}/{last}",)
        placeholder = MODEL if reads_model else ENSEMBLE
        folder = str(CellFolder(root, *needs).model)
        own = tuple(override.replace(placeholder, folder) for override in own)
    overrides = (*plan.set, *fold.set, *own, f"seed={seed}", f"name={name}")
    try:
        config = chosen_corpora(load_config(row.config or plan.config, overrides), row.corpora)
        config = of_few_sentences(config, plan.max_sentences)
        corpora = tuple(scored_corpora(config, row.scored_as or plan.scored_as))
    except ConfigError as error:
        raise ConfigError(f"{row.name!r} of the plan cannot be trained: {error}") from None
    test = tests_of(fold.test or plan.test, corpora)
    return Cell(row.name, fold.name, seed, config, corpora, test, plan.max_test_sentences, needs)


def _ensemble(
    plan: Plan, row: PlannedConfig, members: PlannedConfig, fold: Fold, root: Path
) -> Cell:
    seeds = row.seeds_of(plan.seeds)
    cells = [_trained(plan, members, fold, seed, root) for seed in seeds]
    return replace(cells[0], row=row.name, seed=None, needs=tuple(member.key for member in cells))


def chosen_cells(
    cells: Sequence[Cell], *, rows: Iterable[str] | None, seeds: Iterable[int] | None
) -> tuple[Cell, ...]:
    """The cells of some configs and seeds, and all cells that these need.

    Seeds without configs leave out what needs cells of other seeds: ensembles, and what learns of
    them.

    Raises:
        ConfigError: if the plan has no such config or seed.
    """
    wanted_rows = _known("config", rows, dict.fromkeys(cell.row for cell in cells))
    wanted_seeds = _known("seed", seeds, dict.fromkeys(c.seed for c in cells if c.seed is not None))
    by_key = {cell.key: cell for cell in cells}
    chosen = [
        cell.key
        for cell in cells
        if cell.row in wanted_rows
        and (cell.seed is None or cell.seed in wanted_seeds)
        and not (rows is None and seeds is not None and _needs_other_seeds(cell, by_key))
    ]
    keys: set[str] = set()
    while chosen:
        key = chosen.pop()
        if key not in keys:
            keys.add(key)
            chosen += by_key[key].needs
    return tuple(cell for cell in cells if cell.key in keys)


def _needs_other_seeds(cell: Cell, by_key: Mapping[str, Cell]) -> bool:
    return any(
        by_key[key].seed != cell.seed or _needs_other_seeds(by_key[key], by_key)
        for key in cell.needs
    )


def _known(what: str, wanted: Iterable[Any] | None, known: Iterable[Any]) -> set[Any]:
    known = list(known)
    chosen = known if wanted is None else list(wanted)
    for item in chosen:
        if item not in known:
            listed = ", ".join(map(str, known))
            raise ConfigError(f"the plan has no {what} {item!r}; expected some of: {listed}")
    return {*chosen}


def smoke_plan(plan: Plan) -> Plan:
    """The same steps in seconds: one seed, one fold, one epoch, few sentences, few configs."""
    smoke = plan.smoke
    quick = ("training.epochs=1", *smoke.set)
    by_name = {row.name: row for row in plan.rows}
    open_ = [row for row in plan.rows if row.is_trained][: smoke.configs]
    names: set[str] = set()
    while open_:
        row = open_.pop()
        names.add(row.name)
        if row.needed is not None:
            open_.append(by_name[row.needed])
    names |= {row.name for row in plan.rows if row.ensemble_of in names}
    rows = tuple(
        row.model_copy(update={"set": (*row.set, *quick)}) if row.is_trained else row
        for row in plan.rows
        if row.name in names or (row.set_of and names.issuperset(row.set_of))
    )
    return plan.model_copy(
        update={
            "name": f"{plan.name}-smoke",
            "seeds": plan.seeds[:1],
            "configs": rows,
            "grid": {},
            "compare_with": plan.compare_with if plan.first in {r.name for r in rows} else None,
            "max_sentences": smoke.sentences,
            "max_test_sentences": smoke.sentences,
            **_of_first_fold(plan, [row for row in rows if row.is_trained]),
        }
    )


def _of_first_fold(plan: Plan, rows: Sequence[PlannedConfig]) -> dict[str, Any]:
    """The first fold, and the test files of what these configs learn from alone."""
    folds = plan.folds[:1]
    fold = folds[0] if folds else WHOLE
    cells = [_trained(plan, row, fold, plan.seeds[0], Path()) for row in rows]
    corpora = {ONLY, *(name for cell in cells for name in cell.corpora)}

    def kept(tests: Tests) -> Tests:
        return {name: own for name, own in tests.items() if name in corpora}

    folds = tuple(own.model_copy(update={"test": kept(own.test)}) for own in folds)
    return {"folds": folds, "test": kept(plan.test)}


def refuse_other_configs(cells: Sequence[Cell], root: Path) -> None:
    """Make sure that finished cells were trained with the configs that the plan has now.

    Raises:
        TrainingError: naming the first that was not, and what differs.
    """
    for cell in cells:
        folder = CellFolder(root, cell.key)
        if cell.is_ensemble or not folder.is_finished:
            continue
        planned = load_config(folder.planned if folder.planned.is_file() else folder.config)
        if planned != cell.config:
            stored = planned.model_dump(mode="json")
            lines = changed_fields(stored, cell.config.model_dump(mode="json"))
            listed = "".join(f"\n  {line}" for line in lines)
            raise TrainingError(
                f"{folder.path} was trained with another config than the plan has now:{listed}\n"
                f"Put the plan back, give it another name, or remove that folder"
            )
        tests = cell.test_values
        if (found := folder.read_result()["test"]) != tests:
            raise TrainingError(
                f"{folder.path} was scored on {found}, and the plan names {tests} now; put the "
                f"plan back, give it another name, or remove that folder"
            )
