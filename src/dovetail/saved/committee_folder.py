"""What a training leaves as a folder: a model, or a committee of several."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from dovetail.config import Config, dump_config
from dovetail.evaluation import Evaluation
from dovetail.model.ensemble import Ensemble, members_of
from dovetail.model.prediction import Predictor
from dovetail.saved.description import DESCRIPTION, write_json
from dovetail.saved.ensemble_folder import described_ensemble, ensemble_folder_to_write
from dovetail.saved.member_list import MEMBERS, listed_members
from dovetail.saved.model_card import model_card
from dovetail.saved.model_folder import CARD, CONFIG, digest_of_model, save_model
from dovetail.showing.visible import shown


def save_trained(
    folder: Path,
    model: Predictor,
    config: Config,
    *,
    dev_by_corpus: Mapping[str, Evaluation] | None = None,
) -> None:
    """Write the folder of a model or of a committee; one that is there is replaced by a whole one.

    Args:
        folder: where it is written.
        model: the model, or the members of a committee together.
        config: of the run.
        dev_by_corpus: dev scores for the card.

    Raises:
        ModelError: if the folder cannot be written, or holds files that are not a model's.
    """
    if isinstance(model, Ensemble):
        _save_committee(folder, model, config, dev_by_corpus or {})
    else:
        (alone,) = members_of(model)
        save_model(folder, alone, config, dev_by_corpus=dev_by_corpus)


def _save_committee(
    folder: Path, committee: Ensemble, config: Config, dev_by_corpus: Mapping[str, Evaluation]
) -> None:
    with ensemble_folder_to_write(folder) as partial:
        digests = []
        for number, (member, own) in enumerate(
            zip(committee, config.of_members, strict=True), start=1
        ):
            place = partial / MEMBERS / str(number)
            place.parent.mkdir(exist_ok=True)
            save_model(place, member, own)
            digests.append(digest_of_model(place))
        names = [own.name for own in config.of_members]
        listed = listed_members(zip(names, digests, strict=True))
        write_json(partial / DESCRIPTION, described_ensemble(committee, listed))
        (partial / CONFIG).write_text(dump_config(config), encoding="utf-8")
        final = Ensemble([member.finalize() for member in committee])
        card = model_card(final, config, dev_by_corpus)
        (partial / CARD).write_text(shown(card), encoding="utf-8")
