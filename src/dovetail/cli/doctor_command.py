"""`dovetail doctor`: why scores are low, with evidence and what to do about it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dovetail.cli.advise_command import DEV_FRACTION, config_or_corpora, names_of
from dovetail.cli.output_checks import check_output
from dovetail.cli.say import say_json
from dovetail.cli.train_command import Overrides
from dovetail.cli.waiting import Waiting

if TYPE_CHECKING:
    from dovetail.config import Config
    from dovetail.doctor.finding import Diagnosis
    from dovetail.doctor.patient import Patient
    from dovetail.running.steps import Teller

FOUND = 4
"""The exit code where something was found."""

Paths = Annotated[
    list[Path],
    typer.Argument(
        metavar="CONFIG|RUN|CORPUS [DEV…]",
        help="A config, a TOML file; the folder of a run; or a corpus to learn from, and the dev "
        "corpora that go with it.",
        show_default=False,
    ),
]
Folds = Annotated[
    int | None,
    typer.Option(
        "--cross-validate",
        metavar="K",
        min=2,
        help="Train K small models, each on all but a K-th of the sentences, and let them doubt "
        "the annotations of the rest.",
        show_default=False,
    ),
]
Epochs = Annotated[
    int, typer.Option(min=1, help="Epochs of each of these models, at most those of the config.")
]
Suspects = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Write the sentences with doubtful annotations, the most doubtful first; needs "
        "--cross-validate.",
        show_default=False,
    ),
]
SuspectsFormat = Annotated[
    str, typer.Option(metavar="FORMAT", help="The format of that file, to review it in.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of paragraphs.")]


def doctor_command(
    paths: Paths,
    *,
    cross_validate: Folds = None,
    epochs: Epochs = 15,
    suspects: Suspects = None,
    suspects_format: SuspectsFormat = "dovetail",
    as_json: AsJson = False,
    overrides: Overrides = None,
) -> None:
    """Say why F1 is zero or low: the likeliest reason first, with evidence and a remedy.

    Of a config or a corpus it looks into the sentences and how they are read; of a run also into
    its record and its model.

    The exit code is 0 where nothing was found, and 4 where something was.
    """
    if suspects is not None and cross_validate is None:
        raise typer.BadParameter(
            "there are suspects after --cross-validate K alone", param_hint="--suspects"
        )
    check_output(suspects, *paths, option="--suspects")
    with Waiting() as tell:
        _refuse_model(paths[0])
        validation = None
        if cross_validate is not None:
            tell.stage("loading what the examination needs")
            from dovetail.doctor.cross_validation import CrossValidation

            validation = CrossValidation(cross_validate, epochs, suspects, suspects_format)
        told = [
            diagnosis
            if validation is None or patient is None
            else validation.added_to(diagnosis, patient, tell)
            for patient, diagnosis in _diagnoses(paths, overrides or (), tell)
        ]
    if as_json:
        say_json(json.dumps([own.to_dict() for own in told], ensure_ascii=False, indent=2))
    else:
        from dovetail.cli.doctor_display import show_diagnosis
        from dovetail.cli.terminal import Terminal

        for diagnosis in told:
            show_diagnosis(diagnosis, Terminal(soft_wrap=True))
    if any(own.findings for own in told):
        raise typer.Exit(FOUND)


def _diagnoses(
    paths: Sequence[Path], overrides: Sequence[str], tell: Teller
) -> list[tuple[Patient | None, Diagnosis]]:
    """The patients, each with what was found; no patient where training refuses them."""
    is_run = len(paths) == 1 and paths[0].is_dir() and (paths[0] / "config.toml").is_file()
    if is_run and overrides:
        raise typer.BadParameter("a run is what it is; name a config", param_hint="--set")
    config = None if is_run else config_to_examine(paths, overrides)
    tell.stage("loading what the examination needs")
    from dovetail.doctor.examination import (
        examined,
        patients_of_config,
        patients_of_run,
        refusal,
    )
    from dovetail.errors import CorpusFormatError, TrainingError

    try:
        patients = (
            patients_of_run(paths[0], tell)
            if config is None
            else patients_of_config(config, str(paths[0]), tell)
        )
    except (TrainingError, CorpusFormatError) as error:
        return [(None, refusal(str(paths[0]), error))]
    return [(patient, examined(patient, tell)) for patient in patients]


def _refuse_model(path: Path) -> None:
    if (path / "model.json").is_file():
        raise typer.BadParameter(
            f"{path} is a model, which knows none of its sentences; name the folder of its run, or "
            f"score it on a corpus: dovetail evaluate {path} CORPUS",
            param_hint="RUN",
        )


def config_to_examine(paths: Sequence[Path], overrides: Sequence[str]) -> Config:
    """The config that is named, or the default one for a corpus and its dev corpora.

    Raises:
        ConfigError: if it cannot be read or cannot be right, or a config is not alone.
    """
    return config_or_corpora(paths, overrides, _values_of, "the config says which corpora")


def _values_of(paths: Sequence[Path]) -> dict[str, Any]:
    train, *dev = (str(path).replace("$", "$$") for path in paths)
    apart: dict[str, Any] = {"dev": dev} if dev else {"dev_fraction": DEV_FRACTION}
    return {"name": names_of(paths[:1])[0], "data": {"train": train, **apart}}
