"""A config of a plan: what is trained, or which models of others stand together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from dovetail.config.in_words import alternatives
from dovetail.config.section import Contradiction, Section
from dovetail.config.sections.several_corpora import CorpusName
from dovetail.config.values import FilePath, FolderName, Text

ENSEMBLE = "{ensemble}"
"""Stands in an override for the folder of the ensemble that a config waits for."""

MODEL = "{model}"
"""Stands in an override for the folder of the model of the same fold and seed that it waits for."""

Overrides = tuple[Text, ...]


class PlannedConfig(Section):
    """One row of the table: a config that is trained, or models of other rows together."""

    name: FolderName
    """Name of the row, and of the folder of its cells."""

    config: FilePath | None = None
    """A config file in place of the plan's, relative to the plan."""

    set: Overrides = ()
    """Overrides, written as on the command line: `sharing.entity_layers=0`."""

    corpora: tuple[CorpusName, ...] = ()
    """Names of those of the config's `[[corpora]]` that it learns from; all unless told."""

    scored_as: CorpusName | None = None
    """Name of the corpus that the scores are of, for a config whose `[data]` has no name beside
    configs of several corpora, or for `[[corpora]]` that are parts of one, such as one half
    annotated for entities and one for relations, which are then scored together."""

    control: Text | None = None
    """Name of the config that this one has to beat, of the same size, which chooses at random what
    this one learns to choose; a table of its own compares the two."""

    ensemble_of: Text | None = None
    """Name of a config whose models of all seeds decide together, once for each fold."""

    of_seeds: tuple[int, ...] = ()
    """Seeds of those models, two or more of the plan's, such as to ask what three are worth and
    what five; all of the plan's unless told."""

    set_of: tuple[Text, ...] = ()
    """Names of configs that learn from different corpora and together count as one, such as a
    single model for each corpus: it has the scores of all, and costs what they cost together."""

    after: Text | None = None
    """Name of what has to be there before: an ensemble, whose folder is `{ensemble}` in `set`, or a
    trained config, whose model of the same fold and seed is `{model}`."""

    def contradictions(self) -> Iterator[Contradiction]:
        if "," in self.name:
            yield Contradiction("name", "leave the comma out: --configs takes names between commas")
        if self.ensemble_of is not None and self.set_of:
            yield Contradiction("set_of", "models decide together or stand side by side; not both")
        for field, what in (("ensemble_of", "an ensemble"), ("set_of", "a set of models")):
            others = self.config or self.set or self.after or self.corpora or self.scored_as
            if getattr(self, field) and others:
                yield Contradiction(
                    field,
                    f"{what} trains nothing, so config, set, after, corpora and scored_as have no "
                    f"meaning beside it",
                )
        if self.of_seeds and (self.ensemble_of is None or len({*self.of_seeds}) < 2):
            yield Contradiction(
                "of_seeds",
                f"expected two seeds or more of the models of an ensemble_of, found "
                f"{list(self.of_seeds)} of {self.ensemble_of or 'none'}",
            )
        if self.after is None:
            for placeholder in (ENSEMBLE, MODEL):
                if self.names(placeholder):
                    yield Contradiction("set", f'{placeholder} of which? Name it: after = "NAME"')

    def seeds_of(self, seeds: Sequence[int]) -> list[int]:
        """The seeds of the models of an ensemble: its own of these, or all of a smoke test's."""
        return [seed for seed in seeds if seed in self.of_seeds] or [*seeds]

    @property
    def is_trained(self) -> bool:
        """Whether it is a config, and not models of others."""
        return self.ensemble_of is None and not self.set_of

    @property
    def needed(self) -> str | None:
        """Name of the config that has to be there before this one."""
        return self.after or self.ensemble_of

    def names(self, placeholder: str) -> bool:
        """Whether an override has the placeholder."""
        return any(placeholder in override for override in self.set)


def contradictions_of_needs(
    row: PlannedConfig, by_name: Mapping[str, PlannedConfig]
) -> Iterator[tuple[str, str]]:
    """Fields that name what a config cannot wait for or be compared with, and what to do."""
    trained = [name for name, other in by_name.items() if other.is_trained]
    if row.control is not None and (row.control == row.name or row.control not in by_name):
        yield "control", unknown(row.control, [name for name in by_name if name != row.name])
    if row.ensemble_of is not None and row.ensemble_of not in trained:
        yield "ensemble_of", unknown(row.ensemble_of, trained)
    for member in row.set_of:
        if member == row.name or member not in by_name or by_name[member].set_of:
            known = [name for name, own in by_name.items() if not own.set_of and own != row]
            yield "set_of", unknown(member, known)
    if row.after is not None:
        read, other = (MODEL, ENSEMBLE) if row.after in trained else (ENSEMBLE, MODEL)
        if row.after not in by_name:
            yield "after", unknown(row.after, list(by_name))
        elif by_name[row.after].set_of:
            yield "after", f"{row.after!r} is a set of models; name the one that is waited for"
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


def unknown(name: str, known: list[str]) -> str:
    """Say that there is no config of a name, and which there are."""
    listed = alternatives(known) if known else "none: there is no such config yet"
    return f"there is no {name!r} to take; expected {listed}"
