"""Names of files within a folder, as others spell them."""

from __future__ import annotations

import re

# Windows takes \ for / and what is before : for a drive, and leaves out the dots and spaces that
# a name ends in, so that ".. " is the folder above.
_LEADS_OUT = re.compile(r"[\\:\0]|\A/|(?:\A|/)(?:[^/]*[. ])?(?:/|\Z)")


def stays_inside(name: str) -> bool:
    r"""Whether a name with ``/`` is that of a place within a folder, on every system.

    >>> stays_inside("members/1/model.json")
    True
    >>> any(map(stays_inside, ["", "../a", "/a", "a/.. /b", r"a\b", "C:a"]))
    False
    """
    return _LEADS_OUT.search(name) is None
