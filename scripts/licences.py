"""Write the licences of all dependencies, and refuse those that Dovetail should not stand on.

    python scripts/licences.py           # writes the table in docs/supply_chain.md
    python scripts/licences.py --check   # tells what is unknown, not permitted or not written

The licence is what the metadata of the installed package says: its SPDX expression, or its field or
classifier where there is none.  The packages are those of constraints.txt.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, metadata
from typing import NamedTuple

from dependency_graph import ENCODER, PROJECT, closure, declared, extras, pins

PAGE = PROJECT / "docs" / "supply_chain.md"
TABLE = re.compile(r"(<!-- licences -->\n).*?(<!-- end -->)", re.DOTALL)

PERMITTED = frozenset(
    [
        *("0BSD", "Apache-2.0", "BSD", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CC0-1.0"),
        *("CNRI-Python", "ISC", "MIT", "MIT-CMU", "MPL-2.0", "PSF-2.0", "Unlicense", "Zlib"),
    ]
)
"""What a program under Apache-2.0 may stand on.  MPL-2.0 binds those who change its own
files, which Dovetail does not.  BSD: of two or three clauses, which is unsaid."""

SPDX_BY_WORDS = {
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache 2.0 License": "Apache-2.0",
    "Apache 2.0": "Apache-2.0",
    "Apache License": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD 2-Clause License": "BSD-2-Clause",
    "BSD 3-Clause License": "BSD-3-Clause",
    "BSD License": "BSD",
    "ISC License (ISCL)": "ISC",
    "ISC License": "ISC",
    "ISC license": "ISC",
    "MIT License": "MIT",
    "MIT Licence": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "PSFL": "PSF-2.0",
    "Python Software Foundation License": "PSF-2.0",
}
"""What metadata says in other words."""

READ_IN_ITS_FILES = {"axe-playwright-python": "MIT AND MPL-2.0"}
"""Where the metadata says nothing.  MPL-2.0 is that of axe, which it carries."""


FOR_DEVELOPERS = ("dev", "docs", "minilm")
"""Extras of tests and documents; the last is the encoder with what Dovetail does not need of it."""


class Row(NamedTuple):
    """A package and its licence, an SPDX expression or whatever the metadata says."""

    package: str
    version: str
    licence: str
    needed: str

    def __str__(self) -> str:
        return f"| {self.package} | {self.version} | {self.licence or 'unknown'} | {self.needed} |"


def is_permitted(expression: str) -> bool:
    """Whether an SPDX expression leaves a licence to choose that is permitted.

    An exception (``WITH``) only permits more.  Parentheses are not understood, and so refused.

    >>> is_permitted("MIT OR GPL-3.0-only"), is_permitted("MIT AND GPL-3.0-only")
    (True, False)
    """
    return any(
        all(part.partition(" WITH ")[0].strip() in PERMITTED for part in choice.split(" AND "))
        for choice in expression.split(" OR ")
    )


def licence_of(package: str) -> str:
    """The licence of an installed package; empty if its metadata does not say.

    Raises:
        PackageNotFoundError: if it is not installed.
    """
    own = metadata(package)
    if own["License-Expression"]:
        return own["License-Expression"]
    field = (own["License"] or "").strip()
    field = SPDX_BY_WORDS.get(field, field)
    if field and is_permitted(field):
        return field
    classifiers = [
        words.rpartition(" :: ")[2]
        for words in own.get_all("Classifier") or ()
        if words.startswith("License :: ")
    ]
    named = " AND ".join(sorted({SPDX_BY_WORDS.get(words, words) for words in classifiers}))
    return named or READ_IN_ITS_FILES.get(package, field.partition("\n")[0])


def rows() -> Iterator[Row]:
    """Yield all packages of constraints.txt, by name.

    Raises:
        PackageNotFoundError: if one of them is not installed.
    """
    to_run = closure(declared())
    to_serve = closure(declared("serve"))
    of_extras = closure(declared(*(own for own in extras() if own not in FOR_DEVELOPERS))) | {
        ENCODER
    }
    numbers = pins()
    for package in sorted(numbers):
        needed = "tests and documents"
        for packages, name in ((of_extras, "extras"), (to_serve, "serve"), (to_run, "always")):
            needed = name if package in packages else needed
        yield Row(package, numbers[package], licence_of(package), needed)


def table(packages: list[Row]) -> str:
    """The table of the page."""
    head = "| package | version | licence | needed |\n|---|---|---|---|\n"
    return head + "".join(f"{row}\n" for row in packages)


def faults(packages: list[Row]) -> Iterator[str]:
    """Yield what is wrong with licences, a sentence each."""
    for row in packages:
        if not row.licence:
            yield f"{row.package} {row.version} does not say its licence; read it in its files"
        elif not is_permitted(row.licence):
            yield (
                f"{row.package} {row.version} is under {row.licence}, expected one of "
                f"{', '.join(sorted(PERMITTED))}"
            )


def main() -> int:
    """Write or check; how many faults there are."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="write nothing")
    options = parser.parse_args()
    try:
        packages = list(rows())
    except PackageNotFoundError as error:
        raise SystemExit(f"not installed: {error}") from None
    found = list(faults(packages))
    page = PAGE.read_text(encoding="utf-8")
    written = TABLE.sub(lambda match: match[1] + table(packages) + match[2], page)
    if not options.check:
        PAGE.write_text(written, encoding="utf-8")
    elif written != page:
        found.append("docs/supply_chain.md has another table; run python scripts/licences.py")
    for fault in found:
        print(fault)
    return len(found)


if __name__ == "__main__":
    sys.exit(min(main(), 1))
