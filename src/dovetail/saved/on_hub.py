"""How what was loaded from a model folder is brought from a hub, saved, and put there."""

from __future__ import annotations

import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Self

from dovetail.errors import ModelError
from dovetail.saved.ensemble_folder import copy_saved, digest_of
from dovetail.saved.finding import HubName, model_folder
from dovetail.saved.hub import (
    DEFAULT_ACCESS,
    HubAccess,
    Pushed,
    PushOptions,
    hub_folder,
    push_folder,
)
from dovetail.saved.hub_card import CardOptions, hub_card


class OnHub(ABC):
    """What is loaded from a folder, and can be brought from a hub and put there."""

    _loaded_from: tuple[str, int | None] | None

    @classmethod
    @abstractmethod
    def load(cls, path_or_name: str | Path, *, threads: int | None = 0) -> Self:
        """Load a model folder."""

    @classmethod
    def from_pretrained(
        cls,
        path_or_name: str | Path,
        *,
        revision: str | None = None,
        sha256: str | None = None,
        access: HubAccess = DEFAULT_ACCESS,
        threads: int | None = 0,
    ) -> Self:
        """Load a model from a hub by its name, ``owner/name``, or what `load` takes.

        Args:
            path_or_name: the name; what begins with a folder that is there is a path.
            revision: a branch, a tag or a commit; by default the newest of the main branch.
            sha256: the digest that the model must have, to be sure that it is the same one.
            access: who asks, where files are kept, and whether the network is left alone.
            threads: as in `load`.

        Raises:
            ModelError: if there is no such model, it cannot be loaded, or is another one.
        """
        name = HubName.meant(str(path_or_name))
        if name is None:
            if revision is not None:
                raise ModelError(
                    f"{path_or_name} is no name on a hub, or begins with that of a folder that is "
                    f"there, so it has no revision"
                )
            folder = model_folder(path_or_name)
            place: str | Path = path_or_name
        else:
            place = folder = hub_folder(HubName(name.id, revision or name.revision), access)
        if sha256 is not None and (found := digest_of(folder)) != sha256:
            raise ModelError(f"the model {path_or_name} has the SHA-256 {found}, expected {sha256}")
        return cls.load(place, threads=threads)

    def save_pretrained(self, folder: str | Path) -> None:
        """Copy the files of the model into a folder, which is replaced if it holds a model.

        Raises:
            TypeError: if the model was made in memory.
            ModelError: if the folder cannot be written, or holds other files.
        """
        copy_saved(self._folder(), Path(folder))

    def push_to_hub(
        self,
        repository: str,
        *,
        options: PushOptions | None = None,
        card: CardOptions | None = None,
        access: HubAccess = DEFAULT_ACCESS,
    ) -> Pushed:
        """Put the files of the model on a hub, with a card that the hub can read, in one commit.

        Args:
            repository: ``owner/name``; it is made if it is not there.
            options: who may see it, the branch, and the message of the commit.
            card: the licence, the data sets and the scores that the card names.
            access: who pushes.

        Raises:
            TypeError: if the model was made in memory.
            ModelError: if it may not be written, or cannot be reached.
        """
        return push_model(self._folder(), repository, options, card, access)

    def _folder(self) -> Path:
        if self._loaded_from is None:
            raise TypeError(
                "this model was made in memory, and is saved with its config by "
                "dovetail.training; load it from the folder by Extractor.load first"
            )
        return model_folder(self._loaded_from[0])


def push_model(
    source: Path,
    repository: str,
    options: PushOptions | None = None,
    card: CardOptions | None = None,
    access: HubAccess = DEFAULT_ACCESS,
    tell: Callable[[str], None] = lambda _: None,
) -> Pushed:
    """Put the model of a folder on a hub, with a card.

    Raises:
        ModelError: if it may not be written, or cannot be reached.
    """
    with tempfile.TemporaryDirectory(prefix="dovetail-push-") as scratch:
        folder = Path(scratch) / "model"
        prepare_push(source, folder, repository, card or CardOptions())
        return push_folder(folder, repository, options or PushOptions(), access, tell=tell)


def prepare_push(source: Path, folder: Path, repository: str, card: CardOptions) -> None:
    """Make the folder that is to be put on a hub: the files of the model, and a card.

    Raises:
        ModelError: if that is not possible.
    """
    copy_saved(source, folder)
    text = hub_card(folder, source, repository, card)
    # In a folder that is only for this, or was just made whole, so that this needs no care.
    (folder / "README.md").write_text(text, encoding="utf-8")
