"""Names made alike, and made safe as parts of addresses."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from hashlib import blake2b
from urllib.parse import quote

from dovetail.text.visibility import NO_WIDTH

LONGEST, LONGEST_LINKED = 400, 2_000
"""Of a name as a part of an address, and of an address that a linker or an alias gave."""

_JOINERS = frozenset("\u200c\u200d")  # they are part of the spelling of Persian and of Hindi
_OMITTED = {ord(sign): None for sign in NO_WIDTH - _JOINERS}

_IN_IRI = r"(?:[A-Za-z0-9._~:/?@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*"
_IRI = re.compile(
    rf"(?:https?://[A-Za-z0-9.-]+(?::[0-9]{{1,5}})?(?:/{_IN_IRI})?"
    rf"|urn:[A-Za-z0-9][A-Za-z0-9-]{{1,31}}:[A-Za-z0-9]{_IN_IRI})(?:#{_IN_IRI})?"
)


def normalised(text: str, *, fold_case: bool = True) -> str:
    r"""A name without what makes no other name: compatibility forms (NFKC), space, case.

    >>> normalised("  \uff2eew\n York\u00ad "), normalised("STRASSE") == normalised("Straße")
    ('new york', True)
    """
    name = unicodedata.normalize("NFKC", text).translate(_OMITTED)
    if fold_case:
        name = unicodedata.normalize("NFKC", name.casefold())
    return " ".join(name.split()) or " ".join(text.split())


@lru_cache(maxsize=1 << 16)
def encoded(text: str, at_most: int = LONGEST) -> str:
    """A text as a part of an address, and no other text so; a long one ends in a digest.

    >>> encoded("new york"), encoded("a/b~")
    ('new%20york', 'a%2Fb%7E')
    """
    part = quote(text, safe="").replace("~", "%7E")
    if len(part) <= at_most:
        return part
    digest = blake2b(text.encode(), digest_size=16).hexdigest()
    return f"{quote(text[:20], safe='').replace('~', '%7E')}~{digest}"


def is_iri(text: str) -> bool:
    """Whether a name is an address (http, https or urn) that can stand in a graph as it is."""
    return _IRI.fullmatch(text) is not None
