"""Models on a Hugging Face hub: brought here by their names, and put there.

Nothing but the files of a model is brought, and none of them can run code: JSON, TOML, text and
safetensors.  A model that was brought once is there without a network too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dovetail.errors import ModelError, first_line
from dovetail.saved.description import DESCRIPTION
from dovetail.saved.ensemble_folder import digest_of
from dovetail.saved.finding import HubName
from dovetail.saved.hub_card import DIGEST, field_of_card
from dovetail.saved.member_list import MEMBERS
from dovetail.saved.word_files import FILE_NAME, LISTS

_FILES = ("model.json", "network.toml", "config.toml", "weights.safetensors", "README.md")
_WORDS = [f"{name}-[0-9]{more}.txt" for name in LISTS for more in ("", "[0-9]")]
PATTERNS = [f"{folder}{name}" for folder in ("", f"{MEMBERS}/*/") for name in (*_FILES, *_WORDS)]
"""What a hub is asked for: files that are named as those of a model or of an ensemble's member."""

# The client's patterns cannot say this: their `*` stands for folders too.
_OWN_FILE = re.compile(
    rf"(?:{MEMBERS}/[0-9]{{1,3}}/)?(?:{'|'.join(map(re.escape, _FILES))}|{FILE_NAME.pattern})"
)


@dataclass(frozen=True, slots=True)
class HubAccess:
    """How a hub is reached.

    Args:
        token: who asks; by default what the hub's client knows (HF_TOKEN, or `hf auth login`).
        cache_folder: where files are kept; by default where the client keeps them (HF_HOME).
        local_files_only: whether the network is left alone.
    """

    token: str | None = None
    cache_folder: str | Path | None = None
    local_files_only: bool = False


DEFAULT_ACCESS = HubAccess()


def hub_folder(name: HubName, access: HubAccess = DEFAULT_ACCESS) -> Path:
    """The folder with the files of a hub's model: what the cache has, brought up to date.

    Raises:
        ModelError: if there is no such model or revision, it may not be read, it cannot be reached
            and is not in the cache, or it is no model of Dovetail.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError

    try:
        with _quiet_client():
            folder = snapshot_download(
                name.id,
                revision=name.revision,
                token=access.token,
                cache_dir=access.cache_folder,
                local_files_only=access.local_files_only,
                allow_patterns=PATTERNS,
            )
    except HFValidationError as error:
        raise ModelError(f"{name} cannot be the name of a model on a hub: {error}") from error
    except Exception as error:  # the client's own, those of the network, and of the disk
        raise ModelError(_told(name, error)) from error
    if not (Path(folder) / DESCRIPTION).is_file():
        raise ModelError(
            f"{name} on the hub is no model of Dovetail: it has no {DESCRIPTION}; expected what "
            f"`dovetail push` puts there"
        )
    _check_digest(name, Path(folder))
    return Path(folder)


@contextmanager
def _quiet_client() -> Iterator[None]:
    """Hold the client's progress bars back, and leave the setting as it was."""
    from huggingface_hub.utils.tqdm import (
        are_progress_bars_disabled,
        disable_progress_bars,
        enable_progress_bars,
    )

    had_progress_bars = not are_progress_bars_disabled()
    disable_progress_bars()
    try:
        yield
    finally:
        if had_progress_bars:
            enable_progress_bars()


