"""A training in a process of its own: the tasks of the project, a run, a comparison on dev."""

from __future__ import annotations

import json
import logging
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dovetail.config import Config, load_config, parse_config
from dovetail.errors import ConfigError, DovetailError, TrainingError
from dovetail.label_studio.client import LabelStudio
from dovetail.label_studio.folder import FEWEST_TASKS, BackendFolder, Outcome
from dovetail.label_studio.labelling_config import LabellingConfig
from dovetail.running.parents import end_with_parent
from dovetail.threads import prepare_threads

if TYPE_CHECKING:
    from dovetail.extractor import Extractor
    from dovetail.training import RunEvent

_LOG = logging.getLogger(__name__)

Say = Callable[[str], None]

FORMAT = "labelstudio"

POLITE = 10
"""How much the training gives way to the server, which computes on the same cores."""


@dataclass(frozen=True)
class Work:
    """A training to do.

    Args:
        label_studio: where the annotations are.
        project: its number there.
        folder: of the backend.
        number: of the training.
        config: a config file, or Dovetail's own choice.
        served: the model that is served now, and the one of its schemas, where there is one.
    """

    label_studio: LabelStudio
    project: int
    folder: Path
    number: int
    config: Path | None
    served: tuple[str, str] | None


def work_in_process(work: Work, pipe: Connection) -> None:
    """Do the work in this process, and send what is said of it, each a string; last the outcome."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes; the server ends us
    end_with_parent()
    prepare_threads()
    if hasattr(os, "nice"):  # not on Windows
        os.nice(POLITE)

    def tell(what: str | Outcome) -> None:
        with suppress(OSError):  # nobody listens any more, and this process ends soon
            pipe.send(what)

    try:
        outcome = trained(work, tell)
    except DovetailError as error:
        outcome = Outcome(accepted=False, said=f"failed: {error}")
    except Exception as error:
        _LOG.exception("training %d failed", work.number)
        outcome = Outcome(accepted=False, said=f"failed: {type(error).__name__}: {error}")
    BackendFolder(work.folder).note(work.number, outcome)
    tell(outcome)


def trained(work: Work, say: Say) -> Outcome:
    """Train on what is annotated now, and compare with the model that is served.

    Raises:
        DovetailError: if that is not possible; says what to do.
    """
    folder = BackendFolder(work.folder)
    say(f"asking {work.label_studio.url} for the annotations of project {work.project}")
    labelling = LabellingConfig.parse(work.label_studio.project(work.project)["label_config"])
    tasks = usable(work.label_studio.annotated_tasks(work.project), labelling)
    if len(tasks) < FEWEST_TASKS:
        raise TrainingError(
            f"{len(tasks)} tasks are annotated, and a training needs {FEWEST_TASKS}, two of them "
            f"to compare models on: annotate more"
        )
    place = folder.training(work.number)
    dev = folder.divide(tasks)
    for name, numbers in (("train", tasks.keys() - dev), ("dev", dev)):
        folder.keep_tasks(work.number, name, [tasks[number] for number in sorted(numbers)])
    say(f"{len(tasks)} annotated tasks, {len(dev)} of them are the dev set")
    config = config_of(work.config, place)
    from dovetail.training import train  # torch, after its settings

    def tell(event: RunEvent) -> None:
        for line in lines_of(event):
            say(line)

    train(config, place / "run", notify=tell)
    new = _loaded(folder.model(work.number))
    if unknown := labelling.unknown_to(new.schema.entity_types, new.schema.relation_types):
        say(f"no annotated task to learn from has {', '.join(unknown)}, so these are not found")
    return compared(work, new, config, labelling)


def usable(tasks: Sequence[dict[str, Any]], config: LabellingConfig) -> dict[int, dict[str, Any]]:
    """The annotated tasks by number, with what is marked in the text of the config and no more."""
    found = {}
    for task in tasks:
        text = task.get("data", {}).get(config.field)
        annotations = [
            {**own, "result": _of_text(own.get("result") or [], config)}
            for own in task.get("annotations") or []
            if not own.get("was_cancelled")
        ]
        if annotations and isinstance(text, str):
            number = task["id"]
            found[number] = {
                "id": number,
                "data": {"text": text, "id": str(number)},
                "annotations": annotations,
            }
    return found


def _of_text(results: Sequence[dict[str, Any]], config: LabellingConfig) -> list[dict[str, Any]]:
    regions = [
        own for own in results if own.get("type") == "labels" and own.get("to_name") == config.text
    ]
    names = {own.get("id") for own in regions}
    relations = [
        own
        for own in results
        if own.get("type") == "relation" and {own.get("from_id"), own.get("to_id")} <= names
    ]
    return [*regions, *relations]


def config_of(path: Path | None, place: Path) -> Config:
    """The config of a training whose files are in a folder; by default Dovetail's own choice.

    A config of the user's says all but the sentences.

    Raises:
        ConfigError: if it cannot be right, or is about several corpora.
    """
    files = {
        name: str((place / f"{name}.json").resolve()).replace("$", "$$")
        for name in ("train", "dev")
    }
    overrides = [
        *(f"data.{name}={json.dumps([file], ensure_ascii=False)}" for name, file in files.items()),
        "data.dev_fraction=0.0",
        f'data.format="{FORMAT}"',
    ]
    if path is None:
        # What is broken in one task must not keep the others from being learned.
        return parse_config({}, overrides=[*overrides, 'data.on_error="drop"'])
    config = load_config(path, overrides)
    if config.corpora:
        raise ConfigError(f"{path} lists several corpora, and a project is one: use [data]")
    return config


def lines_of(event: RunEvent) -> Iterator[str]:
    """What a log says of an event: an epoch has a line, a step has none."""
    from dovetail.training import EpochResult, RunStarted

    match event:
        case RunStarted():
            yield from event.splits.warnings
            yield (
                f"training on {len(event.splits.train)} sentences, choosing by "
                f"{len(event.splits.dev)}"
            )
        case EpochResult():
            yield (
                f"epoch {event.epoch} of at most {event.epochs}: dev score {event.score:.3f}"
                + " (best)" * event.is_best
            )


def _loaded(place: str | Path, schema: str = "") -> Extractor:
    from dovetail.extractor import Extractor

    extractor = Extractor.load(place)
    return extractor.of_schema(schema) if schema else extractor


def compared(work: Work, new: Extractor, config: Config, labelling: LabellingConfig) -> Outcome:
    """Whether the new model is better than the one that is served, on the same dev sentences."""
    from dovetail.corpora import read_corpus

    dev = BackendFolder(work.folder).part(work.number, "dev")
    reading = replace(config.data.reading, language=new.reading.language)
    gold = read_corpus(dev, format=FORMAT, reading=reading).sentences
    score = score_on(new, gold, labelling, config.training.select)
    if work.served is None:
        return Outcome(True, f"taken, as the first: its dev score is {score:.3f}", score)
    old = _loaded(*work.served)
    before = score_on(old, gold, labelling, config.training.select)
    said = f"{score:.3f} on the dev set, and the model before {before:.3f}"
    if score > before:
        return Outcome(True, f"taken: its score is {said}", score, before)
    return Outcome(False, f"not taken, for it is not better: its score is {said}", score, before)


def score_on(
    extractor: Extractor, gold: Sequence[Any], labelling: LabellingConfig, select: str
) -> float:
    """The score that runs select by, of what Label Studio would be sent."""
    from dovetail.evaluation import evaluate
    from dovetail.label_studio.predictions import fitting
    from dovetail.training.selection import score_of

    found = [fitting(own, labelling) for own in extractor.annotate(gold)]
    symmetric = extractor.schema.symmetric
    return score_of(evaluate(gold, found, symmetric=symmetric, bootstrap_samples=0), select)
