"""The record of `matching`."""

from __future__ import annotations

from typing import Any

from dovetail.couplings.coupling import Coupling, CouplingGround
from dovetail.couplings.matching.config import MatchingCouplingConfig
from dovetail.couplings.matching.objective import MatchingObjective
from dovetail.couplings.matching.table import Table
from dovetail.errors import TrainingError
from dovetail.strategies.objective import Objective
from dovetail.strategies.strategy import SearchSpace
from dovetail.text.document import ENTITY_TASK, RELATION_TASK
from dovetail.text.named_schemas import named


class Matching(Coupling[MatchingCouplingConfig]):
    """Entity types and relations teach each other by the types that each relation links."""

    def objectives(
        self, section: MatchingCouplingConfig, ground: CouplingGround
    ) -> tuple[Objective, ...]:
        tables = {
            name: table_of(section, ground, name)
            for name in ground.schemas
            if {named(name, task) for task in (ENTITY_TASK, RELATION_TASK)} <= ground.learned
        }
        if not tables:
            raise TrainingError(
                'the coupling "matching" lets entities and relations teach each other, and no '
                "corpus is learned for both; leave it out, or give both tasks a weight in "
                "[training] and annotations"
            )
        if not section.weight and not section.entity_weight and not section.relation_weight:
            return ()
        return (MatchingObjective(section, tables),)

    def search_space(self, section: MatchingCouplingConfig) -> SearchSpace:
        weights = {"low": 0.01, "high": 10.0, "log": True}
        space: dict[str, Any] = {
            name: weights
            for name in ("weight", "entity_weight", "relation_weight")
            if getattr(section, name)
        }
        return {
            **space,
            "table": ["signatures", "counted"],
            "direction": ["-p log q", "-q log p"],
            "detached": ["none", "entity", "relation"],
        }

    def card_lines(self, section: MatchingCouplingConfig) -> list[str]:
        shuffled = ", shuffled as a control" if section.shuffled else ""
        return [
            f"Entities and relations taught each other by distribution matching (table of "
            f"{section.table}{shuffled}; weights {section.weight:g} / {section.entity_weight:g} / "
            f"{section.relation_weight:g})"
        ]


def table_of(section: MatchingCouplingConfig, ground: CouplingGround, schema: str) -> Table:
    """The table of a schema.

    Raises:
        TrainingError: if it can teach nothing, since all relations link all types.
    """
    types = ground.schemas[schema]
    sentences = (own for part in ground.domains_of(schema).values() for own in part.sentences)
    table = Table.counted(sentences, types)
    if section.table == "signatures":
        table = table.with_signatures(types)
    if len(types.coded.entity_types) < 2:
        raise TrainingError(
            f'the coupling "matching" tells the types of entities by their relations, and '
            f"{f'the corpus {schema}' if schema else 'the corpus'} has "
            f"{len(types.entity_types)} entity type; leave the coupling out"
        )
    return table.shuffled(ground.seed) if section.shuffled else table
