"""Print the dependencies whose newest release is older than some years.

    PATH="$PWD/build/tools/bin:$PATH" python scripts/quiet_packages.py 2

uv, the client that `make lock` uses, is asked for the newest release of each package of
constraints.txt, now and as if nothing had been published since then; the same answer means that
nothing was.  Packages that did not exist then are left out.  Whether one that is quiet is finished
or forgotten, a person has to see.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from dependency_graph import pins
from lock import PYTHON, pinned

UNPUBLISHED = re.compile(r"hint: `([^`]+)` was filtered by `exclude-newer`")


def newest(packages: Iterable[str], *, until: datetime) -> dict[str, str]:
    """The newest version of each package that was published until then.

    Raises:
        SystemExit: if uv cannot tell.
    """
    asked = set(packages)
    command = ["uv", "pip", "compile", "-", "--no-deps", "--quiet", "--no-header", "--no-annotate"]
    command += ["--python-version", PYTHON, "--exclude-newer", until.isoformat()]
    while True:
        run = subprocess.run(
            command, input="\n".join(asked), capture_output=True, text=True, check=False
        )
        if run.returncode == 0:
            return {name: version for name, (version, _) in pinned(run.stdout).items()}
        unpublished = set(UNPUBLISHED.findall(run.stderr)) & asked
        if not unpublished:
            raise SystemExit(run.stderr)
        asked -= unpublished


def main(years: str = "2") -> None:
    """Print the quiet packages, a line each."""
    now = datetime.now(UTC)
    current = newest(pins(), until=now)
    before = newest(pins(), until=now - timedelta(days=365.25 * float(years)))
    for name in sorted(current.items() & before.items()):
        print("{}=={}".format(*name))


if __name__ == "__main__":
    main(*sys.argv[1:])
