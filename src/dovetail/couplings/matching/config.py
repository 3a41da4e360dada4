"""Distribution matching: what the entity types say of a pair, and the relations, has to agree."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from dovetail.config.section import Contradiction
from dovetail.config.sections.coupling_section import CouplingConfig
from dovetail.config.values import NonNegative


class MatchingCouplingConfig(CouplingConfig):
    """Entities and relations teach each other by the types that relations link (Kollias, 2024)."""

    implementation: ClassVar[str] = "dovetail.couplings.matching.coupling:Matching"
    paper: ClassVar[str] = "after Kollias et al., arXiv 2401.01219 (2024)"

    kind: Literal["matching"] = "matching"
    """The types that relations link couple the two tasks."""

    table: Literal["signatures", "counted"] = "signatures"
    """What is known of the types of a relation's head and tail: that each pair of types that the
    relation admits is as probable as another, or how often training sentences have each."""

    shuffled: bool = False
    """Whether each type takes the place of another in the table, drawn by the seed: the control
    experiment, which says as much and nothing true."""

    weight: NonNegative = 0.1
    """Weight in the loss of the distance between the entity types that the entity head finds and
    those that the predicted relations imply. Sentences that are annotated for relations only take
    part if `relation_head.signatures` is "off", so that no type says which relations there are."""

    entity_weight: NonNegative = 1.0
    """Weight of the types that annotated relations imply for their arguments, in sentences that are
    annotated for relations only."""

    relation_weight: NonNegative = 0.0
    """Weight of the relations that annotated entity types imply, in sentences that are annotated
    for entities only. They say no more than how frequent a relation is between such types, so that
    a large weight makes the relation head unsure."""

    direction: Literal["-p log q", "-q log p"] = "-p log q"
    """The cross-entropy of the types p that the entity head finds and the types q that relations
    imply: the first, as in the paper, makes p certain of the likeliest type of q, the second makes
    p equal to q."""

    detached: Literal["none", "entity", "relation"] = "none"
    """The side that the distance gives no gradient, so that it only teaches the other."""

    related: Literal["exclusive", "noisy-or"] = "exclusive"
    """How the scores of a pair become probabilities of its relations and of none: as if at most one
    relation could hold, or each on its own."""

    smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.01
    """Share of q that is spread evenly over all types and none, which keeps -log q finite."""

    def contradictions(self) -> Iterator[Contradiction]:
        if self.direction == "-p log q" and self.weight and not self.smoothing:
            yield Contradiction(
                "smoothing",
                "with 0 the distance -p log q is infinite for types that no relation admits; set "
                'it to such as 0.01, or direction = "-q log p"',
            )
