"""Label Studio JSON: tasks with the annotations of people and the predictions of models.

Regions of the type ``labels`` on a text are entities; a region with several labels is one entity
for each.  Of a task with annotations the predictions are not read; a task with predictions alone
keeps them with their scores and is annotated for nothing, since nobody confirmed them.  What else
an annotation project has (choices, ratings, ...) is dropped, each under its own kind.

Label Studio counts code points since version 1.4 (2021) and counted UTF-16 units before; what a
region says it covers tells which.
Source: https://labelstud.io/guide/task_format and the editor's ``selection-tools.js``
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from dovetail.corpora.format import Format, Sample, Source
from dovetail.corpora.formats.label_studio.label_studio_writer import RELATED, write
from dovetail.corpora.ledger import ENTITY, RELATION, Drop
from dovetail.corpora.marking.assembly import UniqueNames
from dovetail.corpora.marking.marked_text import CharacterEntity, IndexedRelation, MarkedText
from dovetail.corpora.marking.opinions import Opinion, decided, entities_only_without_relations
from dovetail.corpora.marking.positions import counts_utf16
from dovetail.corpora.source.json_objects import read_each
from dovetail.corpora.source.json_records import Record, check_characters, describe
from dovetail.text.document import TASKS
from dovetail.text.reading import Offsets

NOT_HELD = "Dovetail holds entities and relations only"
NO_LABEL = "the region has no label"
_WORK = {"annotations", "predictions", "completions"}


@dataclass(slots=True)
class _Result:
    """What one annotator or model marked; relations name their arguments by region."""

    source: Source
    name: str
    text: str
    entities: list[CharacterEntity] = field(default_factory=list)
    positions: dict[str, int | None] = field(default_factory=dict)  # None: nothing to link to
    links: list[Record] = field(default_factory=list)

    def read(self, items: Sequence[Record], *, scored: bool) -> Opinion:
        for item in items:
            kind = item.string("type")
            if kind == "labels":
                with self.source.faults.guard(ENTITY, self.name):
                    self.read_region(item, scored=scored)
            elif kind == "relation":
                self.links.append(item)
            else:
                self.source.tally.read(kind)
                self.source.tally.drop(Drop(self.name, kind, NOT_HELD))
        relations: list[IndexedRelation] = []
        for link in self.links:
            with self.source.faults.guard(RELATION, self.name):
                relations += self.relations_of(link, scored=scored)
        return Opinion(self.entities, relations)

    def read_region(self, item: Record, *, scored: bool) -> None:
        id = item.identifier("id")
        self.positions[id] = None  # until it is known to be whole
        value = Record.of(item.values.get("value"), f"{item.where}: value")
        start, end = value.integer("start"), value.integer("end")
        surface = self.as_in_text(value.string("text")) if "text" in value else None
        confidence = score_of(item) if scored else None
        labels = names_in(value, "labels")
        if not labels:
            self.source.tally.read(ENTITY)
            self.source.tally.drop(Drop.in_text(self.name, ENTITY, NO_LABEL, (start, end), ""))
            return
        self.source.tally.note("region: its labels after the first are entities", len(labels) > 1)
        self.positions[id] = len(self.entities)
        self.entities += (
            CharacterEntity(start, end, label, item.where, confidence, surface) for label in labels
        )

    def as_in_text(self, surface: str) -> str:
        r"""What a region covers; the editor writes a line break as the two signs ``\n``."""
        if "\\n" in surface and "\\n" not in self.text:
            return surface.replace("\\n", "\n")
        return surface

    def relations_of(self, link: Record, *, scored: bool) -> list[IndexedRelation]:
        head, tail = (self.position(link, name) for name in ("from_id", "to_id"))
        confidence = score_of(link) if scored else None
        labels = names_in(link, "labels") if "labels" in link else []
        self.source.tally.note(f"relation: it has no label, so it is a {RELATED!r}", not labels)
        direction = link.string("direction") if "direction" in link else "right"
        pairs = {"left": [(tail, head)], "bi": [(head, tail), (tail, head)]}
        self.source.tally.note("relation: read in both directions", direction == "bi")
        return [
            IndexedRelation(*pair, label, confidence)
            for label in labels or [RELATED]
            for pair in pairs.get(direction, [(head, tail)])
        ]

    def position(self, link: Record, name: str) -> int | None:
        id = link.identifier(name)
        if id not in self.positions:
            link.fail(f"{name!r} is {id!r}, which is no region of the same result")
        return self.positions[id]


@dataclass(slots=True)
class _Reader:
    source: Source
    names: UniqueNames = field(default_factory=UniqueNames)

    def read_task(self, task: Record) -> MarkedText:
        if "data" not in task:
            task.fail(
                "a task has its text in 'data'; the short form (JSON-MIN) leaves relations out, so "
                "export the project as JSON"
            )
        data = Record.of(task.values["data"], f"{task.where}: data")
        own = data.values.get("id")
        id = data.identifier("id") if isinstance(own, str) else task.identifier("id")
        self.names.add(id, task.where)
        name = id or task.where.rsplit("/", 1)[-1]
        text = _text_of(data)
        work = self.annotations_of(task)
        predictions = task.records("predictions")
        self.source.tally.note(
            "prediction: not read, for the task is annotated or has one before it",
            len(predictions) if work else max(len(predictions) - 1, 0),
        )
        opinions = [
            _Result(self.source, name, text).read(one.records("result"), scored=not work)
            for one in work or predictions[:1]
        ]
        found = decided(opinions, self.source, name)
        self.source.tally.note(
            "document: has a model's predictions only, so it is annotated for nothing",
            bool(predictions) and not work,
        )
        offsets: Offsets = "utf16" if counts_utf16(text, found.entities) else "codepoints"
        self.source.tally.note(
            "document: its positions count UTF-16 units, as they did before Label Studio 1.4",
            offsets == "utf16",
        )
        annotated = frozenset(TASKS if work else ())
        return MarkedText(
            id, text, found.entities, found.relations, task.where, annotated, offsets=offsets
        )

    def annotations_of(self, task: Record) -> list[Record]:
        """The work of the annotators, the one that is called the truth first."""
        field_ = "annotations" if "annotations" in task else "completions"
        done = task.records(field_)
        work = [one for one in done if one.values.get("was_cancelled") is not True]
        self.source.tally.note("annotation: skipped by its annotator", len(done) - len(work))
        return sorted(work, key=lambda one: one.values.get("ground_truth") is not True)


def _text_of(data: Record) -> str:
    """The text of a task: the field `text`, or the only one that is a text."""
    if "text" in data:
        return data.string("text")
    texts = [name for name, value in data.values.items() if isinstance(value, str)]
    if len(texts) != 1:
        data.fail(f"expected the field 'text', or one text field; the text fields are {texts}")
    return data.string(texts[0])


def names_in(record: Record, name: str) -> list[str]:
    """A list of names, none of them empty."""
    names = record.items(name)
    for item in names:
        if not isinstance(item, str) or not item:
            record.fail(f"{name!r}: expected names, found {describe(item)}")
        check_characters(item, f"{record.where}: {name!r}")
    return names


def score_of(record: Record) -> float | None:
    """The score of an annotation, which is its confidence where it is a probability."""
    score = record.values.get("score")
    if not isinstance(score, int | float) or isinstance(score, bool) or not 0 <= score <= 1:
        return None
    return float(score)


def _read(source: Source) -> list[MarkedText]:
    texts = read_each(source, _Reader(source).read_task)
    return entities_only_without_relations(texts, source.tally)


def _recognises(sample: Sample) -> bool:
    for record in sample.records:
        data = record.get("data")
        if isinstance(data, dict):
            return bool(_WORK & record.keys()) or isinstance(data.get("text"), str)
    return bool(sample.records) and "annotation_id" in sample.keys  # the short form, JSON-MIN


LABEL_STUDIO = Format(
    "labelstudio",
    "Label Studio JSON: tasks with annotations or predictions on a text",
    _read,
    write,
    _recognises,
    needs='JSON objects, tasks with "data" and "annotations" or "predictions"',
)
