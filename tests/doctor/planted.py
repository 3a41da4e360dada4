"""A healthy corpus of raw text, and the same with one disease planted in it."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

FIRST = (
    "Ada",
    "Otto",
    "Ida",
    "Emil",
    "Clara",
    "Hugo",
    "Lise",
    "Karl",
    "Vera",
    "Nils",
    "Olga",
    "Paul",
)
LAST = (
    "Berg",
    "Falk",
    "Holm",
    "Krantz",
    "Lund",
    "Moser",
    "Nagel",
    "Quist",
    "Rask",
    "Strand",
    "Thorn",
)
CITIES = (
    *("Aarhus", "Bergen", "Calais", "Dundee", "Exeter", "Florence", "Geneva", "Hull", "Ipswich"),
    *("Jena", "Kiel", "Lagos", "Malta", "Narvik", "Oporto", "Pisa", "Riga", "Siena", "Turku"),
)
FIRMS = ("Alba", "Borealis", "Corvus", "Delphin", "Echo", "Fulmar", "Glacis", "Heron", "Indra")
ENDINGS = ("Works", "Lines", "Mills", "Press")
WHEN = ("today", "since spring", "for ten years", "after the war", "as before", "again")

ENGLISH = (
    "{P:0} lives in {C:1} {when}.|lives_in 0 1",
    "{P:0} has lived in {C:1} {when}, not far from the old harbour.|lives_in 0 1",
    "{P:0} works for {F:1} {when}.|works_for 0 1",
    "In the autumn {P:0} began to work for {F:1} {when}.|works_for 0 1",
    "{F:0} is based in {C:1} {when}.|based_in 0 1",
    "The main office of {F:0} is in {C:1} {when}.|based_in 0 1",
    "{P:0} has never been to {C:1} {when}.|",
    "It rained in {C:0} {when}, and nobody was at the market.|",
    "{P:0} and {P:1} met by chance {when}.|",
)
GERMAN = (
    "{P:0} wohnt in {C:1} und ist nicht mehr bei der Bahn.|lives_in 0 1",
    "{P:0} arbeitet für {F:1}, und das schon sehr lange.|works_for 0 1",
    "Das Haus von {F:0} steht in {C:1} an der Straße.|based_in 0 1",
    "In {C:0} war es kalt, und auf dem Markt war niemand.|",
)
CHINESE = ("{P:0}住在{C:1}。|lives_in 0 1", "{F:0}在{C:1}。|based_in 0 1", "{C:0}下雨了。|")
TORN = (
    "{P:0} came by the night train {when}. The house stands empty in {C:1} {when}.|lives_in 0 1",
    "{P:0} was asked to stay {when}. The offer came from {F:1} in a letter {when}.|works_for 0 1",
    "{F:0} has a new office {when}. It stands in {C:1} {when}.|based_in 0 1",
    "It rained in {C:0} {when}.|",
)
NESTED = (
    "{P:0} taught at the {U:1} {when}.|works_for 0 1",
    "It rained in {C:0} {when}, and nobody was at the market.|",
)
TYPES = {"P": "Person", "C": "Place", "F": "Company", "U": "Company"}


@dataclass
class Text:
    """A text with entities at character positions, and relations between them."""

    text: str
    entities: list[tuple[int, int, str]] = field(default_factory=list)
    relations: list[tuple[int, int, str]] = field(default_factory=list)

    def line(self, id: str) -> dict[str, Any]:
        """The text as a line of Dovetail's own format."""
        return {
            "id": id,
            "text": self.text,
            "entities": [{"start": s, "end": e, "type": t} for s, e, t in self.entities],
            "relations": [{"head": h, "tail": t, "type": r} for h, t, r in self.relations],
        }

    def followed_by(self, other: Text) -> Text:
        """Both texts, a space between them."""
        moved, before = len(self.text) + 1, len(self.entities)
        return Text(
            f"{self.text} {other.text}",
            [*self.entities, *((s + moved, e + moved, t) for s, e, t in other.entities)],
            [*self.relations, *((h + before, t + before, r) for h, t, r in other.relations)],
        )


PLACE = re.compile(r"\{(?:when|([PCFU]):\d)\}")


