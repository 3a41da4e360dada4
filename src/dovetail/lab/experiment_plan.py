"""A plan: which configs are trained, with which seeds, on which folds; read from a TOML file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError, field_validator

from dovetail.config.config import LARGEST_SEED
from dovetail.config.config_files import read_toml
from dovetail.config.explanation import explain
from dovetail.config.in_words import alternatives, describe_value
from dovetail.config.section import Contradiction, Section
from dovetail.config.values import Count, FilePath, FilePaths, FolderName, PositiveCount, Text
from dovetail.errors import ConfigError

ENSEMBLE = "{ensemble}"
"""Stands in an override for the folder of the ensemble that a config waits for."""

MODEL = "{model}"
"""Stands in an override for the folder of the model of the same fold and seed that it waits for."""

Seed = Annotated[int, Field(ge=0, le=LARGEST_SEED)]
Overrides = tuple[Text, ...]
GridValues = Annotated[tuple[bool | int | float | str, ...], Field(min_length=1)]


class PlannedConfig(Section):
    """One row of the table: a config that is trained, or an ensemble of another row's models."""

    name: FolderName
    """Name of the row, and of the folder of its cells."""

    config: FilePath | None = None
    """A config file in place of the plan's, relative to the plan."""

    set: Overrides = ()
    """Overrides, written as on the command line: `sharing.entity_layers=0`."""

    control: Text | None = None
    """Name of the config that this one has to beat, of the same size, which chooses at random what
    this one learns to choose; a table of its own compares the two."""

    ensemble_of: Text | None = None
    """Name of a config whose models of all seeds decide together, once for each fold."""

    after: Text | None = None
    """Name of what has to be there before: an ensemble, whose folder is `{ensemble}` in `set`, or a
    trained config, whose model of the same fold and seed is `{model}`."""

    def contradictions(self) -> Iterator[Contradiction]:
        if "," in self.name:
            yield Contradiction("name", "leave the comma out: --configs takes names between commas")
        if self.ensemble_of is not None and (self.config or self.set or self.after):
            yield Contradiction(
                "ensemble_of",
                "an ensemble trains nothing, so config, set and after have no meaning beside it",
            )
        if self.after is None:
            for placeholder in (ENSEMBLE, MODEL):
                if self.names(placeholder):
                    yield Contradiction("set", f'{placeholder} of which? Name it: after = "NAME"')

    @property
    def needed(self) -> str | None:
        """Name of the config that has to be there before this one."""
        return self.after or self.ensemble_of

    def names(self, placeholder: str) -> bool:
        """Whether an override has the placeholder."""
        return any(placeholder in override for override in self.set)


class Fold(Section):
    """A split of the data of its own, such as one of ten."""

    name: FolderName
    """Name of the fold, and of the folder of its cells."""

    set: Overrides = ()
    """Overrides for every config, such as `data.train=["train_0.json"]`."""

    test: FilePaths = ()
    """Files of test sentences of this fold."""


class Smoke(Section):
    """The plan for `--smoke`: the same steps in seconds, for scores without meaning."""

    set: Overrides = ()
    """Overrides after all others, beside one epoch and few sentences."""

    sentences: PositiveCount = 16
    """Sentences that are read of each file."""

    configs: PositiveCount = 2
    """Trained configs that are tried, from the first, and the ensembles that go with them."""