def _told(name: HubName, error: Exception) -> str:
    """What went wrong, and what to do about it."""
    from huggingface_hub import constants
    from huggingface_hub.errors import (
        GatedRepoError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    hub = constants.ENDPOINT
    if isinstance(error, RevisionNotFoundError):
        return f"the model {name.id} on {hub} has no branch, tag or commit {name.revision!r}"
    if isinstance(error, GatedRepoError):
        return f"the model {name} on {hub} asks for consent first: give it there, on its page"
    if isinstance(error, RepositoryNotFoundError) or _status(error) in (401, 403):
        return (
            f"there is no model {name.id} on {hub}, or it is private and you may not read it: "
            f"check its name, and log in (`hf auth login`, or HF_TOKEN)"
        )
    if isinstance(error, LocalEntryNotFoundError):
        why = (
            "the hub is left alone (HF_HUB_OFFLINE, or local_files_only)"
            if constants.HF_HUB_OFFLINE or error.__cause__ is None
            else f"{hub} cannot be reached"
        )
        return (
            f"the model {name} is not in the cache ({constants.HF_HUB_CACHE}), and {why}: load it "
            f"once with a network, or name the folder of a model"
        )
    return f"the model {name} cannot be brought from {hub}: {_first_lines(error)}"


def _status(error: Exception) -> int:
    return int(getattr(getattr(error, "response", None), "status_code", 0) or 0)


def _first_lines(error: Exception) -> str:
    """What it says first, and in brackets what its cause does."""
    told, cause = first_line(error), error.__cause__
    return told if not isinstance(cause, Exception) else f"{told} ({_first_lines(cause)})"


def _check_digest(name: HubName, folder: Path) -> None:
    """Refuse files that are not those of the card beside them.

    Raises:
        ModelError: if that is so.
    """
    expected = field_of_card(folder, DIGEST)
    if expected is None:  # put there by other means
        return
    found = digest_of(folder)
    if found != expected:
        raise ModelError(
            f"the model {name} in {folder} has the SHA-256 {found}, and its card says {expected}: "
            f"it is damaged, or was changed by halves; remove that folder and load it again, or "
            f"tell its owner to push it again"
        )


@dataclass(frozen=True, slots=True)
class Pushed:
    """Where a model is now: its page, and the commit."""

    url: str
    commit: str


@dataclass(frozen=True, slots=True)
class PushOptions:
    """How a model is put on a hub.

    Args:
        private: whether a new repository is; one that is there stays as it is.
        revision: the branch, which has to be there; by default the main one.
        message: of the commit.
    """

    private: bool = False
    revision: str | None = None
    message: str | None = None


def push_folder(
    folder: Path,
    repository: str,
    options: PushOptions,
    access: HubAccess = DEFAULT_ACCESS,
    *,
    tell: Callable[[str], None] = lambda _: None,
) -> Pushed:
    """Put the files of a model folder on a hub, in one commit, in the place of older ones.

    What else is in the repository stays there.

    Raises:
        ModelError: if it may not be written, or cannot be reached.
    """
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi

    name = HubName.parsed(repository)
    if name is None or name.revision is not None:
        raise ModelError(f"expected the name of a model on a hub, as owner/name: {repository!r}")
    api = HfApi(token=access.token)
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    files = {path.relative_to(folder).as_posix(): path for path in paths}
    try:
        with _quiet_client():
            tell(f"making {repository}")
            api.create_repo(repository, private=options.private or None, exist_ok=True)
            there = api.list_repo_files(repository, revision=options.revision)
            stale = {own for own in there if _OWN_FILE.fullmatch(own)}
            tell(f"sending {len(files)} files to {repository}")
            commit = api.create_commit(
                repository,
                [
                    *(CommitOperationAdd(own, path) for own, path in files.items()),
                    *(CommitOperationDelete(own) for own in sorted(stale - files.keys())),
                ],
                commit_message=options.message or "Put a Dovetail model here",
                revision=options.revision,
            )
    except Exception as error:  # the client's own, and those of the network
        raise ModelError(_not_pushed(repository, options, error)) from error
    return Pushed(str(commit.repo_url), commit.oid)


def _not_pushed(repository: str, options: PushOptions, error: Exception) -> str:
    from huggingface_hub import constants
    from huggingface_hub.errors import OfflineModeIsEnabled, RevisionNotFoundError

    where = f"the model cannot be put on {constants.ENDPOINT} as {repository}"
    if isinstance(error, RevisionNotFoundError):
        return f"{where}: it has no branch {options.revision!r}; make it there first"
    if isinstance(error, OfflineModeIsEnabled):
        return f"{where}: the hub is left alone; take HF_HUB_OFFLINE away"
    if _status(error) in (401, 403, 404):
        return (
            f"{where}: you may not write there; log in (`hf auth login`, or HF_TOKEN) with a token "
            f"that may write"
        )
    return f"{where}: {_first_lines(error)}"
