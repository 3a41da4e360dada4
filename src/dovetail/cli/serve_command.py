"""`dovetail serve`: models behind a URL, and a page to try them on."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dovetail.cli.say import say
from dovetail.cli.waiting import Waiting
from dovetail.errors import MissingExtraError

if TYPE_CHECKING:
    from dovetail.server.guard import Access
    from dovetail.server.running import Settings

Models = Annotated[
    list[str],
    typer.Argument(
        metavar="MODEL...",
        help="Model folders, those of runs, or names of shipped models; NAME=FOLDER gives one a "
        "name. The first answers requests that name none.",
        show_default=False,
    ),
]
Host = Annotated[str, typer.Option(help="The address to listen at; 0.0.0.0 for all.")]
Port = Annotated[int, typer.Option(min=0, max=65535, help="The port; 0 takes a free one.")]
Workers = Annotated[
    int, typer.Option(min=1, help="Processes; each loads the models and has limits of its own.")
]
Threads = Annotated[
    int,
    typer.Option(
        min=0, help="Threads of the computation in each; 0 leaves the choice to Dovetail."
    ),
]
KeyFile = Annotated[
    Path | None,
    typer.Option(
        "--api-key-file",
        help="Answer only requests with one of the keys in this file, one a line.",
        show_default=False,
    ),
]
AllowedHosts = Annotated[
    list[str] | None,
    typer.Option(
        "--allow-host",
        metavar="NAME",
        help="Answer requests that call the server by this name too; repeatable.",
        show_default=False,
    ),
]
MaxBody = Annotated[
    float, typer.Option("--max-body", metavar="MB", min=0.001, help="The largest body.")
]
MaxTexts = Annotated[int, typer.Option(min=1, help="The most texts of a request.")]
MaxWaiting = Annotated[
    int, typer.Option(min=1, help="Requests that wait, before others are sent away (429).")
]
Timeout = Annotated[
    float, typer.Option(metavar="SECONDS", min=0.1, help="The longest a request may take.")
]
Drain = Annotated[
    float,
    typer.Option(
        "--drain",
        metavar="SECONDS",
        min=0.0,
        help="How long newcomers are told that the server ends (503) before it does, at least.",
    ),
]

PARTS = ("fastapi", "uvicorn", "prometheus_client")
"""What the extra brings."""


def serve_command(  # noqa: PLR0913  the options of a command, which nobody passes on
    models: Models,
    *,
    host: Host = "127.0.0.1",
    port: Port = 8000,
    workers: Workers = 1,
    threads: Threads = 0,
    api_key_file: KeyFile = None,
    allow_host: AllowedHosts = None,
    max_body: MaxBody = 4.0,
    max_texts: MaxTexts = 10_000,
    max_waiting: MaxWaiting = 1_000,
    timeout: Timeout = 60.0,
    drain: Drain = 0.0,
) -> None:
    """Serve models over HTTP, with a page to try them on.

    POST /v1/extract takes texts as JSON, /v1/extract/stream takes and gives lines. /openapi.json
    describes all addresses, and the page is at /.

    Only programs on this machine reach it, unless --host says otherwise. SIGTERM or Ctrl-C ends it
    when all that it has accepted is answered.
    """
    refuse_missing()
    from dovetail.server.limits import Limits
    from dovetail.server.running import Settings

    access = access_to(host, api_key_file, allow_host or [])
    limits = Limits(
        body_bytes=round(max_body * 1_000_000),
        texts=max_texts,
        waiting_requests=max_waiting,
        request_seconds=timeout,
    )
    _serve(Settings(tuple(models), workers, threads, limits, access, drain), host, port)


def _serve(settings: Settings, host: str, port: int) -> None:
    """Listen, and serve until the end."""
    from dovetail.server.running import address_of, bind, serve_here
    from dovetail.server.workers import serve_in_workers

    listed = ", ".join(settings.models)
    with bind(host, port) as listening:
        address = address_of(listening)
        if settings.workers > 1:
            _tell(f"{settings.workers} workers begin to serve {listed} at {address}")
            serve_in_workers(settings, listening, _tell)
            return
        with Waiting() as tell:
            tell.stage(f"loading {listed}")

            def ready() -> None:
                tell.rest()
                _tell(f"serving {listed} at {address}")

            serve_here(settings, listening, ready)


def _tell(line: str) -> None:
    say(line, err=True)


def warn_of_readers(file: Path) -> None:
    """Warn if others than the owner can read a file of secrets."""
    from dovetail.server.keys import can_be_read_by_others

    if can_be_read_by_others(file):
        _tell(f"warning: other users of this machine can read {file}; chmod 600 keeps it from them")


def refuse_missing() -> None:
    """Say how what the server stands on is installed, where it is not."""
    if any(find_spec(part) is None for part in PARTS):
        raise MissingExtraError("the server", extra="serve")


def access_to(
    host: str, key_file: Path | None, allowed: list[str], *, passwords: bool = False
) -> Access:
    """Who may ask, with warnings of what is unsafe."""
    from dovetail.server.guard import ANY_HOST, Access, loopback_names
    from dovetail.server.keys import read_keys
    from dovetail.server.running import loopback_address

    keys: tuple[str, ...] = ()
    if key_file is not None:
        keys = read_keys(key_file)
        warn_of_readers(key_file)
    if address := loopback_address(host):
        return Access(keys, loopback_names([host, address, *allowed]), passwords)
    if not keys:
        _tell(f"warning: whoever reaches {host} can use the server; --api-key-file asks for a key")
    return Access(keys, tuple(name.lower() for name in allowed) or (ANY_HOST,), passwords)
