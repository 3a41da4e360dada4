"""Can the config's model find the annotations at all: its tasks, windows, tags and types."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from dovetail.build.heads import build_entity_head
from dovetail.config import CrfEntityHeadConfig
from dovetail.doctor.finding import MOST_EXAMPLES, Disease, Example, Finding
from dovetail.doctor.patient import Patient
from dovetail.doctor.places import said_of
from dovetail.errors import TrainingError
from dovetail.text.document import ENTITY_TASK, RELATION_TASK, TASKS, Entity, Relation, Sentence
from dovetail.text.fragments import Fragments
from dovetail.text.schema import Schema
from dovetail.text.windowed import Windowed
from dovetail.training.job import schema_of
from dovetail.training.supervision import learned_tasks

OUT_OF_REACH = 0.01
"""Share of the annotations of a task that may be out of reach."""

FEW = 3

WINDOW, TAGS, WIDTH, TYPES = "window", "tags", "width", "types"

Lost = tuple[str, Sentence, Entity | Relation]
"""Why an annotation cannot be found, and where it is."""


def examine_tasks(patient: Patient) -> Finding | None:
    """Tasks with annotations and without a weight."""
    learned = learned_tasks(patient.config)
    counts = patient.annotations(patient.sentences)
    off = [task for task in TASKS if counts[task] and task not in learned]
    if not off:
        return None
    return Finding(
        Disease.SWITCHED_OFF,
        f"The {' and '.join(off)} task has annotations and no weight, so nothing of it is learned "
        f"or found",
        1.0,
        tuple(f"training.{task}_loss_weight = 0, and {counts[task]:,} annotations" for task in off),
        "give it a weight, or leave the field out",
        tuple(f"training.{task}_loss_weight = 1.0" for task in off),
    )


def examine_reach(patient: Patient) -> Finding | None:
    """Annotations that no window holds, no tags express, or no declared types admit."""
    lost = [*_lost(patient)]
    counts = patient.annotations(patient.sentences)
    by_task = Counter(_task(item) for _, _, item in lost)
    shares = {task: by_task[task] / max(1, counts[task]) for task in TASKS}
    if len(lost) < FEW or max(shares.values()) < OUT_OF_REACH:
        return None
    reasons = Counter(reason for reason, _, _ in lost)
    return Finding(
        Disease.REACH,
        "Annotations are out of the reach of this config: its model can neither learn nor find "
        "them",
        max(shares.values()),
        tuple(_evidence(patient, lost, counts)),
        "change what keeps them out of reach",
        tuple(line for reason, _ in reasons.most_common() for line in _settings(patient, reason)),
        examples=tuple(_examples(patient, lost)),
    )


def _task(item: Entity | Relation) -> str:
    return ENTITY_TASK if isinstance(item, Entity) else RELATION_TASK


def _evidence(patient: Patient, lost: Sequence[Lost], counts: dict[str, int]) -> Iterator[str]:
    config = patient.config
    because = {
        WINDOW: f"are held by no window (windows.max_tokens = {config.reading.max_tokens})",
        TAGS: "overlap a longer entity, or are of one that does (entity_head)",
        WIDTH: "are longer than entity_head.max_width, or are of an entity that is",
        TYPES: "link types that relation_head.declared does not admit",
    }
    told = Counter((reason, _task(item)) for reason, _, item in lost)
    for (reason, task), number in told.most_common():
        kind = "entities" if task == ENTITY_TASK else "relations"
        yield f"{number:,} of {counts[task]:,} {kind} {because[reason]}"


def _settings(patient: Patient, reason: str) -> Iterator[str]:
    head = patient.config.entity_head
    if reason == WINDOW:
        longest = max(len(own.tokens) for own in patient.sentences)
        yield f"windows.max_tokens = {min(512, longest)}"
    elif reason == TAGS:
        is_flat = isinstance(head, CrfEntityHeadConfig)
        yield 'entity_head.kind = "span"' if is_flat else 'entity_head.overlaps = "all"'
    elif reason == WIDTH:
        longest = max(e.end - e.start for own in patient.sentences for e in own.entities)
        yield f"entity_head.max_width = {longest}"
    else:
        yield 'relation_head.signatures = "learned"'


def _examples(patient: Patient, lost: Sequence[Lost]) -> Iterator[Example]:
    for _, sentence, item in lost[:MOST_EXAMPLES]:
        yield patient.places.example(sentence, said_of(sentence, item))


def _lost(patient: Patient) -> Iterator[Lost]:
    """All annotations out of reach, each once; a relation with an entity that is lost is too."""
    config = patient.config
    try:
        schema = schema_of(config, patient.train, symmetric=config.data.symmetric)
    except TrainingError:
        schema = Schema.from_sentences(patient.train)
    types = Schema.from_sentences(patient.sentences)
    head = build_entity_head(config.entity_head, input_dim=1, entity_types=types.coded.entity_types)
    expressible = Fragments(types).expressible_by(head.expressible)
    learned = learned_tasks(config)
    declared = config.relation_head.signatures == "declared"
    widest = getattr(config.entity_head, "max_width", None)
    # As they are scored: an entity that grew to whole tokens in training may overlap by that alone.
    sentences = [own for corpus in patient.texts for own in corpus.sentences]
    rows = Windowed.of(sentences, config.reading).windows
    for sentence, windows in zip(sentences, rows, strict=True):
        extents = [(window.start, window.end) for window in windows]
        missing = {
            entity: _why(entity, widest)
            for entity in sentence.entities.difference(expressible(sentence.entities))
        }
        yield from ((reason, sentence, entity) for entity, reason in missing.items())
        for link in sentence.sorted_relations if RELATION_TASK in learned else ():
            first, last = _extent(link)
            if not any(start <= first and last <= end for start, end in extents):
                yield WINDOW, sentence, link
            elif reason := missing.get(link.head) or missing.get(link.tail):
                yield reason, sentence, link
            elif declared and not schema.allows(link):
                yield TYPES, sentence, link


def _why(entity: Entity, widest: int | None) -> str:
    is_long = widest is not None and any(end - start > widest for start, end in entity.pieces)
    return WIDTH if is_long else TAGS


def _extent(link: Relation) -> tuple[int, int]:
    return min(link.head.start, link.tail.start), max(link.head.end, link.tail.end)
