"""The corpora of an experiment: which of them a config learns from, and what its scores are of.

Configs are compared corpus by corpus.  A plan in which that is not possible is refused here, when
it is read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from dovetail.config import Config, CorpusConfig, DataConfig, with_changes
from dovetail.errors import ConfigError
from dovetail.lab.experiment_plan import Plan
from dovetail.text.named_schemas import ONLY, is_only

Corpora = tuple[str, ...]
Tests = Mapping[str, tuple[Path, ...]]
"""The test files of each corpus; those of the only one stand under `ONLY`."""


class OfCorpora(Protocol):
    """A cell, as far as it is of corpora."""

    @property
    def row(self) -> str: ...

    @property
    def corpora(self) -> tuple[str, ...]: ...


def chosen_corpora(config: Config, names: Sequence[str]) -> Config:
    """The config with some of the corpora that it lists, or all if none is named.

    Raises:
        ConfigError: if it does not list one of them, or is wrong without the others.
    """
    if not names:
        return config
    known = {own.name: own for own in config.corpora}
    for name in names:
        if name not in known:
            listed = ", ".join(known) or "none, as it has its corpus in [data]"
            raise ConfigError(f"corpora names {name!r}, and the config lists {listed}")
    chosen = [known[name].model_dump(mode="json", exclude_none=True) for name in names]
    return with_changes(config, {"corpora": chosen})


def of_few_sentences(config: Config, number: int) -> Config:
    """The config that reads so many sentences of each file, or as many as before if that is 0.

    An epoch draws no more of them either.
    """
    if not number:
        return config

    data = config.data.model_copy(update=_few(config.data, number))
    return config.model_copy(
        update={
            "data": data if config.data.is_there else config.data,
            "corpora": tuple(own.model_copy(update=_few(own, number)) for own in config.corpora),
        }
    )


def _few(own: DataConfig, number: int) -> dict[str, int]:
    drawn = {name: min(getattr(own, name), number) for name in ("per_epoch", "extra_per_epoch")}
    return {"max_sentences": number, **drawn}


def scored_corpora(config: Config, scored_as: str | None) -> dict[str, tuple[DataConfig, ...]]:
    """The corpora that the scores of a config are of, each with the sections that it comes from.

    Raises:
        ConfigError: if corpora that are to be scored as one have types of their own.
    """
    if not config.corpora:
        return {scored_as or ONLY: (config.data,)}
    if scored_as is None:
        return {own.name: (own,) for own in config.corpora}
    schemas = dict.fromkeys(own.of_schema for own in config.corpora)
    if len(schemas) > 1:
        raise ConfigError(
            f"scored_as = {scored_as!r} is for corpora of one schema, and the config has "
            f"{', '.join(schemas)}: leave it out, or give them a schema_name in common"
        )
    return {scored_as: config.corpora}


def learned_tasks_of(sources: Iterable[DataConfig]) -> tuple[str, ...] | None:
    """The tasks that corpora are for; None where that is left to the files."""
    own = [source for source in sources if isinstance(source, CorpusConfig)]
    return tuple(dict.fromkeys(task for source in own for task in source.tasks)) or None


def tests_of(tests: Tests, corpora: Sequence[str]) -> Tests:
    """Those of the test files that are of some corpora."""
    if is_only(tests) and len(corpora) == 1:
        return {corpora[0]: tests[ONLY]}
    return {name: tests[name] for name in corpora if name in tests}


def refuse_unlike(plan: Plan, cells: Sequence[OfCorpora]) -> None:
    """Make sure that the cells can be compared, and tested on what the plan says.

    Raises:
        ConfigError: if they cannot.
    """
    known = dict.fromkeys(name for cell in cells for name in cell.corpora)
    if ONLY in known and len(known) > 1:
        unnamed = next(cell.row for cell in cells if ONLY in cell.corpora)
        raise ConfigError(
            f"the plan compares configs of {', '.join(filter(None, known))}, and the corpus of "
            f"{unnamed!r} has no name; say which it is by scored_as"
        )
    for field, tests in (
        ("test", plan.test),
        *((f"the test of the fold {fold.name!r}", fold.test) for fold in plan.folds),
    ):
        _refuse_tests(field, tests, [*known])
    by_row = {cell.row: cell.corpora for cell in cells}
    for row in plan.rows:
        if row.set_of:
            by_row[row.name] = _corpora_of_set(row.name, row.set_of, by_row)
    for row in plan.rows:
        control = by_row.get(row.control or "")  # --smoke leaves some out
        if control is not None and {*control}.isdisjoint(by_row[row.name]):
            raise ConfigError(
                f"{row.name!r} and its control {row.control!r} have no corpus in common, so "
                f"nothing compares them"
            )


def _refuse_tests(field: str, tests: Tests, known: Sequence[str]) -> None:
    if not tests or {*tests} == {*known} or (is_only(tests) and len(known) == 1):
        return
    if is_only(tests):
        raise ConfigError(
            f"{field} lists files, and the configs learn from {', '.join(known)}: write a table "
            f"with the files of each, such as {{{known[0]} = […]}}"
        )
    if is_only(known):
        raise ConfigError(
            f"{field} names files of {', '.join(tests)}, and the only corpus has no name: write "
            f"a list of files, or name it by scored_as"
        )
    for name in tests:
        if name not in known:
            raise ConfigError(
                f"{field} names files of {name!r}, which no config learns from; expected those of "
                f"{', '.join(known)}"
            )
    lacking = ", ".join(name for name in known if name not in tests)
    raise ConfigError(f"{field} names no files of {lacking}: name those of all corpora, or none")


def _corpora_of_set(name: str, members: Sequence[str], by_row: Mapping[str, Corpora]) -> Corpora:
    found: dict[str, str] = {}
    for member in members:
        for corpus in by_row[member]:
            if corpus in found:
                raise ConfigError(
                    f"{found[corpus]!r} and {member!r} of the set {name!r} have scores of the "
                    f"same corpus{f', {corpus}' if corpus else ''}; a set has one model for each"
                )
            found[corpus] = member
    return tuple(found)
