"""Candidates: ways of sharing that may be better than the config's own, when, and why."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dovetail.config import Config, CouplingConfig, SharingConfig, with_changes
from dovetail.config.structure import KIND
from dovetail.errors import ConfigError
from dovetail.lab.advice.facts import Facts
from dovetail.text.document import RELATION_TASK
from dovetail.text.named_schemas import kind_of_task

ALL_SHARED = "depth 2+0+0"
"""The candidate whose layers all tasks share, on which the agreement of gradients is measured."""


@dataclass(frozen=True)
class Candidate:
    """A way of sharing: changes of the config that make it, and why it might help.

    `settings` are those of the changes that are not the config's own, for people to read.
    """

    name: str
    changes: Mapping[str, Any]
    reason: str
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Unfit:
    """A way of sharing that is not tried, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class Proposal:
    """A candidate for any config whose facts it applies to; `when` says to which, in words."""

    name: str
    kind: str
    reason: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    applies: Callable[[Facts], bool] = lambda facts: True
    when: str = ""
    is_coupling: bool = False

    def changes(self, config: Config) -> dict[str, Any]:
        """The section of a config, with layers of the same sort as it has."""
        own = {KIND: self.kind, **self.fields}
        if self.is_coupling:
            present = [c.model_dump(mode="json", exclude_none=True) for c in config.couplings]
            return {"couplings": [*present, own]}
        section = SharingConfig.of_kind(self.kind)
        known = section.model_fields.keys() if section is not None else ()
        sort = config.sharing.sort_of_layers() or {}
        return {"sharing": {**{n: value for n, value in sort.items() if n in known}, **own}}

    @property
    def is_registered(self) -> bool:
        """Whether there is such a kind."""
        group = CouplingConfig if self.is_coupling else SharingConfig
        return group.of_kind(self.kind) is not None


def depth(shared: int, entity: int, relation: int, reason: str) -> Proposal:
    """So many shared layers and own ones."""
    layers = {"shared_layers": shared, "entity_layers": entity, "relation_layers": relation}
    return Proposal(f"depth {shared}+{entity}+{relation}", "depth", reason, layers)


def has_relations(facts: Facts) -> bool:
    """Whether a task finds relations."""
    return any(kind_of_task(task) == RELATION_TASK for task in facts.tasks)


def has_three_tasks(facts: Facts) -> bool:
    """Whether there are more tasks than two."""
    return len(facts.tasks) > 2


def is_partly_annotated_in_several(facts: Facts) -> bool:
    """Whether several corpora, or one and `data.extra`, are annotated for different tasks."""
    several = len(facts.corpora) > 1 or any(own.extra for own in facts.corpora)
    return several and facts.is_partly_annotated


PROPOSALS: tuple[Proposal, ...] = (
    depth(2, 0, 0, "all layers are shared: the fewest parameters for two layers of context"),
    depth(0, 1, 1, "nothing but the encoders is shared: no task is in the other's way"),
    depth(1, 0, 0, "one shared layer and nothing else: the smallest, for few sentences"),
    depth(1, 0, 1, "relations read what entities have learned, and have a layer on top of it"),
    depth(1, 1, 1, "one layer learns from both tasks, and each has a layer of its own"),
    Proposal(
        "bottom 1+1+1",
        "bottom",
        "each task reads the encoders in its own way, and the layer above is shared",
        {"entity_layers": 1, "relation_layers": 1, "shared_layers": 1},
    ),
    Proposal(
        "exits 1+2 residual",
        "exits",
        "one shared stack whose layers add to what they read; entities leave it early",
        {"shared_layers": 2, "entity_exit": 1, "relation_exit": 2, "residual": True},
    ),
    Proposal(
        "sequential",
        "sequential",
        "relations depend on entities, and are scored together with them",
        applies=has_relations,
        when="there are relations to learn",
    ),
    Proposal("context", "context", "each task reads what the others have found about a word"),
    Proposal(
        "variational",
        "variational",
        "few sentences: each task leans on what the others have learned",
        applies=has_three_tasks,
        when="a model learns three tasks or more",
    ),
    Proposal(
        "matching",
        "matching",
        "sentences that are annotated for one task teach the other, by the types of arguments",
        applies=lambda facts: facts.is_partly_annotated and has_relations(facts),
        when="some sentences are annotated for one task only",
        is_coupling=True,
    ),
    Proposal(
        "adversarial",
        "adversarial",
        "corpora that are annotated for different tasks are made to look alike",
        applies=is_partly_annotated_in_several,
        when="several corpora are annotated for different tasks",
        is_coupling=True,
    ),
)
"""All that may be tried, the first first."""


def default_of(config: Config) -> Candidate:
    """The config as it is."""
    coupled = "".join(f" with {own.kind}" for own in config.couplings)
    return Candidate(config.sharing.plan + coupled, {}, "the settings as they are")


def candidates(
    config: Config, facts: Facts, proposals: Sequence[Proposal] = PROPOSALS
) -> tuple[list[Candidate], list[Unfit]]:
    """The candidates beside the default, and those that do not apply, each with the reason.

    One task alone has nobody to share with, so it has no candidates.
    """
    if len(facts.tasks) < 2:
        return [], [Unfit("all of them", "one task is learned, and has nobody to share with")]
    found: list[Candidate] = []
    unfit: list[Unfit] = []
    default = default_of(config).name
    for proposal in proposals:
        if not proposal.is_registered or proposal.name == default:
            continue
        if not proposal.applies(facts):
            unfit.append(Unfit(proposal.name, f"tried where {proposal.when}"))
            continue
        changes = proposal.changes(config)
        try:
            with_changes(config, changes)
        except ConfigError as error:
            reason = str(error).removeprefix("config: ")
            unfit.append(Unfit(proposal.name, f"not with this config: {reason}"))
        else:
            own = {KIND: proposal.kind, **proposal.fields}
            found.append(Candidate(proposal.name, changes, proposal.reason, own))
    return found, unfit
