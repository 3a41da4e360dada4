"""Tuning: a search over the fields of a config for the best dev score.

Space         which fields may get which values
Study         where trials are kept; shared by processes and machines
Search        the plan of the engine: proposes trials, and tells the study how they ended
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

from dovetail.lab.search.default_space import default_space
from dovetail.lab.search.entries import Choices, Condition, Range
from dovetail.lab.search.outcome import Outcome
from dovetail.lab.search.records import Record
from dovetail.lab.search.space import Space
from dovetail.lab.search.space_file import parse_space, read_space
from dovetail.lab.search.study import Task
from dovetail.lab.search.tuning import sqlite_in, tune

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