class Plan(Section):
    """Configs x folds x seeds: each is a cell, and is trained once."""

    name: FolderName
    """Name of the experiment, and of the folder it leaves in `runs/`."""

    config: FilePath
    """The config file that all start from, relative to the plan."""

    set: Overrides = ()
    """Overrides for every config, before those of folds and of the config itself."""

    test: FilePaths = ()
    """Files of test sentences, scored once for each cell, when its model is final. No cell reads
    them before. Without any, there are dev scores only."""

    seeds: Annotated[tuple[Seed, ...], Field(min_length=1)] = (1, 2, 3, 4, 5)
    """The seeds that every config is trained with."""

    compare_with: Text | None = None
    """Name of the config that the others are compared with; the first, unless told."""

    configs: tuple[PlannedConfig, ...] = ()
    """The configs to compare; without any, and without a grid, the config file as it is."""

    grid: Mapping[str, GridValues] = {}
    """Fields with the values they take, in every combination. The points come after `configs`,
    the first field changing slowest, and are named after the last words of the fields."""

    folds: tuple[Fold, ...] = ()
    """Splits of the data that every config is trained on; without any, the config's own alone."""

    smoke: Smoke = Smoke()
    """The changes of `--smoke`."""

    max_test_sentences: Count = 0
    """Sentences that are read of each test file at most; 0 reads all. `--smoke` sets it."""

    @field_validator("folds", "configs")
    @classmethod
    def _names_differ(cls, items: tuple[Any, ...]) -> tuple[Any, ...]:
        names = [item.name for item in items]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"{describe_value(name)} is the name of more than one; rename one")
        return items

    @property
    def rows(self) -> tuple[PlannedConfig, ...]:
        """The configs with a name, then the points of the grid."""
        rows = (*self.configs, *grid_points(self.grid))
        return rows or (PlannedConfig(name="config"),)

    @property
    def first(self) -> str:
        """Name of the config that the others are compared with."""
        return self.compare_with or self.rows[0].name

    def contradictions(self) -> Iterator[Contradiction]:
        by_name = {row.name: row for row in self.rows}
        if len(by_name) < len(self.rows):
            yield Contradiction("grid", "a point has the name of a config; rename the config")
        if self.compare_with is not None and self.compare_with not in by_name:
            yield Contradiction("compare_with", _unknown(self.compare_with, list(by_name)))
        for number, row in enumerate(self.configs):
            for field, remedy in _contradictions_of_needs(row, by_name):
                yield Contradiction(f"configs.{number}.{field}", remedy)
        if len({*self.seeds}) < len(self.seeds):
            yield Contradiction("seeds", "a seed stands there twice; each cell is trained once")
        if self.test and any(fold.test for fold in self.folds):
            yield Contradiction("test", "the folds have test files too; name them in one place")


def load_plan(path: Path) -> Plan:
    """Read a plan; paths of config files come out relative to the working directory.

    Raises:
        ConfigError: if it cannot be read, or holds what cannot be right.
    """
    try:
        plan = Plan.model_validate(read_toml(path), context={})
    except ValidationError as error:
        raise ConfigError(explain(error, section=Plan, source=str(path))) from None
    configs = tuple(
        row.model_copy(update={"config": row.config and path.parent / row.config})
        for row in plan.configs
    )
    return plan.model_copy(update={"config": path.parent / plan.config, "configs": configs})


def grid_points(grid: Mapping[str, GridValues]) -> Iterator[PlannedConfig]:
    """A config for each combination of the values of the fields, named by both.

    >>> [point.name for point in grid_points({"sharing.entity_layers": (0, 1)})]
    ['entity_layers=0', 'entity_layers=1']
    """
    if not grid:
        return
    words = [field.rpartition(".")[2] for field in grid]
    labels = [
        word if words.count(word) == 1 else field for word, field in zip(words, grid, strict=True)
    ]
    for values in product(*grid.values()):
        texts = [describe_value(value) for value in values]
        yield PlannedConfig(
            name=" ".join(
                f"{label}={text.strip(chr(34))}" for label, text in zip(labels, texts, strict=True)
            ),
            set=tuple(f"{field}={text}" for field, text in zip(grid, texts, strict=True)),
        )


def _contradictions_of_needs(
    row: PlannedConfig, by_name: Mapping[str, PlannedConfig]
) -> Iterator[tuple[str, str]]:
    """Fields that name what a config cannot wait for or be compared with, and what to do."""
    trained = [name for name, other in by_name.items() if other.ensemble_of is None]
    if row.control is not None and (row.control == row.name or row.control not in by_name):
        yield "control", _unknown(row.control, [name for name in by_name if name != row.name])
    if row.ensemble_of is not None and row.ensemble_of not in trained:
        yield "ensemble_of", _unknown(row.ensemble_of, trained)
    if row.after is not None:
        read, other = (MODEL, ENSEMBLE) if row.after in trained else (ENSEMBLE, MODEL)
        if row.after not in by_name:
            yield "after", _unknown(row.after, list(by_name))
        elif not row.names(read) or row.names(other):
            yield (
                "after",
                f"write {read} in set, and no other placeholder, where the folder of {row.after!r} "
                f"belongs; or leave after out",
            )
        elif _waits_for_itself(row, by_name):
            yield "after", f"{row.name!r} waits for itself that way; break the circle"


def _waits_for_itself(row: PlannedConfig, by_name: Mapping[str, PlannedConfig]) -> bool:
    """Whether what a config waits for waits for it in turn."""
    seen: set[str] = set()
    name = row.needed
    while name is not None and name in by_name and name not in seen:
        seen.add(name)
        name = by_name[name].needed
    return row.name in seen


def _unknown(name: str, known: list[str]) -> str:
    listed = alternatives(known) if known else "none: there is no such config yet"
    return f"there is no {name!r} to take; expected {listed}"