def made(template: str, chance: random.Random, *, chinese: bool = False) -> Text:
    """A text of a template; what stands in braces has the kind and the number of an entity.

    A university (U) has its city within it, as an entity of its own, which it is based in.
    """
    pattern, _, links = template.partition("|")
    result, done = Text(""), 0
    cities = []
    for match in PLACE.finditer(pattern):
        result.text += pattern[done : match.start()]
        done, kind = match.end(), match[1]
        if kind is None:
            result.text += chance.choice(WHEN)
            continue
        start = len(result.text)
        result.text += name_of(kind, chance, chinese=chinese)
        result.entities.append((start, len(result.text), TYPES[kind]))
        if kind == "U":
            cities.append((start + len("University of "), len(result.text), "Place"))
    result.text += pattern[done:]
    result.relations = [
        (int(head), int(tail), type_)
        for type_, head, tail in map(str.split, filter(None, links.split(";")))
    ]
    for city in cities:
        whole = next(n for n, own in enumerate(result.entities) if own[1:] == (city[1], "Company"))
        result.relations.append((whole, len(result.entities), "based_in"))
        result.entities.append(city)
    return result


def name_of(kind: str, chance: random.Random, *, chinese: bool = False) -> str:
    """A name of a kind."""
    if chinese:
        signs = {"P": "安娜伊达奥托", "C": "波恩里加基尔", "F": "公司工厂银行"}[kind]
        return "".join(chance.choice(signs) for _ in range(3))
    if kind == "P":
        return f"{chance.choice(FIRST)} {chance.choice(LAST)}"
    if kind == "U":
        return f"University of {chance.choice(CITIES)}"
    return (
        chance.choice(CITIES) if kind == "C" else f"{chance.choice(FIRMS)} {chance.choice(ENDINGS)}"
    )


def texts(
    number: int, templates: Sequence[str] = ENGLISH, *, seed: int, chinese: bool = False
) -> Iterator[Text]:
    """Texts of two sentences each, of which no two in the corpus have the same words."""
    chance = random.Random(seed)
    for _ in range(number):
        one, other = (made(chance.choice(templates), chance, chinese=chinese) for _ in range(2))
        yield one.followed_by(other)


Change = Callable[[list[Text], list[Text]], tuple[list[Text], list[Text]]]


@dataclass(frozen=True)
class Corpus:
    """How a corpus is made, and what its config says beside its files."""

    templates: Sequence[str] = ENGLISH
    change: Change = lambda train, dev: (train, dev)
    config: str = ""
    data: str = ""
    chinese: bool = False
    train: int = 90
    dev: int = 50

    def save(self, folder: Path) -> Path:
        """Write the files and a config; returns the config."""
        both = [
            *distinct(
                texts(4 * (self.train + self.dev), self.templates, seed=7, chinese=self.chinese)
            )
        ][: self.train + self.dev]
        train, dev = self.change(both[: self.train], both[self.train :])
        for name, rows in (("train", train), ("dev", dev)):
            lines = [row.line(f"{name}-{number}") for number, row in enumerate(rows, start=1)]
            text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
            (folder / f"{name}.jsonl").write_text(text, encoding="utf-8")
        config = folder / "config.toml"
        config.write_text(
            CONFIG.format(folder=folder, data=self.data, config=self.config), encoding="utf-8"
        )
        return config


def distinct(rows: Iterator[Text]) -> Iterator[Text]:
    """Those of which no sentence was in one before."""
    known: set[str] = set()
    for row in rows:
        parts = set(row.text.replace("。", ". ").split(". "))
        parts = {"".join(filter(str.isalnum, part)) for part in parts} - {""}
        if parts & known:
            continue
        known |= parts
        yield row


CONFIG = """
name = "planted"

[data]
train = "{folder}/train.jsonl"
dev = "{folder}/dev.jsonl"
{data}

[[encoders]]
kind = "characters"
embedding_dim = 16
hidden_dim = 24

[[encoders]]
kind = "casing"

[sharing]
kind = "depth"
hidden_dim = 32
normalise = true
dropout = 0.1

{config}
"""


def moved(row: Text, start: int, end: int) -> Text:
    """The text with positions that are off."""
    return replace(row, entities=[(s + start, e + end, t) for s, e, t in row.entities])


def in_utf16(row: Text) -> Text:
    """The text behind a sign that is two units of UTF-16, in which positions count."""
    return moved(replace(row, text="\U0001f4cc " + row.text), 3, 3)
