"""Auxiliary heads: which labels a token has, as contexts of classes read it.

An entity task's head tells the BIO tags of its types apart, whatever scheme the real head has; a
relation task's says for each relation type whether the token is in the head or in the tail of such
a relation, which several may be true of.  They read features that are cut off from the layers
below, so that what they learn changes nothing there.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, logsigmoid

from dovetail.strategies.objective import Objective, Outputs
from dovetail.tensors.features import Batch, Candidates, Targets
from dovetail.text.document import ENTITY_TASK, RELATION_TASK
from dovetail.text.named_schemas import Schemas, kind_of_task, named, tasks_of

NOTE = "auxiliary_{task}"
"""The name of what the head of a task says among the notes of the streams."""


def note_of(task: str) -> str:
    """The name of the note of a task."""
    return NOTE.format(task=task)


def classes_of(schemas: Schemas) -> dict[str, int]:
    """How many classes the auxiliary head of each task tells apart.

    >>> from dovetail.text.schema import Schema
    >>> classes_of({"": Schema(("Loc", "Peop"), ("Live_In",))})
    {'entity': 5, 'relation': 2}
    """
    classes: dict[str, int] = {}
    for name, schema in schemas.items():
        types = schema.coded
        own = {
            ENTITY_TASK: 1 + 2 * len(types.entity_types),
            RELATION_TASK: 2 * len(types.relation_types),
        }
        classes |= {task: own[kind_of_task(task)] for task in tasks_of(name, schema)}
    return classes


class AuxiliaryHead(nn.Module):
    """Scores of the classes of each token, from features that get no gradient."""

    def __init__(self, input_dim: int, hidden_dim: int, num_classes: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(input_dim, hidden_dim)
        self.output = nn.Linear(hidden_dim, num_classes)

    def forward(
        self, stream: Float[Tensor, "batch tokens input_dim"]
    ) -> Float[Tensor, "batch tokens num_classes"]:
        """The logits."""
        logits: Tensor = self.output(torch.tanh(self.hidden(stream.detach())))
        return logits


def log_probabilities(
    logits: Float[Tensor, "batch tokens classes"], task: str
) -> Float[Tensor, "batch tokens classes"]:
    """The logarithm of the probability of each class at each token, as a task's head says.

    A token has one tag, and any number of roles.
    """
    return logits.log_softmax(2) if kind_of_task(task) == ENTITY_TASK else logsigmoid(logits)


class AuxiliaryLosses(Objective):
    """What the auxiliary heads of the batch's schema learn from its gold annotations."""

    def __init__(self, weight: float) -> None:
        super().__init__()
        self.weight = weight

    def forward(self, outputs: Outputs, batch: Batch, step: int) -> dict[str, Tensor]:
        """The loss of each head that is there, by the name of its note.

        Raises:
            ValueError: if the batch has no targets.
        """
        if batch.targets is None:
            raise ValueError("the gold entities are missing: use Batch.with_targets")
        own = {note_of(named(batch.schema, kind)): kind for kind in LOSSES}
        return {
            note: self.weight * LOSSES[kind](outputs.streams.notes[note], batch.targets, batch.mask)
            for note, kind in own.items()
            if note in outputs.streams.notes
        }


def entity_loss(
    logits: Float[Tensor, "batch tokens tags"],
    targets: Targets,
    mask: Bool[Tensor, "batch tokens"],
) -> Float[Tensor, ""]:
    """Cross-entropy of the tags, the mean over the tokens of sentences with gold entities."""
    tags = tags_of(targets.candidates, mask)
    losses = cross_entropy(logits.float().transpose(1, 2), tags, reduction="none")
    return _mean_of_tokens(losses, mask & targets.annotated[ENTITY_TASK].unsqueeze(1))


def relation_loss(
    logits: Float[Tensor, "batch tokens roles"],
    targets: Targets,
    mask: Bool[Tensor, "batch tokens"],
) -> Float[Tensor, ""]:
    """Cross-entropy of all roles, the mean over the tokens of sentences with gold relations."""
    roles = roles_of(targets, mask)
    losses = binary_cross_entropy_with_logits(logits.float(), roles, reduction="none").sum(2)
    return _mean_of_tokens(losses, mask & targets.annotated[RELATION_TASK].unsqueeze(1))


LOSSES = {ENTITY_TASK: entity_loss, RELATION_TASK: relation_loss}
"""The loss of the auxiliary head of each kind of task."""


def _mean_of_tokens(
    losses: Float[Tensor, "batch tokens"], counted: Bool[Tensor, "batch tokens"]
) -> Float[Tensor, ""]:
    return losses.masked_fill(~counted, 0.0).sum() / counted.sum().clamp(min=1)


def tags_of(
    candidates: Candidates, mask: Bool[Tensor, "batch tokens"]
) -> Int[Tensor, "batch tokens"]:
    """The tag of each token: 0 outside, 1 + 2 type where an entity begins, and 2 + 2 type within.

    Of several entities with the same token it is that of the shortest.
    """
    within = tokens_within(candidates, mask)
    lengths = (candidates.spans[..., 1] - candidates.spans[..., 0]).unsqueeze(2)
    longer_than_all = mask.shape[1] + 1
    shortest = torch.where(within, lengths, longer_than_all).min(1)
    starts = candidates.spans[..., 0].gather(1, shortest.indices)
    types = candidates.types.gather(1, shortest.indices)
    places = torch.arange(mask.shape[1], device=mask.device)
    tags = 1 + 2 * types + (places != starts)
    return torch.where(shortest.values < longer_than_all, tags, 0)


def roles_of(
    targets: Targets, mask: Bool[Tensor, "batch tokens"]
) -> Float[Tensor, "batch tokens roles"]:
    """Of each token whether it is in the head, or in the tail, of a relation of each type.

    The heads of all types come first.
    """
    within = tokens_within(targets.candidates, mask).to(targets.relations.dtype).transpose(1, 2)
    of_entities = torch.cat([targets.relations.amax(2), targets.relations.amax(1)], dim=2)
    return (within @ of_entities).clamp(max=1)


def tokens_within(
    candidates: Candidates, mask: Bool[Tensor, "batch tokens"]
) -> Bool[Tensor, "batch entities tokens"]:
    """Which tokens each entity is made of."""
    places = torch.arange(mask.shape[1], device=mask.device)
    starts, ends = candidates.spans.unbind(2)
    inside = (starts.unsqueeze(2) <= places) & (places < ends.unsqueeze(2))
    return inside & candidates.mask.unsqueeze(2)
