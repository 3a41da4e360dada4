"""`dovetail push`: a model on a Hugging Face hub, with a card."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dovetail.cli.say import say
from dovetail.cli.waiting import Waiting

Model = Annotated[
    str,
    typer.Argument(
        help="A model folder, that of a run, or the name of a shipped model.", show_default=False
    ),
]
Repository = Annotated[
    str,
    typer.Argument(
        metavar="OWNER/NAME", help="The name on the hub; made if it is new.", show_default=False
    ),
]
License = Annotated[
    str | None,
    typer.Option(
        metavar="ID", help="The licence, as the hub spells it (apache-2.0).", show_default=False
    ),
]
Datasets = Annotated[
    list[str] | None,
    typer.Option(
        "--dataset",
        metavar="NAME",
        help="A data set on the hub that it was trained on; may be repeated.",
        show_default=False,
    ),
]
Scores = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Scores for the card, as `dovetail evaluate --output FILE` writes them; by default "
        "the dev scores of the run.",
        show_default=False,
    ),
]
ScoredOn = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="The corpus that these scores are of.", show_default=False),
]
Split = Annotated[str, typer.Option(metavar="NAME", help="The split that the scores are of.")]
Private = Annotated[bool, typer.Option("--private", help="Make a new repository private.")]
Revision = Annotated[
    str | None, typer.Option(metavar="BRANCH", help="A branch that is there.", show_default=False)
]
Message = Annotated[
    str | None, typer.Option(metavar="TEXT", help="The message of the commit.", show_default=False)
]
DryRun = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER",
        help="Write what would be pushed into this folder, and ask no hub.",
        show_default=False,
    ),
]


def push_command(  # noqa: PLR0913  the options of a command, which nobody passes on
    model: Model,
    repository: Repository,
    *,
    license: License = None,
    dataset: Datasets = None,
    scores: Scores = None,
    scored_on: ScoredOn = None,
    split: Split = "test",
    private: Private = False,
    revision: Revision = None,
    message: Message = None,
    dry_run: DryRun = None,
) -> None:
    """Put a model on a Hugging Face hub, with a card that names its scores.

    It is loaded from there by its name: dovetail extract OWNER/NAME "A text."

    You have to be logged in: `hf auth login`, or a token in HF_TOKEN. HF_ENDPOINT names another
    hub.
    """
    with Waiting() as tell:
        tell.stage(f"reading the model {model}")
        from dovetail.saved.finding import model_folder
        from dovetail.saved.hub import PushOptions
        from dovetail.saved.hub_card import CardOptions, named_places
        from dovetail.saved.on_hub import prepare_push, push_model

        source = model_folder(model)
        card = CardOptions(license, dataset or (), scores, scored_on or "the test set", split)
        for line in _remarks(license, named_places(source)):
            say(line, err=True)
        if dry_run is not None:
            prepare_push(source, dry_run, repository, card)
            say(f"{dry_run}: what would be pushed to {repository}")
            return
        options = PushOptions(private, revision, message)
        pushed = push_model(source, repository, options, card, tell=tell.stage)
    say(f"{pushed.url}\ncommit {pushed.commit}")


def _remarks(license: str | None, places: list[str]) -> list[str]:
    """What whoever pushes should know first."""
    told = []
    if license is None:
        told.append(
            "the card names no licence, so nobody may use the model; --license ID names one"
        )
    if places:
        listed = ", ".join(places[:3]) + (f" and {len(places) - 3} more" if places[3:] else "")
        told.append(f"the config and the card name places of this machine: {listed}")
    return told
