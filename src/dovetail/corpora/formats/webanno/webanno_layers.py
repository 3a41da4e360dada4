"""WebAnno TSV 3: the layers that a header declares, what cells hold, and escapes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from dovetail.errors import CorpusFormatError

NAMED_ENTITY = "de.tudarmstadt.ukp.dkpro.core.api.ner.type.NamedEntity"
"""The layer of named entities that WebAnno and INCEpTION come with."""

SPAN, RELATION = "T_SP", "T_RL"
_LINGUISTIC = "de.tudarmstadt.ukp.dkpro.core.api."
_DECLARATION = re.compile(r"#(T_SP|T_CH|T_RL)=([^|]+)\|?(.*)")
_BASE, _ROLE = "BT_", "ROLE_"
_TYPE_FEATURES = ("value", "label", "type", "category", "entity")
_PIECE = re.compile(r"(?:\\.|[^\\|]|\\$)+", re.DOTALL)
_WITH_ID = re.compile(r"(.*?)(?:\[([0-9]{1,12})\])?", re.DOTALL)
_ESCAPE = re.compile(r"\\(->|.)", re.DOTALL)
_CONTROLS = {"t": "\t", "n": "\n", "r": "\r", "f": "\f", "b": "\b"}
_SPELT = {sign: f"\\{letter}" for letter, sign in _CONTROLS.items()}
_IN_TEXT = re.compile(r"[\x00-\x0a\x0c-\x1f\\]")
_IN_VALUE = re.compile(r"->|[\\\[\]|_;\t\n*]")
_NOTHING, _NO_VALUE = "_", "*"


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer: its kind, its name, and its columns, the first of them at `column`."""

    kind: str
    name: str
    fields: tuple[str, ...]
    column: int

    @property
    def num_columns(self) -> int:
        """A layer without features has a column all the same."""
        return max(len(self.fields), 1)

    @property
    def short_name(self) -> str:
        """The name without its package: the type of annotations that have no value."""
        return self.name.rsplit(".", 1)[-1]

    @property
    def base(self) -> str:
        """The span layer whose annotations a relation layer links; empty if it names none."""
        bases = [field.removeprefix(_BASE) for field in self.fields if field.startswith(_BASE)]
        return bases[-1] if bases else ""

    @property
    def base_column(self) -> int:
        """The column that names the source of a relation: the last."""
        return self.column + self.num_columns - 1

    @property
    def is_linguistic(self) -> bool:
        """Whether it is for parts of speech and the like, which are no entities."""
        return self.name.startswith(_LINGUISTIC) and self.name != NAMED_ENTITY

    def features(self) -> dict[str, int]:
        """The columns of the features with values; slots, which are links, are left out."""
        found = {}
        after_slot = False
        for position, name in enumerate(self.fields):
            is_slot = name.startswith(_ROLE)
            if not is_slot and not after_slot and not name.startswith(_BASE):
                found[name] = self.column + position
            after_slot = is_slot
        return found

    def type_column(self) -> int | None:
        """The column of the feature that names types; None if the layer has no feature.

        It is the one that is called so, as ``value`` or ``label``, or else the first.
        """
        features = self.features()
        lowered = {name.lower(): column for name, column in features.items()}
        for name in _TYPE_FEATURES:
            if name in lowered:
                return lowered[name]
        return next(iter(features.values()), None)


@dataclass(frozen=True, slots=True)
class Value:
    """What a cell says of one annotation: a value, None for none, and its number, 0 for none."""

    text: str | None
    id: int


def read_layers(header: Iterable[str], where: str) -> list[Layer]:
    """The layers that the lines of a header declare, in the order of their columns.

    Raises:
        CorpusFormatError: if a relation layer does not say what it links.
    """
    layers: list[Layer] = []
    column = 0
    for line in header:
        if match := _DECLARATION.fullmatch(line):
            layer = Layer(match[1], match[2], tuple(filter(None, match[3].split("|"))), column)
            if layer.kind == RELATION and not layer.base:
                raise CorpusFormatError(
                    f"{where}: the relation layer {layer.name!r} ends without the layer that it "
                    f"links; expected BT_ and its name as the last column"
                )
            layers.append(layer)
            column += layer.num_columns
    return layers


def values_of(cell: str) -> list[Value]:
    """The annotations of a cell; several are stacked, with a bar between two."""
    if cell == _NOTHING:
        return []
    values = []
    for piece in _PIECE.findall(cell):
        match = _WITH_ID.fullmatch(piece)
        text, id = (match[1], int(match[2] or 0)) if match else (piece, 0)
        values.append(Value(None if text == _NO_VALUE else unescape(text), id))
    return values


def unescape(text: str) -> str:
    r"""The text behind the backslashes of the format.

    >>> unescape(r"a\tb\_c\->d\\n")
    'a\tb_c->d\\n'
    """
    return _ESCAPE.sub(lambda match: _CONTROLS.get(match[1], match[1]), text)


def escape_text(text: str) -> str:
    """A token or a line of text, with control characters and backslashes escaped."""
    return _IN_TEXT.sub(lambda match: _SPELT.get(match[0], f"\\{match[0]}"), text)


def escape_value(text: str) -> str:
    """The value of a feature, with all that has a meaning in cells escaped."""
    return _IN_VALUE.sub(lambda match: _SPELT.get(match[0], f"\\{match[0]}"), text)


def choose(layers: Iterable[Layer], used: Mapping[str, int]) -> tuple[Layer | None, Layer | None]:
    """The span layer that is read as entities, and the relation layer that links them.

    First come layers with annotations; of these the one that a relation layer links, then that of
    named entities, then the first.  Layers of parts of speech and the like are never entities.
    """
    known = list(layers)
    links = [item for item in known if item.kind == RELATION and not item.is_linguistic]
    bases = {link.base for link in links if used.get(link.name)}
    spans = [item for item in known if item.kind == SPAN and not item.is_linguistic]
    spans.sort(
        key=lambda item: (
            not used.get(item.name),
            item.name not in bases,
            item.name != NAMED_ENTITY,
        )
    )
    entities = spans[0] if spans else None
    links = [link for link in links if entities is not None and link.base == entities.name]
    links.sort(key=lambda item: not used.get(item.name))
    return entities, links[0] if links else None
