"""The addresses that Label Studio asks a machine-learning backend at.

What they are called, and what they take and give, is Label Studio's: `label_studio/ml` there.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import aclosing
from functools import lru_cache, partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.security import HTTPBearer
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dovetail.errors import ConfigError, DovetailError
from dovetail.label_studio.backend import Backend
from dovetail.label_studio.labelling_config import LabellingConfig
from dovetail.label_studio.predictions import prediction
from dovetail.server.asked import Asked, Found
from dovetail.server.problems import Fault, ProblemError, invalid
from dovetail.server.routes import (
    ALWAYS,
    JSON,
    OF_BODIES,
    BoundedRoute,
    Serving,
    problems,
    while_connected,
)
from dovetail.server.service import Service, encoded, problem_of
from dovetail.server.wire import TextItem
from dovetail.text.document import Document

_LOG = logging.getLogger(__name__)


class _Lenient(BaseModel):
    model_config = ConfigDict(extra="ignore")  # each version of Label Studio sends more


class Task(_Lenient):
    """A task, as far as it is needed."""

    id: int | str
    data: dict[str, Any] = {}


class PredictRequest(_Lenient):
    """Tasks to pre-annotate."""

    tasks: list[Task]
    label_config: str = Field(description="The XML of the project's labelling setup.")


class SetupRequest(_Lenient):
    """A project that is to be pre-annotated; where it says it comes from is not believed."""

    project: str | int = ""
    schema_: str = Field(alias="schema", description="The XML of its labelling setup.")


class Webhook(_Lenient):
    """Something that happened in a project."""

    action: str
    project: dict[str, Any] | None = None
    annotation: Any = None


class OldTrainRequest(_Lenient):
    """What versions before webhooks ask with; the annotations in it are asked for anew."""

    project: str | int


async def _backend(request: Request) -> Backend:
    backend: Backend = request.app.state.backend
    return backend


Served = Annotated[Backend, Depends(_backend)]

label_studio_router = APIRouter(
    route_class=BoundedRoute,
    tags=["Label Studio"],
    dependencies=[
        Depends(
            HTTPBearer(
                auto_error=False,
                description="A key of the server; it may be the password of basic "
                "authentication too.",
            )
        )
    ],
)
"""What may need a key."""

open_label_studio_router = APIRouter(tags=["Label Studio"])
"""What never needs one, and tells nothing."""


@open_label_studio_router.get("/", responses=problems(421, 500))
async def up() -> dict[str, str]:
    """Whether the process answers."""
    return {"status": "UP"}


@label_studio_router.get("/health", responses=problems(*ALWAYS))
async def health(backend: Served) -> dict[str, Any]:
    """How the backend is: which model it serves, and how the last training went."""
    return backend.health()


@label_studio_router.post("/setup", responses=problems(*ALWAYS, *OF_BODIES))
async def setup(backend: Served, asked_for: SetupRequest) -> dict[str, Any]:
    """The version of the model, and what of it has no place in the labelling config."""
    try:
        said = backend.fit(_parsed(asked_for.schema_))
    except ConfigError as error:
        backend.say_once([f"refused: {error}"])
        raise invalid([Fault(where="schema", message=str(error))]) from None
    backend.say_once(said)
    return {"model_version": backend.version, "said": said}


@label_studio_router.get("/versions", responses=problems(*ALWAYS))
async def versions(backend: Served) -> dict[str, list[str]]:
    """The versions that can be asked for: the one that is served."""
    return {"versions": [backend.version] if backend.version else []}


@label_studio_router.post("/webhook", responses=problems(*ALWAYS, *OF_BODIES, 409))
async def webhook(backend: Served, event: Webhook) -> dict[str, str]:
    """Train when told, and count annotations."""
    if event.action == "START_TRAINING":
        return {"said": await _trained(backend, event.project)}
    if event.action in ("ANNOTATION_CREATED", "ANNOTATION_UPDATED", "ANNOTATIONS_CREATED"):
        count = len(event.annotation) if isinstance(event.annotation, list) else 1
        number = (event.project or {}).get("id")
        if isinstance(number, int):
            return {"said": await _told(partial(backend.annotated, number, count))}
    return {"said": "noted"}


@label_studio_router.post("/train", responses=problems(*ALWAYS, *OF_BODIES, 409))
async def train(backend: Served, asked_for: OldTrainRequest) -> dict[str, str]:
    """Train, as versions of Label Studio before 2022 ask for it."""
    number = str(asked_for.project).partition(".")[0]
    return {"said": await _trained(backend, {"id": int(number) if number.isdecimal() else None})}


async def _trained(backend: Backend, project: dict[str, Any] | None) -> str:
    number = (project or {}).get("id")
    if not isinstance(number, int) or number < 1:
        message = "expected the project with its number as `id`: let the webhook send its payload"
        raise invalid([Fault(where="project", message=message)])
    return await _told(partial(backend.train, number))


async def _told(ask: Callable[[], str]) -> str:
    """The sentence of what was asked for, which starts processes and writes files."""
    try:
        return await asyncio.to_thread(ask)
    except DovetailError as error:
        raise ProblemError(409, f"{error}.") from None


@label_studio_router.post("/predict", responses=problems(*ALWAYS, *OF_BODIES))
async def predict(
    request: Request, service: Serving, backend: Served, asked_for: PredictRequest
) -> Response:
    """The predictions for tasks: one for each, or an empty list where nothing can be predicted.

    So Label Studio keeps nothing for a task before there is a model.
    """
    config = parsed_config(asked_for.label_config)
    models = service.models
    version = models.default
    if not version:
        content = encoded({"results": [[] for _ in asked_for.tasks], "model_version": version})
        return Response(content, media_type=JSON)
    service.refuse_many(len(asked_for.tasks))
    items = {
        place: item
        for place, task in enumerate(asked_for.tasks)
        if (item := _item(service, place, task, config)) is not None
    }
    asked = Asked.of(models)
    with service.accept([*items.values()]):
        work = _found(service, asked, items)
        found = await while_connected(request.receive, work)
        content = await asyncio.to_thread(_written, asked_for.tasks, found, config, version)
    return Response(content, media_type=JSON)


def _item(service: Service, place: int, task: Task, config: LabellingConfig) -> TextItem | None:
    """The text of a task; None where there is none, or none that can be read."""
    text = task.data.get(config.field)
    try:
        item = TextItem(text=text, id=str(task.id))  # type: ignore[arg-type]  # this is the check
    except ValidationError:
        _LOG.warning("task %s has no text in %r, so nothing is predicted", task.id, config.field)
        return None
    fault = service.fault_of(place, item)
    if fault is not None:
        _LOG.warning("task %s: %s", task.id, fault.message)
    return item if fault is None else None


async def _found(service: Service, asked: Asked, items: dict[int, TextItem]) -> dict[int, Document]:
    """The annotated documents by the places of their tasks; those that cannot be read lack."""
    places = [*items]
    found: dict[int, Document] = {}
    async with aclosing(service.outcomes(asked, [*items.values()])) as outcomes:
        async for index, outcome in outcomes:
            if isinstance(outcome, Found):
                found[places[index]] = outcome.extraction.document
            else:
                problem = problem_of(index, outcome)
                _LOG.warning("task %s: %s", items[places[index]].id, problem.detail)
    return found


def _written(
    tasks: Sequence[Task], found: dict[int, Document], config: LabellingConfig, version: str
) -> bytes:
    results: list[Any] = [
        prediction(found[place], config, task=str(task.id), version=version)
        if place in found
        else []
        for place, task in enumerate(tasks)
    ]
    return encoded({"results": results, "model_version": version})


def parsed_config(xml: str) -> LabellingConfig:
    """The labelling config of a request.

    Raises:
        ProblemError: if nothing can be annotated for it.
    """
    try:
        return _parsed(xml)
    except ConfigError as error:
        raise invalid([Fault(where="label_config", message=str(error))]) from None


@lru_cache(maxsize=16)
def _parsed(xml: str) -> LabellingConfig:
    return LabellingConfig.parse(xml)
