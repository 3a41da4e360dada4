"""A plan: which configs are trained, with which seeds, on which folds; read from a TOML file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    BeforeValidator,
    Field,
    SerializerFunctionWrapHandler,
    ValidationError,
    WrapSerializer,
    field_validator,
)

from dovetail.config.config import LARGEST_SEED
from dovetail.config.config_files import read_toml
from dovetail.config.explanation import explain
from dovetail.config.in_words import describe_value
from dovetail.config.section import Contradiction, Section
from dovetail.config.sections.several_corpora import CorpusName
from dovetail.config.values import Count, FilePath, FilePaths, FolderName, PositiveCount, Text
from dovetail.errors import ConfigError
from dovetail.lab.planned_config import Overrides, PlannedConfig, contradictions_of_needs, unknown
from dovetail.text.named_schemas import ONLY, is_only

Seed = Annotated[int, Field(ge=0, le=LARGEST_SEED)]


def _by_corpus(value: Any) -> Any:
    """Files alone are those of a corpus that has no name."""
    if isinstance(value, str | Path | list | tuple):
        return {ONLY: value} if value else {}
    return value


def _without_the_name(value: Any, write: SerializerFunctionWrapHandler) -> Any:
    written = write(value)
    return written.get(ONLY, []) if is_only(written) or not written else written


TestFiles = Annotated[
    Mapping[str, Annotated[FilePaths, Field(min_length=1)]],
    BeforeValidator(_by_corpus),
    WrapSerializer(_without_the_name, when_used="json"),
]
"""Files of test sentences: a list, or a table of the files of each corpus."""

GridValues = Annotated[tuple[bool | int | float | str, ...], Field(min_length=1)]


class Fold(Section):
    """A split of the data of its own, such as one of ten."""

    name: FolderName
    """Name of the fold, and of the folder of its cells."""

    set: Overrides = ()
    """Overrides for every config, such as `data.train=["train_0.json"]`."""

    test: TestFiles = Field(default_factory=dict)
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

    scored_as: CorpusName | None = None
    """Name of the corpus that the scores of all configs are of that do not name one themselves."""

    test: TestFiles = Field(default_factory=dict)
    """Files of test sentences, scored once for each cell, when its model is final. No cell reads
    them before. Without any, there are dev scores only. Where configs learn from several corpora,
    it is a table of the files of each: `test = {news = ["…"], drugs = ["…"]}`."""

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

    max_sentences: Count = 0
    """Sentences that are read of each file of every corpus at most, whatever the configs say; 0
    leaves that to them. `--smoke` sets it."""

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
            yield Contradiction("compare_with", unknown(self.compare_with, list(by_name)))
        for number, row in enumerate(self.configs):
            for field, remedy in contradictions_of_needs(row, by_name):
                yield Contradiction(f"configs.{number}.{field}", remedy)
            if unplanned := [seed for seed in row.of_seeds if seed not in self.seeds]:
                yield Contradiction(
                    f"configs.{number}.of_seeds",
                    f"expected some of {', '.join(map(str, self.seeds))}, the seeds of the plan; "
                    f"found {', '.join(map(str, unplanned))}",
                )
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
