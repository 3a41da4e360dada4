"""The losses of distribution matching: a distance, and annotations that tasks lend each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn.functional import logsigmoid, pad

from dovetail.couplings.matching.config import MatchingCouplingConfig
from dovetail.couplings.matching.table import Table
from dovetail.heads.relation.relation_head import RelationHead
from dovetail.layers.path_sums import IMPOSSIBLE
from dovetail.strategies.objective import Objective, Outputs
from dovetail.tensors.features import Batch, Candidates, Targets
from dovetail.text.document import ENTITY_TASK, RELATION_TASK
from dovetail.text.named_schemas import named

LEAST = 1e-12
"""Probabilities below it count as it: a logarithm has to be a number."""

MATCHING, SOFT_ENTITY, SOFT_RELATION = "matching", "soft_entity", "soft_relation"
"""The names of the loss terms, behind that of the schema."""


class TableTensors(nn.Module):
    """A table as the losses read it, on the device of the model."""

    of_heads: Tensor
    of_tails: Tensor
    of_pairs: Tensor

    def __init__(self, table: Table, smoothing: float) -> None:
        super().__init__()
        self.register_buffer("of_heads", table.of_heads(smoothing), persistent=False)
        self.register_buffer("of_tails", table.of_tails(smoothing), persistent=False)
        self.register_buffer("of_pairs", table.of_pairs[..., :-1], persistent=False)


@dataclass(frozen=True)
class Found:
    """What the heads say of the candidates of a batch.

    Args:
        labels: probability of each type, and last that it is no entity.
        logits: scores of the relations between them.
        possible: which of these can hold.
    """

    labels: Float[Tensor, "batch entities labels"]
    logits: Float[Tensor, "batch entities entities relations"]
    possible: Bool[Tensor, "batch entities entities relations"]


class MatchingObjective(Objective):
    """Distribution matching and soft co-annotation, for the schemas that a table is given for.

    For a pair (i, j) let p_i be the types that the entity head finds at i, P(r) the relations that
    the relation head finds between them, and q_i = sum_r P(r | not none) P(type | r, head) what
    these imply.  The distance is, in nats per sentence,

        sum over pairs of (1 - P(none)) [CE(p_i, q_i) + CE(p_j, q_j)].

    The factor 1 - P(none) passes no gradient: else a pair could get rid of its distance by not
    being related.

    The candidates of a sentence that is not annotated for entities have types all the same, which
    must not be learned from.  If signatures limit the relations between them, these types are in
    P(r), and the sentence takes no part in the distance.
    """

    def __init__(self, section: MatchingCouplingConfig, tables: Mapping[str, Table]) -> None:
        super().__init__()
        self.section = section
        self._tables = {
            name: TableTensors(table, section.smoothing) for name, table in tables.items()
        }
        self.held = nn.ModuleList(self._tables.values())  # which go to the device with it

    def forward(self, outputs: Outputs, batch: Batch, step: int) -> dict[str, Tensor]:
        """The weighted terms; none for a schema without a table."""
        table = self._tables.get(batch.schema)
        if table is None or outputs.relation_logits is None:
            return {}
        section = self.section
        found, linked, head = heard(outputs, batch)
        terms = {}
        if section.weight:
            rows = linked.annotated[ENTITY_TASK] | head.admitted.all()
            matched = replace(found, possible=found.possible & rows[:, None, None, None])
            terms[MATCHING] = section.weight * distance(matched, table, section)
        if section.entity_weight:
            terms[SOFT_ENTITY] = section.entity_weight * soft_entities(found, table, linked)
        if section.relation_weight and batch.targets is not None:
            known = batch.targets.candidates
            soft = soft_relations(found, table, linked, known, head)
            terms[SOFT_RELATION] = section.relation_weight * soft
        return {named(batch.schema, name): term for name, term in terms.items()}


def heard(outputs: Outputs, batch: Batch) -> tuple[Found, Targets, RelationHead]:
    """What the heads say of the candidates, their annotations, and the relation head."""
    heads, linked, logits = outputs.heads, outputs.linked, outputs.relation_logits
    if heads is None or heads.relation_head is None or linked is None or logits is None:
        raise ValueError("expected the outputs of a model in training, with heads and targets")
    candidates, head = linked.candidates, heads.relation_head
    types = heads.entity_head.type_probabilities(outputs.emissions, batch.mask, candidates)
    return Found(with_none(types), logits, head.possible(candidates)), linked, head


def with_none(types: Float[Tensor, "*entities types"]) -> Float[Tensor, "*entities labels"]:
    """The probabilities of types and, behind them, that of none of them."""
    none = (1 - types.sum(-1, keepdim=True)).clamp(min=0)
    return torch.cat([types, none], dim=-1)


def beliefs(
    logits: Float[Tensor, "*pairs relations"],
    possible: Bool[Tensor, "*pairs relations"],
    related: str,
) -> tuple[Float[Tensor, "*pairs relations"], Float[Tensor, "*pairs"]]:
    """The relations of pairs, given that they are related, and how probable it is that they are.

    What is not possible has probability zero.  `related` is that of the config: with "exclusive"
    P(r) = exp(s_r) / (1 + sum of exp(s)), with "noisy-or" P(none) = product of 1 - sigmoid(s_r),
    and the relations share what is left as their sigmoids say.
    """
    logits = logits.masked_fill(~possible, IMPOSSIBLE)
    if related == "exclusive":
        return logits.softmax(-1), 1 - pad(logits, (0, 1)).softmax(-1)[..., -1]
    return logsigmoid(logits).softmax(-1), -torch.expm1(logsigmoid(-logits).sum(-1))


def cross_entropy(
    found: Float[Tensor, "*entities labels"],
    implied: Float[Tensor, "*entities labels"],
    direction: str,
) -> Float[Tensor, "*entities"]:
    """Cross-entropy between types p that are found and types q that are implied, in nats."""
    if direction == "-p log q":
        return -(found * implied.clamp(min=LEAST).log()).sum(-1)
    return -(implied * found.clamp(min=LEAST).log()).sum(-1)


def distance(
    found: Found, table: TableTensors, section: MatchingCouplingConfig
) -> Float[Tensor, ""]:
    """The distance between the two tasks, in nats per sentence."""
    relations, related = beliefs(found.logits, found.possible, section.related)
    labels = found.labels
    if section.detached == "entity":
        labels = labels.detach()
    elif section.detached == "relation":
        relations = relations.detach()
    of_heads = cross_entropy(labels.unsqueeze(2), relations @ table.of_heads, section.direction)
    of_tails = cross_entropy(labels.unsqueeze(1), relations @ table.of_tails, section.direction)
    weights = related.detach() * found.possible.any(-1)
    return (weights * (of_heads + of_tails)).sum() / len(labels)


def soft_entities(found: Found, table: TableTensors, linked: Targets) -> Float[Tensor, ""]:
    """Cross-entropy of the arguments' types in sentences annotated for relations only.

    In nats per such sentence.  An entity in several relations has a type that suits all of them:
    the product of what each implies, normalised.
    """
    rows = linked.annotated[RELATION_TASK] & ~linked.annotated[ENTITY_TASK]
    as_head, as_tail = linked.relations.sum(2), linked.relations.sum(1)
    roles = as_head.sum(2) + as_tail.sum(2)
    suiting = as_head @ _log(table.of_heads) + as_tail @ _log(table.of_tails)
    losses = cross_entropy(found.labels, suiting.softmax(2), "-q log p")
    return (losses * (roles > 0) * rows.unsqueeze(1)).sum() / rows.sum().clamp(min=1)


def soft_relations(
    found: Found, table: TableTensors, linked: Targets, known: Candidates, head: RelationHead
) -> Float[Tensor, ""]:
    """The relation head's loss in sentences annotated for entities only, against what types imply.

    Between what is no known entity, nothing is implied to hold.
    """
    rows = linked.annotated[ENTITY_TASK] & ~linked.annotated[RELATION_TASK]
    number = known.mask.shape[1]
    implied = table.of_pairs[known.types.unsqueeze(2), known.types.unsqueeze(1)]
    more = found.logits.shape[1] - number
    implied = pad(implied, (0, 0, 0, more, 0, more))
    return head.soft_loss(found.logits, implied, linked.candidates, rows)


def _log(probabilities: Tensor) -> Tensor:
    return probabilities.clamp(min=LEAST).log()
