"""`dovetail label-studio`: pre-annotate in Label Studio, and learn from what is corrected there."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dovetail.cli.say import say
from dovetail.cli.serve_command import (
    AllowedHosts,
    Host,
    KeyFile,
    MaxBody,
    Threads,
    access_to,
    refuse_missing,
    warn_of_readers,
)
from dovetail.cli.waiting import Waiting
from dovetail.errors import ConfigError

if TYPE_CHECKING:
    from dovetail.label_studio.backend import Learning

Model = Annotated[
    str | None,
    typer.Argument(
        metavar="MODEL",
        help="The model to begin with: a folder, that of a run, or the name of a shipped model. "
        "Without one nothing is predicted until the first training.",
        show_default=False,
    ),
]
Folder = Annotated[
    Path | None,
    typer.Option(
        help="Learn from the project's annotations, and keep the models here. A backend that "
        "starts again serves the newest that was taken.",
        show_default=False,
    ),
]
Url = Annotated[str, typer.Option(help="Where Label Studio is, to ask for annotations.")]
TokenFile = Annotated[
    Path | None,
    typer.Option(
        help="A file with a token of Label Studio; by default the environment variable "
        "LABEL_STUDIO_API_KEY.",
        show_default=False,
    ),
]
TrainingConfig = Annotated[
    Path | None,
    typer.Option(
        "--config",
        help="The config to train with, a TOML file; its data are those of the project.",
        show_default=False,
    ),
]
Every = Annotated[
    int,
    typer.Option(min=0, metavar="N", help="Train after every N annotations too; 0 only when told."),
]
SchemaName = Annotated[
    str | None,
    typer.Option(
        "--schema",
        metavar="NAME",
        help="Predict with this schema, where the model has several.",
        show_default=False,
    ),
]
Port = Annotated[int, typer.Option(min=0, max=65535, help="The port; 0 takes a free one.")]

REQUEST_SECONDS = 95.0
"""For an answer: Label Studio waits for 100 seconds."""

MOST_TASKS = 500_000
"""Of a request; its body is bounded, and Label Studio sends annotations that count too."""


def label_studio_command(  # noqa: PLR0913  the options of a command, which nobody passes on
    model: Model = None,
    *,
    folder: Folder = None,
    url: Url = "http://localhost:8080",
    token_file: TokenFile = None,
    config: TrainingConfig = None,
    every: Every = 0,
    schema: SchemaName = None,
    host: Host = "127.0.0.1",
    port: Port = 9090,
    threads: Threads = 0,
    api_key_file: KeyFile = None,
    allow_host: AllowedHosts = None,
    max_body: MaxBody = 64.0,
) -> None:
    """Be a machine-learning backend of Label Studio: pre-annotate, and learn from corrections.

    Connect it in a project's settings under Model, by the address that it says.

    With --folder, training is started there (Start Training). It runs in the background, on the
    project's annotations; its model is served if it is better than the one before, on annotated
    tasks that neither learned from.
    """
    refuse_missing()
    from dovetail.label_studio.backend import Start
    from dovetail.label_studio.running import serve_backend
    from dovetail.server.limits import Limits
    from dovetail.server.running import address_of, bind

    learning = _learning(folder, url, token_file, config, every)
    access = access_to(host, api_key_file, allow_host or [], passwords=True)
    limits = Limits(
        body_bytes=round(max_body * 1_000_000), texts=MOST_TASKS, request_seconds=REQUEST_SECONDS
    )
    start = Start(model, schema or "", threads, limits)
    with bind(host, port) as listening, Waiting() as tell:
        tell.stage("loading")

        def told(line: str) -> None:
            tell.rest()
            say(f"ready at {address_of(listening)}" if line == "ready" else line, err=True)

        serve_backend(start, learning, access, listening, told)


def _learning(
    folder: Path | None, url: str, token_file: Path | None, config: Path | None, every: int
) -> Learning | None:
    """How to learn, if there is a folder for it.

    Raises:
        ConfigError: if there is no token, or an option is given that needs a folder.
    """
    from dovetail.label_studio.backend import Learning
    from dovetail.label_studio.client import (
        TOKEN_VARIABLE,
        LabelStudio,
        checked_url,
        is_overheard,
        read_token,
    )
    from dovetail.label_studio.folder import BackendFolder

    if folder is None:
        needing = {"--token-file": token_file, "--config": config, "--every": every}
        if given := [option for option, value in needing.items() if value]:
            raise ConfigError(f"{', '.join(given)}: to learn, name a --folder for the models too")
        return None
    url = checked_url(url)
    token = read_token(token_file, os.environ)
    if token is None:
        raise ConfigError(
            f"to learn, the backend asks {url} for annotations, which takes a token: put one of "
            f"your account there into a file and name it by --token-file, or set {TOKEN_VARIABLE}"
        )
    if token_file is not None:
        warn_of_readers(token_file)
    if is_overheard(url):
        say(f"warning: the token goes to {url} without encryption; https keeps it", err=True)
    return Learning(BackendFolder(folder), LabelStudio(url, token), config, every)
