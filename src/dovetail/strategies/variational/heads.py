"""From the heads of a model to heads whose classifiers are Gaussian."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from dovetail.errors import ModelError
from dovetail.heads.parts import HeadParts
from dovetail.heads.relation.pair_scorer import PairScorer
from dovetail.heads.rows_of_types import RowsOfTypes
from dovetail.strategies.variational.classifiers import (
    AveragedPairScorer,
    GaussianLinear,
    TypesOf,
    TypesPrior,
)
from dovetail.strategies.variational.config import VariationalSharingConfig
from dovetail.strategies.variational.divergence import Price
from dovetail.strategies.variational.mixing import Mixing, Temperatures
from dovetail.text.named_schemas import named

FEWEST = 3
"""Members of a family: with two, the prior of each is the other, and there is nothing to learn."""

ENTITY_TYPES, RELATION_TYPES = "entity_types", "relation_types"
"""The families of classifiers."""


class Classifiers(NamedTuple):
    """The last linear maps of a head with the names of the types that have rows there."""

    family: str
    schema: str
    names: tuple[str, ...]
    maps: list[RowsOfTypes]


def classifiers_of(
    section: VariationalSharingConfig, parts: Mapping[str, HeadParts]
) -> Iterator[Classifiers]:
    """The classifiers that the section asks for, schema after schema."""
    for schema, own in parts.items():
        head = own.relation_head
        if section.entity_classifiers and (maps := own.entity_head.rows_of_types()):
            yield Classifiers(ENTITY_TYPES, schema, own.entity_head.entity_types, maps)
        if section.relation_classifiers and head is not None:
            types, scorer = head.schema.coded.relation_types, head.scorer
            if types and isinstance(scorer, PairScorer):
                yield Classifiers(RELATION_TYPES, schema, types, scorer.rows_of_types())


def make_gaussian(
    section: VariationalSharingConfig, parts: Mapping[str, HeadParts], *, learns: bool
) -> None:
    """Put Gaussian maps into the heads, with priors where they are to learn.

    Raises:
        ModelError: if a family has too few types for mixtures.
    """
    averages = section.confidences == "averaged"
    families: dict[tuple[object, ...], list[TypesOf]] = {}
    for own in classifiers_of(section, parts):
        single = len(own.maps) == 1
        made = [
            GaussianLinear(
                part.linear,
                part.rows,
                noise=section.noise,
                keeps=averages,
                averages=averages and single,
            )
            for part in own.maps
        ]
        for part, gaussian in zip(own.maps, made, strict=True):
            part.replace(gaussian)
        types = TypesOf(own.schema, own.names, tuple(made))
        families.setdefault((own.family, types.shape), []).append(types)
        if averages and not single:
            average_together(parts[own.schema])
    for (family, *_), members in families.items():
        if learns:
            give_prior(section, str(family), members)


def average_together(parts: HeadParts) -> None:
    """Let the scores of a relation head be averaged where several maps are summed up."""
    head = parts.relation_head
    if head is None or not isinstance(head.scorer, PairScorer):
        raise TypeError(f"expected a relation head with a scorer of pairs, found {head}")
    head.add_module("scorer", AveragedPairScorer(head.scorer))


def give_prior(section: VariationalSharingConfig, family: str, members: Sequence[TypesOf]) -> None:
    """Give the types of a family their priors, which the first map of each head holds."""
    names = [named(own.schema, type_) for own in members for type_ in own.names]
    if section.mixes:
        refuse_few(names, section, what=family.replace("_", " "), switch=_SWITCHES[family])
    temperatures = temperatures_of(section)
    for place, own in enumerate(members):
        mixing = None
        if section.mixes:
            mixing = Mixing(
                [named(own.schema, type_) for type_ in own.names],
                names,
                standard=section.normal_component,
                temperatures=temperatures,
            )
        own.maps[0].prior = TypesPrior(
            family,
            place,
            members,
            mixing=mixing,
            price=Price(section.classifier_weight, section.form, section.samples),
        )


_SWITCHES = {
    ENTITY_TYPES: "entity_classifiers",
    RELATION_TYPES: "relation_classifiers",
}


def temperatures_of(section: VariationalSharingConfig) -> Temperatures:
    """The temperatures of a section."""
    return Temperatures(section.temperature, section.lowest_temperature, section.cooling)


def refuse_few(
    names: Sequence[str], section: VariationalSharingConfig, *, what: str, switch: str
) -> None:
    """Raise `ModelError` if there are too few members for mixtures of others."""
    if len(names) >= FEWEST or section.normal_component:
        return
    raise ModelError(
        f"variational sharing mixes a prior from at least two others, and the model has "
        f"{len(names)} {what} ({', '.join(names)}), so there is nothing to mix: set "
        f"sharing.normal_component = true to mix in a standard normal, or sharing.{switch} = "
        f"false to do without"
    )
