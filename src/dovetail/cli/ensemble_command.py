"""`dovetail ensemble`: several models that decide together, as one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dovetail.cli.say import say
from dovetail.cli.waiting import Waiting

Models = Annotated[
    list[str],
    typer.Argument(
        metavar="MODEL...",
        help="Folders of models that were trained on the same types, such as with other seeds.",
        show_default=False,
    ),
]
Output = Annotated[
    Path,
    typer.Option("--output", "-o", help="The folder of the ensemble.", show_default=False),
]


def ensemble_command(models: Models, *, output: Output) -> None:
    """Put models together that decide by the mean of their scores.

    The folder holds copies of the models, and is used wherever a model is: to evaluate, to extract,
    or as the teacher of a single model.
    """
    from dovetail.model.ensemble import num_stored
    from dovetail.saved.ensemble_folder import save_ensemble
    from dovetail.saved.finding import model_folder

    with Waiting() as tell:
        tell.stage(f"loading and copying {len(models)} models")
        ensemble = save_ensemble(output, [model_folder(model) for model in models])
    stored = num_stored(ensemble)
    say(
        f"{len(ensemble)} models, {stored:,} parameters stored; every model is run on "
        "every sentence, except frozen encoders that they share "
        f"({ensemble.num_shared_encoders})"
    )
    say(f"ensemble: {output}")
