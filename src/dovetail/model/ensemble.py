"""Several models that decide together: an ensemble.

Entities: the mean of the members' potentials, emissions and transitions alike.  Log-linear models
are closed under it: with a member's score s_k(y) of a tag path y, the ensemble is the conditional
random field

    p(y) = exp(1/n sum_k s_k(y)) / Z  =  1/Z' prod_k p_k(y)^(1/n),

the normalised geometric mean of the members' distributions over whole tag paths.  Where the
members score spans, the same holds of the distribution over a span's types.  Relations: the
mean of the members' logits for pairs of the ensemble's entities, which is the normalised geometric
mean of their probabilities, against the mean of their thresholds.

It costs what its members cost together, but for frozen encoders that they have in common: these
are held in memory once, and run once for a batch.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor, nn

from dovetail.encoders import Encoder, Features
from dovetail.errors import ModelError
from dovetail.model.joint import JointModel
from dovetail.model.prediction import Predictor
from dovetail.strategies.streams import Streams
from dovetail.tensors.features import Batch, Candidates
from dovetail.text.document import ENTITY_TASK


class Ensemble(Predictor):
    """Decides by the mean of its members' scores.

    Frozen weights that members have in common are from now on the same tensors in all of them.

    Raises:
        ModelError: if there is no member, or they do not know the same types and tags.
    """

    def __init__(self, members: Sequence[JointModel]) -> None:
        super().__init__()
        refuse_different(members)
        self._members = tuple(members)  # typed, which a ModuleList is not
        self.members = nn.ModuleList(members)
        self.entity_head = members[0].entity_head.of_mean([own.entity_head for own in members])
        self.relation_head = members[0].relation_head.of_mean(
            [own.relation_head for own in members]
        )
        # Of the encoders of all members, those with the same assets once.
        self._encoders: list[Encoder] = []
        self._places = [[self._place_of(part) for part in own.encoder] for own in members]

    def __iter__(self) -> Iterator[JointModel]:
        return iter(self._members)

    def __len__(self) -> int:
        return len(self._members)

    def _place_of(self, encoder: Encoder) -> int:
        """The place of an encoder that reads the same features and has the same frozen weights."""
        assets = encoder.assets()
        for place, known in enumerate(self._encoders):
            if known.assets() == assets:
                share_frozen(encoder, known)
                return place
        self._encoders.append(encoder)
        return len(self._encoders) - 1

    @property
    def encoders(self) -> tuple[Encoder, ...]:
        """Those that `featurise` gives features for: the members', those they share once."""
        return tuple(self._encoders)

    @property
    def num_stored(self) -> int:
        """Numbers that the members store; those of frozen encoders are not among them."""
        return sum(t.numel() for member in self for t in member.stored_state().values())

    @property
    def num_shared_encoders(self) -> int:
        """Frozen encoders that several members stand on: each is in memory once, and run once."""
        uses = Counter(place for places in self._places for place in places)
        return sum(
            uses[place] > 1 and bool(encoder.unstored_names())
            for place, encoder in enumerate(self._encoders)
        )

    def featurise(self, sentences: Sequence[Sequence[str]]) -> list[Features]:
        """The features of each distinct encoder."""
        return [encoder.featurise(sentences) for encoder in self._encoders]

    def use_fast_precision(self) -> None:
        for member in self:
            member.use_fast_precision()

    def streams(self, batch: Batch) -> tuple[Streams, ...]:
        features = [
            encoder.with_states(own)
            for encoder, own in zip(self._encoders, batch.features, strict=True)
        ]
        return tuple(
            member(replace(batch, features=[features[place] for place in places]))
            for member, places in zip(self, self._places, strict=True)
        )

    def emissions(self, streams: Sequence[Streams]) -> Tensor:
        return mean(
            [
                member.entity_head(own[ENTITY_TASK])
                for member, own in zip(self, streams, strict=True)
            ]
        )

    def relation_logits(
        self, streams: Sequence[Streams], emissions: Tensor, candidates: Candidates
    ) -> Float[Tensor, "batch entities entities types"]:
        logits = []
        for member, own in zip(self, streams, strict=True):
            labels = member.link.read(
                self.entity_head, emissions, own.mask, candidates, training=False
            )
            stream = member.relation_stream(own, candidates)
            logits.append(member.relation_head(stream, labels, candidates))
        return mean(logits)


def mean(scores: Sequence[Tensor]) -> Tensor:
    """The mean of the members' scores."""
    return torch.stack([*scores]).mean(0)


def refuse_different(members: Sequence[JointModel]) -> None:
    """Raise `ModelError` unless there are members, and their scores have the same meaning."""
    if not members:
        raise ModelError("an ensemble needs at least one model, found none")
    first = meanings(members[0])
    for number, member in enumerate(members[1:], start=2):
        for what, other in meanings(member).items():
            if first[what] != other:
                raise ModelError(
                    f"models decide together only if they have the same {what}; model 1 has "
                    f"{first[what]}, model {number} has {other}: train them on the same data, with "
                    f"the same heads"
                )


def meanings(model: Predictor) -> dict[str, str]:
    """What gives the scores of a model their meaning, in words."""
    schema = model.schema.to_dict()
    return {
        "kind of entity head": type(model.entity_head).__name__,
        "entity types": ", ".join(schema["entity_types"]),
        "relation types": ", ".join(schema["relation_types"]),
        "arguments of relations": str(schema["signatures"]),
        "types of discontinuous entities": ", ".join(sorted(model.schema.discontinuous)) or "none",
        "symmetric relations": ", ".join(schema["symmetric"]) or "none",
        **model.entity_head.meaning,
    }


def share_frozen(encoder: Encoder, known: Encoder) -> None:
    """Let an encoder use the frozen weights of another with the same assets, bit by bit its own."""
    for name in encoder.unstored_names():
        path, _, leaf = name.rpartition(".")
        setattr(encoder.get_submodule(path), leaf, getattr(known.get_submodule(path), leaf))
