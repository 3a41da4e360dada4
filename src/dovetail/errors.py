"""The errors that Dovetail raises on purpose: their message is for the user, without a traceback.

* DovetailError
  * ConfigError            a config that cannot be right
  * CorpusError            a corpus that cannot be used
    * CorpusFormatError    a file that breaks its format, with file and line
    * TextError            a text that nothing can be extracted from, with its index
  * OutputError            a file or stream that cannot be written
  * ModelError             a saved model that cannot be loaded or does not fit
  * TrainingError          training that cannot start or go on
  * MissingExtraError      an optional part that is not installed
"""

from __future__ import annotations


class DovetailError(Exception):
    """Anything that a user can put right; the command line prints it without a traceback."""


class ConfigError(DovetailError):
    """A config with unknown keys, wrong types or contradictory values."""


class CorpusError(DovetailError):
    """A corpus that can be read but not used."""


class CorpusFormatError(CorpusError):
    """A file that breaks its format; the message starts with ``path:line:`` where there is one."""


class TextError(CorpusError):
    """A text that nothing can be extracted from; `index` is its place among the texts, from 0."""

    def __init__(self, message: str, index: int) -> None:
        super().__init__(message, index)  # both, so that it can be sent to another process
        self.index = index

    def __str__(self) -> str:
        return str(self.args[0])


class OutputError(DovetailError):
    """A file that cannot be written, or would overwrite what is read; a stream that is full."""


class ModelError(DovetailError):
    """A saved model that is missing, damaged, or stands on another encoder."""


class TrainingError(DovetailError):
    """Training that cannot start or cannot go on."""


class MissingExtraError(DovetailError):
    """An optional part that is not installed; the message says how to install it."""

    def __init__(self, feature: str, *, extra: str) -> None:
        super().__init__(f"{feature} needs an optional part: pip install 'dovetail[{extra}]'")


def first_line(error: BaseException) -> str:
    """What an error of any library says first, or what it is if it says nothing."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
