"""The checker of the shapes in signatures while tests run; named in pytest's settings.

jaxtyping decorates methods one by one, and beartype then cannot know what `Self` stands for; mypy
checks it, so here it may be any object.
"""

from __future__ import annotations

from typing import Self

from beartype import BeartypeConf, FrozenDict, beartype

checked = beartype(conf=BeartypeConf(hint_overrides=FrozenDict({Self: object})))
"""A decorator that refuses arguments and results of other types or shapes than declared."""
