"""Several models that decide together: an ensemble.

Entities: the mean of the members' potentials, emissions and transitions alike.  Log-linear models
are closed under it: with a member's score s_k(y) of a tag path y, the ensemble is the conditional
random field

    p(y) = exp(1/n sum_k s_k(y)) / Z  =  1/Z' prod_k p_k(y)^(1/n),

the normalised geometric mean of the members' distributions over whole tag paths.  Where the
members score spans, the same holds of the distribution over a span's types.  Relations: the
mean of the members' logits for pairs of the ensemble's entities, which is the normalised geometric
mean of their probabilities, against the mean of their thresholds unless it has thresholds of its
own.  The same holds of the scales of confidences.

It costs what its members cost together, except for frozen encoders that they share: these
are held in memory once, and run once for a batch.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor, nn

from dovetail.encoders import Encoder, Features
from dovetail.encoders.shared_weights import share_frozen
from dovetail.errors import ModelError
from dovetail.model.joint import JointModel
from dovetail.model.prediction import Predictor
from dovetail.model.schema_heads import SchemaDecoders, SchemaHeads
from dovetail.strategies.streams import Streams
from dovetail.tensors.features import Batch, Candidates
from dovetail.text.confidence import Confidence, mean_confidence
from dovetail.text.named_schemas import ONLY


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
        self._heads = self._of_means()
        self._hold(self._heads)
        # Of the encoders of all members, those with the same assets once.
        self._encoders: list[Encoder] = []
        self._places = [self._places_of(own) for own in members]

    def _of_means(self) -> dict[str, SchemaDecoders]:
        """The decoders of each schema as the members stand."""
        return {
            name: decoders_of_mean([own.heads[name] for own in self])
            for name in self._members[0].heads
        }

    def __iter__(self) -> Iterator[JointModel]:
        return iter(self._members)

    def __len__(self) -> int:
        return len(self._members)

    def _places_of(self, member: JointModel) -> list[int]:
        """The place of each encoder of a member, none of which it has twice."""
        places: list[int] = []
        for encoder in member.encoder:
            places.append(self._place_of(encoder, taken=places))
        return places

    def _place_of(self, encoder: Encoder, *, taken: Sequence[int]) -> int:
        """The place of an encoder that reads the same features and has the same frozen weights."""
        assets = encoder.assets()
        for place, known in enumerate(self._encoders):
            if place not in taken and known.assets() == assets:
                share_frozen(encoder, known)
                return place
        self._encoders.append(encoder)
        return len(self._encoders) - 1

    @property
    def encoders(self) -> tuple[Encoder, ...]:
        """Those that `featurise` gives features for: the members', those they share once."""
        return tuple(self._encoders)

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

    @property
    def heads(self) -> Mapping[str, SchemaDecoders]:
        return self._heads

    @property
    def own(self) -> dict[str, SchemaDecoders]:
        """The decoders of schemas whose thresholds or scales are not the members' means."""
        means = self._of_means()
        return {name: own for name, own in self._heads.items() if not decides_as(own, means[name])}

    def pass_on_decisions(self) -> None:
        """Give each member the thresholds and confidences that were chosen for all together."""
        for name, own in self._heads.items():
            for member in self:
                member.set_confidence(name, own.confidence)
                head = member.of_schema(name).relation_head
                if head is not None and own.relation_head is not None:
                    head.set_thresholds(own.relation_head.known_thresholds)

    def set_confidence(self, schema: str, confidence: Confidence) -> None:
        self._heads[schema] = replace(self.of_schema(schema), confidence=confidence)

    def streams(self, batch: Batch, schemas: Sequence[str] | None = None) -> tuple[Streams, ...]:
        features = [
            encoder.with_states(own)
            for encoder, own in zip(self._encoders, batch.features, strict=True)
        ]
        return tuple(
            member(replace(batch, features=[features[place] for place in places]), schemas)
            for member, places in zip(self, self._places, strict=True)
        )

    def emissions(self, streams: Sequence[Streams], schema: str = ONLY) -> Tensor:
        return mean(
            [
                member.of_schema(schema).emissions(own)
                for member, own in zip(self, streams, strict=True)
            ]
        )

    def relation_logits(
        self,
        streams: Sequence[Streams],
        emissions: Tensor,
        candidates: Candidates,
        schema: str = ONLY,
    ) -> Float[Tensor, "batch entities entities types"]:
        together = self.of_schema(schema).entity_head
        heads = [member.of_schema(schema) for member in self]
        # The entities are the ensemble's, and so are their labels: computed once for all members.
        labels = {
            own.kind_of_labels: own.labels(together, emissions, streams[0].mask, candidates)
            for own in {own.kind_of_labels: own for own in heads}.values()
        }
        return mean(
            [
                own.relation_logits(
                    stream,
                    emissions,
                    candidates,
                    entity_head=together,
                    labels=labels[own.kind_of_labels],
                )
                for own, stream in zip(heads, streams, strict=True)
            ]
        )


def members_of(model: Predictor) -> tuple[JointModel, ...]:
    """The models that have a say: the members of an ensemble, or the only model."""
    if isinstance(model, Ensemble):
        return tuple(model)
    if not isinstance(model, JointModel):
        raise TypeError(f"expected a model or an ensemble, found {type(model).__name__}")
    return (model,)


def num_stored(model: Predictor) -> int:
    """The parameters that a saved model holds, or all members of an ensemble: not frozen ones."""
    members = members_of(model)
    return sum(own.numel() for member in members for own in member.stored_state().values())


def num_parameters(model: Predictor) -> int:
    """The parameters of all that have a say; those that several hold together count once."""
    own = {id(own): own.numel() for member in members_of(model) for own in member.parameters()}
    return sum(own.values())


def decoders_of_mean(heads: Sequence[SchemaHeads]) -> SchemaDecoders:
    """Return the decoders for the mean of the scores of these heads, of the same schema."""
    of_entities = [own.entity_head for own in heads]
    of_relations = [own.relation_head for own in heads if own.relation_head is not None]
    return SchemaDecoders(
        heads[0].name,
        heads[0].schema,
        of_entities[0].of_mean(of_entities),
        of_relations[0].of_mean(of_relations) if of_relations else None,
        confidence=mean_confidence([own.confidence for own in heads]),
    )


def decides_as(own: SchemaDecoders, other: SchemaDecoders) -> bool:
    """Whether two decoders of a schema have the same thresholds and scales."""
    heads = own.relation_head, other.relation_head
    thresholds = [None if head is None else head.known_thresholds for head in heads]
    return thresholds[0] == thresholds[1] and own.confidence == other.confidence


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
    """The meaning of a model's scores, in words: only equal ones can be averaged."""
    names = [*model.schemas]
    words = {"schemas": ", ".join(name or "one without a name" for name in names)}
    for name, own in model.heads.items():
        schema = own.schema.to_dict()
        of_schema = {
            "kind of entity head": type(own.entity_head).__name__,
            "entity types": ", ".join(schema["entity_types"]),
            "relation types": ", ".join(schema["relation_types"]),
            "arguments of relations": str(schema["signatures"]),
            "types of discontinuous entities": ", ".join(sorted(own.schema.discontinuous))
            or "none",
            "symmetric relations": ", ".join(schema["symmetric"]) or "none",
            **own.entity_head.meaning,
        }
        words |= {f"{what} of {name}" if name else what: own for what, own in of_schema.items()}
    return words
