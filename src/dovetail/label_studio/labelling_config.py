"""The labelling config of a project: which labels its regions and relations may have."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from xml.parsers import expat

from dovetail.corpora.formats.label_studio.label_studio_writer import RELATED
from dovetail.corpora.formats.label_studio.results import Tags
from dovetail.errors import ConfigError

MOST_CHARACTERS = 1_000_000
"""Of a labelling config."""

_VARIABLE = re.compile(r"\$([^.\[\]]+)")


@dataclass(frozen=True)
class LabellingConfig:
    """What a project marks in its texts.

    Args:
        text: the name of the tag with the text.
        field: the field of a task's data that holds it.
        from_names: by label of a region, the name of the tag that it is of.
        relations: labels of relations; where there is none, relations go without.
    """

    text: str
    field: str
    from_names: Mapping[str, str]
    relations: frozenset[str]

    @classmethod
    def parse(cls, xml: str) -> LabellingConfig:
        """Read a config.

        Raises:
            ConfigError: if it is no XML, or has no labels for a text; says what it needs.
        """
        elements = _elements(xml)
        texts = {
            name: own.attributes
            for own in elements
            if own.tag == "Text" and (name := own.attributes.get("name"))
        }
        marking = [
            own for own in elements if own.tag == "Labels" and own.attributes.get("toName") in texts
        ]
        if not marking:
            found = ", ".join(dict.fromkeys(own.tag for own in elements)) or "no tag"
            raise ConfigError(
                f'the labelling config marks nothing in a text: expected <Labels name="…" '
                f'toName="…"> with the name of a <Text>, found {found}'
            )
        text = marking[0].attributes["toName"]
        from_names: dict[str, str] = {}
        for own in marking:
            if own.attributes["toName"] == text:
                name = _named(own)
                from_names = dict.fromkeys(own.labels, name) | from_names
        relations = {label for own in elements if own.tag == "Relations" for label in own.labels}
        return cls(text, _field(texts[text], text), from_names, frozenset(relations))

    @property
    def tags(self) -> Tags:
        """The tags that regions are of."""
        return Tags(self.text, self.from_names.__getitem__)

    def has_relation(self, type_: str) -> bool:
        """Whether relations of a type can be shown: those without a label can where none has one.

        They are of the type `related` in a corpus, and so in a model that learned from it.
        """
        return type_ in self.relations or (type_ == RELATED and not self.relations)

    def lacking(self, entities: Iterable[str], relations: Iterable[str]) -> list[str]:
        """The types of a model that have no place here."""
        return [
            *(type_ for type_ in entities if type_ not in self.from_names),
            *(type_ for type_ in relations if not self.has_relation(type_)),
        ]

    def unknown_to(self, entities: Iterable[str], relations: Iterable[str]) -> list[str]:
        """The labels here that a model of these types does not know."""
        return [
            *sorted({*self.from_names} - {*entities}),
            *sorted(self.relations - {*relations}),
        ]


@dataclass
class _Element:
    tag: str
    attributes: dict[str, str]
    labels: list[str] = field(default_factory=list)


def _named(element: _Element) -> str:
    name = element.attributes.get("name")
    if not name:
        raise ConfigError(
            f"<{element.tag}> has no name, by which its regions refer to it: give it one"
        )
    return name


def _field(attributes: Mapping[str, str], name: str) -> str:
    """The field of the tasks that a text shows."""
    if attributes.get("valueType", "text") != "text":
        raise ConfigError(
            f'<Text name="{name}"> shows what is at a URL, which Dovetail does not fetch: put the '
            f"text itself into the tasks"
        )
    value = attributes.get("value", "")
    match = _VARIABLE.fullmatch(value)
    if match is None:
        raise ConfigError(
            f'<Text name="{name}"> has value="{value}": expected a field of the tasks, such as '
            f'value="$text"'
        )
    return match[1]


_INSIDE = {"Label": "Labels", "Relation": "Relations"}
"""The tags that hold those with a value."""


def _elements(xml: str) -> list[_Element]:
    """The tags in their order, with the labels that stand in them.

    Entities are refused, by which a small file becomes a large one, or names other files.
    """
    if len(xml) > MOST_CHARACTERS:
        raise ConfigError(
            f"the labelling config has {len(xml):,} characters; at most {MOST_CHARACTERS:,} are "
            f"read"
        )
    elements: list[_Element] = []
    open_: list[_Element] = []

    def start(tag: str, attributes: dict[str, str]) -> None:
        element = _Element(tag, attributes)
        holder = next((own for own in reversed(open_) if own.tag == _INSIDE.get(tag)), None)
        # What regions are called by is the alias, where a label has one.
        label = attributes.get("alias") or attributes.get("value")
        if holder is not None and label:
            holder.labels.append(label)
        open_.append(element)
        elements.append(element)

    def refuse(*_: object) -> None:
        raise ConfigError("the labelling config has a DOCTYPE, which none needs: remove it")

    parser = expat.ParserCreate()
    parser.StartElementHandler = start
    parser.EndElementHandler = lambda tag: open_.pop()
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(xml, True)
    except (expat.ExpatError, ValueError) as error:
        raise ConfigError(f"the labelling config is no XML: {error}") from None
    return elements
