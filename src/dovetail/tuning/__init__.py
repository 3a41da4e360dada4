"""Tuning: a search over the fields of a config for the best dev score.

Space         which fields may get which values
Study         where trials are kept; shared by processes and machines
Search        trial after trial, in one process; Workers runs several
Outcome       the best recipe, tables and plots

Only dev scores decide, and no file is opened but those that the config names.

Raises:
    MissingExtraError: on import, if the extra `tune` is not installed.
"""

from dovetail.errors import MissingExtraError

try:
    import matplotlib  # noqa: F401
    import optuna  # noqa: F401
except ImportError as error:
    raise MissingExtraError("tuning", extra="tune") from error

from dovetail.tuning.default_space import default_space
from dovetail.tuning.entries import Choices, Condition, Range
from dovetail.tuning.outcome import Outcome
from dovetail.tuning.records import Record
from dovetail.tuning.space import Space
from dovetail.tuning.space_file import parse_space, read_space
from dovetail.tuning.study import Task
from dovetail.tuning.tune import sqlite_in, tune

__all__ = [
    "Choices",
    "Condition",
    "Outcome",
    "Range",
    "Record",
    "Space",
    "Task",
    "default_space",
    "parse_space",
    "read_space",
    "sqlite_in",
    "tune",
]
