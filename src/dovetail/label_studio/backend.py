"""A backend: the model that is served, and the trainings that may bring a better one."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dovetail.errors import ConfigError, DovetailError, ModelError
from dovetail.extractor import Extractor
from dovetail.label_studio.client import LabelStudio
from dovetail.label_studio.folder import BackendFolder
from dovetail.label_studio.labelling_config import LabellingConfig
from dovetail.label_studio.trainer import Trainer
from dovetail.label_studio.training_process import Work, config_of
from dovetail.saved.ensemble_folder import files_of_predictor
from dovetail.saved.finding import model_folder
from dovetail.server.limits import Limits
from dovetail.server.served_models import ServedModels
from dovetail.server.service import Service

Say = Callable[[str], None]


@dataclass(frozen=True)
class Learning:
    """What a backend needs to learn.

    Args:
        folder: for trainings and what they leave.
        label_studio: where annotations are asked for.
        config: of the trainings, in place of Dovetail's own choice.
        every: after so many annotations a training begins by itself; 0 for never.
    """

    folder: BackendFolder
    label_studio: LabelStudio
    config: Path | None = None
    every: int = 0

    def check(self) -> None:
        """Refuse a config that no training could begin with.

        Raises:
            ConfigError: if it cannot be right.
        """
        config_of(self.config, self.folder.path)


@dataclass(frozen=True)
class Start:
    """What a backend begins with.

    Args:
        model: the folder or the name of a model, if there is one.
        schema: one of several that it has.
        threads: of the computation; 0 leaves the choice to Dovetail.
        limits: of its server.
    """

    model: str | None = None
    schema: str = ""
    threads: int = 0
    limits: Limits = field(default_factory=Limits)


class Backend:
    """What the addresses of a backend stand on.

    Args:
        start: what it begins with.
        learning: how it learns, if it may.
        say: a line for the log.

    Raises:
        ModelError: if there is nothing to serve and nothing to learn, or a model cannot be loaded.
    """

    def __init__(self, start: Start, learning: Learning | None, say: Say) -> None:
        if start.model is None and learning is None:
            raise ModelError(
                "there is nothing to serve: name a MODEL, or a --folder to learn into, or both"
            )
        self._say = say
        self._start = start
        self._served: tuple[str, str] | None = None
        self._said: tuple[str, ...] = ()
        self._annotations = 0
        self._counting = threading.Lock()
        self.learning = learning
        self.service = Service(ServedModels({}), start.limits)
        self.trainer: Trainer | None = None
        if learning is not None:
            self._begin(learning)
        if start.model is not None:
            if self._served is None:
                self._serve(start.model, start.schema, start.threads)
            else:
                say(f"{start.model} is not served, for a model that was learned took its place")

    def _begin(self, learning: Learning) -> None:
        learning.check()
        folder = learning.folder
        self.trainer = Trainer(folder, self._work, self._take, self._say)
        for number in folder.drop_interrupted():
            self._say(f"training {number} was interrupted, and is forgotten: ask for another")
        for number in reversed(folder.accepted):
            try:
                self._serve(str(folder.model(number)), "", self._start.threads, number)
                return
            except ModelError as error:
                self._say(f"warning: {error}; the model before it is served")

    @property
    def version(self) -> str:
        """The name of the model that is served; empty before there is one."""
        return self.service.models.default

    def _serve(
        self, place: str, schema: str, threads: int | None, number: int | None = None
    ) -> None:
        """Serve a model from now on.

        Raises:
            ModelError: if it cannot be loaded, or it is not plain which schema is meant.
        """
        extractor = Extractor.load(place, threads=threads)
        if schema:
            extractor = extractor.of_schema(schema)
        elif extractor.schemas:
            raise ModelError(
                f"the model {place} has the schemas {', '.join(extractor.schemas)}: choose one by "
                f"--schema"
            )
        folder = model_folder(place)
        name = extractor.name if number is None else f"training-{number}"
        version = f"{name}-{_digest(folder)}"
        self._served = str(folder.resolve()), schema
        self.service.models = ServedModels({version: extractor})  # at once, for requests to come
        self._say(f"serves {version}")

    def _take(self, number: int) -> None:
        if self.learning is not None:
            self._serve(str(self.learning.folder.model(number)), "", None, number)

    def _work(self, number: int, project: int) -> Work:
        learning = self.learning
        assert learning is not None  # or there would be no trainer
        return Work(
            learning.label_studio,
            project,
            learning.folder.path,
            number,
            learning.config,
            self._served,
        )

    def fit(self, config: LabellingConfig) -> list[str]:
        """What of the model has no place in a labelling config, in sentences.

        Raises:
            ConfigError: if that is all of it, and nothing can be learned.
        """
        models = self.service.models
        if not models.default:
            return ["there is no model yet, so nothing is predicted until the first training"]
        schema = models.find(models.default, "").schema
        lacking = config.lacking(schema.entity_types, schema.relation_types)
        if set(schema.entity_types) <= set(lacking):
            said = (
                f"none of the labels {_listed(config.from_names)} is an entity type of the model "
                f"{models.default}, which has {_listed(schema.entity_types)}"
            )
            if self.trainer is None:
                raise ConfigError(
                    f"{said}: rename labels, or start the backend with a --folder to learn into"
                )
            return [f"{said}: nothing is predicted until it is trained"]
        if not lacking:
            return []
        return [f"the labelling config has no label for {_listed(lacking)}: these are not sent"]

    def say_once(self, sentences: Sequence[str]) -> None:
        """Log sentences, unless they are those that were logged last: Label Studio asks often."""
        if self._said != tuple(sentences):
            self._said = tuple(sentences)
            for sentence in sentences:
                self._say(sentence)

    def train(self, project: int) -> str:
        """Begin a training, or remember that one is wanted; a sentence of it.

        Raises:
            DovetailError: if this backend cannot learn, or learns from another project.
        """
        if self.trainer is None or self.learning is None:
            raise DovetailError(
                "this backend does not learn: start it with a --folder to learn into, and a token "
                "of Label Studio"
            )
        self.learning.folder.bind(self.learning.label_studio.url, project)
        self._annotations = 0
        return self.trainer.ask(project)

    def annotated(self, project: int, count: int) -> str:
        """Count annotations; a training begins when there are enough of them."""
        every = self.learning.every if self.learning is not None else 0
        if not every:
            return "noted"
        with self._counting:
            self._annotations += count
            if self._annotations < every:
                return f"{self._annotations} of {every} annotations until the next training"
            self._annotations = 0
        return self.train(project)

    def health(self) -> dict[str, Any]:
        """How the backend is, as JSON values."""
        values: dict[str, Any] = {"status": "UP", "model_version": self.version}
        if self.trainer is not None:
            status = self.trainer.status
            values["training"] = {
                "state": status.state,
                "number": status.number,
                "said": status.said,
            }
        return values


def _listed(types: Sequence[str] | dict[str, str] | Any) -> str:
    return ", ".join(types) or "none"


def _digest(folder: Path) -> str:
    """A few digits by which one version of a model is told from another of its name."""
    digest = hashlib.sha256()
    for name in sorted(files_of_predictor(folder)):
        digest.update(name.encode())
        with (folder / name).open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:8]
